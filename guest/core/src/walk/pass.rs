//! One reading of a list that goes by page number.

use std::collections::HashSet;

/// One reading of all pages.
#[derive(Debug)]
pub(super) struct Pass {
    /// From 1.
    pub(super) number: u32,
    /// The next page, from 1.
    pub(super) page: u64,
    /// How many rows each page has at most.
    pub(super) limit: u32,
    /// The pages before were read by an earlier run.
    pub(super) is_resumed: bool,
    /// The last of them has not been looked at yet.
    pub(super) looks_back: bool,
    /// What has come in this pass.
    pub(super) marks: HashSet<u64>,
    pub(super) total: Option<u64>,
    /// How many rows the list has up to the end of the last page, at least.
    pub(super) reached: u64,
    /// The list has not changed in length, and is as long as it says.
    pub(super) is_steady: bool,
    pub(super) has_news: bool,
}

impl Pass {
    pub(super) fn new(limit: u32) -> Pass {
        let (marks, total, reached) = (HashSet::new(), None, 0);
        Pass {
            number: 1,
            page: 1,
            limit,
            is_resumed: false,
            looks_back: false,
            marks,
            total,
            reached,
            is_steady: true,
            has_news: false,
        }
    }

    pub(super) fn resumed(page: u64, limit: u32) -> Pass {
        Pass { page, is_resumed: page > 1, looks_back: page > 1, ..Pass::new(limit) }
    }

    pub(super) fn has_begun(&self) -> bool {
        self.page > 1 || self.number > 1
    }

    /// The same pass from its first page, with pages of another size.
    pub(super) fn begin_again(&mut self, limit: u32) {
        *self = Pass { number: self.number, has_news: self.has_news, ..Pass::new(limit) };
    }

    /// Takes in a page. Reports whether it holds a row that is new in this pass.
    pub(super) fn take(&mut self, marks: impl ExactSizeIterator<Item = u64>, total: Option<u64>) -> bool {
        let (before, came) = (self.marks.len(), marks.len() as u64);
        self.marks.extend(marks);
        self.reached = self.page.saturating_sub(1).saturating_mul(u64::from(self.limit)).saturating_add(came);
        // A page after the end may have no total; and a total that counts only this page says nothing.
        let says_nothing = total.is_none_or(|total| total == came);
        let is_first = self.page == 1 || self.is_resumed;
        self.is_steady = self.is_steady && (is_first || says_nothing || self.total == total);
        self.total = if is_first { total } else { self.total.or(total) };
        self.marks.len() > before
    }

    pub(super) fn has_all(&self) -> Option<bool> {
        // An earlier run has read the pages before.
        let came = if self.is_resumed { self.reached } else { self.marks.len() as u64 };
        self.total.map(|total| came >= total)
    }
}
