//! A file that is being written. Its name begins with a dot until a state covers it, so that readers ignore it.

use super::super::SinkError;
use super::super::folder::{length, sentence};
use super::batch::Batch;
use super::manifest::{Listed, name};
use super::shape::Shape;
use crate::files;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file under way.
pub(super) struct Draft {
    file: String,
    path: PathBuf,
    rows: u64,
    writer: SerializedFileWriter<File>,
}

/// Where a file is until a state covers it.
pub(super) fn path(folder: &Path, file: &str) -> PathBuf {
    folder.join(format!(".{file}.new"))
}

impl Draft {
    pub(super) fn create(folder: &Path, number: u32, shape: &Shape) -> Result<Draft, SinkError> {
        let file = name(number);
        let path = path(folder, &file);
        let new = files::begin_draft(&path).map_err(|fault| sentence(&path, &fault))?;
        let writer = SerializedFileWriter::new(new, shape.schema.clone(), properties()).map_err(|fault| told(&path, &fault))?;
        Ok(Draft { file, path, rows: 0, writer })
    }

    /// Writes rows as a row group.
    pub(super) fn add(&mut self, batch: Batch) -> Result<(), SinkError> {
        self.rows += batch.rows() as u64;
        batch.write(&mut self.writer).map_err(|fault| told(&self.path, &fault))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.writer.bytes_written() as u64
    }

    /// Completes the file and puts it on the disk, still under its first name.
    pub(super) fn close(mut self, version: Option<u64>) -> Result<Listed, SinkError> {
        self.writer.finish().map_err(|fault| told(&self.path, &fault))?;
        files::end_draft(self.writer.inner(), &self.path).map_err(|fault| sentence(&self.path, &fault))?;
        Ok(Listed { rows: self.rows, bytes: self.bytes(), file: self.file, version })
    }

    /// Removes it: no state covers it.
    pub(super) fn forget(self) -> Result<(), SinkError> {
        let Draft { path, writer, .. } = self;
        // Windows removes no file that is open.
        drop(writer);
        forget(&path)
    }
}

/// Removes a file, if it is there.
pub(super) fn forget(path: &Path) -> Result<(), SinkError> {
    files::remove_draft(path).map_err(|fault| sentence(path, &fault))
}

/// Gives a file that the state counts on its name, unless it has that already.
pub(super) fn put(folder: &Path, listed: &Listed) -> Result<(), SinkError> {
    let (draft, path) = (path(folder, &listed.file), folder.join(&listed.file));
    if length(&draft)?.is_some() {
        files::put_draft(&draft, &path).map_err(|fault| sentence(&path, &fault))?;
    }
    match length(&path)? {
        Some(bytes) if bytes == listed.bytes => Ok(()),
        found => {
            let (path, found) = (path.display(), found.map_or("is missing".to_owned(), |bytes| format!("has {bytes} bytes")));
            Err(SinkError::new(format!(
                "{path} {found}, but the state of its folder covers {} bytes of it: another program has changed it; put it back as it was, \
                 or name a new folder to read everything again",
                listed.bytes
            )))
        }
    }
}

/// Removes files that are named like a run's but that the state does not list. Returns whether there were any.
pub(super) fn clear(folder: &Path, is_listed: impl Fn(&str) -> bool) -> Result<bool, SinkError> {
    let told = |fault: io::Error| sentence(folder, &fault);
    let mut has_cleared = false;
    for entry in fs::read_dir(folder).map_err(told)? {
        let entry = entry.map_err(told)?.file_name();
        let Some(entry) = entry.to_str() else { continue };
        let draft = entry.strip_prefix('.').and_then(|rest| rest.strip_suffix(".new"));
        let file = draft.unwrap_or(entry);
        if super::manifest::number(file).is_some() && !(draft.is_none() && is_listed(file)) {
            forget(&folder.join(entry))?;
            has_cleared = true;
        }
    }
    Ok(has_cleared)
}

fn properties() -> Arc<WriterProperties> {
    let properties = WriterProperties::builder()
        .set_created_by(format!("tap-bigcommerce version {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        // Page statistics and offsets would stay in memory until the file is complete.
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true);
    Arc::new(properties.build())
}

/// A fault of the writer: the disk's, or what it makes of it.
fn told(path: &Path, fault: &ParquetError) -> SinkError {
    match fault {
        ParquetError::External(inner) => match inner.downcast_ref::<io::Error>() {
            Some(fault) => sentence(path, fault),
            None => sentence(path, &io::Error::other(fault.to_string())),
        },
        fault => sentence(path, &io::Error::other(fault.to_string())),
    }
}
