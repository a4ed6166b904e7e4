//! One walk through one list, upward from a fixed lower bound. It loses no record, whatever changes meanwhile.
//!
//! By id: a modified record keeps its place, a new one comes at the end, and a deletion shifts no other. By cursor the same is
//! true, as far as the cursor is the last row's id. A page without new rows ends the walk only if the store does not contradict
//! it (`end`), and the walk goes around a page that the store cannot serve (`gap`).

mod end;
mod gap;
mod hidden;
mod numbered;
mod pass;
mod sift;
mod step;
mod time;

use crate::api::answer::{Answer, Refused};
use crate::api::gate::Gate;
use crate::api::list::Listing;
use crate::api::{Clock, Query, Request, SECOND_THOUGHTS, Slice, Transport};
use crate::aside::{Aside, Entries};
use crate::certainty::Uncertain;
use crate::dates::{self, SECOND};
use crate::error::{Failure, Kind, Result};
use crate::group::Embedding;
use crate::hash::fingerprint;
use crate::head::id_of;
use crate::log::Log;
use crate::page::{Page, Pages, Row};
use crate::progress::{Position, Progress};
use crate::streams::{Dates, End, List, Paging};
use crate::transform::Findings;
use chrono::{DateTime, TimeDelta, Utc};
use pass::Pass;
use std::collections::HashSet;
use std::rc::Rc;
use step::{Doubt, Follows, Served, Sifted, Step};

/// How far behind the store's time a bookmark stays, and what counts as long past: a record written by a slow transaction may show
/// up a little after its own date.
pub(crate) const MARGIN: TimeDelta = TimeDelta::seconds(120);

/// Above every id: nothing is there.
pub(crate) const BEYOND: u64 = 9_000_000_000_000_000;
/// Tries for a request that the walk can do without.
const TRIES: u32 = 3;
/// After a page with more bytes than this, pages have half as many rows, so that memory does not grow with the size of the records.
const MUCH: usize = 8 << 20;
const REPEATED: &str = "a page has only records that were already read";

/// A walk under way.
pub(crate) struct Walk<'g, T, C> {
    gate: &'g Gate<T, C>,
    log: Rc<dyn Log>,
    /// The stream, for messages.
    stream: &'static str,
    list: &'static List,
    path: String,
    extent: Extent,
    filters: Query,
    started: Option<DateTime<Utc>>,
    /// The store's time when it sent the last page.
    read_at: Option<DateTime<Utc>>,
    /// The highest id that the list reported when the walk began: a claim, until the walk has reached it.
    end: Option<u64>,
    last_id: Option<u64>,
    until_id: Option<u64>,
    cursor: Option<String>,
    /// Ids that have come: by page number all of them, by cursor those of the last page.
    previous: HashSet<u64>,
    pass: Pass,
    /// Fingerprints of the cursors that this walk has used.
    cursors: HashSet<u64>,
    seen: u64,
    /// The position is an earlier run's, and no page has come yet.
    resumed: bool,
    /// The current page size: smaller than the extent's after a page that the store could not serve.
    page_size: u32,
    /// Within this many rows ahead there is something that the store cannot serve.
    careful: Option<u32>,
    warned_of_old: bool,
    findings: Findings,
}

