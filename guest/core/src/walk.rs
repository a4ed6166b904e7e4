//! One walk through one list, upward, from a fixed lower bound. It loses no record whatever changes while it is under way.
//!
//! By id: a record that is modified keeps its place, one that is created comes at the end, one that is deleted shifts nobody. By
//! cursor: the same, as far as the cursor is the last row's id. A page without news ends the walk only if the store does not
//! contradict it.

use crate::api::gate::{Answer, Gate, Refused};
use crate::api::list::{self, Rows};
use crate::api::{Clock, Request, Transport, Window};
use crate::dates;
use crate::error::{Failure, Kind, Result};
use crate::head::Head;
use crate::log::{Level, Log};
use crate::singer::state::Progress;
use crate::streams::{End, List, Position, Stream};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::rc::Rc;
use std::time::Duration;

/// How far behind the store's time a bookmark stays, and what counts as long past: a record written by a slow transaction may show
/// up a little after its own date.
pub(crate) const MARGIN: TimeDelta = TimeDelta::seconds(120);
/// A bookmark so far ahead of the store is not this store's.
const AHEAD: TimeDelta = TimeDelta::days(1);
const SECOND: TimeDelta = TimeDelta::seconds(1);
/// Before a contradiction is asked for once more: a store whose copies lag behind each other gets the time to agree.
pub(crate) const SECOND_THOUGHTS: Duration = Duration::from_secs(5);

/// A query's names and values.
pub(crate) type Query = Vec<(&'static str, String)>;

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
}

/// One step of a walk.
#[derive(Debug)]
pub(crate) struct Page {
    /// The store's time when the walk began, as far as it is known.
    pub(crate) started: Option<DateTime<Utc>>,
    pub(crate) rows: Vec<Row>,
    /// The cursor after the page, where the walk goes by cursor.
    pub(crate) cursor: Option<String>,
    /// Nothing follows.
    pub(crate) last: bool,
}

/// A walk under way.
pub(crate) struct Walk<'g, T, C> {
    gate: &'g Gate<T, C>,
    log: Rc<dyn Log>,
    stream: &'static Stream,
    list: &'static List,
    scope: Scope,
    filters: Query,
    started: Option<DateTime<Utc>>,
    last_id: Option<u64>,
    until_id: Option<u64>,
    cursor: Option<String>,
    /// The ids of the last page: by cursor, what a repeated page holds.
    previous: HashSet<u64>,
    /// The cursors that this walk has gone by.
    cursors: HashSet<String>,
    seen: u64,
    /// The position is an earlier run's, and no page has come yet.
    resumed: bool,
    warned_of_old: bool,
}

/// What a walk is to take.
pub(crate) struct Scope {
    /// The least modification date, widened as the user wants it.
    pub(crate) since: Option<DateTime<Utc>>,
    /// The latest bookmark or start that led to it.
    pub(crate) latest_start: Option<DateTime<Utc>>,
    /// The greatest modification date.
    pub(crate) until: Option<DateTime<Utc>>,
    /// Parameters for the parts that are selected.
    pub(crate) includes: Query,
    /// Rows asked for in one page.
    pub(crate) page_size: u32,
}

/// The filters for records that were modified between two dates.
pub(crate) fn between(list: &List, since: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>) -> Query {
    let filter = |name: Option<&'static str>, date: Option<DateTime<Utc>>| Some((name?, dates::filter(date?)));
    // Whether the filter takes its own second is not documented, so it is asked for the one before.
    let since = since.map(|since| since - SECOND);
    [filter(list.since, since), filter(list.until, until)].into_iter().flatten().collect()
}

/// Why what came cannot be the truth.
type Doubt = String;

