//! The store's quota: the one place that decides when the next request is sent.
//!
//! The quota headers of each answer say how many requests are left until a reset (BigCommerce docs, rate limits). The limiter
//! sends that many, minus those in flight, then waits for the reset. After a reset it sends one request first, since another
//! client may have used up the new window already; its answer says how many more may follow. So this client uses each window
//! fully and never exceeds it.
//!
//! Contradictory headers do not slow it down: see [`windows`]. If they are wrong about what is left, nothing can prevent a 429;
//! then the limiter waits and halves the number of requests in flight. Without headers it keeps a few requests in flight.

mod line;
mod windows;

use super::{Clock, Response};
use futures_util::future::select;
use line::Line;
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::time::Duration;
use windows::{Known, News, Windows};

/// Requests in flight at first, and after trouble.
const CAUTIOUS: usize = 1;
/// Requests in flight once the store has shown its quota.
const OPENING: usize = 4;
/// Requests in flight at most while the store does not show its quota.
const BLIND: usize = 4;
/// With more requests left than this, no client can use up a window: the store has an unlimited plan.
const AMPLE: u64 = 1_000_000;
/// Added to a wait for the reset, because resets are rounded to whole milliseconds.
const GRAIN: Duration = Duration::from_millis(1);

/// Decides when requests are sent.
#[derive(Debug)]
pub(crate) struct Limiter {
    most: usize,
    state: RefCell<State>,
    /// Callers wait in line; only the first looks at the state.
    line: Line,
}

#[derive(Debug)]
struct State {
    in_flight: usize,
    /// How many may be in flight.
    concurrency: usize,
    /// Good answers since the concurrency last changed.
    clean: usize,
    windows: Windows,
    /// A request is in flight to find out what a new window holds.
    probing: bool,
    /// Nothing is sent before this moment.
    closed_until: Duration,
    /// Since then the store has answered with nothing but 429.
    refused_since: Option<Duration>,
    /// When the concurrency was last halved.
    slowed_at: Duration,
    /// How many requests ended without an answer that already subtracts them from what is left.
    uncounted: u64,
}

/// Permission to send one request. Dropping it frees the slot, and subtracts the request from what is left unless an answer has
/// done so.
#[derive(Debug)]
pub(crate) struct Permit<'l> {
    limiter: &'l Limiter,
    sent: Duration,
    /// Whether the request finds out what a new window holds.
    probe: bool,
    /// What was known of the window when the request was sent.
    known: Option<Known>,
    /// How many requests were uncounted when this one was sent.
    uncounted: u64,
    counted: Cell<bool>,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.limiter.state.borrow_mut();
        state.in_flight -= 1;
        state.probing &= !self.probe;
        if !self.counted.get() {
            state.uncounted += 1;
            state.windows.deduct();
        }
        drop(state);
        self.limiter.line.wake_first();
    }
}

enum Next {
    Send {
        probe: bool,
    },
    /// Wait until something comes back.
    Answer,
    /// Wait until this moment, or until something comes back.
    Quota(Duration),
}

impl Limiter {
    pub(crate) fn new(most: usize) -> Limiter {
        let state = State {
            in_flight: 0,
            concurrency: CAUTIOUS,
            clean: 0,
            windows: Windows::new(),
            probing: false,
            closed_until: Duration::ZERO,
            refused_since: None,
            slowed_at: Duration::ZERO,
            uncounted: 0,
        };
        Limiter { most: most.max(1), state: RefCell::new(state), line: Line::default() }
    }

    /// Waits until a request may be sent; a lower rank goes first. Also returns how long it waited for the quota. `announce` is
    /// called before each such wait.
    /// None if the wait for the quota would be longer than `at_most`, or if the store would have refused everything for that
    /// long. If `at_most` is zero, it does not wait for the answers of other requests either.
    pub(crate) async fn acquire(
        &self,
        clock: &impl Clock,
        rank: u64,
        at_most: Duration,
        announce: impl Fn(Duration),
    ) -> Option<(Permit<'_>, Duration)> {
        let place = self.line.join(rank);
        let mut waited = Duration::ZERO;
        let mut announced = Duration::ZERO;
        loop {
            place.first().await;
            let now = clock.now();
            match self.next(now) {
                Next::Send { probe } => return Some((self.permit(now, probe), waited)),
                Next::Answer if at_most.is_zero() => return None,
                Next::Answer => place.change().await,
                Next::Quota(until) => {
                    let pause = until.saturating_sub(now);
                    let refused = self.state.borrow().refused_since.map_or(pause, |since| until.saturating_sub(since));
                    if (waited + pause).max(refused) > at_most {
                        return None;
                    }
                    if std::mem::replace(&mut announced, until) != until {
                        announce(pause);
                    }
                    select(pin!(place.change()), pin!(clock.sleep(pause))).await;
                    // Time in which a slow sink blocked the run is not a wait for the quota.
                    waited += clock.now().saturating_sub(now).min(pause);
                }
            }
        }
    }

