//! The last line of each key, as far as it takes to know it again.

use super::super::fields::fields;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// Knows a record again that is the same as the last one with its key. Each run reads a little more than what is new: the bookmark's last
/// moments, and streams without a modification date as a whole.
///
/// A key and its record are 16 bytes here, their hashes. A changed record is taken for the old one once in 2^64; the seed is another in each
/// run, so no store can bring that about.
pub(super) struct Latest {
    /// The place of each key property.
    keys: HashMap<String, usize>,
    seed: RandomState,
    records: HashMap<u64, u64>,
}

impl Latest {
    pub(super) fn new(keys: &[String]) -> Latest {
        let keys = keys.iter().cloned().zip(0..).collect();
        Latest { keys, seed: RandomState::new(), records: HashMap::new() }
    }

    /// Remembers a record. Whether it differs from the last one with its key; always, if it has no key.
    ///
    /// # Errors
    /// It is no JSON object.
    pub(super) fn is_new(&mut self, record: &str) -> serde_json::Result<bool> {
        let record = record.trim_end();
        let key: Option<Vec<&str>> = fields(record, &self.keys)?.into_iter().map(|value| value.map(RawValue::get)).collect();
        let Some(key) = key.filter(|key| !key.is_empty()) else { return Ok(true) };
        let (key, hash) = (self.seed.hash_one(key), self.seed.hash_one(record));
        Ok(self.records.insert(key, hash) != Some(hash))
    }
}
