//! Time for tests and simulations: it moves only when nothing else can, so that hours pass at once and each run is the same.

use crate::api::Clock;
use chrono::{DateTime, Utc};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// A clock that [`run`] moves. Its clones show the same time.
#[derive(Clone, Debug)]
pub struct VirtualClock(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    epoch: DateTime<Utc>,
    now: Cell<Duration>,
    sleepers: RefCell<Vec<(Duration, Waker)>>,
}

impl VirtualClock {
    /// A clock that starts at this date.
    pub fn new(epoch: DateTime<Utc>) -> VirtualClock {
        VirtualClock(Rc::new(Inner { epoch, now: Cell::default(), sleepers: RefCell::default() }))
    }

    /// Moves to the next moment that something waits for. False: nothing waits.
    fn advance(&self) -> bool {
        let mut sleepers = self.0.sleepers.borrow_mut();
        let Some(next) = sleepers.iter().map(|(at, _)| *at).min() else { return false };
        self.0.now.set(self.0.now.get().max(next));
        let (due, later) = sleepers.drain(..).partition(|(at, _)| *at <= next);
        *sleepers = later;
        drop(sleepers);
        let due: Vec<(Duration, Waker)> = due;
        due.into_iter().for_each(|(_, waker)| waker.wake());
        true
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Duration {
        self.0.now.get()
    }

    async fn sleep(&self, time: Duration) {
        let at = self.now() + time;
        poll_fn(|context| {
            if self.now() >= at {
                return Poll::Ready(());
            }
            self.0.sleepers.borrow_mut().push((at, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    fn date(&self) -> DateTime<Utc> {
        self.0.epoch + self.now()
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs a future to its end; whenever it waits only for time, the clock moves forward. None if it waits for something that can
/// never happen.
pub fn run<F: Future>(clock: &VirtualClock, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Waker::from(woken.clone());
    loop {
        while woken.0.swap(false, Ordering::Relaxed) {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(output);
            }
        }
        // A sleeper whose waker is stale wakes nobody; the next one may.
        if !clock.advance() {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join;

    #[test]
    fn sleeps_end_in_their_order_and_take_no_time() {
        let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
        let order = RefCell::new(Vec::new());
        let nap = async |name: &'static str, seconds| {
            clock.sleep(Duration::from_secs(seconds)).await;
            order.borrow_mut().push((name, clock.now().as_secs()));
        };
        run(&clock, join(nap("long", 7200), nap("short", 60))).unwrap();
        assert_eq!(*order.borrow(), [("short", 60), ("long", 7200)]);
        assert_eq!(clock.date().timestamp(), 7200);
    }

    #[test]
    fn a_wait_that_can_never_end_is_reported() {
        assert_eq!(run(&VirtualClock::new(DateTime::UNIX_EPOCH), std::future::pending::<()>()), None);
    }
}
