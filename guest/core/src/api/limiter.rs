//! The store's quota: one place that says when the next request may leave.
//!
//! The quota headers of each answer say how many requests are left until a reset (bigcommerce-api, "Rate limits"). What is left less
//! what is in flight may leave; then the limiter waits for the reset. After a reset one request goes first, since another client
//! may have spent the new window already; its answer opens the rest. So the window is spent whole and never overrun by this client.

use super::{Clock, Response};
use futures_util::future::{poll_fn, select};
use futures_util::lock::Mutex;
use futures_util::task::AtomicWaker;
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// Requests in flight before the store has shown its quota headers once.
const CAUTIOUS: usize = 1;
/// Requests in flight once it has.
const OPENING: usize = 4;
/// The store tells its resets in whole milliseconds, and does not say which way it rounds.
const GRAIN: Duration = Duration::from_millis(1);
/// Answers whose resets lie closer together than this part of a window tell of the same one: the clocks of the store's machines differ.
const SAME_WINDOW: u32 = 4;

/// Decides when requests leave.
#[derive(Debug)]
pub(crate) struct Limiter {
    most: usize,
    state: RefCell<State>,
    /// Callers wait in line; only the first looks at the state.
    turn: Mutex<()>,
    changed: AtomicWaker,
}

#[derive(Debug)]
struct State {
    in_flight: usize,
    /// How many may be in flight.
    concurrency: usize,
    /// Good answers since the concurrency last moved.
    clean: usize,
    window: Option<Window>,
    /// A request is under way to find out what the window holds.
    probing: bool,
    /// Nothing leaves before this moment.
    closed_until: Duration,
    /// Since then the store has answered with nothing but 429.
    refused_since: Option<Duration>,
    /// When the concurrency was last halved.
    slowed_at: Duration,
    /// Counts requests of which no answer has said what is left after them.
    untold: u64,
}

/// The latest of the store's windows that an answer has told of.
#[derive(Clone, Copy, Debug)]
struct Window {
    left: u64,
    /// It ends between these moments: an answer says how long that is from when it was made, which was after its request left and before
    /// it came.
    ends: (Duration, Duration),
}

/// Leave to send one request. Dropped, it gives its place back; if no answer has said what is left since, the request counts as spent.
#[derive(Debug)]
pub(crate) struct Permit<'l> {
    limiter: &'l Limiter,
    given: Duration,
    /// Whether its request finds out what a window holds.
    probe: bool,
    /// How many were untold when it was given.
    untold: u64,
    counted: Cell<bool>,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.limiter.state.borrow_mut();
        state.in_flight -= 1;
        state.probing &= !self.probe;
        if !self.counted.get() {
            state.untold += 1;
            state.window = state.window.map(|known| Window { left: known.left.saturating_sub(1), ..known });
        }
        drop(state);
        self.limiter.changed.wake();
    }
}

enum Next {
    Go {
        probe: bool,
    },
    /// Until something comes back.
    Answer,
    /// Until this moment, or until something comes back.
    Quota(Duration),
}

impl Limiter {
    pub(crate) fn new(most: usize) -> Limiter {
        let state = State {
            in_flight: 0,
            concurrency: CAUTIOUS,
            clean: 0,
            window: None,
            probing: false,
            closed_until: Duration::ZERO,
            refused_since: None,
            slowed_at: Duration::ZERO,
            untold: 0,
        };
        Limiter { most: most.max(1), state: RefCell::new(state), turn: Mutex::new(()), changed: AtomicWaker::new() }
    }

    /// Waits until a request may leave; gives the time that was waited for the quota, too. `announce` is told before each such wait.
    /// None: the wait would be longer than `at_most`, or the store would have refused everything for so long.
    pub(crate) async fn acquire(
        &self,
        clock: &impl Clock,
        at_most: Duration,
        announce: impl Fn(Duration),
    ) -> Option<(Permit<'_>, Duration)> {
        let _turn = self.turn.lock().await;
        let mut waited = Duration::ZERO;
        let mut announced = Duration::ZERO;
        loop {
            let now = clock.now();
            match self.next(now) {
                Next::Go { probe } => {
                    let untold = self.state.borrow().untold;
                    return Some((Permit { limiter: self, given: now, probe, untold, counted: Cell::new(false) }, waited));
                }
                Next::Answer => self.change().await,
                Next::Quota(until) => {
                    let pause = until.saturating_sub(now);
                    let refused = self.state.borrow().refused_since.map_or(pause, |since| until.saturating_sub(since));
                    if (waited + pause).max(refused) > at_most {
                        return None;
                    }
                    if std::mem::replace(&mut announced, until) != until {
                        announce(pause);
                    }
                    select(pin!(self.change()), pin!(clock.sleep(pause))).await;
                    // While a slow sink holds the run, that is no wait for the quota.
                    waited += clock.now().saturating_sub(now).min(pause);
                }
            }
        }
    }

