//! Where a target is tried: what the suite has to do to a place, and cannot do through the target itself.

use super::Opened;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A place that is new when it is made, and gone when it is dropped.
pub trait Stage {
    /// What names it, as people write it behind the colon.
    fn place(&self) -> &Path;

    /// The place as it is when the process that has it open is killed, and its locks are gone with it.
    fn killed(self: Box<Self>, opened: Opened) -> Box<dyn Stage>;

    /// The folder of this machine that everything of the place's is in, and that the suite may fill, look at and harm. None: it is a server's.
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

    /// What the run holds open belongs to this process, so that it is a copy.
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
