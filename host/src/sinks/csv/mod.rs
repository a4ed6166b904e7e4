//! Records as rows of CSV, one file per stream, and the state next to them.

mod columns;

use super::folder::grown::Grown;
use super::target::{Opened, Opening, Target};
use super::{Message, Sink, SinkError};
use columns::Columns;
use std::path::Path;

const SCHEME: &str = "csv";

/// `--output csv:DIR`.
pub(super) struct ToCsv;

impl Target for ToCsv {
    fn scheme(&self) -> &'static str {
        SCHEME
    }

    fn mistaken(&self) -> &'static [&'static str] {
        &["csv", "tsv"]
    }

    fn place(&self) -> Option<(&'static str, &'static str)> {
        Some(("DIR", "a folder"))
    }

    fn promise(&self) -> &'static str {
        "a file for each stream with a header and a row for each record; a record that is read again adds a row; the state says how much of each file counts, and the next run cuts off what a killed run wrote after it"
    }

    fn keeps_state(&self) -> Option<&'static str> {
        Some("a folder of CSV files")
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, SinkError> {
        let sink = CsvSink::open(opening.place, opening.store)?;
        let (state, repaired) = (sink.state().map(str::to_owned), sink.repaired().map(str::to_owned));
        Ok(Opened::with(sink, state, repaired))
    }

    #[cfg(test)]
    fn read_back(&self, place: &Path, stream: &str) -> Option<Vec<serde_json::Value>> {
        tests::rows(&place.join(stream).with_extension(SCHEME))
    }
}

/// A sink that appends each record to its stream's file in a folder: `orders.csv` has one header and one row per record, as RFC 4180 and UTF-8.
///
/// The columns are the fields of the stream's SCHEMA. Text, numbers and dates are written unchanged, lists and objects as JSON. A
/// field without a value is empty, and an empty text is `""`. A new field in the SCHEMA widens the header: with the next STATE,
/// the file is replaced by one with empty fields in its earlier rows. Columns that the SCHEMA no longer has stay.
///
/// `state.json` holds the state, and the length of each file that it covers. Anything beyond that length was left by a killed
/// run: it is cut off and read again, so that no row is incomplete. A record that is read again adds a row, and the last row of a
/// key is the valid one. The STATE after an `ACTIVATE_VERSION` removes the rows of other versions.
///
/// A folder belongs to one store, and to one run at a time.
pub struct CsvSink(Grown<Columns>);

impl CsvSink {
    /// Opens a folder, making it if it is not there, and holds it for this run: another run that wants to write to it is refused. What the
    /// folder's state does not cover is cut off. `store` is the name of the store that the folder is to hold, as
    /// [`store_identity`](crate::store_identity) gives it.
    ///
    /// # Errors
    /// The folder cannot be written, is in use, holds another store's data or files that this sink did not write, or has lost rows that its
    /// state counts on.
    pub fn open(folder: &Path, store: &str) -> Result<CsvSink, SinkError> {
        Grown::open(folder, store).map(CsvSink)
    }

    /// The value of the last STATE in the folder. The run that writes to this sink must resume from it: with another state,
    /// records could be missing from the files for good.
    pub fn state(&self) -> Option<&str> {
        self.0.state()
    }

    /// What was cut off when the folder was opened, in a sentence for the log; none if every file ended where its state says.
    pub fn repaired(&self) -> Option<&str> {
        self.0.repaired()
    }
}

impl Sink for CsvSink {
    fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        self.0.write(message)
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests;