/// What a walk is to take.
#[derive(Clone)]
pub(crate) struct Extent {
    /// The earliest modification date, minus the user's lookback.
    pub(crate) since: Option<DateTime<Utc>>,
    /// The latest bookmark or start that led to it.
    pub(crate) latest_start: Option<DateTime<Utc>>,
    /// The greatest modification date.
    pub(crate) until: Option<DateTime<Utc>>,
    /// Parameters for what is selected.
    pub(crate) includes: Query,
    /// The lists that are embedded in the records, if any. `plain`: the parameters without them.
    pub(crate) embedding: Option<Rc<Embedding>>,
    pub(crate) plain: Query,
    /// The filter for the channels that it is restricted to.
    pub(crate) channels: Option<(&'static str, String)>,
    /// Which pass through the list it is: see [`List::hidden`].
    pub(crate) pass: usize,
    /// Rows asked for in one page.
    pub(crate) page_size: u32,
    /// What is set aside: records that the store counts, but the walk may not see.
    pub(crate) aside: Entries,
}

/// The filters for records that were modified between two dates.
pub(crate) fn between(list: &List, since: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>) -> Query {
    let Some(Dates { since: least, until: greatest, .. }) = list.dates else { return Query::new() };
    let filter = |name: &'static str, date: Option<DateTime<Utc>>| Some((name, dates::filter(date?)));
    // It is not documented whether the filter is inclusive, so it starts one second earlier.
    let since = since.map(|since| since - SECOND);
    [filter(least, since), filter(greatest, until)].into_iter().flatten().collect()
}

/// The filters of a walk.
fn filters(list: &List, extent: &Extent) -> Query {
    let hidden = list.hidden_in(extent.pass).map(|hidden| (hidden.filter.0, hidden.filter.1.to_owned()));
    between(list, extent.since, extent.until).into_iter().chain(extent.channels.clone()).chain(hidden).collect()
}

impl<T: Transport, C: Clock> Pages for Walk<'_, T, C> {
    /// The next page with something new, or the last one, which may be empty. If the store contradicts a page, it is requested
    /// once more. If the contradiction stays, it is an error, unless the cross-check behind it has not proved itself.
    async fn next_page(&mut self, most: Option<u64>) -> Result<Page> {
        match self.list.paging {
            Paging::Page => return self.numbered_page(most).await,
            Paging::Once => return self.only_page().await,
            Paging::Id { .. } | Paging::Cursor { .. } => {}
        }
        loop {
            let resumed = self.resumed;
            let mut step = self.step(most).await?;
            if let Some(Doubt { why, .. }) = &step.doubt {
                self.warn(&format!("{why}; asking once more"));
                self.gate.clock().sleep(SECOND_THOUGHTS).await;
                let unserved = std::mem::take(&mut step.page.aside);
                step = self.step(most).await?;
                // If no rows come, what could not be served is still missing, even if the store does not show that any more.
                if step.page.rows.is_empty() {
                    step.page.aside.extend(unserved);
                }
            }
            match step.doubt.take() {
                None => {}
                Some(Doubt { proven: false, why }) => {
                    self.gate.remarks.note(None, Uncertain::Believed);
                    self.warn(&format!("{why}, twice; nothing else says so, so the list is taken as complete"));
                }
                Some(_) if resumed => {
                    self.start_over();
                    continue;
                }
                Some(Doubt { why, .. }) => {
                    let text = format!(
                        "{why}, twice; reading on could lose records. Run again; if it happens again, report it with this message"
                    );
                    return Err(Failure::new(Kind::Api, text).of_stream(self.stream));
                }
            }
            return Ok(self.accept(step));
        }
    }
}

impl<'g, T: Transport, C: Clock> Walk<'g, T, C> {
    /// A walk through a list, under this path, from where `progress` says.
    pub(crate) fn new(
        gate: &'g Gate<T, C>,
        log: Rc<dyn Log>,
        (stream, list, path): (&'static str, &'static List, String),
        extent: Extent,
        progress: &Progress,
    ) -> Self {
        let (mut last_id, mut cursor, mut pass) = (None, None, Pass::new(extent.page_size));
        match progress.position.clone() {
            Some(Position::Id { id }) => last_id = Some(id),
            Some(Position::Cursor { cursor: of_walk }) => cursor = Some(of_walk),
            Some(Position::Page { page, limit }) => pass = Pass::resumed(page, limit),
            None => {}
        }
        let filters = filters(list, &extent);
        Walk {
            gate,
            log,
            stream,
            list,
            path,
            filters,
            page_size: pass.limit,
            extent,
            started: progress.started,
            read_at: None,
            end: progress.end,
            last_id,
            until_id: progress.until_id,
            resumed: cursor.is_some() || pass.has_begun(),
            cursor,
            previous: HashSet::new(),
            pass,
            cursors: HashSet::new(),
            seen: progress.seen,
            careful: None,
            warned_of_old: false,
            findings: Findings::default(),
        }
    }

    /// Gives up the cursor or the page of an earlier run: it may have lost its meaning since.
    fn start_over(&mut self) {
        self.warn("the store no longer accepts the last run's position; the walk starts over");
        (self.cursor, self.seen, self.resumed) = (None, 0, false);
        self.pass = Pass::new(self.pass.limit);
    }

