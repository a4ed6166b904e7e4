//! Records as lines of JSON, one file per stream, and the state next to them.

mod data;
mod held;
mod lines;

use super::folder::{self, Folder, Kind};
use super::message::{is_stream_name, not_a_name, unfit, without_schema};
use super::target::{Opened, Opening, Target};
use super::{Message, MessageKind, Record, Sink, SinkError};
use data::DataFile;
use held::Held;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::path::Path;

const KIND: Kind = Kind { scheme: "jsonl", extension: "jsonl" };

/// `--output jsonl:DIR`.
pub(super) struct ToJsonl;

impl Target for ToJsonl {
    fn scheme(&self) -> &'static str {
        KIND.scheme
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["ndjson"]
    }

    fn endings(&self) -> &'static [&'static str] {
        &["/"]
    }

    fn place(&self) -> Option<(&'static str, &'static str)> {
        Some(("DIR", "a folder"))
    }

    fn promise(&self) -> &'static str {
        "a file for each stream, one record per line; a record that is read again is one more line, and none is torn or left without its state"
    }

    fn keeps_state(&self) -> Option<&'static str> {
        Some("a folder of JSON lines")
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, SinkError> {
        let sink = JsonlSink::open(opening.place, opening.store)?;
        let (state, notes) = (sink.state().map(str::to_owned), sink.repaired().map(str::to_owned));
        Ok(Opened { state, notes: notes.into_iter().collect(), ..Opened::new(sink) })
    }

    #[cfg(test)]
    fn read_back(&self, place: &Path, stream: &str) -> Option<Vec<serde_json::Value>> {
        let lines = std::fs::read_to_string(place.join(stream).with_extension(KIND.extension)).ok()?;
        Some(lines.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect())
    }
}

/// A sink that appends each record to its stream's file in a folder: `orders.jsonl` has one record per line, as JSON.
///
/// The state is next to them in `state.json`, with the length of each file that it covers. Whatever a file holds beyond that, a killed run
/// has left: it is cut off and read again, so that no line is torn. A record that is read again is one more line, and the last line of a
/// key is right: to know which lines are there already would take memory that grows with the store.
///
/// The STATE after an `ACTIVATE_VERSION` removes the lines of other versions. The lines that stay are written to a second file, which then
/// takes the place of the first.
///
/// A folder belongs to one store, and to one run at a time.
pub struct JsonlSink {
    folder: Folder<Held>,
    files: HashMap<String, DataFile>,
    repaired: Option<String>,
}

impl JsonlSink {
    /// Opens a folder, making it if it is not there, and holds it for this run: another run that wants to write to it is refused. What the
    /// folder's state does not cover is cut off. `store` is the name of the store that the folder is to hold, as
    /// [`store_identity`](crate::store_identity) gives it.
    ///
    /// # Errors
    /// The folder cannot be written, is in use, holds another store's data or files that this sink did not write, or has lost lines that
    /// its state counts on.
    pub fn open(folder: &Path, store: &str) -> Result<JsonlSink, SinkError> {
        let folder = Folder::open(folder, store, KIND)?;
        let mut sink = JsonlSink { folder, files: HashMap::new(), repaired: None };
        sink.replace()?;
        sink.repair()?;
        Ok(sink)
    }

    /// The value of the last STATE that the folder holds: the state for the run that writes to this sink. With another one, records could
    /// be left out of the files for good.
    pub fn state(&self) -> Option<&str> {
        self.folder.held.state.as_deref().map(RawValue::get)
    }

    /// What was cut off when the folder was opened, in a sentence for the log; none if every file ended where its state says.
    pub fn repaired(&self) -> Option<&str> {
        self.repaired.as_deref()
    }

    /// Puts the drafts that the state names in the place of their files. A run that was killed in between has left that to the next one.
    fn replace(&mut self) -> Result<(), SinkError> {
        if self.folder.held.replaced.is_empty() {
            return Ok(());
        }
        for (stream, &length) in &self.folder.held.replaced {
            folder::replace(&self.folder.file(stream), length)?;
            self.folder.held.files.insert(stream.clone(), length);
        }
        self.folder.held.replaced.clear();
        self.folder.save()
    }

