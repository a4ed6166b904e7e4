//! How long runs take in virtual time, next to what latency and quota allow.

use crate::world::{LATENCY, World};
use std::collections::BTreeSet;
use std::time::Duration;
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_sandbox::{Counts, Kind, Options, Quota};

const WINDOW: Duration = Duration::from_secs(30);
/// As many requests as the tap has in flight.
const AT_ONCE: f64 = 64.0;
/// A quota that no run here comes near.
const AMPLE: u64 = 7_000_000;

fn world(kind: Kind, records: u64, requests: u64) -> World {
    let counts = Counts::default().with(kind, records);
    World::with(Options {
        counts,
        quota: Some(Quota { requests, window: WINDOW }),
        log_requests: 1_000_000,
        ..Options::default()
    })
}

/// How many seconds a run of these streams takes, and how many requests.
fn timed(world: &World, select: &[&str]) -> (f64, u64) {
    let select = Some(select.iter().map(|name| (*name).to_owned()).collect());
    let began = world.now();
    let run = world.run_with(Inputs { select, ..world.inputs(None) }, None).ok();
    assert_eq!(run.verdict(), None);
    ((world.now() - began).as_seconds_f64(), world.store.borrow().requests().len() as u64)
}

/// The seconds that so many requests take at least, if a window of the quota holds so many.
fn at_least(requests: u64, quota: u64) -> f64 {
    let full = (requests - 1) / quota;
    full as f64 * WINDOW.as_secs_f64() + (requests - full * quota) as f64 * LATENCY.as_secs_f64() / AT_ONCE
}

#[test]
fn latency_is_hidden_where_records_have_lists_of_their_own() {
    for (kind, select) in [
        (Kind::ORDERS, &["orders"][..]),
        (Kind::ORDERS, &["orders", "order_products", "order_coupons", "transactions"]),
        (Kind::PRODUCTS, &["product_channel_assignments", "product_images", "product_reviews"]),
    ] {
        let (took, requests) = timed(&world(kind, 2000, AMPLE), select);
        assert!(requests > 4000);
        let least = requests as f64 * LATENCY.as_secs_f64() / AT_ONCE;
        assert!(took <= 1.25 * least, "{select:?}: {took} s for {requests} requests, {least} s at least");
    }
}

#[test]
fn an_order_with_many_lines_does_not_hold_up_those_behind_it() {
    let world = world(Kind::ORDERS, 2000, AMPLE);
    let long = world.store.borrow().ids(Kind::ORDERS).nth(300).unwrap();
    let at = world.now() - chrono::TimeDelta::days(1);
    // Its pages of 250 come one after the other.
    assert!(world.store.borrow_mut().add_lines(long, 4000, at));
    let (took, requests) = timed(&world, &["orders"]);
    let least = requests as f64 * LATENCY.as_secs_f64() / AT_ONCE;
    assert!(took <= 1.2 * least, "{took} s for {requests} requests, {least} s at least");
}

#[test]
fn the_next_page_is_under_way_while_records_are_written() {
    const LONG: Duration = Duration::from_secs(10);
    let run = |order_lines: &str, pause: Duration| {
        let mut world = world(Kind::ORDERS, 2000, AMPLE);
        world.config.insert("order_lines".into(), order_lines.into());
        world.sink_pause = pause;
        let inputs = Inputs { exclude: vec!["orders.coupons".into()], select: Some(vec!["orders".into()]), ..world.inputs(None) };
        let began = world.now();
        assert_eq!(world.run_with(inputs, None).ok().verdict(), None);
        (world.now() - began).to_std().unwrap()
    };
    for order_lines in ["embedded", "separate"] {
        let alone = run(order_lines, Duration::ZERO);
        let writes = ((run(order_lines, LONG) - alone).as_secs_f64() / LONG.as_secs_f64()).round();
        assert!(writes > 50.0);
        // One after the other they would take twice as long.
        let both = run(order_lines, alone.div_f64(writes));
        assert!(both <= alone.mul_f64(1.4), "{order_lines}: {both:?}, {alone:?} without writing");
    }
}

