//! The manifest of a folder: its store, the last committed STATE, and the files that it covers.

use super::super::folder::Held;
use super::super::message::is_stream_name;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The content of `state.json`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    store: String,
    /// The value of the last STATE that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<Box<RawValue>>,
    pub(super) streams: BTreeMap<String, Files>,
}

/// The files of a stream.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Files {
    /// The fields that identify a record together.
    pub(super) keys: Vec<String>,
    /// The number of the next file. No number is used a second time.
    pub(super) next: u32,
    /// In the order in which their rows came: of a key, the last row counts.
    pub(super) files: Vec<Listed>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    /// Its name, in the folder of its stream.
    pub(super) file: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// The walk of a full table that its rows belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<u64>,
}

/// The name of a file: in the order of the numbers.
pub(super) fn name(number: u32) -> String {
    format!("{number:010}.parquet")
}

/// The number of a file.
pub(super) fn number(file: &str) -> Option<u32> {
    file.strip_suffix(".parquet")?.parse().ok().filter(|number| name(*number) == file)
}

impl Held for Manifest {
    fn new(store: &str) -> Manifest {
        Manifest { store: store.to_owned(), state: None, streams: BTreeMap::new() }
    }

    fn store(&self) -> &str {
        &self.store
    }

    fn is_sound(&self) -> bool {
        self.streams.iter().all(|(stream, files)| {
            let numbers: Vec<Option<u32>> = files.files.iter().map(|listed| number(&listed.file)).collect();
            let last = numbers.last().copied().flatten();
            is_stream_name(stream)
                && numbers.iter().all(Option::is_some)
                && numbers.is_sorted_by(|one, next| one < next)
                && last.is_none_or(|last| last < files.next)
        })
    }
}
