//! Records as Parquet files, a folder of them for each stream, and the state next to those.

mod batch;
mod draft;
mod manifest;
mod shape;
mod stream;
mod value;
mod views;

use super::columns::Slots;
use super::folder::{Folder, Kind, length, others_file, removed, sentence};
use super::message::{is_stream_name, no_room, not_a_name, unfit, without_schema};
use super::target::{Opened, Opening, Target};
use super::{Message, MessageKind, Record, Schema, Sink, SinkError};
use crate::files;
use manifest::{Files, Manifest};
use serde_json::value::RawValue;
use shape::{Node, Shape};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use stream::Stream;
use value::{Fit, fit};

const KIND: Kind = Kind { scheme: "parquet", extension: "parquet" };

/// When rows leave the memory, and files are completed.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// The bytes of values that wait in memory, over all streams.
    held: usize,
    /// The rows of a row group.
    rows: usize,
    /// A STATE completes the files once one of them has so many bytes…
    file: u64,
    /// … or once so much time has passed since the last that did.
    time: Duration,
}

const LIMITS: Limits = Limits { held: 64 << 20, rows: 1 << 17, file: 128 << 20, time: Duration::from_secs(5 * 60) };

/// What tells the time: a test has one of its own.
type Clock = Box<dyn Fn() -> Instant + Send>;

/// `--output parquet:DIR`.
pub(super) struct ToParquet;

impl Target for ToParquet {
    fn scheme(&self) -> &'static str {
        KIND.scheme
    }

    fn mistaken(&self) -> &'static [&'static str] {
        &["parquet"]
    }

    fn place(&self) -> Option<(&'static str, &'static str)> {
        Some(("DIR", "a folder"))
    }

    fn promise(&self) -> &'static str {
        "a folder of Parquet files for each stream, with typed columns; a file appears only when it is complete and its state is saved"
    }

    fn keeps_state(&self) -> Option<&'static str> {
        Some("a folder of Parquet files")
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, SinkError> {
        open(opening, LIMITS)
    }

    #[cfg(test)]
    fn read_back(&self, place: &Path, stream: &str) -> Option<Vec<serde_json::Value>> {
        tests::read::records(place, stream)
    }

    #[cfg(test)]
    fn without_waiting(&self) -> Option<&'static dyn Target> {
        Some(&tests::AtEachState)
    }
}

fn open(opening: &Opening<'_>, limits: Limits) -> Result<Opened, SinkError> {
    let mut sink = ParquetSink::open(opening.place, opening.store)?.read_whole(opening.read_whole.iter().cloned());
    sink.limits = limits;
    let (state, repaired) = (sink.state().map(str::to_owned), sink.repaired().map(str::to_owned));
    Ok(Opened::with(sink, state, repaired))
}

/// A sink that writes Parquet files, a folder of them for each stream: `orders/0000000001.parquet` and so on.
///
/// The columns are those of the stream's SCHEMA, nested as it says: whole numbers as INT64, decimals as DECIMAL(38, 18), dates with a time as
/// TIMESTAMP in UTC, objects and lists whose content it describes as such, and others as JSON text. What does not fit its column is kept as it
/// came in the column `_rescued_data`, a JSON object by field.
///
/// Files are completed at the first STATE after 128 MB or 5 minutes, and at the end. Only then does that STATE count, and only then do the files
/// have their names: what no state covers is nowhere to be seen. `state.json` has the state, and lists the files in their order with their rows
/// and versions. A record that is read again is one more row; `views.sql` gives DuckDB a view of each stream in which the last row of each key
/// counts.
///
/// The STATE after an `ACTIVATE_VERSION` removes the files of other versions. No file has rows of two.
///
/// A folder belongs to one store, and to one run at a time.
pub struct ParquetSink {
    path: PathBuf,
    folder: Folder<Manifest>,
    limits: Limits,
    clock: Clock,
    streams: BTreeMap<String, Stream>,
    /// The bytes of values in memory, or more than that.
    held: usize,
    /// The last STATE, until it is committed.
    waiting: Option<Box<RawValue>>,
    /// When a STATE was last committed, or the sink was opened.
    since: Instant,
    /// The streams that the run reads from their start.
    read_whole: Vec<String>,
    repaired: Option<String>,
}

impl ParquetSink {
    /// Opens a folder, making it if it is not there, and holds it for this run: another run that wants to write to it is refused. What the
    /// folder's state does not cover is removed. `store` is the name of the store that the folder is to hold, as
    /// [`store_identity`](crate::store_identity) gives it.
    ///
    /// # Errors
    /// The folder cannot be written, is in use, holds another store's data or files that this sink did not write, or has lost files that its
    /// state counts on.
    pub fn open(folder: &Path, store: &str) -> Result<ParquetSink, SinkError> {
        let clock = Box::new(Instant::now);
        let mut sink = ParquetSink {
            path: folder.to_owned(),
            folder: Folder::open(folder, store, KIND)?,
            limits: LIMITS,
            since: clock(),
            clock,
            streams: BTreeMap::new(),
            held: 0,
            waiting: None,
            read_whole: Vec::new(),
            repaired: None,
        };
        let views = sink.path.join(views::NAME);
        if sink.folder.held.streams.is_empty() && length(&views)?.is_some() {
            return Err(others_file(&views));
        }
        sink.repair()?;
        Ok(sink)
    }

