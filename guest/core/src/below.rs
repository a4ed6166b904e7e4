//! Child lists: a list for each record of a parent list, such as price list records. The parent list is walked for its ids; the
//! child lists are read concurrently, as many as the store allows, and returned one after the other.

use crate::api::gate::Gate;
use crate::api::{Clock, Request, SECOND_THOUGHTS, Slice, Transport};
use crate::aside::{Aside, Entries};
use crate::certainty::Uncertain;
use crate::error::{Failure, Kind, Result};
use crate::group::{Above, Group};
use crate::hash::fingerprint;
use crate::head::id_of;
use crate::log::Log;
use crate::page::{Page, Pages, Row};
use crate::progress::{Below, Position, Progress, Starts};
use crate::rows::is_surely_gone;
use crate::streams::{List, Stream};
use crate::walk::{Extent, Walk};
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use serde_json::value::RawValue;
use std::collections::VecDeque;
use std::rc::Rc;

const NAMELESS: &str = "the list below a record cannot be asked for, because the record's id is not a number";

/// After this many other child lists without any answer, no more are tried: each costs a full timeout.
const MOST_SILENT: u32 = 2;

/// The child lists of a parent list, as pages.
pub(crate) struct ListsBelow<'g, T, C> {
    gate: &'g Gate<T, C>,
    log: Rc<dyn Log>,
    /// The stream, for messages.
    name: &'static str,
    list: &'static List,
    parent: &'static Stream,
    adds: Option<&'static str>,
    extent: Extent,
    parents: Walk<'g, T, C>,
    started: Option<DateTime<Utc>>,
    /// The position of the current page of parent records and, in `next`, that of the page after it; each with the number of
    /// parents seen up to there.
    place: (Option<Position>, u64),
    next: (Option<Position>, u64),
    /// Parents whose lists have not been begun.
    waiting: VecDeque<u64>,
    /// Entries for parents whose id cannot be read, so that their lists cannot be asked for.
    nameless: Vec<(Aside, Failure)>,
    begun: VecDeque<Begun<'g, T, C>>,
    /// Where an earlier run has left off.
    resumes: Option<Below>,
    is_last: bool,
    /// The last record whose list was served.
    served: Option<u64>,
}

/// A list that is being read.
struct Begun<'g, T, C> {
    parent: u64,
    walk: Walk<'g, T, C>,
    /// Its next page, once it has come.
    page: Option<Result<Page>>,
    seen: u64,
}

/// What becomes of a list that is not served.
enum Fate {
    /// The record is gone, or does not have this list.
    Nothing,
    /// It is set aside: the store serves those below other records.
    Aside,
    Fails,
}

impl<T: Transport, C: Clock> Pages for ListsBelow<'_, T, C> {
    async fn next_page(&mut self, most: Option<u64>) -> Result<Page> {
        loop {
            self.begin();
            if self.begun.is_empty() && self.is_last {
                let aside = std::mem::take(&mut self.nameless);
                return Ok(Page { started: self.started, aside, last: true, ..Page::default() });
            }
            if self.begun.is_empty() {
                self.next_parents().await?;
            } else if let Some((parent, seen, page)) = self.next_below(most).await? {
                return Ok(self.accept(parent, seen, page));
            }
        }
    }
}

impl<'g, T: Transport, C: Clock> ListsBelow<'g, T, C> {
    pub(crate) fn new(
        gate: &'g Gate<T, C>,
        log: Rc<dyn Log>,
        group: &Group,
        Above { parent, adds }: Above,
        extent: Extent,
        progress: &Progress,
    ) -> Self {
        let (name, list, of_parents) = (group.name(), group.list, parent.list());
        // All parents, without filters: a list can change while its parent does not.
        let all = Extent {
            since: None,
            until: None,
            includes: Vec::new(),
            channels: None,
            pass: 0,
            aside: Entries::default(),
            ..extent.clone()
        };
        let Progress { position, started, seen, .. } = progress.clone();
        let place = (position.clone(), seen);
        let from = Progress { position, started, seen, ..Progress::new(Starts::new(), "") };
        let parents = Walk::new(gate, log.clone(), (name, of_parents, of_parents.path.to_owned()), all, &from);
        ListsBelow {
            gate,
            log,
            name,
            list,
            parent,
            adds,
            extent,
            parents,
            started,
            next: place.clone(),
            place,
            waiting: VecDeque::new(),
            nameless: Vec::new(),
            begun: VecDeque::new(),
            resumes: progress.below.clone(),
            is_last: false,
            served: None,
        }
    }