impl<'g, T: Transport, C: Clock> Walk<'g, T, C> {
    /// A walk from where `progress` says.
    pub(crate) fn new(
        gate: &'g Gate<T, C>,
        log: Rc<dyn Log>,
        source: (&'static Stream, &'static List),
        scope: Scope,
        progress: &Progress,
    ) -> Self {
        let (stream, list) = source;
        Walk {
            gate,
            log,
            stream,
            list,
            filters: between(list, scope.since, scope.until),
            scope,
            started: progress.started,
            last_id: progress.last_id,
            until_id: progress.until_id,
            cursor: progress.cursor.clone(),
            previous: HashSet::new(),
            cursors: HashSet::new(),
            seen: progress.seen,
            resumed: progress.cursor.is_some(),
            warned_of_old: false,
        }
    }

    /// The next page that holds something new, or the last one, which may be empty. What the store contradicts is asked for once
    /// more, and is an error if the contradiction stays.
    pub(crate) async fn next_page(&mut self) -> Result<Page> {
        loop {
            let resumed = self.resumed;
            let doubt = match self.step().await? {
                Ok(page) => return Ok(page),
                Err(doubt) => doubt,
            };
            self.log.write(Level::Warning, &format!("{}: {doubt}; asking once more", self.stream.name));
            self.gate.clock().sleep(SECOND_THOUGHTS).await;
            match self.step().await? {
                Ok(page) => return Ok(page),
                Err(_) if resumed => self.start_over(),
                Err(doubt) => {
                    let text = format!(
                        "{doubt}, twice; reading on could lose records. Run again; if it stays, report it with this message"
                    );
                    return Err(Failure::new(Kind::Api, text).of_stream(self.stream.name));
                }
            }
        }
    }

    /// Gives up the cursor of an earlier run: it may have lost its meaning since.
    fn start_over(&mut self) {
        let text = "the store does not take the cursor of the last run any more; the walk starts over";
        self.log.write(Level::Warning, &format!("{}: {text}", self.stream.name));
        (self.cursor, self.seen, self.resumed) = (None, 0, false);
    }

    async fn step(&mut self) -> Result<Result<Page, Doubt>> {
        let mut answer = self.fetch().await?;
        if answer.body.rows.is_empty() && self.may_hide_its_end() {
            answer = self.fetch().await?;
        }
        let Rows { rows, total, end_cursor, .. } = answer.body;
        let came = rows.len();
        let (rows, last) = self.sift(rows)?;
        let repeats_allowed = match self.list.position {
            Position::Id { .. } => usize::from(self.last_id.is_some()),
            Position::Cursor { .. } => 0,
        };
        if rows.is_empty() && came > repeats_allowed && !last {
            return Ok(Err("a page brings only records that came before".into()));
        }
        let more = match self.list.position {
            Position::Id { .. } => !rows.is_empty(),
            Position::Cursor { .. } if end_cursor.as_ref().is_some_and(|cursor| self.cursors.contains(cursor)) => {
                return Ok(Err("a page's cursor leads back to where the walk has been".into()));
            }
            Position::Cursor { .. } => !rows.is_empty() && end_cursor.is_some(),
        };
        let seen = rows.last().map_or(self.seen, |row| row.seen);
        if !last
            && !more
            && let Some(doubt) = self.doubt_of_end(came as u64, total, seen).await?
        {
            return Ok(Err(doubt));
        }
        self.seen = seen;
        self.last_id = rows.last().map(|row| row.id).or(self.last_id);
        self.previous = rows.iter().map(|row| row.id).collect();
        if more {
            self.cursor = end_cursor;
            self.cursors.extend(self.cursor.clone());
        }
        Ok(Ok(Page { started: self.started, rows, cursor: self.cursor.clone(), last: last || !more }))
    }

    /// The page at the walk's position. The first one brings the store's time.
    async fn fetch(&mut self) -> Result<Answer<Rows>> {
        loop {
            let answer = match self.page().await {
                Err(Refused { status: Some(400 | 404 | 422), .. }) if self.resumed => {
                    self.start_over();
                    continue;
                }
                answer => answer?,
            };
            self.resumed = false;
            self.check_bookmark(answer.date)?;
            if self.started.is_some() || self.list.since.is_none() {
                return Ok(answer);
            }
            self.started = match answer.date {
                Some(date) => Some(date),
                None => self.newest().await?,
            };
            // Without a Date header the page is read again, so that no part of it is older than the time it is judged by.
            if answer.date.is_some() || self.started.is_none() {
                return Ok(answer);
            }
        }
    }