    /// The value of the last STATE that counts: the state for the run that writes to this sink. With another one, records could be left out of
    /// the files for good.
    pub fn state(&self) -> Option<&str> {
        self.folder.held.state.as_deref().map(RawValue::get)
    }

    /// What was removed when the folder was opened, in a sentence for the log; none if there was nothing that the state does not cover.
    pub fn repaired(&self) -> Option<&str> {
        self.repaired.as_deref()
    }

    /// Names the streams that the run reads from their start. If the key of one has changed, its old files are removed with the
    /// next state; for any other stream the SCHEMA is refused.
    pub fn read_whole(mut self, streams: impl IntoIterator<Item = String>) -> ParquetSink {
        self.read_whole = streams.into_iter().collect();
        self
    }

    /// Completes what a killed run has left, and removes what no state covers. All files are looked at before one is removed.
    fn repair(&mut self) -> Result<(), SinkError> {
        let streams = &self.folder.held.streams;
        for (stream, files) in streams {
            let folder = self.stream_folder(stream)?;
            files.files.iter().try_for_each(|listed| draft::put(&folder, listed))?;
        }
        let mut torn = Vec::new();
        for (stream, files) in streams {
            let folder = self.stream_folder(stream)?;
            if draft::clear(&folder, |file| files.files.iter().any(|listed| listed.file == file))? {
                torn.push(folder.display().to_string());
            }
        }
        self.repaired = removed(&torn);
        self.write_views()
    }

    /// The folder of a stream, which is made if it is not there.
    fn stream_folder(&self, stream: &str) -> Result<PathBuf, SinkError> {
        let folder = self.path.join(stream);
        let made = files::refuse_link(&folder).and_then(|()| files::make_folder(&folder));
        made.map_err(|fault| sentence(&folder, &fault))?;
        Ok(folder)
    }

    /// Starts a stream, or changes its columns. The state names it before its first file is made: what it does not name is somebody else's.
    fn schema(&mut self, schema: &Schema<'_>) -> Result<(), SinkError> {
        let stream = &*schema.stream;
        if !is_stream_name(stream) {
            return Err(unfit(not_a_name(stream)));
        }
        let shape = Shape::read(stream, schema.schema, &schema.keys).map_err(no_room)?;
        match self.streams.get_mut(stream) {
            Some(known) if known.shape().keys != shape.keys => return Err(self.other_keys(stream, &shape.keys)),
            Some(known) if known.shape().fields == shape.fields => return Ok(()),
            Some(known) => return known.reshape(shape),
            None => {}
        }
        let folder = self.stream_folder(stream)?;
        let known = self.folder.held.streams.get(stream).cloned();
        let has_other_keys = known.as_ref().is_some_and(|files| !files.files.is_empty() && files.keys != shape.keys);
        let files = match known {
            Some(_) if has_other_keys && !self.read_whole.iter().any(|name| name == stream) => {
                return Err(self.other_keys(stream, &shape.keys));
            }
            Some(files) => files,
            None => {
                self.refuse_others_files(&folder)?;
                let files = Files { keys: shape.keys.clone(), next: 1, files: Vec::new() };
                self.folder.held.streams.insert(stream.to_owned(), files.clone());
                self.folder.save()?;
                files
            }
        };
        let mut started = Stream::new(folder, shape, files);
        if has_other_keys {
            started.replace();
        }
        self.streams.insert(stream.to_owned(), started);
        Ok(())
    }

    fn refuse_others_files(&self, folder: &Path) -> Result<(), SinkError> {
        let first = fs::read_dir(folder).and_then(|mut entries| entries.next().transpose());
        match first.map_err(|fault| sentence(folder, &fault))? {
            Some(entry) => Err(others_file(&entry.path())),
            None => Ok(()),
        }
    }

    fn other_keys(&self, stream: &str, keys: &[String]) -> SinkError {
        let known = self.folder.held.streams.get(stream).map(|files| files.keys.as_slice()).unwrap_or_default();
        let folder = self.path.display();
        SinkError::new(format!(
            "{folder} holds {stream} by the key {known:?}, and the key is now {keys:?}; run once with --full-refresh {stream}, which replaces its \
             files, or start with a new folder"
        ))
    }

