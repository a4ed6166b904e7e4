//! A stream's rows on their way into its files.
//!
//! A state covers the rows before it, and a committed file must not have any others. So there are two batches: rows that the last
//! STATE covers, and newer ones. If there is no room for them in memory, each batch goes to its own file.

use super::super::SinkError;
use super::super::columns::Slots;
use super::batch::Batch;
use super::draft::{self, Draft};
use super::manifest::{Files, Listed};
use super::shape::Shape;
use std::path::PathBuf;

/// A stream that a run writes.
pub(super) struct Stream {
    folder: PathBuf,
    shape: Shape,
    /// The version of the rows in both batches and both open files.
    version: Option<u64>,
    /// Rows that the last STATE covers.
    covered: Batch,
    /// Rows since.
    fresh: Batch,
    /// The file for the rows that the last STATE covers.
    draft: Option<Draft>,
    /// The file for rows since then. While it exists, `covered` is empty.
    beyond: Option<Draft>,
    next: u32,
    /// The key of the listed files. A changed key applies only once a STATE covers the change.
    keys: Vec<String>,
    /// The files that are whole, in their order.
    parts: Vec<Part>,
}

/// A file that is whole.
struct Part {
    listed: Listed,
    /// The manifest has it.
    is_kept: bool,
    /// The last STATE covers its rows.
    is_covered: bool,
    gone: Gone,
}

/// Whether the file is to be removed, because another version replaces its rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gone {
    No,
    /// With the next STATE.
    Next,
    Yes,
}

impl Stream {
    /// A stream whose files are in this folder, as the manifest lists them.
    pub(super) fn new(folder: PathBuf, shape: Shape, files: Files) -> Stream {
        let part = |listed| Part { listed, is_kept: true, is_covered: true, gone: Gone::No };
        let (covered, fresh) = (Batch::new(&shape), Batch::new(&shape));
        let (draft, beyond, version) = (None, None, None);
        let keys = if files.files.is_empty() { shape.keys.clone() } else { files.keys };
        let parts = files.files.into_iter().map(part).collect();
        Stream { folder, shape, version, covered, fresh, draft, beyond, next: files.next, keys, parts }
    }

    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The rows that come from now on have another shape.
    pub(super) fn reshape(&mut self, shape: Shape) -> Result<(), SinkError> {
        self.cut()?;
        (self.covered, self.fresh) = (Batch::new(&shape), Batch::new(&shape));
        self.shape = shape;
        Ok(())
    }

    /// The bytes of its rows in memory.
    pub(super) fn held(&self) -> usize {
        self.covered.bytes() + self.fresh.bytes()
    }

    /// The bytes of its larger file under way.
    pub(super) fn written(&self) -> u64 {
        [&self.draft, &self.beyond].into_iter().flatten().map(Draft::bytes).max().unwrap_or(0)
    }

    /// Takes a record that has been read by the shape's fields. No more than so many rows become one row group.
    pub(super) fn add(&mut self, record: &Slots<'_>, version: Option<u64>, most_rows: usize) -> Result<(), SinkError> {
        if version != self.version {
            self.cut()?;
            self.version = version;
        }
        self.fresh.add(&self.shape, record);
        if self.covered.rows() + self.fresh.rows() >= most_rows { self.flush() } else { Ok(()) }
    }

    /// The next STATE removes all rows so far that have another version.
    pub(super) fn activate(&mut self, version: u64) -> Result<(), SinkError> {
        if self.version != Some(version) {
            self.cut()?;
        }
        self.drop_parts(|part| part.listed.version != Some(version));
        Ok(())
    }

    /// The next STATE removes all rows so far.
    pub(super) fn replace(&mut self) {
        self.drop_parts(|_| true);
    }

    fn drop_parts(&mut self, is_gone: impl Fn(&Part) -> bool) {
        let going = self.parts.iter_mut().filter(|part| part.gone == Gone::No && is_gone(part));
        going.for_each(|part| part.gone = Gone::Next);
    }

