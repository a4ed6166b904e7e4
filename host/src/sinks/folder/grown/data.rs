//! A stream's file of lines.

use super::lines::Lines;
use super::{Format, SinkError};
use crate::files;
use crate::sinks::folder::{draft, sentence};
use crate::sinks::message::unfit;
use serde_json::value::RawValue;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

const BUFFER: usize = 256 * 1024;

/// A stream's file, open for this run.
pub(in crate::sinks) struct DataFile<F> {
    path: PathBuf,
    file: File,
    /// How its lines are written.
    format: F,
    /// Earlier formats, each with the position where its lines end.
    earlier: Vec<(u64, F)>,
    /// Where the first line begins.
    head: u64,
    /// Bytes that the last state covers.
    covered: u64,
    /// Bytes that were handed to the file.
    written: u64,
    /// Lines that were not written yet.
    waiting: Vec<u8>,
    lines: Lines,
}

impl<F: Format> DataFile<F> {
    /// Opens a file whose length is that which its state covers, making it if it is not there.
    pub(super) fn open(path: PathBuf, covered: u64, format: F, lines: Lines) -> Result<DataFile<F>, SinkError> {
        let file = files::open_own(&path).map_err(|fault| sentence(&path, &fault))?;
        let head = format.head();
        let length = head.len() as u64;
        let waiting = if covered == 0 { head } else { Vec::new() };
        Ok(DataFile { path, file, format, earlier: Vec::new(), head: length, covered, written: covered, waiting, lines })
    }

    /// A new file.
    #[cfg(feature = "jsonl")]
    pub(in crate::sinks) fn new(path: PathBuf, format: F) -> Result<DataFile<F>, SinkError> {
        DataFile::open(path, 0, format, Lines::default())
    }

    pub(super) fn format(&self) -> &F {
        &self.format
    }

    /// Writes new lines in this format. With the next state, the earlier ones are rewritten too.
    pub(super) fn change(&mut self, format: F) {
        let (end, is_same) = (self.end(), format.head() == self.format.head());
        let before = std::mem::replace(&mut self.format, format);
        if !is_same {
            self.earlier.push((end, before));
        }
    }

    /// Takes a record of a stream.
    pub(in crate::sinks) fn add(&mut self, stream: &str, record: &RawValue, version: Option<u64>) -> Result<(), SinkError> {
        let (from, length) = (self.end(), self.waiting.len());
        if let Err(why) = self.format.line(record, &mut self.waiting) {
            self.waiting.truncate(length);
            return Err(unfit(format!("a record of {stream} {why}")));
        }
        self.lines.add(from, version);
        if self.waiting.len() < BUFFER { Ok(()) } else { self.hand_over() }
    }

    /// Marks the records so far that have another version: the next state removes them.
    pub(super) fn activate(&mut self, version: u64) {
        self.lines.activate(self.end(), version);
    }

    /// Where the next line begins, behind the header.
    fn end(&self) -> u64 {
        self.written + self.waiting.len() as u64 - self.head
    }

    /// Writes every line and syncs the file. Returns the length that a state may now cover.
    pub(in crate::sinks) fn keep(&mut self) -> Result<u64, SinkError> {
        self.hand_over()?;
        if self.written != self.covered {
            self.file.sync_data().map_err(|fault| sentence(&self.path, &fault))?;
            self.covered = self.written;
        }
        Ok(self.covered)
    }

    /// If lines were removed or have an earlier format, writes the remaining lines to a draft, all in the current format. Returns
    /// the draft's length; from now on the state may list it.
    pub(super) fn rewrite(&mut self) -> Result<Option<u64>, SinkError> {
        if self.earlier.is_empty() && !self.lines.some_are_gone() {
            return Ok(None);
        }
        self.write_draft().map(Some).map_err(|fault| sentence(&self.path, &fault))
    }

    fn write_draft(&mut self) -> io::Result<u64> {
        let draft = draft(&self.path);
        let mut new = BufWriter::with_capacity(BUFFER, files::begin_draft(&draft)?);
        let head = self.format.head();
        new.write_all(&head)?;
        let (mut end, mut lines) = (0, Lines::default());
        for (place, version) in self.lines.rest(self.covered - self.head) {
            lines.add(end, version);
            let mut from = place.start;
            let current = (u64::MAX, self.format.clone());
            for (until, format) in self.earlier.iter().chain([&current]) {
                let until = place.end.min(*until);
                if from < until {
                    self.file.seek(SeekFrom::Start(self.head + from))?;
                    let mut part = BufReader::with_capacity(BUFFER, &self.file).take(until - from);
                    end += self.format.copy(format, &mut part, &mut new)?;
                    if part.limit() > 0 {
                        return Err(io::Error::new(ErrorKind::UnexpectedEof, "another program has made it shorter"));
                    }
                    from = until;
                }
            }
        }
        let new = new.into_inner().map_err(io::IntoInnerError::into_error)?;
        new.set_permissions(self.file.metadata()?.permissions())?;
        files::end_draft(&new, &draft)?;
        self.lines = lines;
        Ok(head.len() as u64 + end)
    }

    /// The versions of its lines; after [`DataFile::rewrite`], of those that stay.
    pub(super) fn lines(&self) -> &Lines {
        &self.lines
    }

    /// Truncates the file to what a state covers, and syncs that: the next state may say that the file is complete.
    pub(in crate::sinks) fn cut_back(self) -> Result<(), SinkError> {
        self.file.set_len(self.covered).and_then(|()| self.file.sync_all()).map_err(|fault| sentence(&self.path, &fault))
    }

    fn hand_over(&mut self) -> Result<(), SinkError> {
        let placed = self.file.seek(SeekFrom::Start(self.written));
        placed.and_then(|_| self.file.write_all(&self.waiting)).map_err(|fault| sentence(&self.path, &fault))?;
        self.written += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}
