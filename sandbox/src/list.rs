//! Which records a list holds, and in which order.

use chrono::{DateTime, Utc};

use crate::filter::Filters;

/// Which list is wanted.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) filters: Filters,
    pub(crate) sort: Sort,
    /// Changes dated after this have not reached the index yet.
    pub(crate) settled: DateTime<Utc>,
}

/// A list's order. Records that are equal in `field` stand by id.
#[derive(Debug)]
pub(crate) struct Sort {
    pub(crate) field: String,
    pub(crate) descending: bool,
}

impl Sort {
    pub(crate) fn by_id() -> Self {
        Self { field: "id".to_owned(), descending: false }
    }
}
