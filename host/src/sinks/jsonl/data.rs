//! A stream's file of lines.

use super::lines::{Lines, Rest};
use super::{SinkError, sentence};
use crate::files;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

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

/// A file's length in bytes; none if there is no such file.
pub(super) fn length(path: &Path) -> Result<Option<u64>, SinkError> {
    let refuse = |what: &str| Err(SinkError::new(format!("{} is {what}; move it away or name another folder", path.display())));
    match fs::symlink_metadata(path) {
        Ok(data) if data.is_symlink() => refuse("a link, and links are not followed"),
        Ok(data) if data.is_file() => Ok(Some(data.len())),
        Ok(data) if data.is_dir() => refuse("a folder"),
        Ok(_) => refuse("not an ordinary file"),
        Err(fault) if fault.kind() == ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(sentence(path, &fault)),
    }
}

/// How many bytes a file has beyond those that its state covers.
pub(super) fn surplus(path: &Path, covered: u64) -> Result<u64, SinkError> {
    let there = length(path)?;
    match there.unwrap_or(0).checked_sub(covered) {
        None if there.is_none() => {
            Err(changed(path, &format!("is missing, and the state next to it counts on its {covered} bytes")))
        }
        None => Err(changed(path, &format!("is shorter than the {covered} bytes that the state next to it counts on"))),
        Some(_) if !ends_a_line(path, covered).map_err(|fault| sentence(path, &fault))? => {
            Err(changed(path, &format!("has no line end after the {covered} bytes that the state next to it counts on")))
        }
        Some(surplus) => Ok(surplus),
    }
}

fn changed(path: &Path, how: &str) -> SinkError {
    let path = path.display();
    SinkError::new(format!(
        "{path} {how}: another program has changed it; put it back as it was, or name a new folder to read everything again"
    ))
}

/// Where a shorter file is written before it takes the place of a stream's.
pub(super) fn draft(path: &Path) -> PathBuf {
    path.with_added_extension("new")
}

/// Puts the draft in the place of the file, unless that has happened: then the file has the draft's length.
pub(super) fn replace(path: &Path, covered: u64) -> Result<(), SinkError> {
    let draft = draft(path);
    if length(&draft)?.is_some() {
        files::put_draft(&draft, path).map_err(|fault| sentence(path, &fault))
    } else if length(path)? == Some(covered) {
        Ok(())
    } else {
        Err(changed(path, &format!("does not have the {covered} bytes that the state next to it counts on")))
    }
}

/// Removes a draft whose state a killed run has not kept.
pub(super) fn forget_draft(path: &Path) -> Result<(), SinkError> {
    let draft = draft(path);
    files::remove_draft(&draft).map_err(|fault| sentence(&draft, &fault))
}

/// Whether the file's first bytes, so many, are whole lines.
fn ends_a_line(path: &Path, covered: u64) -> io::Result<bool> {
    let Some(last) = covered.checked_sub(1) else { return Ok(true) };
    let (mut file, mut byte) = (File::open(path)?, [0]);
    file.seek(SeekFrom::Start(last))?;
    file.read_exact(&mut byte)?;
    Ok(byte == *b"\n")
}

/// Takes away what a file has beyond a length.
pub(super) fn cut(path: &Path, length: u64) -> Result<(), SinkError> {
    let cut = files::open_own(path).and_then(|file| file.set_len(length));
    cut.map_err(|fault| sentence(path, &fault))
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
