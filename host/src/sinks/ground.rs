//! What the suite that all targets pass needs of a place: in a folder of its own, unless the target brings something else.

use super::Opened;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A place that goes with the test.
pub trait Ground {
    /// The place, as it is opened.
    fn path(&self) -> PathBuf;

    /// The place as a killed run leaves it.
    fn killed(self: Box<Self>, opened: Opened) -> Box<dyn Ground>;

    /// Whether a run has made the place.
    fn exists(&self) -> bool;

    /// The folder that has it; none if it is no file and no folder.
    fn folder(&self) -> Option<&Path>;
}

/// A folder.
pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }
}

impl Ground for Folder {
    fn path(&self) -> PathBuf {
        self.0.path().join("place")
    }

    /// What the run holds open belongs to this process, so that it is a copy.
    fn killed(self: Box<Self>, opened: Opened) -> Box<dyn Ground> {
        let folder = Folder::new();
        copy(self.0.path(), folder.0.path());
        std::mem::forget(opened);
        Box::new(folder)
    }

    fn exists(&self) -> bool {
        self.path().exists()
    }

    fn folder(&self) -> Option<&Path> {
        Some(self.0.path())
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}
