//! From a seed to a scenario.

use crate::hazards;
use crate::scenario::{Change, Ending, Fault, Happening, RunPlan, STREAMS, Scenario, Selection, Shop, Trouble, USUAL, What};
use crate::world::{EPOCH, options};
use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use serde_json::{Value, json};
use std::time::Duration;
use tap_bigcommerce_core::dates;
use tap_bigcommerce_sandbox::{Counts, Delivery, Kind, Quota, RateHeaders, Store};

/// Changes become readable at most so long after their own date: the tap's margin of 120 s covers this and the replica's lag.
const SLOWEST: i64 = 100;
/// A replica is at most so far behind.
pub(crate) const MOST_LAG: u64 = 15;

/// The scenario of a seed.
pub(crate) fn scenario(seed: u64) -> Scenario {
    let rng = &mut Rng::with_seed(seed);
    let counts = counts(rng);
    let dates = dates_in(seed, counts);
    let shop = shop(rng, counts);
    let count = rng.u64(2..=6);
    let usual = selection(rng);
    let start_date = percent(rng, 40).then(|| pick(rng, &dates));
    let calm = |place: u64| place + 1 == count;
    let mut runs: Vec<RunPlan> = (0..count).map(|place| run(rng, &shop, &usual, &dates, start_date, calm(place))).collect();
    hazards::break_records(rng, &mut runs);
    hazards::lose_id(rng, &mut runs);
    activate(seed, &mut runs);
    Scenario { seed, shop, runs }
}

/// In half of the shops most runs write the versions of full tables. This uses no random number, so that a seed decides
/// everything else as before.
fn activate(seed: u64, runs: &mut [RunPlan]) {
    for (place, run) in runs.iter_mut().enumerate().filter(|_| seed.is_multiple_of(2)) {
        run.settings.push(("emit_activate_version_messages", json!(!(seed / 2 + place as u64).is_multiple_of(7))));
    }
}

pub(crate) fn percent(rng: &mut Rng, of_hundred: u32) -> bool {
    rng.u32(..100) < of_hundred
}

pub(crate) fn pick<T: Copy>(rng: &mut Rng, choices: &[T]) -> T {
    choices[rng.usize(..choices.len())]
}

/// Orders from the 32nd on include some with hundreds of lines; they take most of the time, so few shops have them.
fn counts(rng: &mut Rng) -> Counts {
    let orders = match rng.u32(..100) {
        0..88 => rng.u64(4..=16),
        88..97 => rng.u64(17..=32),
        _ => rng.u64(33..=60),
    };
    Counts::of([
        (Kind::ORDERS, orders),
        (Kind::CUSTOMERS, rng.u64(0..=40)),
        (Kind::PRODUCTS, rng.u64(0..=25)),
        (Kind::COUPONS, rng.u64(0..=30)),
        (Kind::REFUNDS, rng.u64(0..=40)),
        (Kind::PRICE_LISTS, rng.u64(0..=25)),
        (Kind::BRANDS, rng.u64(0..=30)),
        (Kind::CATEGORIES, rng.u64(0..=45)),
        (Kind::PROMOTIONS, rng.u64(0..=12)),
        (Kind::CHANNELS, rng.u64(0..=6)),
    ])
}

/// The dates on which the orders and customers of a new shop were last modified.
fn dates_in(seed: u64, counts: Counts) -> Vec<DateTime<Utc>> {
    let store = Store::new(options(seed, counts));
    let of = |kind| store.ids(kind).filter_map(|id| store.date_modified(kind, id)).collect::<Vec<_>>();
    [of(Kind::ORDERS), of(Kind::CUSTOMERS), of(Kind::PRICE_LISTS)].concat()
}

fn shop(rng: &mut Rng, counts: Counts) -> Shop {
    let lag = Duration::from_secs(if percent(rng, 15) { rng.u64(1..=MOST_LAG) } else { 0 });
    let quirks = hazards::quirks(rng, lag);
    // Where the headers promise more than there is, refusals cannot be avoided.
    let is_unlimited = quirks.rate_headers == RateHeaders::Unlimited;
    Shop {
        counts,
        quota: Quota {
            requests: match rng.u32(..4) {
                _ if is_unlimited => 20_000,
                0 => rng.u64(10..=20),
                1 => 150,
                _ => 20_000,
            },
            window: Duration::from_secs(30),
        },
        quirks,
        skew: TimeDelta::seconds(pick(rng, &[0, 0, 30, -30, 3_600, 36_000, -36_000, 90_000])),
        latency: (pick(rng, &[100, 5_000, 40_000, 200_000]), pick(rng, &[900, 30_000, 400_000, 3_000_000])),
        lag,
        oddities: hazards::oddities(rng),
    }
}