    /// Cuts each file back to what the state covers. All are looked at before one is changed.
    fn repair(&mut self) -> Result<(), SinkError> {
        let mut torn = Vec::new();
        for (stream, &covered) in &self.folder.held.files {
            let path = self.folder.file(stream);
            folder::forget_draft(&path)?;
            if folder::surplus(&path, covered)? > 0 {
                torn.push((path, covered));
            }
        }
        for (path, covered) in &torn {
            folder::cut(path, *covered)?;
        }
        if !torn.is_empty() {
            let names: Vec<String> = torn.iter().map(|(path, _)| path.display().to_string()).collect();
            let names = names.join(", ");
            self.repaired = Some(format!(
                "an interrupted run left data beyond its last state; it was removed and will be read again: {names}"
            ));
        }
        Ok(())
    }

    fn record(&mut self, stream: &str, record: Record<'_>) -> Result<(), SinkError> {
        let file = self.files.get_mut(stream).ok_or_else(|| unfit(without_schema(stream)))?;
        match record.record.get().starts_with('{') {
            true => file.add(record.record.get(), record.version),
            false => Err(unfit(format!("a record of {stream} is no JSON object"))),
        }
    }

    fn activate(&mut self, stream: &str, version: u64) -> Result<(), SinkError> {
        self.files.get_mut(stream).ok_or_else(|| unfit(without_schema(stream)))?.activate(version);
        Ok(())
    }

    /// Opens a stream's file. The state names it before its first line is written: what it does not name is somebody else's.
    fn schema(&mut self, stream: &str) -> Result<(), SinkError> {
        if !is_stream_name(stream) {
            return Err(unfit(not_a_name(stream)));
        }
        if self.files.contains_key(stream) {
            return Ok(());
        }
        let path = self.folder.file(stream);
        let known = self.folder.held.files.get(stream).copied();
        if known.is_none() && folder::length(&path)?.is_some_and(|length| length > 0) {
            return Err(folder::others_file(&path));
        }
        let lines = self.folder.held.versions.get(stream).cloned().unwrap_or_default();
        let file = DataFile::open(path, known.unwrap_or(0), lines)?;
        self.files.insert(stream.to_owned(), file);
        if known.is_none() {
            self.folder.held.files.insert(stream.to_owned(), 0);
            self.folder.save()?;
        }
        Ok(())
    }

    /// Keeps the records since the last state, and then the state that promises them. Lines are removed last: up to then every file has all
    /// that any state covers.
    fn commit(&mut self, state: &RawValue) -> Result<(), SinkError> {
        for (stream, file) in &mut self.files {
            self.folder.held.files.insert(stream.clone(), file.keep()?);
            if let Some(length) = file.shorten()? {
                self.folder.held.replaced.insert(stream.clone(), length);
            }
            match file.lines().have_versions() {
                true => drop(self.folder.held.versions.insert(stream.clone(), file.lines().clone())),
                false => drop(self.folder.held.versions.remove(stream)),
            }
        }
        self.folder.held.state = Some(state.to_owned());
        self.folder.save()?;
        let replaced: Vec<String> = self.folder.held.replaced.keys().cloned().collect();
        // Closed first: Windows may refuse to replace a file that is open.
        replaced.iter().for_each(|stream| drop(self.files.remove(stream)));
        self.replace()?;
        replaced.iter().try_for_each(|stream| self.schema(stream))
    }
}

impl Sink for JsonlSink {
    fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        match message.kind() {
            MessageKind::Schema => self.schema(&message.schema()?.stream),
            MessageKind::Record => self.record(message.stream().unwrap_or_default(), message.record()?),
            MessageKind::ActivateVersion => self.activate(message.stream().unwrap_or_default(), message.active_version()?),
            MessageKind::State => self.commit(message.state()?),
            // Messages of other kinds are no lines.
            MessageKind::Other => message.check(),
        }
    }

    /// Nothing is kept without its state.
    fn finish(&mut self) -> Result<(), SinkError> {
        self.files.values_mut().try_for_each(DataFile::cut_back)
    }
}

#[cfg(test)]
mod tests;
