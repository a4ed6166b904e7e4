//! Completes a source's records concurrently and returns them in order, as far as there is room for them.

use crate::api::{Clock, Transport};
use crate::aside::Aside;
use crate::error::{Failure, Result};
use crate::page::{Page, Pages, Row};
use crate::progress::{Below, Position};
use crate::rows::{Chunk, Fetcher};
use chrono::{DateTime, Utc};
use futures_util::future::{FutureExt, LocalBoxFuture};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll};

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

/// The most records in progress, including complete ones that wait for an earlier record, such as an order with thousands of
/// lines.
pub(crate) const MOST_RECORDS: usize = 500;
/// While complete records of this many bytes wait, no others are started.
const MOST_BYTES: usize = 32 << 20;

/// A place in the output order: the item, or how much it is expected to bring.
struct Slot {
    /// How many RECORD messages it may bring.
    expected: u64,
    /// What it holds in memory once it is there.
    bytes: usize,
    item: Option<Result<Item>>,
}

/// Completes the records of a source.
pub(crate) struct Pipeline<'f, P, T, C> {
    fetcher: &'f Fetcher<'f, T, C>,
    /// How many chunks are completed concurrently, across page boundaries.
    fan_out: usize,
    /// How many records a chunk has.
    chunk: usize,
    source: Feed<'f, P>,
    waiting: VecDeque<Raw>,
    /// What is being completed, by its number.
    fetching: FuturesUnordered<LocalBoxFuture<'f, (u64, Result<Chunk>)>>,
    /// What is under way, in order.
    slots: VecDeque<Slot>,
    /// The number of the first of them.
    first: u64,
}

impl<'f, P: Pages + 'f, T: Transport, C: Clock> Pipeline<'f, P, T, C> {
    pub(crate) fn new(source: P, fetcher: &'f Fetcher<'f, T, C>, fan_out: usize, chunk: usize) -> Self {
        Pipeline {
            fetcher,
            fan_out,
            chunk,
            source: Feed::Idle(source),
            waiting: VecDeque::new(),
            fetching: FuturesUnordered::new(),
            slots: VecDeque::new(),
            first: 0,
        }
    }

    /// Whether the source has brought all that it has.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.source, Feed::Done) && self.waiting.is_empty() && self.slots.is_empty()
    }

    /// The next item. None if there is none, or no room for it. The future may be dropped at any time.
    pub(crate) async fn next(&mut self, room: Room) -> Option<Result<Item>> {
        loop {
            self.admit(room);
            // Without room, there is no use in waiting for a page that is still being requested.
            if self.slots.is_empty() && (room.page == Some(0) || !matches!(self.source, Feed::Asking(_))) {
                return None;
            }
            // Before an item is returned, take in everything that has arrived and start whatever fits, because the caller
            // computes next.
            let item = poll_fn(|context| match (self.take_what_has_come(context), self.slots.front_mut()) {
                (true, _) => Poll::Ready(None),
                (false, Some(slot)) if slot.item.is_some() => Poll::Ready(slot.item.take()),
                (false, _) => Poll::Pending,
            });
            if let Some(item) = item.await {
                self.slots.pop_front();
                self.first += 1;
                return Some(item);
            }
        }
    }

    /// Whether anything has come.
    fn take_what_has_come(&mut self, context: &mut Context<'_>) -> bool {
        let mut has_come = false;
        if let Feed::Asking(asking) = &mut self.source
            && let Poll::Ready((source, page)) = asking.poll_unpin(context)
        {
            self.take_in(source, page);
            has_come = true;
        }
        while let Poll::Ready(Some((number, chunk))) = self.fetching.poll_next_unpin(context) {
            has_come = true;
            let place = usize::try_from(number - self.first).unwrap_or(usize::MAX);
            if let Some(slot) = self.slots.get_mut(place) {
                slot.bytes = chunk.as_ref().map_or(0, Chunk::bytes);
                slot.item = Some(chunk.map(Item::Chunk));
            }
        }
        has_come
    }

    /// Starts whatever there is room for. Records are started only if those before them do not fill the room, so that no request is thrown away.
    fn admit(&mut self, room: Room) {
        let mut expected: u64 = self.slots.iter().map(|slot| slot.expected).sum();
        let fits = |expected: u64, room: Option<u64>| room.is_none_or(|room| expected < room);
        let most = (MOST_RECORDS / self.chunk).max(self.fan_out);
        if self.slots.iter().map(|slot| slot.bytes).sum::<usize>() >= MOST_BYTES {
            return;
        }
        while self.fetching.len() < self.fan_out && self.slots.len() < most {
            match self.waiting.pop_front() {
                Some(Raw::Records(records)) if fits(expected, room.records) => {
                    let (fetcher, number) = (self.fetcher, self.first + self.slots.len() as u64);
                    let brings = room.records.map_or(0, |_| records.iter().map(|row| fetcher.group.expects(&row.raw)).sum());
                    expected = expected.saturating_add(brings);
                    self.slots.push_back(Slot { expected: brings, bytes: 0, item: None });
                    self.fetching.push(async move { (number, fetcher.fetch(records).await) }.boxed_local());
                }
                Some(Raw::Done(item)) => self.slots.push_back(Slot { expected: 0, bytes: 0, item: Some(item) }),
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
