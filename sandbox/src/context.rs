//! What a handler works on.

use std::cell::Cell;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::faults::Action;
use crate::filter::Filters;
use crate::kind::Kind;
use crate::list::{List, Sort};
use crate::options::Options;
use crate::query::Query;
use crate::quirks::Quirks;

/// What a request wants, and how the store is set.
pub(crate) struct Context<'a> {
    pub(crate) options: &'a Options,
    pub(crate) quirks: &'a Quirks,
    pub(crate) query: Query,
    pub(crate) now: DateTime<Utc>,
    /// The fault of a broken record that is shown.
    broken: Cell<Option<&'a Action>>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(options: &'a Options, quirks: &'a Quirks, query: Query, now: DateTime<Utc>) -> Self {
        Self { options, quirks, query, now, broken: Cell::new(None) }
    }

    /// The list for these filters and this order, with the quirks applied.
    pub(crate) fn list(&self, filters: Filters, mut sort: Sort) -> List {
        let unfiltered = sort.descending && self.quirks.descending_ignores_dates;
        let filters = if unfiltered { filters.without_dates() } else { filters };
        sort.descending &= !self.quirks.descending_ignored;
        let lag = TimeDelta::from_std(self.quirks.index_lag).unwrap_or(TimeDelta::MAX);
        let settled = if lag.is_zero() { DateTime::<Utc>::MAX_UTC } else { self.now.checked_sub_signed(lag).unwrap_or_default() };
        List { filters, sort, settled }
    }

    /// A link as BigCommerce writes it: to its own host, never to this one, so that a client which follows it gives itself away.
    pub(crate) fn link(&self, resource: &str) -> Map<String, Value> {
        let hash = &self.options.store_hash;
        object! { "url": format!("https://api.bigcommerce.com/stores/{hash}/v2{resource}"), "resource": resource }
    }

    /// A record is about to be shown.
    pub(crate) fn shows(&self, kind: Kind, id: u64) {
        if let Some(action) = self.quirks.broken_records.get(&(kind, id)) {
            self.broken.set(Some(action));
        }
    }

    /// The fault of a broken record that was shown, if any.
    pub(crate) fn broken(&self) -> Option<&'a Action> {
        self.broken.get()
    }
}
