//! A source's records, completed side by side and returned in order, as far as there is room for them.

use crate::api::{Clock, Transport};
use crate::aside::Aside;
use crate::error::{Failure, Result};
use crate::page::{Page, Pages, Row};
use crate::progress::{Below, Position};
use crate::rows::{Chunk, Fetcher};
use chrono::{DateTime, Utc};
use futures_util::future::{FutureExt, LocalBoxFuture, ready};
use futures_util::stream::{FuturesOrdered, StreamExt};
use std::cell::Cell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

/// What a source brings, in order.
pub(crate) enum Item {
    /// A page is there.
    Opened {
        /// The store's time when the walk began.
        started: Option<DateTime<Utc>>,
        /// The highest id that the list had then, as far as it is still believed.
        end: Option<u64>,
    },
    /// Records that the store cannot serve, and why.
    Aside(Aside, Failure),
    /// Records, with their lists.
    Chunk(Chunk),
    /// An entry that was set aside, of which the store has nothing more: it can be removed.
    Gone(Aside),
    /// A page is done. Unless it goes by id, the walk can resume from here.
    PageDone { position: Option<Position>, below: Option<Below>, seen: Option<u64>, last: bool },
}

/// How much more may be asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Room {
    /// How many records the rows under way may bring. None: any number.
    pub(crate) records: Option<u64>,
    /// How many new rows another page may have. None: any number.
    pub(crate) page: Option<u64>,
}

/// What a page holds before its records are complete.
enum Raw {
    Done(Result<Item>),
    Records(Vec<Row>),
}

/// The source, or what it is doing.
enum Feed<'f, P> {
    Idle(P),
    Asking(LocalBoxFuture<'f, (P, Result<Page>)>),
    Done,
}

/// How many completed records may wait behind a slow one, such as an order with thousands of lines, as a multiple of the fan-out.
const BEHIND: usize = 4;
/// So many records are under way at most: each of them is in memory with all its rows.
pub(crate) const MOST_RECORDS: usize = 500;

/// One that is not complete yet.
struct Open(Rc<Cell<usize>>);

impl Open {
    fn new(open: &Rc<Cell<usize>>) -> Open {
        open.set(open.get() + 1);
        Open(open.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Completes the records of a source.
pub(crate) struct Pipeline<'f, P, T, C> {
    fetcher: &'f Fetcher<'f, T, C>,
    /// So many records are completed side by side, across the pages' ends.
    fan_out: usize,
    /// So many of them together.
    chunk: usize,
    source: Feed<'f, P>,
    waiting: VecDeque<Raw>,
    under_way: FuturesOrdered<LocalBoxFuture<'f, Result<Item>>>,
    /// How many of those under way are not complete yet. The others wait for one before them, to come in order.
    open: Rc<Cell<usize>>,
    /// What each of those under way is expected to bring.
    expected: VecDeque<u64>,
}

impl<'f, P: Pages + 'f, T: Transport, C: Clock> Pipeline<'f, P, T, C> {
    pub(crate) fn new(source: P, fetcher: &'f Fetcher<'f, T, C>, fan_out: usize, chunk: usize) -> Self {
        Pipeline {
            fetcher,
            fan_out,
            chunk,
            source: Feed::Idle(source),
            waiting: VecDeque::new(),
            under_way: FuturesOrdered::new(),
            open: Rc::default(),
            expected: VecDeque::new(),
        }
    }

    /// Whether the source has brought all that it has.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.source, Feed::Done) && self.waiting.is_empty() && self.under_way.is_empty()
    }

    /// The next item. None: there is none, or no room for what it needs. May be dropped at any time.
    pub(crate) async fn next(&mut self, room: Room) -> Option<Result<Item>> {
        loop {
            self.admit(room);
            // A page that is under way when there is no more room is of no use.
            if self.under_way.is_empty() && (room.page == Some(0) || !matches!(self.source, Feed::Asking(_))) {
                return None;
            }
            let item = poll_fn(|context| {
                if let Feed::Asking(asking) = &mut self.source
                    && let Poll::Ready((source, page)) = asking.poll_unpin(context)
                {
                    self.take_in(source, page);
                    return Poll::Ready(None);
                }
                let open = self.open.get();
                match self.under_way.poll_next_unpin(context) {
                    Poll::Ready(Some(item)) => Poll::Ready(Some(item)),
                    // There is room for others.
                    Poll::Pending if self.open.get() < open => Poll::Ready(None),
                    Poll::Ready(None) | Poll::Pending => Poll::Pending,
                }
            });
            if let Some(item) = item.await {
                self.expected.pop_front();
                return Some(item);
            }
        }
    }

    /// Starts whatever there is room for. Records are started only if those before them do not fill the room, so that no request is thrown away.
    fn admit(&mut self, room: Room) {
        let mut expected: u64 = self.expected.iter().sum();
        let fits = |expected: u64, room: Option<u64>| room.is_none_or(|room| expected < room);
        let behind = self.fan_out.saturating_sub(1) * BEHIND / self.chunk;
        let most = (self.fan_out + behind).min(MOST_RECORDS / self.chunk).max(self.fan_out);
        while self.open.get() < self.fan_out && self.under_way.len() < most {
            match self.waiting.pop_front() {
                Some(Raw::Records(records)) if fits(expected, room.records) => {
                    let fetcher = self.fetcher;
                    let brings = room.records.map_or(0, |_| records.iter().map(|row| fetcher.group.expects(&row.raw)).sum());
                    expected = expected.saturating_add(brings);
                    self.expected.push_back(brings);
                    let is_open = Open::new(&self.open);
                    let fetch = async move {
                        let chunk = fetcher.fetch(records).await;
                        drop(is_open);
                        chunk.map(Item::Chunk)
                    };
                    self.under_way.push_back(fetch.boxed_local());
                }
                Some(Raw::Done(item)) => {
                    self.expected.push_back(0);
                    self.under_way.push_back(ready(item).boxed_local());
                }
                Some(records) => {
                    self.waiting.push_front(records);
                    return;
                }
                None => {
                    let most = room.page.map(|most| most.saturating_sub(expected));
                    if most != Some(0) && fits(expected, room.records) {
                        self.ask(most);
                    }
                    return;
                }
            }
        }
    }

    fn ask(&mut self, most: Option<u64>) {
        match std::mem::replace(&mut self.source, Feed::Done) {
            Feed::Idle(mut source) => {
                let asking = async move {
                    let page = source.next_page(most).await;
                    (source, page)
                };
                self.source = Feed::Asking(asking.boxed_local());
            }
            other => self.source = other,
        }
    }

    fn take_in(&mut self, source: P, page: Result<Page>) {
        self.source = Feed::Done;
        let page = match page {
            Ok(page) => page,
            Err(failure) => return self.waiting.push_back(Raw::Done(Err(failure))),
        };
        if !page.last {
            self.source = Feed::Idle(source);
        }
        let done = |item| Raw::Done(Ok(item));
        self.waiting.push_back(done(Item::Opened { started: page.started, end: page.end }));
        self.waiting.extend(page.aside.into_iter().map(|(aside, why)| done(Item::Aside(aside, why))));
        let seen = page.seen_above.or(page.rows.last().map(|row| row.seen));
        let mut rows = page.rows.into_iter().peekable();
        while rows.peek().is_some() {
            self.waiting.push_back(Raw::Records(rows.by_ref().take(self.chunk).collect()));
        }
        self.waiting.extend(page.gone.into_iter().map(|aside| done(Item::Gone(aside))));
        self.waiting.push_back(done(Item::PageDone { position: page.position, below: page.below, seen, last: page.last }));
    }
}
