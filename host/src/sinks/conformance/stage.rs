//! Where a target is tested: what the suite does to a place behind the target's back.

use super::Opened;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A place that is new when it is made, and gone when it is dropped.
pub trait Stage {
    /// What names it, as people write it behind the colon.
    fn place(&self) -> &Path;

    /// The place as it is when the process that has it open is killed, and its locks are gone with it.
    fn killed(self: Box<Self>, opened: Opened) -> Box<dyn Stage>;

    /// The local folder that holds everything of the place, for the suite to fill, inspect and damage. `None` if a server holds
    /// it.
    fn folder(&self) -> Option<&Path>;
}

/// A file or a folder.
pub(in crate::sinks) struct InFolder {
    folder: TempDir,
    place: PathBuf,
}

impl InFolder {
    pub(in crate::sinks) fn new() -> InFolder {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("Läden & 店 'x'");
        InFolder { folder, place }
    }
}

impl Stage for InFolder {
    fn place(&self) -> &Path {
        &self.place
    }

    /// Returns a copy, because this process still has the original open and locked.
    fn killed(self: Box<Self>, opened: Opened) -> Box<dyn Stage> {
        let copied = InFolder::new();
        copy(self.folder.path(), copied.folder.path());
        std::mem::forget(opened);
        Box::new(copied)
    }

    fn folder(&self) -> Option<&Path> {
        Some(self.folder.path())
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