    /// The next page of the first open child list, with its parent and the number of rows seen in it. None if the list does not
    /// exist.
    async fn next_below(&mut self, most: Option<u64>) -> Result<Option<(u64, u64, Page)>> {
        // With `max_records`, one list at a time is enough.
        let side_by_side = if most.is_some() { 1 } else { self.begun.len() };
        let asked = self.begun.iter_mut().take(side_by_side).filter(|begun| begun.page.is_none());
        join_all(asked.map(async |begun| begun.page = Some(begun.walk.next_page(most).await))).await;
        let Some(first) = self.begun.front_mut() else { return Ok(None) };
        let parent = first.parent;
        let failure = match first.page.take() {
            None => return Ok(None),
            Some(Ok(page)) => {
                first.seen = page.rows.last().map_or(first.seen, |row| row.seen);
                return Ok(Some((parent, first.seen, page)));
            }
            Some(Err(failure)) => failure,
        };
        if !failure.spares_other_streams() && failure.kind != Kind::Unreachable {
            return Err(failure);
        }
        let seen = first.seen;
        match self.fate(parent, &failure).await? {
            Fate::Nothing => {
                self.begun.pop_front();
                Ok(None)
            }
            // As if it had no more pages.
            Fate::Aside => {
                Ok(Some((parent, seen, Page { aside: vec![(self.aside(parent), failure)], last: true, ..Page::default() })))
            }
            Fate::Fails => Err(failure),
        }
    }

    /// Moves the walk past a page of a parent's list.
    fn accept(&mut self, parent: u64, seen: u64, mut page: Page) -> Page {
        if let Some(field) = self.adds {
            page.rows.iter_mut().for_each(|row| add(field, parent, &mut row.raw));
        }
        if self.list.is_by_id() {
            page.position = page.rows.last().map(|row| Position::Id { id: row.id });
        }
        self.served = Some(parent).filter(|_| page.aside.is_empty()).or(self.served);
        if page.last {
            self.begun.pop_front();
        }
        let ((position, seen_above), below) = self.position(&page, parent, seen);
        let last = self.is_last && self.begun.is_empty() && self.waiting.is_empty();
        let aside = self.nameless.drain(..).chain(page.aside).collect();
        let (started, seen_above) = (self.started, Some(seen_above));
        Page { started, end: None, aside, rows: page.rows, gone: page.gone, position, below, seen_above, last }
    }

    async fn next_parents(&mut self) -> Result<()> {
        let page = self.parents.next_page(None).await?;
        self.started = self.started.or(page.started);
        let seen = page.rows.last().map_or(self.next.1, |row| row.seen);
        self.place = std::mem::replace(&mut self.next, (page.position, seen));
        self.is_last = page.last;
        let number = |row: &Row| id_of(&row.raw, self.parent.list());
        self.waiting = page.rows.iter().filter_map(number).collect();
        let nameless = page.rows.iter().filter(|row| number(row).is_none());
        let gaps = page.aside.iter().map(|(gap, _)| fingerprint(&[format!("{} {gap}", self.parent.name)]));
        let why = Failure::new(Kind::Api, format!("{NAMELESS} ({})", self.parent.name)).of_stream(self.name);
        let unasked = |again| (Aside::Again { again, date: None }, why.clone());
        self.nameless.extend(nameless.map(|row| row.id).chain(gaps).map(unasked));
        // If the parent to resume at is gone, the child lists of the whole page are read again.
        if let Some(resumes) = &self.resumes
            && let Some(place) = self.waiting.iter().position(|id| *id == resumes.parent)
        {
            self.waiting.drain(..place);
        }
        Ok(())
    }

