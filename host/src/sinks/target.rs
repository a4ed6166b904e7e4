//! What an output has to implement.

use super::output;
use super::{AnySink, Sink, SinkError};
use std::fmt;
use std::path::{Path, PathBuf};

/// A kind of output, such as SQLite files.
pub trait Target: Sync {
    /// What stands before the colon: `sqlite` in `sqlite:FILE`.
    fn scheme(&self) -> &'static str;

    /// Other names for the scheme, as other tools have them.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// What people may write by mistake if they mean this target. The error shows the right form.
    fn mistaken(&self) -> &'static [&'static str] {
        &[]
    }

    /// The endings of a path that needs no scheme; `/` is that of a folder.
    fn endings(&self) -> &'static [&'static str] {
        &[]
    }

    /// The placeholder for the part after the colon, and what it is: `FILE`, a file. `None` if there is no such part.
    fn place(&self) -> Option<(&'static str, &'static str)> {
        None
    }

    /// What it does with the messages, in a sentence.
    fn promise(&self) -> &'static str;

    /// What to call it, if it keeps its own state: a run that resumes from another state could skip records for good.
    fn keeps_state(&self) -> Option<&'static str> {
        None
    }

    /// Parses the part after the colon: a path, plain or after the slashes of a URL, unless the target has its own form.
    ///
    /// # Errors
    /// It names nothing that can be opened. The sentence shows no secret.
    fn read(&self, rest: &str) -> Result<PathBuf, String> {
        output::path(self.scheme(), self.place().unwrap_or_default(), rest)
    }

    /// An output of this kind, as it may be shown to anyone.
    fn show(&self, place: &Path) -> String {
        format!("{}:{}", self.scheme(), place.display())
    }

    /// Opens a place.
    ///
    /// # Errors
    /// It cannot be written, is in use, or holds what is not this store's.
    fn open(&self, opening: &Opening<'_>) -> Result<Opened, SinkError>;

    /// The records of a stream that a place holds, in the order in which they came; none where nothing is kept. For the suite that all targets pass.
    #[cfg(test)]
    fn read_back(&self, place: &Path, stream: &str) -> Option<Vec<serde_json::Value>>;

    /// The same target, but with each STATE committed at once, if it normally waits until there is enough to write.
    #[cfg(test)]
    fn without_waiting(&self) -> Option<&'static dyn Target> {
        None
    }

    /// A new place for that suite: in the file system, unless the target says otherwise. None if there can be none on this machine.
    #[cfg(test)]
    fn stage(&self) -> Option<Box<dyn super::conformance::Stage>> {
        Some(Box::new(super::conformance::InFolder::new()))
    }

    /// Whether `ACTIVATE_VERSION` removes records.
    #[cfg(test)]
    fn heeds_versions(&self) -> bool {
        self.keeps_state().is_some()
    }
}

/// What is to be opened.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Opening<'o> {
    /// The file, the folder or the URL, which may hold a password; empty where there is nothing to name.
    pub place: &'o Path,
    /// The name of the store, as [`store_identity`](crate::store_identity) gives it.
    pub store: &'o str,
    /// The streams that the run reads from their start, whatever the state says.
    pub read_whole: &'o [String],
}

impl fmt::Debug for Opening<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").field("store", &self.store).field("read_whole", &self.read_whole).finish_non_exhaustive()
    }
}

/// A place that is open.
pub struct Opened {
    /// Where the messages go.
    pub sink: AnySink,
    /// The state that the output holds, from which the run that writes to it must resume.
    pub state: Option<String>,
    /// What a person should know, a sentence each.
    pub notes: Vec<String>,
}

impl Opened {
    /// A sink that holds no state and has nothing to say.
    pub fn new(sink: impl Sink + 'static) -> Opened {
        Opened { sink: AnySink::new(sink), state: None, notes: Vec::new() }
    }

    /// A sink with the state that its folder holds, and what was repaired there.
    #[cfg(feature = "folder")]
    pub(super) fn with(sink: impl Sink + 'static, state: Option<String>, repaired: Option<String>) -> Opened {
        Opened { state, notes: repaired.into_iter().collect(), ..Opened::new(sink) }
    }
}
