//! The manifest of a folder of growing files: its store, the last STATE, and how much of each file the state covers.

use super::Format;
use super::lines::Lines;
use crate::sinks::folder;
use crate::sinks::message::is_stream_name;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The content of `state.json`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(bound = "")]
pub(super) struct Held<F: Format> {
    store: String,
    /// The value of the last STATE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<Box<RawValue>>,
    /// The streams that have a file, and the bytes of each that the state covers.
    pub(super) files: BTreeMap<String, u64>,
    /// The streams whose file is about to be replaced by its draft, with the draft's length. `files` still has the old file's
    /// length.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) replaced: BTreeMap<String, u64>,
    /// The streams that have lines with a version, as their files are once they have been replaced.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) versions: BTreeMap<String, Lines>,
    /// The columns of each file that has a header, as it is once it has been replaced.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) columns: BTreeMap<String, F>,
}

impl<F: Format> Held<F> {
    /// The length of a stream's file that the state covers, after a pending replacement.
    fn length(&self, stream: &str) -> Option<u64> {
        self.replaced.get(stream).or_else(|| self.files.get(stream)).copied()
    }

    /// How long the part of it is that holds records; none if it is shorter than its header.
    fn body(&self, stream: &str) -> Option<u64> {
        let head = self.columns.get(stream).map_or(0, |columns| columns.head().len() as u64);
        self.length(stream).and_then(|length| if length == 0 { Some(0) } else { length.checked_sub(head) })
    }
}

impl<F: Format> folder::Held for Held<F> {
    fn new(store: &str) -> Held<F> {
        Held {
            store: store.to_owned(),
            state: None,
            files: BTreeMap::new(),
            replaced: BTreeMap::new(),
            versions: BTreeMap::new(),
            columns: BTreeMap::new(),
        }
    }

    fn store(&self) -> &str {
        &self.store
    }

    fn is_sound(&self) -> bool {
        let is_sound = |stream: &String| {
            is_stream_name(stream) && self.columns.contains_key(stream) == F::HAS_HEAD && self.body(stream).is_some()
        };
        self.files.keys().all(is_sound)
            && self.replaced.keys().chain(self.columns.keys()).all(|stream| self.files.contains_key(stream))
            && self.versions.iter().all(|(stream, lines)| self.body(stream).is_some_and(|length| lines.fit(length)))
    }
}
