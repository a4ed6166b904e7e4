//! Records as lines of JSON, one file per stream, and the state next to them.

mod data;
mod held;
mod lines;

use super::message::{is_stream_name, not_a_name, unfit, without_schema};
use super::target::{Opened, Opening, Target};
use super::{Message, MessageKind, Record, Sink, SinkError, others_data};
use crate::files;
use data::DataFile;
use held::Held;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

const LOCK: &str = ".lock";
const EXTENSION: &str = "jsonl";

/// `--output jsonl:DIR`.
pub(super) struct ToJsonl;

impl Target for ToJsonl {
    fn scheme(&self) -> &'static str {
        "jsonl"
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
        let lines = fs::read_to_string(place.join(stream).with_extension(EXTENSION)).ok()?;
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
    folder: PathBuf,
    held: Held,
    files: HashMap<String, DataFile>,
    repaired: Option<String>,
    /// Locked for as long as it is open.
    _lock: File,
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
        make(folder)?;
        refuse_others_files(folder)?;
        let lock = lock(folder)?;
        let held = match Held::read(folder)? {
            Some(held) if held.store != store => return Err(others_data(folder, &held.store, store, "folder")),
            Some(held) => held,
            None => Held::new(store),
        };
        let mut sink = JsonlSink { folder: folder.to_owned(), held, files: HashMap::new(), repaired: None, _lock: lock };
        sink.replace()?;
        sink.repair()?;
        Ok(sink)
    }

    /// The value of the last STATE that the folder holds: the state for the run that writes to this sink. With another one, records could
    /// be left out of the files for good.
    pub fn state(&self) -> Option<&str> {
        self.held.state.as_deref().map(RawValue::get)
    }

    /// What was cut off when the folder was opened, in a sentence for the log; none if every file ended where its state says.
    pub fn repaired(&self) -> Option<&str> {
        self.repaired.as_deref()
    }

    /// Puts the drafts that the state names in the place of their files. A run that was killed in between has left that to the next one.
    fn replace(&mut self) -> Result<(), SinkError> {
        if self.held.replaced.is_empty() {
            return Ok(());
        }
        for (stream, &length) in &self.held.replaced {
            data::replace(&self.file(stream), length)?;
            self.held.files.insert(stream.clone(), length);
        }
        self.held.replaced.clear();
        self.held.save(&self.folder)
    }

    /// Cuts each file back to what the state covers. All are looked at before one is changed.
    fn repair(&mut self) -> Result<(), SinkError> {
        let mut torn = Vec::new();
        for (stream, &covered) in &self.held.files {
            let path = self.file(stream);
            data::forget_draft(&path)?;
            if data::surplus(&path, covered)? > 0 {
                torn.push((path, covered));
            }
        }
        for (path, covered) in &torn {
            data::cut(path, *covered)?;
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
        let path = self.file(stream);
        let known = self.held.files.get(stream).copied();
        if known.is_none() && data::length(&path)?.is_some_and(|length| length > 0) {
            return Err(others_file(&path));
        }
        let lines = self.held.versions.get(stream).cloned().unwrap_or_default();
        let file = DataFile::open(path, known.unwrap_or(0), lines)?;
        self.files.insert(stream.to_owned(), file);
        if known.is_none() {
            self.held.files.insert(stream.to_owned(), 0);
            self.held.save(&self.folder)?;
        }
        Ok(())
    }

    /// Keeps the records since the last state, and then the state that promises them. Lines are removed last: up to then every file has all
    /// that any state covers.
    fn commit(&mut self, state: &RawValue) -> Result<(), SinkError> {
        for (stream, file) in &mut self.files {
            self.held.files.insert(stream.clone(), file.keep()?);
            if let Some(length) = file.shorten()? {
                self.held.replaced.insert(stream.clone(), length);
            }
            match file.lines().have_versions() {
                true => drop(self.held.versions.insert(stream.clone(), file.lines().clone())),
                false => drop(self.held.versions.remove(stream)),
            }
        }
        self.held.state = Some(state.to_owned());
        self.held.save(&self.folder)?;
        let replaced: Vec<String> = self.held.replaced.keys().cloned().collect();
        // Closed first: Windows may refuse to replace a file that is open.
        replaced.iter().for_each(|stream| drop(self.files.remove(stream)));
        self.replace()?;
        replaced.iter().try_for_each(|stream| self.schema(stream))
    }

    fn file(&self, stream: &str) -> PathBuf {
        self.folder.join(stream).with_extension(EXTENSION)
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

fn make(folder: &Path) -> Result<(), SinkError> {
    let refuse = |why: &str| Err(SinkError::new(format!("{} {why}; name another folder", folder.display())));
    match fs::metadata(folder) {
        Ok(data) if !data.is_dir() => refuse("is a file, not a folder"),
        // Who may write everywhere could overlook it. On Windows the mark means something else.
        Ok(data) if cfg!(unix) && data.permissions().readonly() => refuse("is read-only"),
        Ok(_) => Ok(()),
        Err(_) => files::make_folder(folder).or_else(|fault| refuse(&format!("cannot be made ({fault})"))),
    }
}

/// In a folder without a state, lines are somebody else's.
fn refuse_others_files(folder: &Path) -> Result<(), SinkError> {
    let told = |fault: io::Error| sentence(folder, &fault);
    if fs::exists(folder.join(held::NAME)).map_err(told)? {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(told)? {
        let entry = entry.map_err(told)?;
        let path = entry.path();
        if path.extension().is_some_and(|end| end == EXTENSION) && entry.metadata().map_err(told)?.len() > 0 {
            return Err(others_file(&path));
        }
    }
    Ok(())
}

fn others_file(path: &Path) -> SinkError {
    let (path, state) = (path.display(), held::NAME);
    SinkError::new(format!(
        "{path} already exists but is not listed in a {state} next to it; move it away or name another folder"
    ))
}

fn lock(folder: &Path) -> Result<File, SinkError> {
    let path = folder.join(LOCK);
    let file = files::open_own(&path).map_err(|fault| sentence(&path, &fault))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SinkError::new(format!(
            "{} is in use by another run of this tap; wait until that has ended and run again",
            folder.display()
        ))),
        Err(TryLockError::Error(fault)) => Err(sentence(&path, &fault)),
    }
}

/// A fault of the disk in a sentence, with what to do now.
fn sentence(path: &Path, fault: &io::Error) -> SinkError {
    let path = path.display();
    SinkError::new(match fault.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!(
                "the disk is full, so {path} cannot be written; free some space and run again: it resumes from its last state"
            )
        }
        ErrorKind::FileTooLarge => {
            format!("{path} has become as large as a file may be on this disk or for this user; raise that limit and run again")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("{path} cannot be written by this user; look at its permissions and its folder's ({fault})")
        }
        _ => format!("{path} cannot be written ({fault}); look at its disk and run again"),
    })
}

#[cfg(test)]
mod tests;
