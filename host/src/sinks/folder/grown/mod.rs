//! A folder with a file for each stream that lines are added to, and the state that covers them.
//!
//! Anything beyond the length that the state covers was left by a killed run: it is cut off and read again, so that no line is
//! incomplete. Changes to lines that a state covers (removing another version's lines, widening a header) go to a second file,
//! which replaces the first one with the next STATE.

mod data;
mod held;
mod lines;

pub(in crate::sinks) use data::DataFile;

use super::{Folder, Kind, check_head, cut, forget_draft, length, others_file, removed, replace, surplus};
use crate::sinks::message::{is_stream_name, no_room, not_a_name, unfit, without_schema};
use crate::sinks::{Message, MessageKind, Record, Schema, Sink, SinkError};
use held::Held;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::fmt::Debug;
use std::io::{self, BufRead, Write};
use std::path::Path;

/// How the lines of a file are written: one for each stream.
pub(in crate::sinks) trait Format: Clone + Debug + Default + Serialize + DeserializeOwned + Send {
    /// Whose folders they are.
    const KIND: Kind;
    /// Whether a file begins with a header.
    const HAS_HEAD: bool;

    /// Takes what a SCHEMA says. The error says what is wrong with it.
    fn schema(&mut self, schema: &Schema<'_>) -> Result<(), String>;

    /// What the file begins with.
    fn head(&self) -> Vec<u8>;

    /// Adds a record's line. The error says what is wrong with the record.
    fn line(&self, record: &RawValue, to: &mut Vec<u8>) -> Result<(), String>;

    /// Copies lines that an earlier format has written, as this one writes them. Gives the number of bytes.
    fn copy(&self, earlier: &Self, lines: &mut impl BufRead, to: &mut impl Write) -> io::Result<u64>;
}

/// A sink that adds each record to its stream's file in a folder.
pub(in crate::sinks) struct Grown<F: Format> {
    folder: Folder<Held<F>>,
    files: HashMap<String, DataFile<F>>,
    repaired: Option<String>,
}

impl<F: Format> Grown<F> {
    pub(in crate::sinks) fn open(folder: &Path, store: &str) -> Result<Grown<F>, SinkError> {
        let folder = Folder::open(folder, store, F::KIND)?;
        let mut sink = Grown { folder, files: HashMap::new(), repaired: None };
        sink.replace()?;
        sink.repair()?;
        Ok(sink)
    }

    /// The value of the last STATE that the folder holds.
    pub(in crate::sinks) fn state(&self) -> Option<&str> {
        self.folder.held.state.as_deref().map(RawValue::get)
    }

    /// What was cut off when the folder was opened, in a sentence.
    pub(in crate::sinks) fn repaired(&self) -> Option<&str> {
        self.repaired.as_deref()
    }

    /// Replaces files with the drafts that the state lists. If a run is killed before it has done that, the next run does it.
    fn replace(&mut self) -> Result<(), SinkError> {
        let held = &mut self.folder.held;
        if held.replaced.is_empty() {
            return Ok(());
        }
        for (stream, length) in std::mem::take(&mut held.replaced) {
            replace(&self.folder.file(&stream), length)?;
            self.folder.held.files.insert(stream, length);
        }
        self.folder.save()
    }

    /// Cuts each file back to what the state covers. All are looked at before one is changed.
    fn repair(&mut self) -> Result<(), SinkError> {
        let mut torn = Vec::new();
        for (stream, &covered) in &self.folder.held.files {
            let path = self.folder.file(stream);
            forget_draft(&path)?;
            let surplus = surplus(&path, covered)?;
            if let Some(columns) = self.folder.held.columns.get(stream).filter(|_| covered > 0) {
                check_head(&path, &columns.head())?;
            }
            if surplus > 0 {
                torn.push((path, covered));
            }
        }
        for (path, covered) in &torn {
            cut(path, *covered)?;
        }
        let names: Vec<String> = torn.iter().map(|(path, _)| path.display().to_string()).collect();
        self.repaired = removed(&names);
        Ok(())
    }

    fn record(&mut self, stream: &str, record: Record<'_>) -> Result<(), SinkError> {
        let file = self.files.get_mut(stream).ok_or_else(|| unfit(without_schema(stream)))?;
        file.add(stream, record.record, record.version)
    }

    fn activate(&mut self, stream: &str, version: u64) -> Result<(), SinkError> {
        self.files.get_mut(stream).ok_or_else(|| unfit(without_schema(stream)))?.activate(version);
        Ok(())
    }

