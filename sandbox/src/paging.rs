//! Pages by number, in both versions, and by cursor.

use std::ops::Range;

use serde_json::{Map, Value};

use crate::context::Context;
use crate::cursor;
use crate::query::Query;
use crate::refusal::{Refusal, Version};

/// Rows a page when the request does not say.
const DEFAULT_LIMIT: usize = 50;

/// How a list is paged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paging {
    /// By `page` and `limit`.
    Number,
    /// The same, or by `after` and `before`.
    Cursor,
    /// One answer holds all, whatever page is asked for.
    Whole,
}

/// Which page of a list is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) number: usize,
    pub(crate) limit: usize,
}

impl Page {
    /// The page that a request asks for. More rows than the cap are refused by v2, and taken as the cap by v3.
    pub(crate) fn read(context: &Context<'_>, api: Version) -> Result<Self, Refusal> {
        let (query, caps) = (&context.query, &context.options.caps);
        let limit = query.positive("limit")?.unwrap_or(DEFAULT_LIMIT);
        let limit = match api {
            Version::V2 if limit > caps.v2_limit => return Err(Refusal::too_large(caps.v2_limit)),
            Version::V2 => limit,
            Version::V3 => limit.min(caps.v3_limit),
        };
        let number = query.positive("page")?.unwrap_or(1);
        Ok(Self { number, limit: limit.min(context.quirks.page_cap.unwrap_or(usize::MAX)).max(1) })
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

/// A v3 list, cut into pages.
pub(crate) struct Pages<'c, 's> {
    pub(crate) context: &'c Context<'s>,
    pub(crate) page: Page,
    pub(crate) paging: Paging,
}

impl Pages<'_, '_> {
    /// The ids of the page and its `meta`. With cursors the first page has both blocks, later numbers only `pagination`, cursors only
    /// `cursor_pagination` (bigcommerce/docs pull request 769).
    pub(crate) fn cut(&self, ids: &[u64]) -> Result<(Vec<u64>, Map<String, Value>), Refusal> {
        let (query, page) = (&self.context.query, self.page);
        let mut meta = Map::new();
        let by_cursor = |name: &str| query.get(name).filter(|_| self.paging == Paging::Cursor);
        let span = match (by_cursor("after"), by_cursor("before")) {
            (Some(_), Some(_)) => return Err(Refusal::parameter("after", "it cannot be used together with before")),
            (Some(after), None) => {
                let start = position("after", after, ids)?.1;
                start..start.saturating_add(page.limit).min(ids.len())
            }
            (None, Some(before)) => {
                let end = position("before", before, ids)?.0;
                end.saturating_sub(page.limit)..end
            }
            (None, None) => {
                let rows = page.cut(ids);
                meta.insert("pagination".to_owned(), page.meta(query, ids.len(), rows.len()).into());
                if page.number > 1 || self.paging == Paging::Number {
                    return Ok((rows.to_vec(), meta));
                }
                0..rows.len()
            }
        };
        meta.insert("cursor_pagination".to_owned(), self.cursor_meta(ids, &span).into());
        Ok((ids[span].to_vec(), meta))
    }

    fn cursor_meta(&self, ids: &[u64], span: &Range<usize>) -> Map<String, Value> {
        let (query, limit) = (&self.context.query, self.page.limit);
        let (first, last) = (ids[span.clone()].first(), ids[span.clone()].last());
        let link = |name: &str, id: &u64| {
            query.link(&["page", "limit", "after", "before"], &[("limit", limit.to_string()), (name, cursor::encode(*id))])
        };
        let mut links = Map::new();
        if let Some(first) = first.filter(|_| span.start > 0) {
            links.insert("previous".to_owned(), link("before", first).into());
        }
        if let Some(last) = last.filter(|_| span.end < ids.len()) {
            links.insert("next".to_owned(), link("after", last).into());
        }
        let mut meta = object! { "count": span.len(), "per_page": limit };
        if let (Some(first), Some(last)) = (first, last) {
            meta.insert("start_cursor".to_owned(), cursor::encode(*first).into());
            meta.insert("end_cursor".to_owned(), cursor::encode(*last).into());
        }
        meta.insert("links".to_owned(), links.into());
        meta
    }
}

/// Where a cursor's row begins and ends in the list. A row that is gone has a place only in a list by id.
fn position(parameter: &str, text: &str, ids: &[u64]) -> Result<(usize, usize), Refusal> {
    let id = cursor::decode(text).ok_or_else(|| Refusal::parameter(parameter, "this is not a cursor"))?;
    // A list that is sorted by id allows a binary search.
    let place = ids.binary_search(&id).ok().or_else(|| ids.iter().position(|known| *known == id));
    if let Some(place) = place {
        return Ok((place, place + 1));
    }
    if ids.is_sorted() {
        let place = ids.partition_point(|known| *known < id);
        return Ok((place, place));
    }
    Err(Refusal::parameter(parameter, "this cursor is no longer valid"))
}