    fn permit(&self, sent: Duration, probe: bool) -> Permit<'_> {
        let state = self.state.borrow();
        let (known, uncounted) = (state.windows.known(), state.uncounted);
        Permit { limiter: self, sent, probe, known, uncounted, counted: Cell::new(false) }
    }

    fn next(&self, now: Duration) -> Next {
        let mut state = self.state.borrow_mut();
        if now < state.closed_until {
            return Next::Quota(state.closed_until);
        }
        // While the store refuses everything, one request is enough to learn when that ends.
        if state.in_flight >= if state.refused_since.is_some() { CAUTIOUS } else { state.concurrency } {
            return Next::Answer;
        }
        let probe = match state.windows.latest().map(|window| (window.left, state.windows.end(window))) {
            None => false,
            Some((left, _)) if left >= AMPLE => false,
            Some((left, end)) if now < end && state.in_flight as u64 >= left => return Next::Quota(end),
            Some((_, end)) if now < end => false,
            Some(_) if state.probing => return Next::Answer,
            // A new window: the first request finds out what it holds.
            Some(_) => true,
        };
        state.probing |= probe;
        state.in_flight += 1;
        Next::Send { probe }
    }

    /// Learns from an answer to the request that was sent with `permit`.
    pub(crate) fn learn(&self, permit: &Permit<'_>, response: &Response, now: Duration) {
        let mut state = self.state.borrow_mut();
        let left = response.left();
        if let Some(left) = left {
            state.hear(permit, left, response, now, self.most);
        }
        match response.status {
            429 => {
                let reset = response.reset().map_or(Duration::ZERO, |reset| reset + GRAIN);
                state.closed_until = state.closed_until.max(now + reset);
                state.refused_since.get_or_insert(now);
                state.slow_down(permit, now);
            }
            500.. => state.slow_down(permit, now),
            _ => {
                state.refused_since = None;
                if left.is_none() && permit.probe {
                    state.go_blind(permit);
                }
                state.speed_up(self.most);
            }
        }
    }

    /// Learns that a request brought no answer.
    pub(crate) fn lost(&self, permit: &Permit<'_>, now: Duration) {
        self.state.borrow_mut().slow_down(permit, now);
    }

    /// Sends no request before `then`.
    pub(crate) fn close_until(&self, then: Duration) {
        let mut state = self.state.borrow_mut();
        state.closed_until = state.closed_until.max(then);
    }
}

impl State {
    /// Learns what is left.
    fn hear(&mut self, permit: &Permit<'_>, left: u64, response: &Response, now: Duration, most: usize) {
        if self.windows.latest().is_none() {
            self.concurrency = self.concurrency.max(OPENING).min(most);
        }
        // The store may not have counted the requests yet that were lost since this one was sent, so they are subtracted here.
        let left = left.saturating_sub(self.uncounted - permit.uncounted);
        let (reset, length) = (response.countdown(), response.window());
        let news = News { sent: permit.sent, came: now, known: permit.known, left, reset, length };
        permit.counted.set(self.windows.learn(&news));
    }

    /// The probe of a new window brought no quota headers: the store no longer sends them.
    fn go_blind(&mut self, probe: &Permit<'_>) {
        if self.windows.forget(probe.known) {
            self.concurrency = CAUTIOUS;
            self.clean = 0;
        }
    }

    /// Halves the concurrency, once for all requests that were in flight together.
    fn slow_down(&mut self, permit: &Permit<'_>, now: Duration) {
        self.clean = 0;
        if permit.sent >= self.slowed_at {
            self.concurrency = (self.concurrency / 2).max(CAUTIOUS);
            self.slowed_at = now;
        }
    }

    /// Doubles the concurrency after as many good answers in a row as may be in flight: one clean round trip.
    fn speed_up(&mut self, most: usize) {
        let most = if self.windows.latest().is_some() { most } else { BLIND.min(most) };
        self.clean += 1;
        if self.clean >= self.concurrency {
            self.concurrency = (self.concurrency * 2).min(most);
            self.clean = 0;
        }
    }
}

#[cfg(test)]
mod tests;