    /// Opens a stream's file, unless it is open, and has it written as the SCHEMA says.
    fn schema(&mut self, schema: &Schema<'_>) -> Result<(), SinkError> {
        let stream = &*schema.stream;
        if !is_stream_name(stream) {
            return Err(unfit(not_a_name(stream)));
        }
        let mut format = self.format(stream);
        format.schema(schema).map_err(no_room)?;
        if !self.files.contains_key(stream) {
            self.begin(stream, &format)?;
        }
        if let Some(file) = self.files.get_mut(stream) {
            file.change(format);
        }
        Ok(())
    }

    /// How a stream's lines are written up to now.
    fn format(&self, stream: &str) -> F {
        let held = &self.folder.held;
        // An empty file can take any format.
        let covered = held.columns.get(stream).filter(|_| held.files.get(stream).is_some_and(|covered| *covered > 0));
        self.files.get(stream).map(DataFile::format).or(covered).cloned().unwrap_or_default()
    }

    /// Opens a stream's file. The state lists it before its first line is written: a file that it does not list is someone
    /// else's.
    fn begin(&mut self, stream: &str, format: &F) -> Result<(), SinkError> {
        let path = self.folder.file(stream);
        if let Some(&covered) = self.folder.held.files.get(stream) {
            let format = if covered == 0 { format.clone() } else { self.format(stream) };
            return self.open_file(stream, covered, format);
        }
        if length(&path)?.is_some_and(|length| length > 0) {
            return Err(others_file(&path));
        }
        self.open_file(stream, 0, format.clone())?;
        self.folder.held.files.insert(stream.to_owned(), 0);
        self.note(stream);
        self.folder.save()
    }

    fn open_file(&mut self, stream: &str, covered: u64, format: F) -> Result<(), SinkError> {
        let lines = self.folder.held.versions.get(stream).cloned().unwrap_or_default();
        let file = DataFile::open(self.folder.file(stream), covered, format, lines)?;
        self.files.insert(stream.to_owned(), file);
        Ok(())
    }

    /// Notes for the state how a file is written.
    fn note(&mut self, stream: &str) {
        let Some(file) = self.files.get(stream) else { return };
        let held = &mut self.folder.held;
        if F::HAS_HEAD {
            held.columns.insert(stream.to_owned(), file.format().clone());
        }
        if file.lines().have_versions() {
            held.versions.insert(stream.to_owned(), file.lines().clone());
        } else {
            held.versions.remove(stream);
        }
    }

    /// Writes the records since the last state, and then the state that covers them. Files are replaced last: until then, every
    /// file has all lines that either state covers.
    fn commit(&mut self, state: &RawValue) -> Result<(), SinkError> {
        let streams: Vec<String> = self.files.keys().cloned().collect();
        for stream in streams {
            let Some(file) = self.files.get_mut(&stream) else { continue };
            let (covered, rewritten) = (file.keep()?, file.rewrite()?);
            self.note(&stream);
            let held = &mut self.folder.held;
            held.replaced.extend(rewritten.map(|length| (stream.clone(), length)));
            held.files.insert(stream, covered);
        }
        self.folder.held.state = Some(state.to_owned());
        self.folder.save()?;
        let replaced: Vec<String> = self.folder.held.replaced.keys().cloned().collect();
        // Closed first: Windows may refuse to replace a file that is open.
        replaced.iter().for_each(|stream| drop(self.files.remove(stream)));
        self.replace()?;
        replaced.iter().try_for_each(|stream| {
            let covered = self.folder.held.files.get(stream).copied().unwrap_or_default();
            self.open_file(stream, covered, self.format(stream))
        })
    }
}

impl<F: Format> Sink for Grown<F> {
    fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        match message.kind() {
            MessageKind::Schema => self.schema(&message.schema()?),
            MessageKind::Record => self.record(message.stream().unwrap_or_default(), message.record()?),
            MessageKind::ActivateVersion => self.activate(message.stream().unwrap_or_default(), message.active_version()?),
            MessageKind::State => self.commit(message.state()?),
            // Messages of other kinds are no lines.
            MessageKind::Other => message.check(),
        }
    }

    /// Discards lines that no state covers.
    fn finish(&mut self) -> Result<(), SinkError> {
        self.files.drain().try_for_each(|(_, file)| file.cut_back())
    }
}
