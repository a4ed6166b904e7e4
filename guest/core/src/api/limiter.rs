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
mod tests {
    use super::*;
    use crate::virtual_time::{VirtualClock, run};
    use chrono::DateTime;
    use futures_util::future::join_all;

    const HOUR: Duration = Duration::from_secs(3600);

    /// A store with a quota in fixed windows, which answers after a while and notes what it sees.
    struct Store<'c> {
        clock: &'c VirtualClock,
        quota: u64,
        window: Duration,
        spent: RefCell<Vec<u64>>,
        refused: Cell<u64>,
        flying: Cell<usize>,
        most_flying: Cell<usize>,
    }

    impl<'c> Store<'c> {
        fn new(clock: &'c VirtualClock, quota: u64) -> Store<'c> {
            let (spent, window) = (RefCell::default(), Duration::from_secs(30));
            Store { clock, quota, window, spent, refused: Cell::new(0), flying: Cell::new(0), most_flying: Cell::new(0) }
        }

        /// The answer, after so many milliseconds there and back.
        async fn answer(&self, (there, back): (u64, u64)) -> Response {
            self.flying.set(self.flying.get() + 1);
            self.most_flying.set(self.most_flying.get().max(self.flying.get()));
            self.clock.sleep(Duration::from_millis(there)).await;
            let response = self.take(self.clock.now());
            self.clock.sleep(Duration::from_millis(back)).await;
            self.flying.set(self.flying.get() - 1);
            response
        }

        fn take(&self, now: Duration) -> Response {
            let place = (now.as_nanos() / self.window.as_nanos()) as usize;
            let mut spent = self.spent.borrow_mut();
            let seen = spent.len();
            spent.resize(seen.max(place + 1), 0);
            let status = if spent[place] < self.quota { 200 } else { 429 };
            spent[place] += u64::from(status == 200);
            self.refused.set(self.refused.get() + u64::from(status == 429));
            let reset = self.window * (place as u32 + 1) - now;
            let headers = vec![
                ("X-Rate-Limit-Requests-Left".to_owned(), (self.quota - spent[place]).to_string()),
                ("X-Rate-Limit-Time-Reset-Ms".to_owned(), reset.as_millis().to_string()),
            ];
            Response { status, headers, body: Vec::new() }
        }
    }

    async fn request(limiter: &Limiter, store: &Store<'_>, latency: u64) {
        let (permit, _) = limiter.acquire(store.clock, HOUR, |_| {}).await.unwrap();
        let response = store.answer((latency / 2, latency / 2)).await;
        limiter.learn(&permit, &response, store.clock.now());
    }

    #[test]
    fn each_window_is_spent_whole_and_none_is_overrun() {
        for quota in [1, 10, 150, 1000] {
            let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
            let (limiter, store) = (Limiter::new(64), Store::new(&clock, quota));
            let requests = (0..quota * 5).map(|number| request(&limiter, &store, 40 + number * 7 % 90));
            run(&clock, join_all(requests)).unwrap();
            assert_eq!(store.refused.get(), 0, "quota {quota}");
            let spent = store.spent.borrow();
            assert!(spent[..5].iter().all(|spent| *spent == quota), "quota {quota}: {spent:?}");
        }
    }

    #[test]
    fn one_request_leaves_until_the_store_shows_its_quota_and_then_ever_more() {
        let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
        let (limiter, store) = (Limiter::new(16), Store::new(&clock, 10_000));
        run(&clock, request(&limiter, &store, 50)).unwrap();
        assert_eq!(store.most_flying.get(), 1);
        run(&clock, join_all((0..4).map(|_| request(&limiter, &store, 50)))).unwrap();
        assert_eq!(store.most_flying.get(), 4);
        run(&clock, join_all((0..400).map(|_| request(&limiter, &store, 50)))).unwrap();
        assert_eq!(store.most_flying.get(), 16);
    }

    #[test]
    fn without_headers_requests_leave_one_by_one() {
        let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
        let (limiter, flying) = (Limiter::new(64), Cell::new(0));
        let request = async || {
            let (permit, _) = limiter.acquire(&clock, HOUR, |_| {}).await.unwrap();
            flying.set(flying.get() + 1);
            assert_eq!(flying.get(), 1);
            clock.sleep(Duration::from_millis(10)).await;
            flying.set(0);
            limiter.learn(&permit, &Response { status: 200, ..Response::default() }, clock.now());
        };
        run(&clock, join_all((0..20).map(|_| request()))).unwrap();
    }

    #[test]
    fn a_wait_beyond_the_bound_is_refused() {
        let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
        let limiter = Limiter::new(4);
        limiter.close_until(Duration::from_secs(3601));
        assert!(run(&clock, limiter.acquire(&clock, HOUR, |_| {})).unwrap().is_none());
    }

    #[test]
    fn requests_whose_answers_are_lost_count_as_spent() {
        let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
        let (limiter, store) = (Limiter::new(8), Store::new(&clock, 10));
        let request = async |number: u64| {
            let (permit, _) = limiter.acquire(&clock, HOUR, |_| {}).await.unwrap();
            let response = store.answer((25, 25)).await;
            match number % 3 {
                0 => limiter.lost(&permit, clock.now()),
                1 => limiter.learn(&permit, &Response { status: 200, ..Response::default() }, clock.now()),
                _ => limiter.learn(&permit, &response, clock.now()),
            }
        };
        run(&clock, join_all((0..60).map(request))).unwrap();
        assert_eq!(store.refused.get(), 0);
    }

    #[test]
    fn a_window_that_turns_under_requests_of_any_speed_is_not_overrun() {
        for seed in 0..500 {
            let chance = RefCell::new(fastrand::Rng::with_seed(seed));
            let milliseconds = |most: u64| chance.borrow_mut().u64(1..=most);
            let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
            let (limiter, store) = (Limiter::new(64), Store::new(&clock, 8 + seed % 10));
            let request = async || {
                clock.sleep(Duration::from_millis(milliseconds(120_000))).await;
                let (permit, _) = limiter.acquire(&clock, HOUR, |_| {}).await.unwrap();
                let response = store.answer((milliseconds(2_000), milliseconds(2_000))).await;
                match milliseconds(10) {
                    1 => limiter.lost(&permit, clock.now()),
                    _ => limiter.learn(&permit, &response, clock.now()),
                }
            };
            run(&clock, join_all((0..60).map(|_| request()))).unwrap();
            assert_eq!(store.refused.get(), 0, "seed {seed}");
        }
    }

    #[test]
    fn clocks_of_the_store_that_differ_cost_no_overrun() {
        for seed in 0..200 {
            let chance = RefCell::new(fastrand::Rng::with_seed(seed));
            let milliseconds = |most: u64| chance.borrow_mut().u64(1..=most);
            let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
            let (limiter, store) = (Limiter::new(64), Store::new(&clock, 8 + seed % 10));
            let request = async || {
                clock.sleep(Duration::from_millis(milliseconds(28_000))).await;
                let (permit, _) = limiter.acquire(&clock, HOUR, |_| {}).await.unwrap();
                let mut response = store.answer((milliseconds(60), milliseconds(60))).await;
                let reset: u64 = response.number("x-rate-limit-time-reset-ms").unwrap();
                response.headers[1].1 = (reset + milliseconds(200)).to_string();
                response.headers.push(("X-Rate-Limit-Time-Window-Ms".into(), "30000".into()));
                limiter.learn(&permit, &response, clock.now());
            };
            run(&clock, join_all((0..60).map(|_| request()))).unwrap();
            assert_eq!(store.refused.get(), 0, "seed {seed}");
        }
    }

    /// Such answers seem to tell of different windows.
    #[test]
    fn answers_faster_than_the_resets_are_told_overrun_no_window() {
        for seed in 0..200 {
            let chance = RefCell::new(fastrand::Rng::with_seed(seed));
            let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
            let pause = |most: u64| clock.sleep(Duration::from_micros(chance.borrow_mut().u64(1..=most)));
            let (limiter, store) = (Limiter::new(64), Store::new(&clock, 8 + seed % 10));
            let request = async || {
                let (permit, _) = limiter.acquire(&clock, HOUR, |_| {}).await.unwrap();
                pause(700).await;
                let response = store.take(clock.now());
                pause(700).await;
                limiter.learn(&permit, &response, clock.now());
            };
            run(&clock, join_all((0..60).map(|_| request()))).unwrap();
            assert_eq!(store.refused.get(), 0, "seed {seed}");
        }
    }

    #[test]
    fn a_request_that_is_given_up_gives_its_place_back() {
        let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
        let limiter = Limiter::new(4);
        let first = run(&clock, limiter.acquire(&clock, HOUR, |_| {})).unwrap();
        let second = async { limiter.acquire(&clock, HOUR, |_| {}).await.is_some() };
        let give_up = async {
            clock.sleep(Duration::from_secs(5)).await;
            drop(first);
        };
        assert!(run(&clock, futures_util::future::join(second, give_up)).unwrap().0);
    }
}
