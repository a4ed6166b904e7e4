//! Whether a walk has certainly read every row of a full table. If not, a missing row may still exist in the store, so the target
//! is not told that it is gone.

use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// For each full table of a walk, by name: why some of its rows may be missing. None if all of them have come.
pub type Certainty = BTreeMap<String, Option<Uncertain>>;

/// Why a row that a walk did not read may still exist in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uncertain {
    /// No row so far, and each empty answer states that there are 0.
    NoRows,
    /// No row so far, and an empty answer does not state how many there are.
    Uncounted,
    /// An answer had no body.
    NoBody,
    /// Something is set aside.
    Aside,
    /// The store contradicts itself, and the list was believed.
    Believed,
    /// A list is shorter than it should be, or was not found.
    Short,
    /// The pages were read by several runs, or only once.
    InParts,
    /// The list changed each time that it was read.
    Changed,
    /// Some records of the walk were written without a version.
    Unversioned,
    /// The list is restricted to some channels.
    Channels,
}

impl Uncertain {
    /// The end of a sentence for a person.
    pub(crate) fn because(self) -> &'static str {
        match self {
            Uncertain::NoRows | Uncertain::Uncounted => "no row came, and the store does not say that there is none",
            Uncertain::NoBody => "an answer of the store had no body",
            Uncertain::Aside => "something is set aside",
            Uncertain::Believed => "the store contradicts itself about the list",
            Uncertain::Short => "a list is shorter than it should be, or was not found",
            Uncertain::InParts => "the pages of the list were read by several runs, or only once because of a limit",
            Uncertain::Changed => "the list changed each time that it was read",
            Uncertain::Unversioned => "some of its records were written before the setting was on",
            Uncertain::Channels => "channel_id restricts the list",
        }
    }

    fn is_of_no_rows(self) -> bool {
        matches!(self, Uncertain::NoRows | Uncertain::Uncounted)
    }

    /// What is uncertain now, from what was known of the walk (None if rows have come), what is new, and whether rows have come
    /// since.
    pub(crate) fn now(known: Option<Uncertain>, news: &[Uncertain], has_rows: bool) -> Option<Uncertain> {
        let all = || known.into_iter().chain(news.iter().copied());
        let lasting = all().find(|uncertain| !uncertain.is_of_no_rows());
        lasting.or_else(|| all().max().filter(|_| !has_rows && known.is_some()))
    }
}

/// What is uncertain in the current walk: about the nested lists of a name or, without a name, about the walk itself.
#[derive(Debug, Default)]
pub(crate) struct Remarks(RefCell<BTreeSet<(Option<&'static str>, Uncertain)>>);

impl Remarks {
    pub(crate) fn note(&self, rows: Option<&'static str>, uncertain: Uncertain) {
        self.0.borrow_mut().insert((rows, uncertain));
    }

    pub(crate) fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    /// What is uncertain of the walk itself, and of the lists that are wanted.
    pub(crate) fn of(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<Uncertain> {
        let concerns = |rows: Option<&str>| rows.is_none_or(&is_wanted);
        self.0.borrow().iter().filter(|(rows, _)| concerns(*rows)).map(|(_, uncertain)| *uncertain).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Uncertain::{Aside, NoBody, NoRows, Uncounted};

    #[test]
    fn the_first_row_removes_only_the_doubt_that_there_is_none() {
        assert_eq!(Uncertain::now(Some(NoRows), &[Uncounted], false), Some(Uncounted));
        assert_eq!(Uncertain::now(Some(NoRows), &[Uncounted], true), None);
        assert_eq!(Uncertain::now(None, &[Uncounted], false), None, "rows have come before");
        assert_eq!(Uncertain::now(Some(NoRows), &[NoBody], true), Some(NoBody));
        assert_eq!(Uncertain::now(Some(NoBody), &[Aside], true), Some(NoBody), "what was known first stays");
    }
}
