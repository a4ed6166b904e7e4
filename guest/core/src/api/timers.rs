//! Timers that requests share. An embedder looks at every timer whenever anything happens, so that one for each request would cost as much as the
//! requests themselves.

use super::Clock;
use futures_util::future::{FutureExt, LocalBoxFuture, Shared, WeakShared};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// A wait may last up to 1/64 longer, so that others can share its timer.
const SHARE: u32 = 64;

type Timer = LocalBoxFuture<'static, ()>;

/// The timer that was set last, and when it ends.
pub(super) struct Timers<C> {
    clock: Rc<C>,
    last: RefCell<Option<(Duration, WeakShared<Timer>)>>,
}

impl<C> std::fmt::Debug for Timers<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Timers")
    }
}

impl<C: Clock> Timers<C> {
    pub(super) fn new(clock: Rc<C>) -> Timers<C> {
        Timers { clock, last: RefCell::new(None) }
    }

    /// Waits for this time, or a little longer. The timer is dropped with its last waiter.
    pub(super) async fn wait(&self, time: Duration) {
        self.timer(time).await;
    }

    fn timer(&self, time: Duration) -> Shared<Timer> {
        let (now, most) = (self.clock.now(), time + time / SHARE);
        let mut last = self.last.borrow_mut();
        let is_near = |end: Duration| (time..=most).contains(&end.saturating_sub(now));
        if let Some(timer) = last.as_ref().filter(|(end, _)| is_near(*end)).and_then(|(_, timer)| timer.upgrade()) {
            return timer;
        }
        let clock = self.clock.clone();
        let timer = async move { clock.sleep(most).await }.boxed_local().shared();
        *last = timer.downgrade().map(|timer| (now + most, timer));
        timer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dates::{DateTime, Utc};
    use crate::virtual_time::{VirtualClock, run};
    use futures_util::future::join_all;
    use std::cell::Cell;

    /// Counts the timers that there are at a time.
    struct Counting {
        clock: VirtualClock,
        now: Rc<Cell<usize>>,
        most: Cell<usize>,
    }

    struct Held(Rc<Cell<usize>>);

    impl Drop for Held {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }

    impl Clock for Counting {
        fn now(&self) -> Duration {
            self.clock.now()
        }

        async fn sleep(&self, time: Duration) {
            self.now.set(self.now.get() + 1);
            let _held = Held(self.now.clone());
            self.most.set(self.most.get().max(self.now.get()));
            self.clock.sleep(time).await;
        }

        fn date(&self) -> DateTime<Utc> {
            self.clock.date()
        }
    }

    #[test]
    fn waits_that_end_at_about_the_same_time_share_a_timer_and_none_ends_early() {
        let clock = VirtualClock::new(Utc::now());
        let counting = Rc::new(Counting { clock: clock.clone(), now: Rc::default(), most: Cell::default() });
        let timers = Timers::new(counting.clone());
        let time = Duration::from_secs(64);
        let one = |begins: u64| {
            let (timers, clock) = (&timers, &clock);
            async move {
                clock.sleep(Duration::from_millis(begins)).await;
                let begun = clock.now();
                timers.wait(time).await;
                clock.now() - begun
            }
        };
        let waited = run(&clock, join_all((0..200).map(|place| one(place * 10)))).unwrap();
        assert!(waited.iter().all(|waited| (time..=time + Duration::from_secs(1)).contains(waited)), "{waited:?}");
        // They begin within two seconds, and share a timer for one.
        assert!((2..=3).contains(&counting.most.get()), "{}", counting.most.get());
        assert_eq!(counting.now.get(), 0);
    }

    #[test]
    fn a_timer_is_dropped_with_its_last_waiter() {
        let clock = VirtualClock::new(Utc::now());
        let counting = Rc::new(Counting { clock: clock.clone(), now: Rc::default(), most: Cell::default() });
        let timers = Timers::new(counting.clone());
        let both = async {
            let mut waits = [Box::pin(timers.wait(Duration::from_secs(60))), Box::pin(timers.wait(Duration::from_secs(60)))];
            for wait in &mut waits {
                assert!(wait.now_or_never().is_none());
            }
            assert_eq!(counting.now.get(), 1);
            drop(waits);
            counting.now.get()
        };
        assert_eq!(run(&clock, both).unwrap(), 0);
    }
}
