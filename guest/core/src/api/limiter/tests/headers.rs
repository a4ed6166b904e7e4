//! Headers that contradict each other or the truth: they do not slow the client down, and as long as `left` is true, no quota is
//! exceeded.

use super::*;

const ROUND_TRIP: u64 = 50;
/// More callers than may be in flight.
const CALLERS: u64 = 100;
const UNLIMITED: u64 = 2_147_483_647;

/// A way to send the quota headers.
struct Variant {
    name: &'static str,
    headers: fn(Truth) -> Headers,
}

fn quota(requests: impl ToString) -> (&'static str, String) {
    ("X-Rate-Limit-Requests-Quota", requests.to_string())
}

/// The documented headers.
fn plain(truth: Truth) -> Headers {
    with_reset(truth, truth.reset.as_millis())
}

fn with_reset(truth: Truth, millis: impl ToString) -> Headers {
    vec![window(30_000), reset(millis), quota(truth.quota), left(truth.left)]
}

/// Headers whose number of requests left is true; everything else in them may be wrong.
const TRUE_LEFT: &[Variant] = &[
    Variant { name: "counts down", headers: plain },
    Variant { name: "always zero", headers: |truth| with_reset(truth, 0) },
    Variant { name: "always a second", headers: |truth| with_reset(truth, 1_000) },
    Variant { name: "always 20 ms", headers: |truth| with_reset(truth, 20) },
    Variant { name: "always the window", headers: |truth| with_reset(truth, 30_000) },
    Variant { name: "always longer than the window", headers: |truth| with_reset(truth, 45_000) },
    Variant { name: "always immense", headers: |truth| with_reset(truth, u64::MAX) },
    Variant { name: "counts down from twice the window", headers: |truth| with_reset(truth, truth.reset.as_millis() * 2) },
    Variant { name: "in seconds", headers: |truth| with_reset(truth, truth.reset.as_secs()) },
    Variant { name: "a fraction", headers: |truth| with_reset(truth, format!("{:.3}", truth.reset.as_secs_f64() * 1e3)) },
    Variant { name: "negative", headers: |truth| with_reset(truth, -1) },
    Variant { name: "a text", headers: |truth| with_reset(truth, "soon") },
    Variant { name: "no reset", headers: |truth| vec![window(30_000), left(truth.left)] },
    Variant { name: "no window", headers: |truth| vec![reset(truth.reset.as_millis()), left(truth.left)] },
    Variant { name: "neither reset nor window", headers: |truth| vec![left(truth.left)] },
    Variant { name: "all zero but what is left", headers: |truth| vec![window(0), reset(0), quota(0), left(truth.left)] },
    Variant { name: "a second, no window", headers: |truth| vec![reset(1_000), left(truth.left)] },
    Variant {
        name: "a window of an hour",
        headers: |truth| vec![window(3_600_000), reset(truth.reset.as_millis()), left(truth.left)],
    },
    Variant {
        name: "more left than the quota",
        headers: |truth| vec![window(30_000), reset(truth.reset.as_millis()), quota(truth.left.max(1)), left(truth.left * 10)],
    },
    Variant {
        name: "each header twice",
        headers: |truth| [with_reset(Truth { left: truth.quota, ..truth }, 1), plain(truth)].concat(),
    },
];

/// Headers of a store without a quota.
const NO_QUOTA: &[Variant] = &[
    Variant { name: "unlimited", headers: |_| vec![window(30_000), reset(0), quota(UNLIMITED), left(UNLIMITED)] },
    Variant { name: "unlimited, no window", headers: |_| vec![reset(0), quota(UNLIMITED), left(UNLIMITED)] },
    Variant { name: "unlimited, a window of 10 ms", headers: |_| vec![window(10), reset(10), left(UNLIMITED)] },
    Variant { name: "a number beyond all bounds", headers: |_| vec![window(30_000), reset(0), left("9".repeat(30))] },
    Variant { name: "never falls", headers: |_| vec![window(30_000), reset(1_000), left(149)] },
];

/// Headers that say nothing of what is left.
const NOTHING_LEFT: &[Variant] = &[
    Variant { name: "none", headers: |_| Vec::new() },
    Variant { name: "a reset alone", headers: |truth| vec![window(30_000), reset(truth.reset.as_millis())] },
    Variant { name: "a text", headers: |truth| vec![window(30_000), reset(truth.reset.as_millis()), left("unlimited")] },
    Variant { name: "negative", headers: |truth| vec![window(30_000), reset(truth.reset.as_millis()), left(-1)] },
];