    /// Moves the walk past a page.
    fn accept(&mut self, step: Step) -> Page {
        let Step { mut page, seen, .. } = step;
        self.seen = seen;
        self.last_id = page.rows.last().map(|row| row.id).or(self.last_id);
        self.previous = page.rows.iter().map(|row| row.id).collect();
        if let (Some(Position::Cursor { cursor }), false) = (&page.position, page.last) {
            self.cursor = Some(cursor.clone());
            self.cursors.insert(fingerprint(std::slice::from_ref(cursor)));
        }
        page.position = self.cursor.clone().map(|cursor| Position::Cursor { cursor });
        page
    }

    /// The next page, and whether it is the last.
    async fn step(&mut self, most: Option<u64>) -> Result<Step> {
        let is_at_start = matches!((self.list.end, self.last_id, self.end, self.started), (End::Highest(_), None, None, None));
        // Not for hidden records: there are few, and the first page shows whether the store respects the filter for them.
        if is_at_start && self.hidden().is_none() {
            self.end = self.claim().await?;
        }
        let Served { mut answer, gap, is_last } = self.serve_surely(most).await?;
        let is_last = self.leaves_out_what_is_shown(&mut answer) || is_last;
        let Listing { rows, total, end_cursor, repairs } = answer;
        let came = rows.len();
        let Sifted { rows, nameless, known, seen, reached } = self.sift(rows, &repairs)?;
        self.note_uncounted(rows.is_empty() && seen == 0, total);
        let why = |aside| (aside, self.failure("the store sends a record without an id that is a number"));
        let aside: Vec<(Aside, Failure)> = gap.into_iter().chain(nameless.into_iter().map(why)).collect();
        for (aside, _) in &aside {
            self.extent.aside.join(*aside);
        }
        // The end of the list may lie in what could not be served.
        let unserved_to = aside.iter().map(|(aside, _)| aside.last()).max();
        let has_more = rows.is_empty() && total.is_some_and(|total| total > came as u64);
        let has_ended = reached || is_last || !has_more && self.has_reached_its_end(&rows, unserved_to).await?;
        let (last, doubt) = match self.follows(&rows, known, end_cursor.as_ref()) {
            _ if has_ended => (true, None),
            Follows::More => (false, None),
            Follows::Nothing => (true, self.doubt_of_end(came as u64, total, (seen, unserved_to)).await?),
            Follows::WhatCame(why) => (true, Some(Doubt { why: why.to_owned(), proven: true })),
        };
        let position = end_cursor.map(|cursor| Position::Cursor { cursor });
        let page = Page { aside, rows, position, last, ..self.opened() };
        Ok(Step { page, seen, doubt })
    }

    /// The page at the walk's position, requested twice if one answer is not enough to be believed.
    async fn serve_surely(&mut self, most: Option<u64>) -> Result<Served> {
        let mut served = self.serve(most).await?;
        let is_cut = most.is_some() || self.page_size < self.extent.page_size;
        if served.gap.is_none() && is_cut && self.hides_the_next(&served.answer) {
            self.page_size = self.extent.page_size;
            served = self.serve(None).await?;
        }
        let rows = &served.answer.rows;
        // A cache that ignores queries would answer this request with the answer to the one before it: the row with the highest id.
        let is_unsure = match self.list.end {
            End::Highest(_) => self.last_id.is_none() && matches!(&rows[..], [only] if id_of(only, self.list) == self.end),
            _ => rows.is_empty(),
        };
        // The same cache would answer the first page of the hidden records with a page of the list's own records.
        let is_unsure = is_unsure || rows.iter().any(|row| !self.is_asked_for(row));
        if is_unsure && served.gap.is_none() { self.serve(most).await } else { Ok(served) }
    }

