//! A stream's file of lines.

use super::SinkError;
use super::lines::{Lines, Rest};
use crate::files;
use crate::sinks::folder::{draft, sentence};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

const BUFFER: usize = 256 * 1024;

/// A stream's file, open for this run.
pub(super) struct DataFile {
    path: PathBuf,
    file: File,
    /// Bytes that the last state covers.
    covered: u64,
    /// Bytes that were handed to the file.
    written: u64,
    /// Lines that were not.
    waiting: Vec<u8>,
    lines: Lines,
}

impl DataFile {
    /// Opens a file whose length is that which its state covers, making it if it is not there.
    pub(super) fn open(path: PathBuf, covered: u64, lines: Lines) -> Result<DataFile, SinkError> {
        let file = files::open_own(&path).map_err(|fault| sentence(&path, &fault))?;
        Ok(DataFile { path, file, covered, written: covered, waiting: Vec::new(), lines })
    }

    /// Takes a record.
    pub(super) fn add(&mut self, record: &str, version: Option<u64>) -> Result<(), SinkError> {
        self.lines.add(self.end(), version);
        self.waiting.extend_from_slice(record.as_bytes());
        self.waiting.push(b'\n');
        if self.waiting.len() < BUFFER { Ok(()) } else { self.hand_over() }
    }

    /// Of the records up to now, those of another version go with the next state.
    pub(super) fn activate(&mut self, version: u64) {
        self.lines.activate(self.end(), version);
    }

    fn end(&self) -> u64 {
        self.written + self.waiting.len() as u64
    }

    /// Puts every line on the disk. Gives the length that a state may now cover.
    pub(super) fn keep(&mut self) -> Result<u64, SinkError> {
        self.hand_over()?;
        if self.written != self.covered {
            self.file.sync_data().map_err(|fault| sentence(&self.path, &fault))?;
            self.covered = self.written;
        }
        Ok(self.covered)
    }

    /// Writes the lines that stay to a draft, if others are gone, and gives its length. The state may now count on it.
    pub(super) fn shorten(&mut self) -> Result<Option<u64>, SinkError> {
        let Some(rest) = self.lines.rest(self.covered) else { return Ok(None) };
        self.write_draft(&rest).map_err(|fault| sentence(&self.path, &fault))?;
        self.lines = rest.lines;
        Ok(Some(rest.length))
    }

    fn write_draft(&mut self, rest: &Rest) -> io::Result<()> {
        let draft = draft(&self.path);
        let mut new = files::begin_draft(&draft)?;
        for place in &rest.places {
            self.file.seek(SeekFrom::Start(place.start))?;
            let length = place.end - place.start;
            if io::copy(&mut (&self.file).take(length), &mut new)? < length {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, "another program has made it shorter"));
            }
        }
        new.set_permissions(self.file.metadata()?.permissions())?;
        files::end_draft(&new, &draft)
    }

    /// The versions of its lines; after [`DataFile::shorten`], of those that stay.
    pub(super) fn lines(&self) -> &Lines {
        &self.lines
    }

    /// Takes away what no state covers.
    pub(super) fn cut_back(&mut self) -> Result<(), SinkError> {
        self.waiting.clear();
        self.written = self.covered;
        self.file.set_len(self.covered).map_err(|fault| sentence(&self.path, &fault))
    }

    fn hand_over(&mut self) -> Result<(), SinkError> {
        let placed = self.file.seek(SeekFrom::Start(self.written));
        placed.and_then(|_| self.file.write_all(&self.waiting)).map_err(|fault| sentence(&self.path, &fault))?;
        self.written += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}
