//! What the folder knows of itself: whose it is, the last STATE, and how much of each file that covers.

use super::super::message::is_stream_name;
use super::lines::Lines;
use super::{SinkError, data, sentence};
use crate::files;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// The file's name.
pub(super) const NAME: &str = "state.json";
/// Its name until it is whole.
const DRAFT: &str = "state.json.new";

/// The content of `state.json`.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Held {
    pub(super) store: String,
    /// The value of the last STATE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<Box<RawValue>>,
    /// The streams that have a file, and the bytes of each that the state covers.
    pub(super) files: BTreeMap<String, u64>,
    /// The streams whose file is about to be replaced by its draft, and the bytes of that. `files` has those of the file before.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) replaced: BTreeMap<String, u64>,
    /// The streams that have lines with a version, as their files are once they have been replaced.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) versions: BTreeMap<String, Lines>,
}

impl Held {
    pub(super) fn new(store: &str) -> Held {
        Held {
            store: store.to_owned(),
            state: None,
            files: BTreeMap::new(),
            replaced: BTreeMap::new(),
            versions: BTreeMap::new(),
        }
    }

    /// Whether this sink can have written it.
    fn is_sound(&self) -> bool {
        let length = |stream| self.replaced.get(stream).or_else(|| self.files.get(stream)).copied();
        self.files.keys().all(|stream| is_stream_name(stream))
            && self.replaced.keys().all(|stream| self.files.contains_key(stream))
            && self.versions.iter().all(|(stream, lines)| length(stream).is_some_and(|length| lines.fit(length)))
    }

    /// What the folder holds; none in a new one.
    pub(super) fn read(folder: &Path) -> Result<Option<Held>, SinkError> {
        let path = folder.join(NAME);
        if data::length(&path)?.is_none() {
            return Ok(None);
        }
        let bytes = fs::read(&path).map_err(|fault| sentence(&path, &fault))?;
        match serde_json::from_slice::<Held>(&bytes) {
            Ok(held) if held.is_sound() => Ok(Some(held)),
            _ => Err(SinkError::new(format!(
                "{} was not written by this tap's jsonl output, or is damaged; name another folder",
                path.display()
            ))),
        }
    }

    /// Puts this in the place of what the folder holds: all of it or, should the run be killed or the power fail, nothing.
    pub(super) fn save(&self, folder: &Path) -> Result<(), SinkError> {
        let path = folder.join(NAME);
        self.write(folder, &path).map_err(|fault| sentence(&path, &fault))
    }

    fn write(&self, folder: &Path, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_vec(self)?;
        text.push(b'\n');
        files::replace_by_draft(path, &folder.join(DRAFT), &text)
    }
}
