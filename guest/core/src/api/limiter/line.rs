//! The queue of requests that wait to be sent: lowest rank first, then first come, first served.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::task::{Poll, Waker};

/// A rank, and a number that grows with each arrival.
type Key = (u64, u64);

/// The line.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiting: RefCell<BTreeMap<Key, Option<Waker>>>,
    arrivals: Cell<u64>,
}

/// A place in the line. Dropping it lets the next one come first.
#[derive(Debug)]
pub(super) struct Position<'l> {
    line: &'l Line,
    key: Key,
}

impl Line {
    /// Takes a place behind all of the same rank and of lower ones.
    pub(super) fn join(&self, rank: u64) -> Position<'_> {
        let key = (rank, self.arrivals.get());
        self.arrivals.set(key.1 + 1);
        self.waiting.borrow_mut().insert(key, None);
        Position { line: self, key }
    }

    /// Tells the first that something has changed.
    pub(super) fn wake_first(&self) {
        let waker = self.waiting.borrow_mut().first_entry().and_then(|mut first| first.get_mut().take());
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Position<'_> {
    /// Resolves when nobody is before this place.
    pub(super) async fn first(&self) {
        poll_fn(|context| {
            let is_first = self.line.waiting.borrow().first_key_value().is_some_and(|(key, _)| *key == self.key);
            self.wake_by(context.waker());
            if is_first { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Resolves when the task is woken: by an answer, by a permit that is dropped, or spuriously.
    pub(super) async fn change(&self) {
        let mut polled = false;
        poll_fn(|context| {
            self.wake_by(context.waker());
            if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn wake_by(&self, waker: &Waker) {
        if let Some(known) = self.line.waiting.borrow_mut().get_mut(&self.key) {
            *known = Some(waker.clone());
        }
    }
}

impl Drop for Position<'_> {
    fn drop(&mut self) {
        self.line.waiting.borrow_mut().remove(&self.key);
        self.line.wake_first();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::FutureExt;

    #[test]
    fn the_lowest_rank_goes_first_and_equal_ranks_in_order_of_arrival() {
        let line = Line::default();
        let (late, early, second) = (line.join(7), line.join(3), line.join(3));
        let is_first = |place: &Position| place.first().now_or_never().is_some();
        assert!(is_first(&early) && !is_first(&second) && !is_first(&late));
        let urgent = line.join(0);
        assert!(is_first(&urgent) && !is_first(&early));
        drop(urgent);
        assert!(is_first(&early));
        drop(early);
        assert!(is_first(&second) && !is_first(&late));
        drop(second);
        assert!(is_first(&late));
        drop(late);
        assert!(line.waiting.borrow().is_empty(), "a place that is left holds nothing");
    }
}
