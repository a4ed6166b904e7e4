//! What came of transforming a stream's records, for warnings and the summary.

use crate::json::shown;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// What came of transforming a stream's records, for warnings and the summary.
#[derive(Debug, Default)]
pub struct Findings {
    /// Values that did not fit and became null.
    pub nulled: u64,
    /// How often each field was found to be odd.
    found: BTreeMap<(Oddity, String), u64>,
    /// Keys that are not documented, as dotted paths.
    unknown: BTreeSet<String>,
    /// A reusable buffer for such a path.
    looked_up: String,
    /// What has been found since [`Findings::take_warnings`], ready to be logged. Names and keys, never values.
    warnings: Vec<String>,
}

/// What may be odd about a record's field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Oddity {
    Misfit,
    Repaired,
    Cut,
}

/// How many records are named for each field and oddity; the rest are only counted.
const NAMED: u64 = 10;
/// How many fields are named; more than that would be noise.
const MOST_FIELDS: usize = 1000;

impl Findings {
    /// The warnings since the last call.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Notes a value whose bytes had to be repaired, in the record with this key.
    pub fn repaired(&mut self, key: &dyn Display, field: &str) {
        let more = || format!("further values of {field} with invalid bytes are counted, not named");
        self.note(Oddity::Repaired, field, more, || {
            format!("record {key}: bytes in the field {field} were not valid and were replaced")
        });
    }

    /// Notes a value that did not fit and became null.
    pub(super) fn misfit(&mut self, key: &dyn Display, field: &str, wanted: &str) {
        self.nulled += 1;
        let more = || format!("further values of {field} that do not fit are counted, not named");
        self.note(Oddity::Misfit, field, more, || format!("record {key}: the value of {field} is not {wanted}; it becomes null"));
    }

    /// Notes a list that the store says it has cut short.
    pub(super) fn cut(&mut self, key: &dyn Display, field: &str) {
        let field = if field.is_empty() { "the record" } else { field };
        let more = || format!("further records with a list inside {field} that is cut short are counted, not named");
        self.note(Oddity::Cut, field, more, || {
            format!("record {key}: the store has cut a list inside {field} short, so rows are missing there; the products of an order have all its lines")
        });
    }

    fn note(&mut self, oddity: Oddity, field: &str, more: impl FnOnce() -> String, warning: impl FnOnce() -> String) {
        let place = (oddity, field.to_owned());
        if self.found.len() >= MOST_FIELDS && !self.found.contains_key(&place) {
            return;
        }
        let count = self.found.entry(place).or_default();
        *count += 1;
        if *count <= NAMED {
            self.warnings.push(warning());
        }
        if *count == NAMED {
            self.warnings.push(more());
        }
    }

    /// Notes an undocumented key. Most records have the same ones, so a known key costs no more than a lookup.
    pub(super) fn unknown(&mut self, within: &[&str], key: &str) {
        self.looked_up.clear();
        for part in within {
            self.looked_up.push_str(part);
            self.looked_up.push('.');
        }
        self.looked_up.push_str(shown(key));
        if self.unknown.len() < MOST_FIELDS && !self.unknown.contains(&self.looked_up) {
            self.unknown.insert(self.looked_up.clone());
            self.warnings.push(format!("the API sends a field that this tap does not know; it is left out: {}", self.looked_up));
        }
    }
}