    /// Writes rows that wait as a row group: those that the last STATE covers, or else those since.
    pub(super) fn flush(&mut self) -> Result<(), SinkError> {
        if self.covered.rows() > 0 {
            let rows = std::mem::replace(&mut self.covered, Batch::new(&self.shape));
            write(&mut self.draft, rows, &self.folder, &mut self.next, &self.shape)
        } else if self.fresh.rows() > 0 {
            let rows = std::mem::replace(&mut self.fresh, Batch::new(&self.shape));
            write(&mut self.beyond, rows, &self.folder, &mut self.next, &self.shape)
        } else {
            Ok(())
        }
    }

    /// A STATE covers everything up to now.
    pub(super) fn cover(&mut self) -> Result<(), SinkError> {
        self.keys.clone_from(&self.shape.keys);
        for part in &mut self.parts {
            part.is_covered = true;
            if part.gone == Gone::Next {
                part.gone = Gone::Yes;
            }
        }
        if let Some(beyond) = self.beyond.take() {
            let whole = self.draft.replace(beyond);
            self.complete(whole, true)?;
        }
        self.covered.append(&mut self.fresh);
        Ok(())
    }

    /// Forgets what came after the last STATE.
    pub(super) fn uncover(&mut self) -> Result<(), SinkError> {
        self.fresh = Batch::new(&self.shape);
        if let Some(beyond) = self.beyond.take() {
            beyond.forget()?;
        }
        for part in self.parts.extract_if(.., |part| !part.is_covered) {
            draft::forget(&draft::path(&self.folder, &part.listed.file))?;
        }
        self.parts.iter_mut().filter(|part| part.gone == Gone::Next).for_each(|part| part.gone = Gone::No);
        Ok(())
    }

    /// Completes the files of everything that the last STATE covers, so that the manifest can list them; newer rows must not
    /// exist. A stream without rows gets a file too, so that readers know its columns.
    pub(super) fn complete_all(&mut self) -> Result<Files, SinkError> {
        self.cut()?;
        let has_rows = self.parts.iter().any(|part| part.gone == Gone::No && part.listed.rows > 0);
        if has_rows {
            let empty = self.parts.iter_mut().filter(|part| part.listed.rows == 0);
            empty.for_each(|part| part.gone = Gone::Yes);
        } else if self.parts.iter().all(|part| part.gone != Gone::No) {
            let empty = Draft::create(&self.folder, self.next, &self.shape)?;
            self.next += 1;
            self.complete(Some(empty), true)?;
        }
        let staying = self.parts.iter().filter(|part| part.gone == Gone::No);
        let files = staying.map(|part| part.listed.clone()).collect();
        Ok(Files { keys: self.keys.clone(), next: self.next, files })
    }

    /// Gives the files that the state now counts on their names.
    pub(super) fn put(&mut self) -> Result<(), SinkError> {
        for part in self.parts.iter_mut().filter(|part| part.gone == Gone::No && !part.is_kept) {
            draft::put(&self.folder, &part.listed)?;
            part.is_kept = true;
        }
        Ok(())
    }

    /// Removes the files that the state no longer counts on.
    pub(super) fn clear(&mut self) -> Result<(), SinkError> {
        for part in self.parts.extract_if(.., |part| part.gone == Gone::Yes) {
            let file = &part.listed.file;
            draft::forget(&if part.is_kept { self.folder.join(file) } else { draft::path(&self.folder, file) })?;
        }
        Ok(())
    }

    /// Completes the open files: the next rows need new ones.
    fn cut(&mut self) -> Result<(), SinkError> {
        if self.covered.rows() > 0 {
            self.flush()?;
        }
        self.flush()?;
        let whole = self.draft.take();
        self.complete(whole, true)?;
        let whole = self.beyond.take();
        self.complete(whole, false)
    }

    fn complete(&mut self, draft: Option<Draft>, is_covered: bool) -> Result<(), SinkError> {
        if let Some(draft) = draft {
            let listed = draft.close(self.version)?;
            self.parts.push(Part { listed, is_kept: false, is_covered, gone: Gone::No });
        }
        Ok(())
    }
}

/// Writes rows to a file, which is made if there is none.
fn write(
    file: &mut Option<Draft>,
    rows: Batch,
    folder: &std::path::Path,
    next: &mut u32,
    shape: &Shape,
) -> Result<(), SinkError> {
    let draft = match file {
        Some(draft) => draft,
        None => {
            let draft = Draft::create(folder, *next, shape)?;
            *next += 1;
            file.insert(draft)
        }
    };
    draft.add(rows)
}