fn selection(rng: &mut Rng) -> Selection {
    let all = percent(rng, 50);
    let mut wants: std::collections::BTreeSet<&'static str> =
        STREAMS[..USUAL].iter().map(|(stream, ..)| *stream).filter(|_| all || percent(rng, 60)).collect();
    if percent(rng, 50) {
        wants.extend(STREAMS[USUAL..].iter().map(|(stream, ..)| *stream).filter(|_| percent(rng, 25)));
    }
    if wants.is_empty() {
        wants.insert(pick(rng, &STREAMS).0);
    }
    for (stream, _, lists) in &STREAMS {
        if !wants.contains(stream) {
            continue;
        }
        let of_hundred = if *stream == "products" { 25 } else { 75 };
        wants.extend(lists.iter().filter(|_| percent(rng, of_hundred)));
    }
    Selection { wants, whole: percent(rng, 3) }
}

fn run(
    rng: &mut Rng,
    shop: &Shop,
    usual: &Selection,
    dates: &[DateTime<Utc>],
    start_date: Option<DateTime<Utc>>,
    calm: bool,
) -> RunPlan {
    let pause = Duration::from_secs(match rng.u32(..5) {
        0 => 0,
        1 => rng.u64(1..90),
        2 => rng.u64(90..600),
        3 => rng.u64(600..20_000),
        _ => rng.u64(20_000..400_000),
    });
    let selection = if percent(rng, 20) { selection(rng) } else { usual.clone() };
    let mut before: Vec<(Duration, Change)> = (0..rng.u64(0..6)).map(|_| (moment(rng, pause), change(rng))).collect();
    before.sort_by_key(|(ago, _)| std::cmp::Reverse(*ago));
    let mut during: Vec<(u64, Happening)> = Vec::new();
    if percent(rng, 70) {
        during.extend((0..rng.u64(1..12)).map(|_| (number(rng), Happening::Change(change(rng)))));
    }
    if !calm && percent(rng, 15) {
        during.extend((0..rng.u64(1..6)).map(|_| (number(rng), Happening::Spend(rng.u64(1..30)))));
    }
    if percent(rng, 3) {
        during.extend(hazards::rush(rng));
    }
    during.sort_by_key(|(number, _)| *number);
    RunPlan {
        pause,
        before,
        during,
        between_pages: hazards::shift(rng, &selection),
        settings: settings(rng, dates, start_date),
        selection,
        ending: if calm { Ending::Natural } else { ending(rng) },
        troubles: if calm || percent(rng, 40) { Vec::new() } else { troubles(rng) },
        broken: Vec::new(),
        nameless: None,
        stale_percent: if calm || shop.lag.is_zero() { 0 } else { pick(rng, &[0, 10, 50, 100]) },
        sink_pause: Duration::from_millis(if percent(rng, 10) { pick(rng, &[20, 1_000, 5_000]) } else { 0 }),
    }
}

/// How long before a run, after a pause, something happens: mostly in its last two minutes, or in its very second.
fn moment(rng: &mut Rng, pause: Duration) -> Duration {
    let most = pause.as_secs();
    Duration::from_secs(match rng.u32(..3) {
        0 => 0,
        1 => rng.u64(0..=most.min(120)),
        _ => rng.u64(0..=most),
    })
}

/// The number of a request, rather early than late.
fn number(rng: &mut Rng) -> u64 {
    let most = pick(rng, &[10, 60, 250]);
    rng.u64(1..=most)
}

fn change(rng: &mut Rng) -> Change {
    let kind = |rng: &mut Rng| match percent(rng, 75) {
        true => pick(rng, &[Kind::ORDERS, Kind::ORDERS, Kind::CUSTOMERS, Kind::PRODUCTS, Kind::COUPONS]),
        false => pick(rng, &[Kind::REFUNDS, Kind::PRICE_LISTS, Kind::BRANDS, Kind::CATEGORIES, Kind::PROMOTIONS, Kind::CHANNELS]),
    };
    let what = match rng.u32(..100) {
        0..20 => What::Create(kind(rng)),
        20..75 => What::Edit(kind(rng)),
        75..85 => What::Delete(kind(rng)),
        85..90 => What::Archive,
        90..97 => What::AddLines(pick(rng, &[1, 2, 3, 12])),
        _ => What::RemoveLine,
    };
    // A refund is made, and stays as it is.
    let what = match what {
        What::Edit(Kind::REFUNDS) | What::Delete(Kind::REFUNDS) => What::Create(Kind::REFUNDS),
        other => other,
    };
    let records = if percent(rng, 10) { rng.u64(2..12) } else { 1 };
    Change { what, which: rng.u64(..1_000_000), records, slow: if percent(rng, 50) { rng.i64(0..=SLOWEST) } else { 0 } }
}