    /// Resolves when the task is woken: by an answer, a permit that goes back, or by chance.
    async fn change(&self) {
        let mut polled = false;
        poll_fn(|context| {
            self.changed.register(context.waker());
            if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn next(&self, now: Duration) -> Next {
        let mut state = self.state.borrow_mut();
        if now < state.closed_until {
            return Next::Quota(state.closed_until);
        }
        if state.in_flight >= state.concurrency {
            return Next::Answer;
        }
        let probe = match state.window.filter(|window| now < window.ends.1) {
            Some(window) if state.in_flight as u64 >= window.left => return Next::Quota(window.ends.1),
            Some(_) => false,
            None if state.probing => return Next::Answer,
            // A new window: the first request finds out what it holds.
            None => true,
        };
        state.probing |= probe;
        state.in_flight += 1;
        Next::Go { probe }
    }

    /// Learns from an answer to the request that left with `permit`.
    pub(crate) fn learn(&self, permit: &Permit, response: &Response, now: Duration) {
        let mut state = self.state.borrow_mut();
        let left = response.number("x-rate-limit-requests-left");
        let reset = response.reset();
        if let (Some(left), Some(reset)) = (left, reset) {
            permit.counted.set(true);
            // The store may have met this request before those that have been lost since it left.
            let left = left.saturating_sub(state.untold - permit.untold);
            let ends = ((permit.given + reset).saturating_sub(GRAIN), now + reset + GRAIN);
            let length = response.number("x-rate-limit-time-window-ms").map(Duration::from_millis);
            state.see(Window { left, ends }, length.unwrap_or_default() / SAME_WINDOW, self.most);
        }
        match response.status {
            429 => {
                state.closed_until = state.closed_until.max(now + reset.map_or(Duration::ZERO, |reset| reset + GRAIN));
                state.refused_since.get_or_insert(now);
                state.slow_down(permit, now);
            }
            500.. => state.slow_down(permit, now),
            _ => {
                state.refused_since = None;
                state.speed_up(self.most);
            }
        }
    }

    /// Learns that a request brought no answer.
    pub(crate) fn lost(&self, permit: &Permit, now: Duration) {
        self.state.borrow_mut().slow_down(permit, now);
    }

    /// Keeps every request back until then: a store under load asks all of us for peace.
    pub(crate) fn close_until(&self, then: Duration) {
        let mut state = self.state.borrow_mut();
        state.closed_until = state.closed_until.max(then);
    }
}

impl State {
    /// Answers arrive out of order, and some tell of a window that is over. Of one window the least of each figure is the safe one. Windows
    /// whose ends are less than `near` apart are one.
    fn see(&mut self, told: Window, near: Duration, most: usize) {
        let Some(known) = &mut self.window else {
            self.window = Some(told);
            self.concurrency = OPENING.min(most);
            return;
        };
        let (is_earlier, is_later) = (told.ends.1 + near < known.ends.0, told.ends.0 > known.ends.1 + near);
        if is_later {
            *known = told;
        } else if !is_earlier {
            let ends = (known.ends.0.max(told.ends.0), known.ends.1.min(told.ends.1));
            *known = Window { left: known.left.min(told.left), ends };
        }
    }

    /// Halves the concurrency, once for all requests that were under way together.
    fn slow_down(&mut self, permit: &Permit, now: Duration) {
        self.clean = 0;
        if permit.given >= self.slowed_at {
            self.concurrency = (self.concurrency / 2).max(CAUTIOUS);
            self.slowed_at = now;
        }
    }

    /// Doubles after as many good answers as may be in flight: one clean round trip.
    fn speed_up(&mut self, most: usize) {
        self.clean += 1;
        if self.window.is_some() && self.clean >= self.concurrency {
            self.concurrency = (self.concurrency * 2).min(most);
            self.clean = 0;
        }
    }
}

#[cfg(test)]
mod tests;