    async fn page(&mut self) -> Result<Answer<Rows>, Refused> {
        let position = match self.list.position {
            Position::Id { after } => self.last_id.map(|id| (after, id.to_string())),
            Position::Cursor { after } => self.cursor.clone().map(|cursor| (after, cursor)),
        };
        let fixed = self.list.fixed.iter().map(|(name, value)| (*name, value.to_string()));
        let query = fixed.chain(self.filters.clone()).chain(self.scope.includes.clone()).chain(position).collect();
        let mut request = self.request(self.list.path, query);
        request.page = Some(Window::first(self.scope.page_size));
        let answer = self.gate.get(&mut request, |body| self.list.form.decode(body)).await;
        // A size that the store could not carry is not tried again in this walk.
        self.scope.page_size = request.page.map_or(self.scope.page_size, |page| page.limit);
        answer
    }

    fn request(&self, path: &str, query: Query) -> Request {
        Request { stream: self.stream.name, scope: self.stream.scope, path: path.to_owned(), query, page: None }
    }

    /// The date of the record that was modified last; none in an empty store.
    async fn newest(&self) -> Result<Option<DateTime<Utc>>> {
        let mut request =
            self.request(self.list.path, self.list.newest_first.iter().map(|(name, value)| (*name, value.to_string())).collect());
        request.page = Some(Window::first(1));
        let rows = self.gate.get(&mut request, |body| self.list.form.decode(body)).await?.body.rows;
        Ok(rows.first().and_then(|row| Head::read(row)?.date()))
    }

    fn check_bookmark(&self, now: Option<DateTime<Utc>>) -> Result<()> {
        match (self.scope.latest_start, now) {
            (Some(start), Some(now)) if start > now + AHEAD => {
                let text = format!(
                    "its start ({}) lies more than a day after the store's own time ({}), so records would be skipped; mend the state or start_date",
                    dates::format(start),
                    dates::format(now)
                );
                Err(Failure::new(Kind::State, text).of_stream(self.stream.name))
            }
            _ => Ok(()),
        }
    }

    /// The rows that are new, and whether they reach the id where the walk is to end.
    fn sift(&mut self, raws: Vec<Box<RawValue>>) -> Result<(Vec<Row>, bool)> {
        let by_id = matches!(self.list.position, Position::Id { .. });
        let extracted: Rc<str> = dates::stamp(self.gate.clock().date()).into();
        let (mut rows, mut above, mut reached): (Vec<Row>, Option<u64>, bool) = (Vec::with_capacity(raws.len()), None, false);
        let mut seen = self.seen;
        for raw in raws {
            let head = Head::read(&raw).and_then(|head| Some((head.id()?, head.date())));
            let (id, date) = head.ok_or_else(|| self.fault("a record without an id that is a number"))?;
            if by_id && above.is_some_and(|above| id < above) {
                return Err(self.fault("records that are not in the order of their ids"));
            }
            let known = if by_id { self.last_id.max(above).is_some_and(|last| id <= last) } else { self.previous.contains(&id) };
            above = Some(id);
            reached = reached || self.until_id.is_some_and(|until| id >= until);
            if known || self.until_id.is_some_and(|until| id > until) {
                continue;
            }
            self.warn_of_old(id, date);
            seen += u64::from(self.will_be_counted(date));
            rows.push(Row { id, date, raw, seen, extracted: extracted.clone() });
        }
        Ok((rows, reached))
    }

    /// Whether the store is asked to count a record of this date when the list ends.
    fn will_be_counted(&self, date: Option<DateTime<Utc>>) -> bool {
        match self.list.end {
            End::CoveredSeen => matches!((date, self.settled()), (Some(date), Some(settled)) if date <= settled),
            _ => true,
        }
    }

