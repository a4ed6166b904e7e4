//! What a stream has set aside: records that the store could not serve, to be asked for again.

use serde::{Deserialize, Serialize};

/// A stream with more entries set aside than this has another trouble than single records.
pub const MOST_ASIDE: usize = 100;

/// Records that the store could not serve, to be asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Aside {
    /// One record of the list that is walked.
    Id(u64),
    /// Whatever lies between two ids, both of them left out.
    Gap {
        /// The last id before it; 0 if there is none.
        above: u64,
        /// The first id behind it.
        below: u64,
    },
}

impl Aside {
    /// Whether it holds the record with this id.
    pub fn holds(&self, id: u64) -> bool {
        match *self {
            Aside::Id(own) => own == id,
            Aside::Gap { above, below } => above < id && id < below,
        }
    }

    /// How many records it holds at most.
    pub(crate) fn most(&self) -> u64 {
        match *self {
            Aside::Id(_) => 1,
            Aside::Gap { above, below } => below.saturating_sub(above).saturating_sub(1),
        }
    }

    /// The last id that it may hold.
    pub(crate) fn last(&self) -> u64 {
        match *self {
            Aside::Id(id) => id,
            Aside::Gap { below, .. } => below.saturating_sub(1),
        }
    }

    /// Adds it to what is known to be aside, unless that has it. Reports whether it is new.
    pub(crate) fn join(self, known: &mut Vec<Aside>) -> bool {
        let is_new = !known.iter().any(|known| known.covers(&self));
        if is_new {
            known.retain(|known| !self.covers(known));
            known.push(self);
        }
        is_new
    }

    /// Whether to ask for it is to ask for the other. A single record that lies in a gap stands for itself: the gap may come without it.
    pub(crate) fn covers(&self, other: &Aside) -> bool {
        match (self, other) {
            (Aside::Gap { above, below }, Aside::Gap { above: from, below: to }) => above <= from && to <= below,
            _ => self == other,
        }
    }
}

impl std::fmt::Display for Aside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Aside::Id(id) => write!(f, "record {id}"),
            Aside::Gap { above, below } => write!(f, "the records between {above} and {below}"),
        }
    }
}
