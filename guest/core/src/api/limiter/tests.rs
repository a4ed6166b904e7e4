mod headers;

use super::*;
use crate::virtual_time::{VirtualClock, run};
use chrono::DateTime;
use futures_util::future::join_all;

const HOUR: Duration = Duration::from_secs(3600);

/// What is true when the store answers.
#[derive(Clone, Copy)]
struct Truth {
    left: u64,
    quota: u64,
    reset: Duration,
}

/// The headers of an answer.
type Headers = Vec<(&'static str, String)>;

/// A store with a quota in fixed windows, which answers after a while and notes what it sees.
struct Store<'c> {
    clock: &'c VirtualClock,
    quota: u64,
    window: Duration,
    headers: Box<dyn Fn(Truth) -> Headers + 'c>,
    spent: RefCell<Vec<u64>>,
    refused: Cell<u64>,
    flying: Cell<usize>,
    most_flying: Cell<usize>,
}

impl<'c> Store<'c> {
    fn new(clock: &'c VirtualClock, quota: u64) -> Store<'c> {
        let (spent, window) = (RefCell::default(), Duration::from_secs(30));
        let headers = Box::new(|truth: Truth| vec![left(truth.left), reset(truth.reset.as_millis())]);
        Store { clock, quota, window, headers, spent, refused: Cell::new(0), flying: Cell::new(0), most_flying: Cell::new(0) }
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
        let headers = (self.headers)(Truth { left: self.quota - spent[place], quota: self.quota, reset });
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Response { status, headers, body: Vec::new() }
    }
}

fn left(left: impl ToString) -> (&'static str, String) {
    ("X-Rate-Limit-Requests-Left", left.to_string())
}

fn reset(millis: impl ToString) -> (&'static str, String) {
    ("X-Rate-Limit-Time-Reset-Ms", millis.to_string())
}

fn window(millis: impl ToString) -> (&'static str, String) {
    ("X-Rate-Limit-Time-Window-Ms", millis.to_string())
}

async fn request(limiter: &Limiter, store: &Store<'_>, latency: u64) {
    let (permit, _) = limiter.acquire(store.clock, 0, HOUR, |_| {}).await.unwrap();
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
fn one_request_is_in_flight_until_the_store_shows_its_quota_and_then_more_and_more() {
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
fn a_wait_beyond_the_bound_is_refused() {
    let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
    let limiter = Limiter::new(4);
    limiter.close_until(Duration::from_secs(3601));
    assert!(run(&clock, limiter.acquire(&clock, 0, HOUR, |_| {})).unwrap().is_none());
}

#[test]
fn requests_whose_answers_are_lost_count_as_spent() {
    let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
    let (limiter, store) = (Limiter::new(8), Store::new(&clock, 10));
    let request = async |number: u64| {
        let (permit, _) = limiter.acquire(&clock, 0, HOUR, |_| {}).await.unwrap();
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
            let (permit, _) = limiter.acquire(&clock, 0, HOUR, |_| {}).await.unwrap();
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
fn the_quota_is_not_exceeded_when_the_stores_clocks_differ() {
    for seed in 0..200 {
        let chance = RefCell::new(fastrand::Rng::with_seed(seed));
        let milliseconds = |most: u64| chance.borrow_mut().u64(1..=most);
        let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
        let (limiter, store) = (Limiter::new(64), Store::new(&clock, 8 + seed % 10));
        let request = async || {
            clock.sleep(Duration::from_millis(milliseconds(28_000))).await;
            let (permit, _) = limiter.acquire(&clock, 0, HOUR, |_| {}).await.unwrap();
            let mut response = store.answer((milliseconds(60), milliseconds(60))).await;
            let reset: u64 = response.header("x-rate-limit-time-reset-ms").unwrap().parse().unwrap();
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
            let (permit, _) = limiter.acquire(&clock, 0, HOUR, |_| {}).await.unwrap();
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
fn a_request_that_is_given_up_frees_its_place() {
    let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
    let limiter = Limiter::new(4);
    let first = run(&clock, limiter.acquire(&clock, 0, HOUR, |_| {})).unwrap();
    let second = async { limiter.acquire(&clock, 0, HOUR, |_| {}).await.is_some() };
    let give_up = async {
        clock.sleep(Duration::from_secs(5)).await;
        drop(first);
    };
    assert!(run(&clock, futures_util::future::join(second, give_up)).unwrap().0);
}
