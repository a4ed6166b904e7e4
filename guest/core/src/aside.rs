//! What a stream has set aside: records that the store could not serve, to be asked for again.

use crate::dates;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// With more entries than this, the cause is not single records.
pub const MOST_ASIDE: usize = 100;

/// Records that the store could not serve, to be asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Aside {
    /// One record of the list that is walked.
    Id(u64),
    /// All records between two ids, exclusive.
    Gap {
        /// The last id before it; 0 if there is none.
        above: u64,
        /// The first id after it.
        below: u64,
        /// The pass that could not read them: they are requested again with the filters of that pass.
        #[serde(default, skip_serializing_if = "is_first_pass")]
        pass: usize,
    },
    /// Something that cannot be requested by itself, such as a record whose key cannot be read, or a child list. It holds the
    /// bookmark back to its date, or to the stream's start if it has no date, so that the next walk reads it again.
    Again {
        /// What stands for its id.
        again: u64,
        /// When the record was modified, if that can be read.
        #[serde(default, with = "dates::option")]
        date: Option<DateTime<Utc>>,
    },
}

/// Whether this is the pass for the list's own records, the only one that version 0.1.0 knew.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
pub(crate) fn is_first_pass(pass: &usize) -> bool {
    *pass == 0
}

impl Aside {
    /// Whether it holds the record with this id.
    pub fn holds(&self, id: u64) -> bool {
        match *self {
            Aside::Id(own) => own == id,
            Aside::Gap { above, below, .. } => above < id && id < below,
            Aside::Again { again, .. } => again == id,
        }
    }

    /// The most records that it can hide from a walk.
    pub(crate) fn most_hidden(&self) -> u64 {
        match *self {
            Aside::Again { .. } => 0,
            Aside::Id(_) => 1,
            Aside::Gap { above, below, .. } => below.saturating_sub(above).saturating_sub(1),
        }
    }

    /// The last id that it may hold.
    pub(crate) fn last(&self) -> u64 {
        match *self {
            Aside::Id(id) => id,
            Aside::Gap { below, .. } => below.saturating_sub(1),
            Aside::Again { .. } => 0,
        }
    }

    /// Whether requesting this entry also requests the other one. A single record inside a gap keeps its own entry, because the
    /// gap may come without it.
    fn covers(&self, other: &Aside) -> bool {
        match (self, other) {
            (Aside::Gap { above, below, pass }, Aside::Gap { above: from, below: to, pass: of }) => {
                above <= from && to <= below && pass == of
            }
            _ => self == other,
        }
    }
}

/// What one stream has set aside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entries(Vec<Aside>);

impl Entries {
    pub(crate) fn new(entries: Vec<Aside>) -> Entries {
        Entries(entries)
    }

    pub(crate) fn as_slice(&self) -> &[Aside] {
        &self.0
    }

    pub(crate) fn hold(&self, id: u64) -> bool {
        self.0.iter().any(|entry| entry.holds(id))
    }

    /// The most records that they can hide from a walk.
    pub(crate) fn most_hidden(&self) -> u64 {
        self.0.iter().fold(0, |most, entry| most.saturating_add(entry.most_hidden()))
    }

    /// Adds one, unless it is there. Reports whether it is new.
    pub(crate) fn join(&mut self, new: Aside) -> bool {
        let is_new = !self.0.iter().any(|known| known.covers(&new));
        if is_new {
            self.0.retain(|known| !new.covers(known));
            self.0.push(new);
        }
        is_new
    }

    /// Removes an entry that was read, or is gone from the store.
    pub(crate) fn remove(&mut self, gone: Aside) {
        self.0.retain(|entry| match (entry, gone) {
            // A gap with the same end and a later start is the rest of the one that was requested.
            (Aside::Gap { above, below, pass }, Aside::Gap { above: from, below: to, pass: of }) => {
                *below != to || *above < from || *pass != of
            }
            (entry, gone) => *entry != gone,
        });
    }

    /// Moves the start of a gap up to a record that it has brought.
    pub(crate) fn shorten(&mut self, gap: Aside, id: u64) {
        let Aside::Gap { above: from, below: to, pass: of } = gap else { return };
        for entry in &mut self.0 {
            if let Aside::Gap { above, below, pass } = entry
                && (*below == to && from <= *above && *above < id && *pass == of)
            {
                *above = id;
            }
        }
        self.0.retain(
            |entry| !matches!(entry, Aside::Gap { above, below, .. } if *below == to && *below <= above.saturating_add(1)),
        );
    }

    /// Moves these entries to the end.
    pub(crate) fn put_last(&mut self, asked: &[Aside]) {
        self.0.sort_by_key(|entry| asked.contains(entry));
    }

    /// Removes the entries that the next walk reads again anyway.
    pub(crate) fn forget_what_comes_again(&mut self) {
        self.0.retain(|entry| !matches!(entry, Aside::Again { .. }));
    }

    /// The latest date that a bookmark may move to, so that the next walk reads again what cannot be requested by itself. None
    /// means any date, and `Some(None)` that the bookmark must not move.
    pub(crate) fn hold_back(&self) -> Option<Option<DateTime<Utc>>> {
        let dates = self.0.iter().filter_map(|entry| match entry {
            Aside::Again { date, .. } => Some(*date),
            Aside::Id(_) | Aside::Gap { .. } => None,
        });
        dates.min()
    }
}

impl std::fmt::Display for Aside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Aside::Id(id) => write!(f, "record {id}"),
            Aside::Gap { above, below, .. } => write!(f, "the records between {above} and {below}"),
            Aside::Again { .. } => f.write_str("a record or list that cannot be asked for alone"),
        }
    }
}