    /// What follows a page, judged by its new rows and the number of known ones.
    fn follows(&self, new: &[Row], known: usize, end_cursor: Option<&String>) -> Follows {
        match self.list.paging {
            Paging::Id { .. } if !new.is_empty() => Follows::More,
            // The last row of the page before may come once more.
            Paging::Id { .. } if known > usize::from(self.last_id.is_some()) => Follows::WhatCame(REPEATED),
            Paging::Cursor { .. } if new.is_empty() && known > 0 => Follows::WhatCame(REPEATED),
            Paging::Cursor { .. }
                if end_cursor.is_some_and(|cursor| self.cursors.contains(&fingerprint(std::slice::from_ref(cursor)))) =>
            {
                Follows::WhatCame("a page's cursor points back to a page that was already read")
            }
            Paging::Cursor { .. } if !new.is_empty() && end_cursor.is_some() => Follows::More,
            Paging::Id { .. } | Paging::Cursor { .. } | Paging::Page | Paging::Once => Follows::Nothing,
        }
    }

    /// A page without rows.
    fn opened(&self) -> Page {
        Page { started: self.started, end: self.end, ..Page::default() }
    }

    /// The page at the walk's position. The first one brings the store's time.
    async fn fetch(&mut self, most: Option<u64>) -> Result<Answer<Listing>, Refused> {
        loop {
            let answer = match self.page(most).await {
                Err(Refused { status: Some(400 | 404 | 422), .. }) if self.resumed => {
                    self.start_over();
                    continue;
                }
                answer => answer?,
            };
            self.resumed = false;
            self.read_at = answer.date;
            if self.knows_the_time_of(&answer).await? {
                return Ok(answer);
            }
        }
    }

    async fn page(&mut self, most: Option<u64>) -> Result<Answer<Listing>, Refused> {
        let position = match self.list.paging {
            Paging::Id { after } => self.last_id.map(|id| (after, id.to_string())),
            Paging::Cursor { after } => self.cursor.clone().map(|cursor| (after, cursor)),
            Paging::Page | Paging::Once => None,
        };
        // By id, the last row may come once more.
        let repeats = u64::from(matches!(self.list.paging, Paging::Id { .. }) && self.last_id.is_some());
        let most = most.and_then(|most| u32::try_from(most.saturating_add(repeats)).ok()).unwrap_or(u32::MAX);
        let size = self.page_size.max(if repeats > 0 { 2 } else { 1 });
        let mut request = self.request(&self.path, self.query(position));
        let slice = Slice { limit: size.min(most.max(1)), page: self.pass.page };
        request.page = Some(slice).filter(|_| self.list.paging != Paging::Once);
        let asked = request.page;
        request.tries = self.careful.map(|_| 2);
        let answer = self.gate.get(&mut request, |body| self.list.form.decode(body)).await;
        // A page size that the store could not serve, or that takes much memory, is not tried again in this walk.
        if let (Some(page), true) = (request.page, request.page != asked) {
            self.page_size = page.limit;
        }
        if answer.as_ref().is_ok_and(|answer| answer.bytes > MUCH) {
            self.page_size = (self.page_size / 2).max(1);
        }
        answer
    }

    /// The walk's query at a position.
    fn query(&self, position: Option<(&'static str, String)>) -> Query {
        let fixed = self.list.fixed.iter().map(|(name, value)| (*name, (*value).to_owned()));
        fixed.chain(self.filters.clone()).chain(self.extent.includes.clone()).chain(position).collect()
    }

    fn request(&self, path: &str, query: Query) -> Request {
        Request { query, ..Request::new(self.stream, self.list.scope, path.to_owned()) }
    }

    /// Notes that no row has come, unless the store states a count of 0, here or when it is asked for a count at the end.
    fn note_uncounted(&self, is_empty: bool, total: Option<u64>) {
        let is_counted = total == Some(0) || self.list.end == End::AllSeen && self.list.count.is_some();
        if is_empty && !is_counted {
            self.gate.remarks.note(None, Uncertain::Uncounted);
        }
    }

    fn warn(&self, text: &str) {
        self.log.warn(Some(self.stream), text);
    }

    fn failure(&self, text: impl Into<String>) -> Failure {
        Failure::new(Kind::Api, text).of_stream(self.stream)
    }

    fn fault(&self, what: &str) -> Failure {
        self.failure(format!(
            "the store sends {what}, so records could be missed; the rest of the list is not read. Report it with this message"
        ))
    }
}
