//! Records as lines of JSON, in files of their own for each run, so that they can be moved away.

use super::{EXTENSION, Json};
use crate::files;
use crate::sinks::folder::grown::DataFile;
use crate::sinks::folder::{self, Folder, Kind, cut, length, others_file, sentence, surplus};
use crate::sinks::message::{is_stream_name, not_a_name, unfit, without_schema};
use crate::sinks::target::{Opened, Opening, Target};
use crate::sinks::{Message, MessageKind, Record, Sink, SinkError};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

const KIND: Kind = Kind { scheme: "jsonl-per-run", extension: EXTENSION };
/// What the name of a file ends with until its run is over.
const PART: &str = "part";
/// How a run is named: its time in UTC.
const RUN: &str = "%Y%m%dT%H%M%SZ";

/// `--output jsonl-per-run:DIR`.
pub(in crate::sinks) struct ToJsonlPerRun;

impl Target for ToJsonlPerRun {
    fn scheme(&self) -> &'static str {
        KIND.scheme
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["ndjson-per-run"]
    }

    fn place(&self) -> Option<(&'static str, &'static str)> {
        Some(("DIR", "a folder"))
    }

    fn promise(&self) -> &'static str {
        "as `jsonl:`, with new files for each run, which may be moved or deleted once they have their final names: no record is read again or missed because of that"
    }

    fn keeps_state(&self) -> Option<&'static str> {
        Some("a folder of JSON lines")
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, SinkError> {
        let sink = JsonlPerRunSink::open(opening.place, opening.store)?;
        let (state, repaired) = (sink.state().map(str::to_owned), sink.repaired().map(str::to_owned));
        Ok(Opened::with(sink, state, repaired))
    }

    #[cfg(test)]
    fn read_back(&self, place: &Path, stream: &str) -> Option<Vec<serde_json::Value>> {
        Some(tests::lines(place, stream).iter().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect())
    }

    #[cfg(test)]
    fn heeds_versions(&self) -> bool {
        false
    }
}

/// A sink that writes the records of a run to files of their own: `orders-20260131T080000Z.jsonl` has one record per line, as JSON. The time is
/// that at which the run began, in UTC, and later than that of the run before, whatever the clock says.
///
/// Until the run is over, the file's name ends with `.part`. Then it holds what the last STATE covers, gets its name, and is never looked at
/// again: it may be moved away. What a killed run has left, the next one completes. The state is next to them in `state.json`, and has to
/// stay there.
///
/// `ACTIVATE_VERSION` removes nothing, since lines of earlier runs may be elsewhere by then.
///
/// A folder belongs to one store, and to one run at a time.
pub struct JsonlPerRunSink {
    folder: Folder<Held>,
    files: HashMap<String, DataFile<Json>>,
    /// The name of this run.
    run: String,
    repaired: Option<String>,
}

/// The content of `state.json`.
#[derive(Debug, Deserialize, Serialize)]
struct Held {
    store: String,
    /// The value of the last STATE.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Box<RawValue>>,
    /// The name of the last run that wrote; empty if none has.
    run: String,
    /// The streams whose file of that run still has its temporary name, and how many of its bytes the state covers.
    parts: BTreeMap<String, u64>,
    /// That run is over: its remaining part files get their final names.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_over: bool,
}

impl folder::Held for Held {
    fn new(store: &str) -> Held {
        Held { store: store.to_owned(), state: None, run: String::new(), parts: BTreeMap::new(), is_over: false }
    }

    fn store(&self) -> &str {
        &self.store
    }

    fn is_sound(&self) -> bool {
        let is_run = self.run.is_empty() && self.parts.is_empty() || begun(&self.run).is_some();
        is_run && self.parts.keys().all(|stream| is_stream_name(stream))
    }
}

/// When a run began, by its name.
fn begun(run: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(run, RUN).ok().map(|time| time.and_utc()).filter(|time| name(*time) == run)
}

fn name(begun: DateTime<Utc>) -> String {
    begun.format(RUN).to_string()
}

/// The name of a run that begins now. Names sort as the runs came, so it is later than the last, even if the clock is not.
fn next(last: &str, now: DateTime<Utc>) -> String {
    let after_last = begun(last).and_then(|last| last.checked_add_signed(TimeDelta::seconds(1)));
    name(after_last.map_or(now, |after| after.max(now)))
}

impl JsonlPerRunSink {
    /// Opens a folder, making it if it is not there, and holds it for this run: another run that wants to write to it is refused. Files that a
    /// killed run has left get what its last state covers, and their names. `store` is the name of the store that the folder is to hold, as
    /// [`store_identity`](crate::store_identity) gives it.
    ///
    /// # Errors
    /// The folder cannot be written, is in use, holds another store's data or files that this sink did not write, or has lost lines that a
    /// killed run's state counts on.
    pub fn open(folder: &Path, store: &str) -> Result<JsonlPerRunSink, SinkError> {
        let folder = Folder::<Held>::open(folder, store, KIND)?;
        let run = next(&folder.held.run, Utc::now());
        let mut sink = JsonlPerRunSink { folder, files: HashMap::new(), run, repaired: None };
        if !sink.folder.held.parts.is_empty() {
            sink.cut()?;
            let names = sink.complete()?;
            sink.repaired = (!names.is_empty()).then(|| {
                let names = names.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
                format!("an interrupted run left files without their names; they hold what its last state covers: {names}")
            });
        }
        Ok(sink)
    }