    /// What was last modified up to then was so when the walk began: nothing of it can have come since.
    fn settled(&self) -> Option<DateTime<Utc>> {
        [self.started.map(|started| started - MARGIN), self.scope.until].into_iter().flatten().min()
    }

    fn warn_of_old(&mut self, id: u64, date: Option<DateTime<Utc>>) {
        let old = matches!((date, self.scope.since), (Some(date), Some(since)) if date < since - SECOND);
        if old && !std::mem::replace(&mut self.warned_of_old, true) {
            let text = "was modified before the time that was asked for; such records are passed on, and only this one is named";
            self.log.write(Level::Warning, &format!("{}: record {id} {text}", self.stream.name));
        }
    }

    fn fault(&self, what: &str) -> Failure {
        let text =
            format!("the store sends {what}, so a walk could lose some; nothing after it is read. Report it with this message");
        Failure::new(Kind::Api, text).of_stream(self.stream.name)
    }

    /// What contradicts that the list has ended with a page of `came` rows that holds nothing more to go on with.
    async fn doubt_of_end(&self, came: u64, total: Option<u64>, seen: u64) -> Result<Option<Doubt>> {
        // Under a cursor a total is the whole list's, so only the first page can be held against it.
        if let Some(total) = total.filter(|total| *total > came && self.cursor.is_none()) {
            return Ok(Some(format!("a page says that it is the last, but that {total} records match where it holds {came}")));
        }
        let (counted, expected) = match self.list.end {
            End::PageTotal if total.is_none() => return Ok(Some("an empty page does not say how many records match".into())),
            End::PageTotal => return Ok(None),
            End::NoneRemain { count } => (self.count(count, self.remaining()).await?, came),
            End::AllSeen { count } => (self.count(count, Vec::new()).await?, seen),
            End::CoveredSeen => match self.covered().await? {
                Some(counted) => (counted, seen),
                None => return Ok(Some("the store does not say how many records match".into())),
            },
        };
        let doubt = || format!("the list ends after {expected} records, but the store counts {counted}");
        Ok((counted > expected).then(doubt))
    }

    /// Whether an empty page could pass for the end though it is not: where what was seen is held against a count, a record that was seen
    /// and is deleted by now makes up for one that was not. Such a page is asked for twice.
    fn may_hide_its_end(&self) -> bool {
        let begun = self.cursor.is_some() || self.last_id.is_some();
        begun && matches!(self.list.end, End::AllSeen { .. } | End::CoveredSeen)
    }

    /// The filters that match what is left of a list that is walked by id.
    fn remaining(&self) -> Query {
        let position = match (self.list.position, self.last_id) {
            (Position::Id { after }, Some(id)) => Some((after, id.to_string())),
            _ => None,
        };
        self.filters.iter().cloned().chain(position).collect()
    }

    async fn count(&self, path: &str, query: Query) -> Result<u64> {
        Ok(self.gate.get(&mut self.request(path, query), list::count).await?.body)
    }

    /// How many records the store counts that were last modified in a time that this walk covers whole: from its lower bound to a
    /// little before it started. Each of them has been in the list since then, so the walk has seen it. None: it does not say.
    async fn covered(&self) -> Result<Option<u64>> {
        // Only an empty store tells no time at all.
        let (Some(until), Some(until_name)) = (self.settled(), self.list.until) else { return Ok(Some(0)) };
        if self.scope.since.is_some_and(|since| since > until) {
            return Ok(Some(0));
        }
        let since = self.filters.iter().filter(|(name, _)| Some(*name) == self.list.since).cloned();
        let mut request = self.request(self.list.path, since.chain([(until_name, dates::filter(until))]).collect());
        request.page = Some(Window::first(1));
        let answer = self.gate.get(&mut request, |body| self.list.form.decode(body)).await?;
        Ok(answer.body.total)
    }
}
