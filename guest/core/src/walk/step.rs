//! What the steps of a walk bring on their way to a page.

use crate::api::list::Listing;
use crate::aside::Aside;
use crate::error::Failure;
use crate::page::{Page, Row};

/// A page that was served.
pub(super) struct Served {
    pub(super) answer: Listing,
    /// What lies before the page and could not be served, and why.
    pub(super) gap: Option<(Aside, Failure)>,
    /// There is nothing to read after it, whatever the list says.
    pub(super) is_last: bool,
}

impl Served {
    pub(super) fn page(answer: Listing, gap: Option<(Aside, Failure)>) -> Served {
        Served { answer, gap, is_last: false }
    }
}

/// The new rows of a page.
#[derive(Default)]
pub(super) struct Sifted {
    pub(super) rows: Vec<Row>,
    /// What stands for rows whose id cannot be read.
    pub(super) nameless: Vec<Aside>,
    /// How many rows are already known, or not needed.
    pub(super) known: usize,
    /// How many records the walk has seen with them.
    pub(super) seen: u64,
    /// The rows reach the id where the walk is to end.
    pub(super) reached: bool,
}

impl Sifted {
    /// Adds rows without a readable id that are between two ids: as the gap between those, or one by one if no id fits in
    /// between.
    pub(super) fn place_nameless(&mut self, nameless: Vec<Aside>, (above, below): (u64, u64), pass: usize) {
        if below > above.saturating_add(1) {
            self.nameless.extend((!nameless.is_empty()).then_some(Aside::Gap { above, below, pass }));
        } else {
            self.add_nameless(nameless);
        }
    }

    pub(super) fn add_nameless(&mut self, nameless: Vec<Aside>) {
        self.seen += nameless.len() as u64;
        self.nameless.extend(nameless);
    }
}

/// Why an answer may be wrong.
pub(super) struct Doubt {
    pub(super) why: String,
    /// The cross-check that contradicts the answer has proved itself in this run. If it has not, the answer is believed when it comes again.
    pub(super) proven: bool,
}

/// What follows a page.
pub(super) enum Follows {
    More,
    Nothing,
    /// Records that were already read, so that continuing makes no progress.
    WhatCame(&'static str),
}

/// A page, and how far the walk is with it.
pub(super) struct Step {
    pub(super) page: Page,
    pub(super) seen: u64,
    pub(super) doubt: Option<Doubt>,
}
