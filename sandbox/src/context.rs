//! What a handler works on.

use std::cell::Cell;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::faults::Action;
use crate::filter::Filters;
use crate::kind::Kind;
use crate::query::Query;
use crate::record::Record;
use crate::store::Store;
use crate::store::table::{List, Sort};

/// A store, and what a request wants of it.
pub(crate) struct Context<'a> {
    pub(crate) store: &'a Store,
    pub(crate) query: Query,
    pub(crate) now: DateTime<Utc>,
    /// What a record that is shown does to the answer.
    broken: Cell<Option<&'a Action>>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(store: &'a Store, query: Query, now: DateTime<Utc>) -> Self {
        Self { store, query, now, broken: Cell::new(None) }
    }

    /// The list that these filters and this order lead to, as the quirks have it.
    pub(crate) fn list(&self, filters: Filters, mut sort: Sort) -> List {
        let quirks = &self.store.quirks;
        let unfiltered = sort.descending && quirks.descending_ignores_dates;
        let filters = if unfiltered { filters.without_dates() } else { filters };
        sort.descending &= !quirks.descending_ignored;
        let lag = TimeDelta::from_std(quirks.index_lag).unwrap_or(TimeDelta::MAX);
        let settled = if lag.is_zero() { DateTime::<Utc>::MAX_UTC } else { self.now.checked_sub_signed(lag).unwrap_or_default() };
        List { filters, sort, settled }
    }

    /// A record that is about to be shown.
    pub(crate) fn record(&self, kind: Kind, id: u64) -> Option<Arc<Record>> {
        let record = self.store.table(kind).record(id)?;
        if let Some(action) = self.store.quirks.broken_records.get(&(kind, id)) {
            self.broken.set(Some(action));
        }
        Some(record)
    }

    /// What a record that was shown does to the answer.
    pub(crate) fn broken(&self) -> Option<&'a Action> {
        self.broken.get()
    }
}