    fn record(&mut self, stream: &str, record: &Record<'_>) -> Result<(), SinkError> {
        let sink = self.streams.get_mut(stream).ok_or_else(|| unfit(without_schema(stream)))?;
        let slots = Slots::read(&sink.shape().fields, record.record)
            .map_err(|fault| unfit(format!("a record of {stream} is not a JSON object: {fault}")))?;
        check_key(stream, sink.shape(), &slots).map_err(|why| SinkError::new(format!("{} {why}", self.path.display())))?;
        let before = sink.held();
        sink.add(&slots, record.version, self.limits.rows)?;
        self.held += sink.held().saturating_sub(before);
        self.make_room()
    }

    /// Writes out the largest batches until all streams together are within the memory limit.
    fn make_room(&mut self) -> Result<(), SinkError> {
        while self.held > self.limits.held {
            self.held = self.streams.values().map(Stream::held).sum();
            if self.held > self.limits.held
                && let Some(largest) = self.streams.values_mut().max_by_key(|stream| stream.held())
            {
                largest.flush()?;
            }
        }
        Ok(())
    }

    fn activate(&mut self, stream: &str, version: u64) -> Result<(), SinkError> {
        self.streams.get_mut(stream).ok_or_else(|| unfit(without_schema(stream)))?.activate(version)
    }

    /// Commits a STATE only when there is enough for a file, or after some time.
    fn cover(&mut self, state: &RawValue) -> Result<(), SinkError> {
        self.streams.values_mut().try_for_each(Stream::cover)?;
        self.waiting = Some(state.to_owned());
        let is_large = self.streams.values().any(|stream| stream.written() >= self.limits.file);
        let is_late = (self.clock)().saturating_duration_since(self.since) >= self.limits.time;
        if is_large || is_late { self.commit() } else { Ok(()) }
    }

    /// Completes the files that the last STATE covers, then saves that state together with their list. Old files are removed
    /// last, so that until then every file exists that the old or the new manifest lists.
    fn commit(&mut self) -> Result<(), SinkError> {
        let Some(state) = self.waiting.take() else { return Ok(()) };
        let completed = self.streams.iter_mut().map(|(name, stream)| Ok((name.clone(), stream.complete_all()?)));
        let completed: Vec<(String, Files)> = completed.collect::<Result<_, SinkError>>()?;
        self.folder.held.streams.extend(completed);
        self.folder.held.state = Some(state);
        self.folder.save()?;
        self.streams.values_mut().try_for_each(Stream::put)?;
        self.write_views()?;
        self.streams.values_mut().try_for_each(Stream::clear)?;
        self.since = (self.clock)();
        Ok(())
    }

    fn write_views(&self) -> Result<(), SinkError> {
        // A new folder: a file of that name is somebody else's.
        if self.folder.held.streams.is_empty() {
            return Ok(());
        }
        let (path, text) = (self.path.join(views::NAME), views::text(&self.folder.held));
        if files::refuse_link(&path).is_ok() && fs::read(&path).is_ok_and(|known| known == text.as_bytes()) {
            return Ok(());
        }
        let draft = self.path.join(format!("{}.new", views::NAME));
        files::replace_by_draft(&path, &draft, text.as_bytes()).map_err(|fault| sentence(&path, &fault))
    }
}

impl Sink for ParquetSink {
    fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        match message.kind() {
            MessageKind::Schema => self.schema(&message.schema()?),
            MessageKind::Record => self.record(message.stream().unwrap_or_default(), &message.record()?),
            MessageKind::ActivateVersion => self.activate(message.stream().unwrap_or_default(), message.active_version()?),
            MessageKind::State => self.cover(message.state()?),
            // Messages of other kinds are no rows.
            MessageKind::Other => message.check(),
        }
    }

    fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Commits the last STATE, and discards rows that it does not cover.
    fn finish(&mut self) -> Result<(), SinkError> {
        self.streams.values_mut().try_for_each(Stream::uncover)?;
        self.commit()
    }
}

/// A key identifies its record, so it must have a value that its column holds exactly.
fn check_key(stream: &str, shape: &Shape, record: &Slots<'_>) -> Result<(), String> {
    for key in &shape.keys {
        let place = shape.fields.place(key);
        let Some(json) = place.and_then(|place| record.get(place)) else {
            return Err(format!("cannot take a record of {stream} whose key {key:?} is null or missing"));
        };
        if let Some(Node::Leaf { scalar, .. }) = place.and_then(|place| shape.nodes.get(place))
            && !matches!(fit(json, *scalar), Fit::Exact(_))
        {
            // A number is an id; anything else may be somebody's name or address.
            let value = if json.bytes().all(|b| b.is_ascii_digit()) { format!(" {json}") } else { String::new() };
            return Err(format!(
                "cannot take a record of {stream} whose key {key:?} has a value{value} that its column cannot hold exactly; leave the stream out with \
                 --exclude {stream}, or write it to sqlite: or postgres:"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
