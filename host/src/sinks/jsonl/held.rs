//! What the folder knows of itself: whose it is, the last STATE, and how much of each file that covers.

use super::lines::Lines;
use crate::sinks::folder;
use crate::sinks::message::is_stream_name;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

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

impl folder::Held for Held {
    fn new(store: &str) -> Held {
        Held {
            store: store.to_owned(),
            state: None,
            files: BTreeMap::new(),
            replaced: BTreeMap::new(),
            versions: BTreeMap::new(),
        }
    }

    fn store(&self) -> &str {
        &self.store
    }

    fn is_sound(&self) -> bool {
        let length = |stream| self.replaced.get(stream).or_else(|| self.files.get(stream)).copied();
        self.files.keys().all(|stream| is_stream_name(stream))
            && self.replaced.keys().all(|stream| self.files.contains_key(stream))
            && self.versions.iter().all(|(stream, lines)| length(stream).is_some_and(|length| lines.fit(length)))
    }
}