/// How many orders are begun while the first one is read. Each of them is in memory with all of its lines.
fn begun_behind_a_slow_one(orders: usize, lines_of_others: u64) -> usize {
    let world = world(Kind::ORDERS, orders as u64, AMPLE);
    let ids: Vec<u64> = world.store.borrow().ids(Kind::ORDERS).collect();
    let (slow, others) = ids.split_first().unwrap();
    let at = world.now() - chrono::TimeDelta::days(1);
    assert!(world.store.borrow_mut().add_lines(*slow, 20_000, at));
    for other in others.iter().filter(|_| lines_of_others > 0) {
        assert!(world.store.borrow_mut().add_lines(*other, lines_of_others, at));
    }
    let run = world.select("orders");
    assert_eq!(run.records("orders").len(), orders);
    let of = |order: u64| format!("/v2/orders/{order}/");
    let targets: Vec<String> = world.store.borrow().requests().iter().map(|seen| seen.target.clone()).collect();
    let last = targets.iter().rposition(|target| target.contains(&of(*slow))).unwrap();
    let begun: BTreeSet<&str> = targets[..last]
        .iter()
        .filter_map(|target| target.split_once("/v2/orders/")?.1.split_once('/'))
        .map(|(id, _)| id)
        .collect();
    begun.len()
}

#[test]
fn at_most_500_orders_wait_behind_a_slow_one() {
    let begun = begun_behind_a_slow_one(1000, 0);
    assert!((200..=500).contains(&begun), "{begun} orders were begun while the first was read");
}

#[test]
fn at_most_32_mib_of_orders_wait_behind_a_slow_one() {
    // 400 lines are more than half a megabyte. The orders in flight come on top.
    let begun = begun_behind_a_slow_one(200, 400);
    assert!(begun <= 64 + 64, "{begun} orders were begun while the first was read");
}

#[test]
fn a_sequential_list_takes_its_pages_times_the_latency() {
    for (kind, select, page) in [
        (Kind::PRODUCTS, "products", 250),
        (Kind::COUPONS, "coupons", 249),
        (Kind::CUSTOMERS, "customers", 250),
        // Their records come by their ids, ten at a time, next to the pages.
        (Kind::PRODUCTS, "products.options", 250),
    ] {
        const RECORDS: u64 = 2000;
        let (took, _) = timed(&world(kind, RECORDS, AMPLE), &[select]);
        // Its end is confirmed by up to three requests, and something of the last page may have to be asked for.
        let rounds = RECORDS.div_ceil(page) + 4;
        assert!(took <= rounds as f64 * LATENCY.as_secs_f64() + 0.01, "{select}: {took} s, {rounds} pages one after the other");
    }
}

#[test]
fn the_quota_is_spent_fully_and_never_overrun() {
    for (quota, orders) in [(150, 2000), (450, 2000), (20_000, 14_000)] {
        let world = world(Kind::ORDERS, orders, quota);
        let (took, requests) = timed(&world, &["orders"]);
        let least = at_least(requests, quota);
        assert!(took <= 1.02 * least, "{quota}: {took} s for {requests} requests, {least} s at least");
        assert_eq!(world.store.borrow().throttled(), 0, "{quota}");
    }
}

#[test]
fn a_quota_shared_with_a_client_that_comes_and_goes_is_followed() {
    const QUOTA: u64 = 150;
    let world = world(Kind::ORDERS, 2000, QUOTA);
    // While a third of the orders are read it spends as much as the tap does.
    let (mut number, mut others) = (0_u64, 0_u64);
    let spent = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counter = spent.clone();
    world.store.borrow_mut().on_request(move |_, store| {
        number += 1;
        let now = store.requests().last().map(|seen| seen.at);
        if let (2000..4000, Some(now)) = (number, now) {
            store.spend_quota(1, now);
            others += 1;
            counter.store(others, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let (took, requests) = timed(&world, &["orders"]);
    let (refused, others) = (world.store.borrow().throttled(), spent.load(std::sync::atomic::Ordering::Relaxed));
    assert!(others > 1900);
    // Only what is in flight when the other client takes the last of a window is refused.
    let windows = others / (QUOTA / 2) + 1;
    assert!(refused <= windows * AT_ONCE as u64 / 2, "{refused} requests were refused in {windows} windows");
    let least = at_least(requests + others, QUOTA);
    assert!(took <= 1.1 * least, "{took} s for {requests} requests and {others} of the other client, {least} s at least");
}