/// Sends so many requests as fast as the limiter permits. Returns the time it took.
fn time(clock: &VirtualClock, store: &Store<'_>, limiter: &Limiter, requests: u64) -> Duration {
    let begun = clock.now();
    let to_send = Cell::new(requests);
    let caller = async || {
        while to_send.get() > 0 {
            to_send.set(to_send.get() - 1);
            // As the requests of records do, an earlier one goes first.
            send(limiter, store, requests - to_send.get(), || (ROUND_TRIP / 2, ROUND_TRIP / 2)).await;
        }
    };
    run(clock, join_all((0..CALLERS).map(|_| caller()))).unwrap();
    clock.now() - begun
}

/// Sends one request until it is not refused, with waits like the gate's. Each try takes so long there and back.
async fn send(limiter: &Limiter, store: &Store<'_>, rank: u64, latency: impl Fn() -> (u64, u64)) {
    let mut backoff = Duration::ZERO;
    loop {
        let (permit, _) = limiter.acquire(store.clock, rank, HOUR, |_| {}).await.unwrap();
        let response = store.answer(latency()).await;
        limiter.learn(&permit, &response, store.clock.now());
        drop(permit);
        if response.status != 429 {
            return;
        }
        limiter.close_until(store.clock.now() + response.reset().unwrap_or(Duration::from_secs(1)) + backoff);
        backoff = (backoff * 3).clamp(Duration::from_secs(1), Duration::from_secs(60));
    }
}

/// How long so many requests take at a store with this quota, and how many were in flight at most.
fn speed(variant: &Variant, quota: u64, requests: u64) -> (Duration, usize) {
    let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
    let (limiter, store) = (Limiter::new(64), Store { headers: Box::new(variant.headers), ..Store::new(&clock, quota) });
    let time = time(&clock, &store, &limiter, requests);
    assert_eq!(store.refused.get(), 0, "{}", variant.name);
    (time, store.most_flying.get())
}

#[test]
fn headers_that_contradict_themselves_cost_no_speed() {
    // A short run, and one over several windows. Neither quota is spent.
    for (requests, of_quota) in [(1_800, 7_000_000), (1_800, 20_000), (100_000, 7_000_000), (100_000, 200_000)] {
        let (usual, _) = speed(&TRUE_LEFT[0], of_quota, requests);
        for variant in TRUE_LEFT.iter().chain(NO_QUOTA) {
            let (time, most_in_flight) = speed(variant, of_quota, requests);
            let what = format!("{}, {requests} of {of_quota}: {time:?} instead of {usual:?}", variant.name);
            assert_eq!(most_in_flight, 64, "{what}");
            assert!(time < usual.mul_f64(1.3), "{what}");
        }
    }
}

#[test]
fn without_headers_four_requests_are_in_flight() {
    for requests in [1_800, 20_000] {
        let (usual, _) = speed(&TRUE_LEFT[0], 7_000_000, requests);
        for variant in NOTHING_LEFT {
            let (time, most_in_flight) = speed(variant, 7_000_000, requests);
            assert_eq!(most_in_flight, 4, "{}", variant.name);
            assert!(time < usual * 17, "{}: {time:?} instead of {usual:?}", variant.name);
        }
    }
}

#[test]
fn headers_that_contradict_themselves_overrun_no_quota() {
    for of_quota in [1, 10, 150, 1_000, 5_000] {
        // The store's first window may be nearly over when the run starts.
        for late in [0, 7_300, 29_900] {
            for variant in TRUE_LEFT {
                let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
                let (limiter, store) =
                    (Limiter::new(64), Store { headers: Box::new(variant.headers), ..Store::new(&clock, of_quota) });
                run(&clock, clock.sleep(Duration::from_millis(late))).unwrap();
                let windows = 6;
                let time = time(&clock, &store, &limiter, of_quota * windows);
                let what = format!("{}, {of_quota} in a window, {late} ms late: {time:?}", variant.name);
                // That a reset is too short shows only in a later answer of its window.
                let unseen = of_quota == 1 || (variant.name == "in seconds" && late == 29_900);
                assert!(store.refused.get() <= u64::from(unseen), "{what}");
                // Each window is spent, save one at the start while it is not yet known when windows end.
                assert!(of_quota == 1 || time < store.window * (windows as u32 + 1), "{what}");
            }
        }
    }
}

/// Slow answers overtake each other, so that the first one that shows a new window need not be the last that the store has counted.
#[test]
fn slow_answers_out_of_order_overrun_no_quota_whatever_the_resets_say() {
    for variant in TRUE_LEFT.iter().filter(|variant| ["always the window", "always zero", "no reset"].contains(&variant.name)) {
        for seed in 0..300 {
            let chance = RefCell::new(fastrand::Rng::with_seed(seed));
            let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
            let (limiter, store) = (Limiter::new(8), Store { headers: Box::new(variant.headers), ..Store::new(&clock, 10) });
            let late = chance.borrow_mut().u64(..30_000);
            run(&clock, clock.sleep(Duration::from_millis(late))).unwrap();
            let latency = || {
                let mut chance = chance.borrow_mut();
                (chance.u64(200..3_000), chance.u64(200..3_000))
            };
            run(&clock, join_all((0..60).map(|rank| send(&limiter, &store, rank, latency)))).unwrap();
            // That a reset means nothing shows only in a later answer of its window.
            assert!(store.refused.get() <= 1, "{}, seed {seed}: {} refused", variant.name, store.refused.get());
            assert!(clock.now() < store.window * 14, "{}, seed {seed}: {:?}", variant.name, clock.now());
        }
    }
}