    /// Begins as many lists as may be read at a time.
    fn begin(&mut self) {
        while self.begun.len() < self.list.at_once.unwrap_or(1) {
            let Some(parent) = self.waiting.pop_front() else { return };
            let resumed = self.resumes.take_if(|resumes| resumes.parent == parent);
            let (position, seen) = resumed.map(|resumed| (resumed.position, resumed.seen)).unwrap_or_default();
            let from = Progress { position, seen, started: self.started, ..Progress::new(Starts::new(), "") };
            let path = self.path(parent);
            let walk = Walk::new(self.gate, self.log.clone(), (self.name, self.list, path), self.extent.clone(), &from);
            self.begun.push_back(Begun { parent, walk, page: None, seen });
        }
    }

    /// Where the walk continues after a page of a parent's list.
    fn position(&self, page: &Page, parent: u64, seen: u64) -> ((Option<Position>, u64), Option<Below>) {
        let following = self.begun.front().map(|begun| begun.parent).or(self.waiting.front().copied());
        match (page.last, following) {
            (false, _) => (self.place.clone(), Some(Below { parent, position: page.position.clone(), seen })),
            (true, Some(parent)) => (self.place.clone(), Some(Below { parent, position: None, seen: 0 })),
            (true, None) => (self.next.clone(), None),
        }
    }

    /// What becomes of a list that is not served.
    async fn fate(&self, parent: u64, failure: &Failure) -> Result<Fate> {
        let of = format!("record {parent} of {}", self.parent.name);
        if is_surely_gone(self.gate, self.name, self.parent.list(), parent).await? {
            self.log.info(Some(self.name), &format!("{of} was deleted while it was read"));
            return Ok(Fate::Nothing);
        }
        // If the child lists of other records fail too, this record is not the cause. Those that were just served come first, as
        // they are the most likely to work.
        let (came, rest): (Vec<_>, Vec<_>) = self.begun.iter().partition(|begun| matches!(begun.page, Some(Ok(_))));
        let begun = came.into_iter().chain(rest).map(|begun| begun.parent);
        let waiting = self.waiting.front().into_iter().chain(self.waiting.back()).copied();
        let (mut is_served, mut silent) = (false, 0);
        for other in self.served.into_iter().chain(begun).chain(waiting).filter(|id| *id != parent) {
            let status = self.status_of(other).await?;
            is_served = status == Some(200);
            silent += u32::from(status.is_none());
            if is_served || silent == MOST_SILENT {
                break;
            }
        }
        if !is_served || !matches!(failure.kind, Kind::Api | Kind::Unreachable) {
            return Ok(Fate::Fails);
        }
        self.gate.clock().sleep(SECOND_THOUGHTS).await;
        if self.status_of(parent).await? != Some(404) {
            return Ok(Fate::Aside);
        }
        let text = format!("{of} exists, but its list does not (status 404); the list is read as empty");
        self.log.warn(Some(self.name), &text);
        self.gate.remarks.note(None, Uncertain::Short);
        Ok(Fate::Nothing)
    }

    /// The status with which the store serves the list below a record, with one try. None: it does not answer.
    async fn status_of(&self, parent: u64) -> Result<Option<u16>> {
        let mut request = Request::new(self.name, self.list.scope, self.path(parent));
        (request.page, request.tries) = (Some(Slice::first(1)), Some(1));
        match self.gate.get(&mut request, |body| self.list.form.decode(body)).await {
            Ok(_) => Ok(Some(200)),
            Err(refused) if refused.may_be_of_one_record() => Ok(refused.status.filter(|status| *status != 200)),
            Err(refused) => Err(refused.failure),
        }
    }

    fn path(&self, parent: u64) -> String {
        self.list.path.replace("{id}", &parent.to_string())
    }

    /// The entry that sets this child list aside.
    fn aside(&self, parent: u64) -> Aside {
        Aside::Again { again: fingerprint(&[self.path(parent)]), date: None }
    }
}

/// Adds a number as the first field of an object: of duplicate keys the first counts.
fn add(field: &str, number: u64, object: &mut Box<RawValue>) {
    let Some(rest) = object.get().strip_prefix('{') else { return };
    let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
    if let Ok(with) = RawValue::from_string(format!("{{\"{field}\":{number}{comma}{rest}")) {
        *object = with;
    }
}
