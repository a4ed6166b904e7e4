//! Pages by number, in both versions.

use serde_json::{Map, Value};

use crate::query::Query;
use crate::quirks::Quirks;
use crate::refusal::Refusal;

/// Rows a page when the request does not say.
const DEFAULT_LIMIT: usize = 50;

/// Which page of a list is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) number: usize,
    pub(crate) limit: usize,
}

impl Page {
    /// A v2 page. More than `cap` rows is refused.
    pub(crate) fn v2(query: &Query, cap: usize, quirks: &Quirks) -> Result<Self, Refusal> {
        let limit = query.positive("limit")?.unwrap_or(DEFAULT_LIMIT);
        if limit > cap {
            return Err(Refusal::too_large(cap));
        }
        Self::of(query, limit, quirks)
    }

    /// A v3 page. More than `cap` rows is taken as `cap`.
    pub(crate) fn v3(query: &Query, cap: usize, quirks: &Quirks) -> Result<Self, Refusal> {
        let limit = query.positive("limit")?.unwrap_or(DEFAULT_LIMIT).min(cap);
        Self::of(query, limit, quirks)
    }

    fn of(query: &Query, limit: usize, quirks: &Quirks) -> Result<Self, Refusal> {
        let number = query.positive("page")?.unwrap_or(1);
        Ok(Self { number, limit: limit.min(quirks.page_cap.unwrap_or(usize::MAX)).max(1) })
    }

    /// The rows of this page.
    pub(crate) fn cut<'a, T>(&self, rows: &'a [T]) -> &'a [T] {
        let start = (self.number - 1).saturating_mul(self.limit).min(rows.len());
        let end = start.saturating_add(self.limit).min(rows.len());
        &rows[start..end]
    }

    /// `meta.pagination` of a v3 list with `total` rows, `count` of them on this page.
    pub(crate) fn meta(&self, query: &Query, total: usize, count: usize) -> Map<String, Value> {
        let pages = total.div_ceil(self.limit);
        let link =
            |number: usize| query.link(&["page", "limit"], &[("page", number.to_string()), ("limit", self.limit.to_string())]);
        let mut links = Map::new();
        if self.number > 1 {
            links.insert("previous".to_owned(), link(self.number - 1).into());
        }
        links.insert("current".to_owned(), link(self.number).into());
        if self.number < pages {
            links.insert("next".to_owned(), link(self.number + 1).into());
        }
        object! {
            "total": total,
            "count": count,
            "per_page": self.limit,
            "current_page": self.number,
            "total_pages": pages,
            "links": links,
        }
    }
}