/// Nothing can prevent a refusal where the headers lie about what is left. The run gets through all the same.
#[test]
fn headers_that_lie_about_what_is_left_lead_to_few_refusals() {
    for variant in NO_QUOTA.iter().chain(NOTHING_LEFT) {
        let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
        let (limiter, store) = (Limiter::new(64), Store { headers: Box::new(variant.headers), ..Store::new(&clock, 150) });
        time(&clock, &store, &limiter, 600);
        let refused = store.refused.get();
        assert!(refused > 0 && refused < 4 * 64, "{}: {refused}", variant.name);
    }
}

#[test]
fn headers_in_some_answers_only_are_enough() {
    for of_quota in [10, 150, 20_000] {
        let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
        let answers = Cell::new(0);
        let every_third = |truth| {
            answers.set(answers.get() + 1);
            if answers.get() % 3 == 0 { plain(truth) } else { Vec::new() }
        };
        let (limiter, store) = (Limiter::new(64), Store { headers: Box::new(every_third), ..Store::new(&clock, of_quota) });
        let requests = of_quota.min(1_800) * 4;
        let time = time(&clock, &store, &limiter, requests);
        assert_eq!(store.refused.get(), 0, "quota {of_quota}");
        let (usual, _) = speed(&TRUE_LEFT[0], of_quota, requests);
        assert!(time < usual.mul_f64(1.3) + store.window, "quota {of_quota}: {time:?} instead of {usual:?}");
    }
}

#[test]
fn headers_that_stop_coming_leave_four_requests_in_flight() {
    let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
    let are_gone = Cell::new(false);
    let headers = |truth| if are_gone.get() { Vec::new() } else { plain(truth) };
    let (limiter, store) = (Limiter::new(64), Store { headers: Box::new(headers), ..Store::new(&clock, 1_000_000) });
    time(&clock, &store, &limiter, 1_000);
    are_gone.set(true);
    run(&clock, clock.sleep(store.window)).unwrap();
    store.most_flying.set(0);
    let slow = time(&clock, &store, &limiter, 1_000);
    assert_eq!(store.most_flying.get(), 4);
    assert!(slow < Duration::from_secs(15), "{slow:?}");
    are_gone.set(false);
    time(&clock, &store, &limiter, 1_000);
    assert_eq!(store.most_flying.get(), 64);
}

#[test]
fn trouble_halves_what_is_in_flight_with_headers_and_without() {
    for (headers, most, halved) in [(plain as fn(Truth) -> Headers, 16, 8), (|_| Vec::new(), 4, 2)] {
        for status in [429, 500, 503] {
            let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
            let (limiter, store) = (Limiter::new(16), Store { headers: Box::new(headers), ..Store::new(&clock, 1_000_000) });
            time(&clock, &store, &limiter, 200);
            assert_eq!(store.most_flying.get(), most);
            run(&clock, async {
                let (permit, _) = limiter.acquire(&clock, 0, HOUR, |_| {}).await.unwrap();
                limiter.learn(&permit, &Response { status, ..Response::default() }, clock.now());
            });
            // After a refusal one request goes first.
            time(&clock, &store, &limiter, 1);
            store.most_flying.set(0);
            time(&clock, &store, &limiter, halved);
            assert_eq!(store.most_flying.get(), halved as usize, "status {status}");
            assert_eq!(limiter.state.borrow().concurrency.min(most), most, "it grows again");
        }
    }
}

/// Another client spends of the same quota. The first request of each window finds it out.
#[test]
fn a_window_that_another_client_has_spent_is_left_alone() {
    let clock = VirtualClock::new(DateTime::UNIX_EPOCH);
    let (limiter, store) = (Limiter::new(64), Store { headers: Box::new(plain), ..Store::new(&clock, 150) });
    time(&clock, &store, &limiter, 100);
    for window in 1..6 {
        run(&clock, clock.sleep(store.window * window - clock.now() + Duration::from_millis(100))).unwrap();
        store.spent.borrow_mut().resize(window as usize + 1, 0);
        store.spent.borrow_mut()[window as usize] = 145;
        store.most_flying.set(0);
        time(&clock, &store, &limiter, 5);
        assert_eq!((store.refused.get(), store.most_flying.get()), (0, 4), "window {window}");
    }
}
