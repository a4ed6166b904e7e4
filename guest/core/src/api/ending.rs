//! The end of a run's time: whoever waits is woken, once.

use futures_util::future::{Either, select};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, Waker};

/// Begins once, for all who wait.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    begun: Cell<bool>,
    /// Whoever waits now, each under a number of its own.
    waiting: RefCell<BTreeMap<u64, Waker>>,
    next: Cell<u64>,
}

/// Forgets a waker when its owner stops waiting, so that nothing is kept for each request.
struct Position<'e> {
    ending: &'e Ending,
    number: u64,
}

impl Drop for Position<'_> {
    fn drop(&mut self) {
        self.ending.waiting.borrow_mut().remove(&self.number);
    }
}

impl Ending {
    /// Wakes all who wait, and lets nobody wait from now on.
    pub(crate) fn begin(&self) {
        self.begun.set(true);
        self.waiting.take().into_values().for_each(Waker::wake);
    }

    /// Whether it has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.get()
    }

    /// The output of a future; none if the end begins before it is there.
    pub(crate) async fn or<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let number = self.next.replace(self.next.get() + 1);
        let _place = Position { ending: self, number };
        let begins = poll_fn(|context| {
            if self.begun.get() {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().insert(number, context.waker().clone());
            Poll::Pending
        });
        match select(pin!(future), pin!(begins)).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::future::{pending, ready};

    #[test]
    fn a_ready_future_completes_and_a_pending_one_is_ended() {
        let ending = Ending::default();
        assert_eq!(ending.or(ready(1)).now_or_never(), Some(Some(1)));
        assert_eq!(ending.or(pending::<u8>()).now_or_never(), None);
        ending.begin();
        assert_eq!(ending.or(pending::<u8>()).now_or_never(), Some(None));
        assert_eq!(ending.or(ready(2)).now_or_never(), Some(Some(2)));
    }

    #[test]
    fn no_waker_is_kept_after_its_future_is_dropped() {
        let ending = Ending::default();
        for _ in 0..1000 {
            assert_eq!(ending.or(pending::<u8>()).now_or_never(), None);
        }
        assert!(ending.waiting.borrow().is_empty());
    }
}
