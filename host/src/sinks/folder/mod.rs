//! A folder that a sink writes to: it belongs to one store and to one run at a time, and its `state.json` says what it holds.

mod file;
#[cfg(any(feature = "csv", feature = "jsonl"))]
pub(super) mod grown;

pub(super) use file::{check_head, cut, draft, forget_draft, length, replace, surplus};

use super::{SinkError, others_data};
use crate::files;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Describes the folder: its store, its state, its files.
const STATE: &str = "state.json";
/// The same file while it is being written.
const DRAFT: &str = "state.json.new";
const LOCK: &str = ".lock";

/// The sink that the folders belong to.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// As in `--output`: `jsonl`.
    pub(super) scheme: &'static str,
    /// What the names of its files end with.
    pub(super) extension: &'static str,
}

/// The content of `state.json`.
pub(super) trait Held: Serialize + DeserializeOwned {
    /// That of a new folder.
    fn new(store: &str) -> Self;

    /// The store whose folder it is.
    fn store(&self) -> &str;

    /// Whether this sink can have written it.
    fn is_sound(&self) -> bool;
}

/// A folder that is held for this run.
pub(super) struct Folder<H> {
    path: PathBuf,
    kind: Kind,
    /// What `state.json` says, once it is saved.
    pub(super) held: H,
    _lock: Lock,
}

impl<H: Held> Folder<H> {
    /// Opens a folder, making it if it is not there.
    pub(super) fn open(path: &Path, store: &str, kind: Kind) -> Result<Folder<H>, SinkError> {
        make(path)?;
        refuse_others_files(path, kind)?;
        let lock = Lock::take(path)?;
        let held = match read::<H>(path, kind)? {
            Some(held) if held.store() != store => return Err(others_data(path, held.store(), store, "folder")),
            Some(held) => held,
            None => H::new(store),
        };
        Ok(Folder { path: path.to_owned(), kind, held, _lock: lock })
    }

    /// Replaces `state.json` with `held`: completely or, if the run is killed or the power fails, not at all.
    pub(super) fn save(&self) -> Result<(), SinkError> {
        let path = self.path.join(STATE);
        let text = serde_json::to_vec(&self.held).map_err(io::Error::from);
        let saved = text.and_then(|mut text| {
            text.push(b'\n');
            files::replace_by_draft(&path, &self.path.join(DRAFT), &text)
        });
        saved.map_err(|fault| sentence(&path, &fault))
    }

    /// A file's path, by its name without the extension.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name).with_added_extension(self.kind.extension)
    }
}

/// What the folder holds; none in a new one.
fn read<H: Held>(folder: &Path, kind: Kind) -> Result<Option<H>, SinkError> {
    let path = folder.join(STATE);
    if length(&path)?.is_none() {
        return Ok(None);
    }
    let bytes = fs::read(&path).map_err(|fault| sentence(&path, &fault))?;
    match serde_json::from_slice::<H>(&bytes) {
        Ok(held) if held.is_sound() => Ok(Some(held)),
        _ => Err(SinkError::new(format!(
            "{} was not written by this tap's {} output, or is damaged; name another folder",
            path.display(),
            kind.scheme
        ))),
    }
}

fn make(folder: &Path) -> Result<(), SinkError> {
    let refuse = |why: &str| Err(SinkError::new(format!("{} {why}; name another folder", folder.display())));
    match fs::metadata(folder) {
        Ok(data) if !data.is_dir() => refuse("is a file, not a folder"),
        // Root can write anyway and would not notice. On Windows the attribute means something else.
        Ok(data) if cfg!(unix) && data.permissions().readonly() => refuse("is read-only"),
        Ok(_) => Ok(()),
        Err(_) => files::make_folder(folder).or_else(|fault| refuse(&format!("cannot be created ({fault})"))),
    }
}

/// Refuses a folder that has files like the sink's but no state: they belong to someone else.
fn refuse_others_files(folder: &Path, kind: Kind) -> Result<(), SinkError> {
    let told = |fault: io::Error| sentence(folder, &fault);
    if fs::exists(folder.join(STATE)).map_err(told)? {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(told)? {
        let entry = entry.map_err(told)?;
        let path = entry.path();
        if path.extension().is_some_and(|end| end == kind.extension) && entry.metadata().map_err(told)?.len() > 0 {
            return Err(others_file(&path));
        }
    }
    Ok(())
}

/// The note about data of a killed run that was removed from these files or folders; `None` if there was none.
pub(super) fn removed(names: &[String]) -> Option<String> {
    let names = names.join(", ");
    let told = format!("an interrupted run left data beyond its last state; it was removed and will be read again: {names}");
    (!names.is_empty()).then_some(told)
}

/// The refusal of a file that the folder's state does not know.
pub(super) fn others_file(path: &Path) -> SinkError {
    let path = path.display();
    SinkError::new(format!(
        "{path} already exists but is not listed in a {STATE} next to it; move it away or name another folder"
    ))
}

/// Holds a folder for this run.
struct Lock(File);

impl Lock {
    fn take(folder: &Path) -> Result<Lock, SinkError> {
        let path = folder.join(LOCK);
        let file = files::open_own(&path).map_err(|fault| sentence(&path, &fault))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(SinkError::new(format!(
                "{} is in use by another run of this tap; wait until that has ended and run again",
                folder.display()
            ))),
            Err(TryLockError::Error(fault)) => Err(sentence(&path, &fault)),
        }
    }
}

impl Drop for Lock {
    /// Closing the file is not enough: a child process that has just been forked still holds it open and locked, until it calls
    /// exec.
    fn drop(&mut self) {
        drop(self.0.unlock());
    }
}

/// A fault of the disk in a sentence, with what to do now.
pub(super) fn sentence(path: &Path, fault: &io::Error) -> SinkError {
    let path = path.display();
    SinkError::new(match fault.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!(
                "the disk is full, so {path} cannot be written; free some space and run again: it resumes from its last state"
            )
        }
        ErrorKind::FileTooLarge => {
            format!(
                "{path} has reached the largest file size allowed on this disk or for this user; raise that limit and run again"
            )
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("{path} cannot be written by this user; check its permissions and those of its folder ({fault})")
        }
        _ => format!("{path} cannot be written ({fault}); check its disk and run again"),
    })
}

#[cfg(test)]
mod tests {
    use super::Lock;

    #[test]
    fn a_folder_is_free_once_its_run_has_ended_even_if_a_process_still_has_its_lock_open() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(folder.path()).ok().unwrap();
        let _in_another_process = lock.0.try_clone().unwrap();
        assert!(Lock::take(folder.path()).is_err());
        drop(lock);
        assert!(Lock::take(folder.path()).is_ok());
    }
}