/// The start date is mostly the usual one; where somebody moves it, a stream that has been read to its end does not care.
fn settings(rng: &mut Rng, dates: &[DateTime<Utc>], usual: Option<DateTime<Utc>>) -> Vec<(&'static str, Value)> {
    let start_date = if percent(rng, 15) { percent(rng, 60).then(|| pick(rng, dates)) } else { usual };
    let mut settings = vec![
        ("page_size", json!(pick(rng, &[10, 10, 11, 15, 20, 50]))),
        ("max_concurrency", json!(pick(rng, &[1, 2, 8, 64]))),
        ("request_timeout_seconds", json!(rng.u64(10..60))),
    ];
    if percent(rng, 20) {
        settings.push(("lookback_seconds", json!(pick(rng, &[1, 60, 4_000, 4_000_000]))));
    }
    if percent(rng, 20) {
        settings.push(("child_refresh_days", json!(pick(rng, &[1, 30, 365]))));
    }
    let end = if percent(rng, 50) { pick(rng, dates) } else { EPOCH + TimeDelta::seconds(rng.i64(-3_600..100_000)) };
    if percent(rng, 8) && start_date.is_none_or(|start| end > start) {
        settings.push(("end_date", json!(dates::format(end))));
    }
    settings.extend(start_date.map(|start| ("start_date", json!(dates::format(start)))));
    if percent(rng, 30) {
        settings.push(("order_lines", json!("embedded")));
    }
    settings
}

fn ending(rng: &mut Rng) -> Ending {
    match rng.u32(..100) {
        0..30 => Ending::Natural,
        30..52 => {
            let most = pick(rng, &[5, 40, 150, 600]);
            Ending::SinkDies(rng.usize(0..=most))
        }
        52..74 => Ending::Vanishes(number(rng)),
        74..82 => Ending::Stopped(number(rng)),
        82..92 => Ending::MaxRecords(rng.u64(1..200)),
        _ => Ending::MaxSeconds(rng.u64(1..60)),
    }
}

/// At most one empty page in a run: nobody can tell a page that is empty twice from the truth.
fn troubles(rng: &mut Rng) -> Vec<Trouble> {
    let mut troubles: Vec<Trouble> = (0..rng.u64(1..5)).map(|_| trouble(rng)).collect();
    let mut had = false;
    troubles.retain(|trouble| !(is_without_rows(trouble.fault) && std::mem::replace(&mut had, true)));
    // From some request on, to the end of the run: with a good answer in between it would look like a deletion.
    if percent(rng, 6) {
        troubles.insert(0, Trouble { on: "/", skip: rng.u64(0..80), times: u64::MAX, fault: Fault::NothingFound });
    }
    troubles
}

/// Whether an answer comes without the rows that it should have.
fn is_without_rows(fault: Fault) -> bool {
    matches!(fault, Fault::EmptyPage | Fault::NoBody)
}

fn trouble(rng: &mut Rng) -> Trouble {
    const PLACES: [&str; 31] = [
        "",
        "/v2/orders?",
        "/v2/orders?",
        "/v2/orders/",
        "/v3/customers?",
        "/catalog/products?",
        "/v2/coupons?",
        "/products?",
        "/coupons?",
        "/shipping_addresses?",
        "/customers/addresses?",
        "/customers/attribute-values?",
        "/transactions?",
        "/fees?",
        "/catalog/variants?",
        "/refunds?",
        "/pricelists?",
        "/catalog/brands?",
        "/trees/categories?",
        "/shipments?",
        "/consignments",
        "/inventory/items?",
        "/form-field-values?",
        "/v3/promotions?",
        "/codes?",
        "/v3/channels?",
        "/listings?",
        "/count",
        "min_id=",
        "after=",
        "page=",
    ];
    let fault = fault(rng);
    let times = match fault {
        Fault::EmptyPage | Fault::NoBody | Fault::Duplicate | Fault::Status(401 | 408) => 1,
        // An outage: it lasts to the end of the run.
        _ if percent(rng, 8) => u64::MAX,
        _ if percent(rng, 80) => rng.u64(1..4),
        _ => rng.u64(4..30),
    };
    Trouble { on: pick(rng, &PLACES), skip: rng.u64(0..30) * u64::from(percent(rng, 70)), times, fault }
}

fn fault(rng: &mut Rng) -> Fault {
    match rng.u32(..100) {
        0..25 => Fault::Status(pick(rng, &[500, 502, 503, 504, 423])),
        25..34 => Fault::Throttle { headers: rng.bool() },
        34..39 => Fault::Html,
        39..46 => Fault::Truncated,
        46..50 => Fault::NoRateHeaders,
        50..60 => Fault::EmptyPage,
        60..76 => Fault::Duplicate,
        76..80 => Fault::NotFound,
        80..83 => Fault::Status(pick(rng, &[400, 422])),
        83..85 => Fault::Echo,
        85..87 => Fault::Status(pick(rng, &[401, 408])),
        87..89 => Fault::NoBody,
        _ => Fault::Deliver(pick(rng, &[Delivery::ResetMidBody, Delivery::Stall, Delivery::CloseBeforeAnswer])),
    }
}
