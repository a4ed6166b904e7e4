//! Pages of records, whatever their source.

use crate::aside::Aside;
use crate::error::{Failure, Result};
use crate::progress::{Below, Position};
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use std::rc::Rc;

/// Where pages of records come from: a walk through a list, or what was set aside.
pub(crate) trait Pages {
    /// The next page, with at most about this many new rows. Not called again after the last page.
    fn next_page(&mut self, most: Option<u64>) -> impl Future<Output = Result<Page>>;
}

/// One record of a list.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: u64,
    /// Its modification date, where it has one that can be read.
    pub(crate) date: Option<DateTime<Utc>>,
    pub(crate) raw: Box<RawValue>,
    /// How many records the walk has seen, this one included.
    pub(crate) seen: u64,
    /// When it was read, as messages say it.
    pub(crate) extracted: Rc<str>,
    /// Other records of the list, where known, to check whether the store serves those.
    pub(crate) others: [Option<u64>; 2],
    /// The id is not the store's but a hash: of the key, if that has several fields, or of the whole record, if its key cannot be read.
    pub(crate) is_stand_in: bool,
    /// The entry under which it was set aside, if it was asked for because of one.
    pub(crate) was_aside: Option<Aside>,
}

impl Row {
    /// The entry that sets this record aside.
    pub(crate) fn aside(&self) -> Aside {
        match self.is_stand_in {
            true => Aside::Again { again: self.id, date: self.date },
            false => Aside::Id(self.id),
        }
    }
}

/// One step of a walk.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The store's time when the walk began, as far as it is known.
    pub(crate) started: Option<DateTime<Utc>>,
    /// The highest id that the list had then, where it can say so.
    pub(crate) end: Option<u64>,
    /// What the store cannot serve of the page, and why.
    pub(crate) aside: Vec<(Aside, Failure)>,
    pub(crate) rows: Vec<Row>,
    /// Entries that were set aside earlier and no longer exist in the store.
    pub(crate) gone: Vec<Aside>,
    /// Where the walk continues, unless it goes by id.
    pub(crate) position: Option<Position>,
    /// For child lists: which one, and the position in it; and how many parent records have been seen.
    pub(crate) below: Option<Below>,
    pub(crate) seen_above: Option<u64>,
    /// Nothing follows.
    pub(crate) last: bool,
}
