//! Records as lines of JSON, one file per stream, and the state next to them.

mod per_run;

pub use per_run::JsonlPerRunSink;
pub(super) use per_run::ToJsonlPerRun;

use super::folder::Kind;
use super::folder::grown::{Format, Grown};
use super::target::{Opened, Opening, Target};
use super::{Message, Schema, Sink, SinkError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::io::{self, BufRead, Write};
use std::path::Path;

const EXTENSION: &str = "jsonl";

/// `--output jsonl:DIR`.
pub(super) struct ToJsonl;

impl Target for ToJsonl {
    fn scheme(&self) -> &'static str {
        Json::KIND.scheme
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["ndjson"]
    }

    fn mistaken(&self) -> &'static [&'static str] {
        &["json", "jsonl", "ndjson"]
    }

    fn endings(&self) -> &'static [&'static str] {
        &["/"]
    }

    fn place(&self) -> Option<(&'static str, &'static str)> {
        Some(("DIR", "a folder"))
    }

    fn promise(&self) -> &'static str {
        "a file for each stream, one record per line; a record that is read again adds a line; the state says how much of each file counts, and the next run cuts off what a killed run wrote after it"
    }

    fn keeps_state(&self) -> Option<&'static str> {
        Some("a folder of JSON lines")
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, SinkError> {
        let sink = JsonlSink::open(opening.place, opening.store)?;
        let (state, repaired) = (sink.state().map(str::to_owned), sink.repaired().map(str::to_owned));
        Ok(Opened::with(sink, state, repaired))
    }

    #[cfg(test)]
    fn read_back(&self, place: &Path, stream: &str) -> Option<Vec<serde_json::Value>> {
        let lines = std::fs::read_to_string(place.join(stream).with_extension(EXTENSION)).ok()?;
        Some(lines.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect())
    }
}

/// A sink that appends each record to its stream's file in a folder: `orders.jsonl` has one record per line, as JSON.
///
/// `state.json` holds the state, and the length of each file that it covers. Anything beyond that length was left by a killed
/// run: it is cut off and read again, so that no line is incomplete. A record that is read again adds a line, and the last line
/// of a key is the valid one: detecting duplicates would take memory that grows with the store.
///
/// The STATE after an `ACTIVATE_VERSION` removes the lines of other versions. The lines that stay are written to a second file, which then
/// takes the place of the first.
///
/// A folder belongs to one store, and to one run at a time.
pub struct JsonlSink(Grown<Json>);

impl JsonlSink {
    /// Opens a folder, making it if it is not there, and holds it for this run: another run that wants to write to it is refused. What the
    /// folder's state does not cover is cut off. `store` is the name of the store that the folder is to hold, as
    /// [`store_identity`](crate::store_identity) gives it.
    ///
    /// # Errors
    /// The folder cannot be written, is in use, holds another store's data or files that this sink did not write, or has lost lines that
    /// its state counts on.
    pub fn open(folder: &Path, store: &str) -> Result<JsonlSink, SinkError> {
        Grown::open(folder, store).map(JsonlSink)
    }

    /// The value of the last STATE that the folder holds: the state for the run that writes to this sink. With another one, records could
    /// be left out of the files for good.
    pub fn state(&self) -> Option<&str> {
        self.0.state()
    }

    /// What was cut off when the folder was opened, in a sentence for the log; none if every file ended where its state says.
    pub fn repaired(&self) -> Option<&str> {
        self.0.repaired()
    }
}

impl Sink for JsonlSink {
    fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        self.0.write(message)
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.0.finish()
    }
}

/// A record as it came, in a line.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Json;

impl Format for Json {
    const KIND: Kind = Kind { scheme: "jsonl", extension: EXTENSION };
    const HAS_HEAD: bool = false;

    fn schema(&mut self, _: &Schema<'_>) -> Result<(), String> {
        Ok(())
    }

    fn head(&self) -> Vec<u8> {
        Vec::new()
    }

    fn line(&self, record: &RawValue, to: &mut Vec<u8>) -> Result<(), String> {
        if !record.get().starts_with('{') {
            return Err("is not a JSON object".to_owned());
        }
        to.extend_from_slice(record.get().as_bytes());
        to.push(b'\n');
        Ok(())
    }

    fn copy(&self, _: &Json, lines: &mut impl BufRead, to: &mut impl Write) -> io::Result<u64> {
        io::copy(lines, to)
    }
}

#[cfg(test)]
mod tests;