    /// The value of the last STATE that the folder holds: the state for the run that writes to this sink. With another one, records could
    /// be left out of the files for good.
    pub fn state(&self) -> Option<&str> {
        self.folder.held.state.as_deref().map(RawValue::get)
    }

    /// What was completed when the folder was opened, in a sentence for the log; none if the last run ended by itself.
    pub fn repaired(&self) -> Option<&str> {
        self.repaired.as_deref()
    }

    /// The final and the temporary path of a stream's file in the last run.
    fn paths(&self, stream: &str) -> (PathBuf, PathBuf) {
        let path = self.folder.file(&format!("{stream}-{}", self.folder.held.run));
        let part = path.with_added_extension(PART);
        (path, part)
    }

    /// Takes away what the state does not cover. All parts are looked at before one is changed.
    fn cut(&self) -> Result<(), SinkError> {
        let held = &self.folder.held;
        if held.is_over {
            return Ok(());
        }
        let parts: Vec<(PathBuf, u64)> = held.parts.iter().map(|(stream, &covered)| (self.paths(stream).1, covered)).collect();
        for (part, covered) in &parts {
            surplus(part, *covered)?;
        }
        parts.iter().filter(|(_, covered)| *covered > 0).try_for_each(|(part, covered)| cut(part, *covered))
    }

    /// Gives part files their final names, and removes those without a line. Returns the paths of the renamed files.
    fn complete(&mut self) -> Result<Vec<PathBuf>, SinkError> {
        self.folder.held.is_over = true;
        self.folder.save()?;
        let mut named = Vec::new();
        for (stream, &covered) in &self.folder.held.parts {
            let (path, part) = self.paths(stream);
            let done = if covered == 0 {
                files::remove_draft(&part)
            } else if length(&part)?.is_none() {
                // It is already renamed, and may have been moved since.
                continue;
            } else if length(&path)?.is_some() {
                return Err(others_file(&path));
            } else {
                named.push(path.clone());
                files::put_draft(&part, &path)
            };
            done.map_err(|fault| sentence(&path, &fault))?;
        }
        self.folder.held.parts.clear();
        self.folder.held.is_over = false;
        self.folder.save()?;
        Ok(named)
    }

    fn record(&mut self, stream: &str, record: Record<'_>) -> Result<(), SinkError> {
        let file = self.files.get_mut(stream).ok_or_else(|| unfit(without_schema(stream)))?;
        file.add(stream, record.record, None)
    }

    /// Opens a stream's file. The state names it before its first line is written: what it does not name is somebody else's.
    fn schema(&mut self, stream: &str) -> Result<(), SinkError> {
        if !is_stream_name(stream) {
            return Err(unfit(not_a_name(stream)));
        }
        if self.files.contains_key(stream) {
            return Ok(());
        }
        self.folder.held.run.clone_from(&self.run);
        let (path, part) = self.paths(stream);
        for path in [&path, &part] {
            if length(path)?.is_some() {
                return Err(others_file(path));
            }
        }
        self.folder.held.parts.insert(stream.to_owned(), 0);
        self.folder.save()?;
        self.files.insert(stream.to_owned(), DataFile::new(part, Json)?);
        Ok(())
    }

    /// Keeps the records since the last state, and then the state that promises them.
    fn commit(&mut self, state: &RawValue) -> Result<(), SinkError> {
        for (stream, file) in &mut self.files {
            self.folder.held.parts.insert(stream.clone(), file.keep()?);
        }
        self.folder.held.state = Some(state.to_owned());
        self.folder.save()
    }
}

impl Sink for JsonlPerRunSink {
    fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        let stream = message.stream().unwrap_or_default();
        match message.kind() {
            MessageKind::Schema => self.schema(&message.schema()?.stream),
            MessageKind::Record => self.record(stream, message.record()?),
            MessageKind::State => self.commit(message.state()?),
            // Files of earlier runs may have been moved, so their lines stay.
            MessageKind::ActivateVersion => match self.files.contains_key(stream) {
                true => message.active_version().map(drop),
                false => Err(unfit(without_schema(stream))),
            },
            MessageKind::Other => message.check(),
        }
    }

    /// Discards lines that no state covers. Files with other lines get their final names.
    fn finish(&mut self) -> Result<(), SinkError> {
        self.files.drain().try_for_each(|(_, file)| file.cut_back())?;
        if self.folder.held.parts.is_empty() { Ok(()) } else { self.complete().map(drop) }
    }
}

#[cfg(test)]
mod tests;
