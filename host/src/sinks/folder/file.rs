//! A file next to the state that covers its bytes.

use super::{SinkError, sentence};
use crate::files;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A file's length in bytes; none if there is no such file.
pub(in crate::sinks) fn length(path: &Path) -> Result<Option<u64>, SinkError> {
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
pub(in crate::sinks) fn surplus(path: &Path, covered: u64) -> Result<u64, SinkError> {
    let there = length(path)?;
    match there.unwrap_or(0).checked_sub(covered) {
        None if there.is_none() => {
            Err(changed(path, &format!("is missing, but the state next to it covers {covered} bytes of it")))
        }
        None => Err(changed(path, &format!("is shorter than the {covered} bytes that the state next to it covers"))),
        Some(_) if !ends_a_line(path, covered).map_err(|fault| sentence(path, &fault))? => {
            Err(changed(path, &format!("has no line end after the {covered} bytes that the state next to it covers")))
        }
        Some(surplus) => Ok(surplus),
    }
}

/// Fails unless the file begins with these bytes.
pub(in crate::sinks) fn check_head(path: &Path, head: &[u8]) -> Result<(), SinkError> {
    let mut found = Vec::new();
    let read = File::open(path).and_then(|file| file.take(head.len() as u64).read_to_end(&mut found));
    read.map_err(|fault| sentence(path, &fault))?;
    if found == head { Ok(()) } else { Err(changed(path, "has another header than the state next to it")) }
}

fn changed(path: &Path, how: &str) -> SinkError {
    let path = path.display();
    SinkError::new(format!(
        "{path} {how}: another program has changed it; put it back as it was, or name a new folder to read everything again"
    ))
}

/// Where a file is written again before it takes the place of a stream's.
pub(in crate::sinks) fn draft(path: &Path) -> PathBuf {
    path.with_added_extension("new")
}

/// Replaces the file with the draft. If that has already happened, the file has the draft's length.
pub(in crate::sinks) fn replace(path: &Path, covered: u64) -> Result<(), SinkError> {
    let draft = draft(path);
    if length(&draft)?.is_some() {
        files::put_draft(&draft, path).map_err(|fault| sentence(path, &fault))
    } else if length(path)? == Some(covered) {
        Ok(())
    } else {
        Err(changed(path, &format!("does not have the {covered} bytes that the state next to it covers")))
    }
}

/// Removes a draft that a killed run left without saving the state for it.
pub(in crate::sinks) fn forget_draft(path: &Path) -> Result<(), SinkError> {
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
pub(in crate::sinks) fn cut(path: &Path, length: u64) -> Result<(), SinkError> {
    let cut = files::open_own(path).and_then(|file| file.set_len(length).and_then(|()| file.sync_all()));
    cut.map_err(|fault| sentence(path, &fault))
}
