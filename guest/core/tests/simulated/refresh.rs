//! The setting `child_refresh_days`: rows of orders that may change while the orders keep their dates are read again.

use crate::aside::orders;
use crate::world::{Run, World};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tap_bigcommerce_core::dates;
use tap_bigcommerce_core::error::Kind as Failure;
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_sandbox::{Action, Counts, Fault, Kind};

const SMALL: Counts = Counts::of([(Kind::ORDERS, 40), (Kind::CUSTOMERS, 0), (Kind::PRODUCTS, 0), (Kind::COUPONS, 0)]);
/// Two that are read again, and three that are not.
const STREAMS: &str = "orders.id,order_products,order_coupons,transactions,order_shipments";
const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);
/// So many of the orders lie in the days before the bookmark.
const RECENT: usize = 12;

/// A store whose first orders were modified a year ago, the others within the last ten days, and the last of them an hour ago.
fn world(days: u64) -> World {
    let mut world = World::new(SMALL);
    world.config.insert("child_refresh_days".into(), json!(days));
    let ids = orders(&world);
    let (old, recent) = ids.split_at(ids.len() - RECENT);
    for id in old {
        world.store.borrow_mut().touch(Kind::ORDERS, *id, world.now() - TimeDelta::days(365));
    }
    for (place, id) in recent.iter().rev().enumerate() {
        let at = world.now() - TimeDelta::hours(1 + 18 * place as i64);
        let fields =
            |order: &mut tap_bigcommerce_sandbox::Record| drop(order.fields.insert("is_deleted".into(), json!(place == 3)));
        world.store.borrow_mut().edit(Kind::ORDERS, *id, at, fields);
    }
    world
}

fn recent(world: &World) -> Vec<u64> {
    let ids = orders(world);
    ids[ids.len() - RECENT..].to_vec()
}

fn run(world: &World, state: Option<&Value>) -> Run {
    world.store.borrow_mut().clear_requests();
    world.select_from(STREAMS, state)
}

fn after(world: &World, time: Duration, state: &Value) -> Run {
    world.wait(time);
    run(world, Some(state))
}

/// The orders whose list of this name was asked for.
fn asked(world: &World, list: &str) -> BTreeSet<u64> {
    let store = world.store.borrow();
    let paths = store.requests().iter().filter_map(|seen| seen.target.split('?').next()?.strip_suffix(list)?.rsplit('/').next());
    paths.filter_map(|id| id.parse().ok()).collect()
}

/// Which orders the rows of a stream belong to, that the run has brought.
fn owners(run: &Run, stream: &str) -> BTreeSet<u64> {
    let owner = |row: &&Value| row["order_id"].as_u64().or_else(|| row["order_id"].as_str()?.parse().ok());
    run.records(stream).iter().filter_map(owner).collect()
}

/// The orders that have rows in a stream, of those that are given.
fn with_rows(world: &World, stream: &str, of: &[u64]) -> BTreeSet<u64> {
    let truth = world.store.borrow().truth(stream).unwrap();
    truth.iter().filter_map(|truth| Some(truth.of?.1)).filter(|id| of.contains(id)).collect()
}

fn bookmark(run: &Run, stream: &str) -> Option<DateTime<Utc>> {
    dates::parse(run.state()["bookmarks"][stream]["order_date_modified"].as_str()?)
}

fn refreshed(run: &Run, stream: &str) -> Option<DateTime<Utc>> {
    dates::parse(run.state()["bookmarks"][stream]["refreshed"].as_str()?)
}

fn set(ids: &[u64]) -> BTreeSet<u64> {
    ids.iter().copied().collect()
}

/// These lists of these orders have come again, and of the streams that are not read again only the order at the bookmark.
fn expect_refresh(world: &World, run: &Run, of: &[u64], what: &str) {
    for (stream, list) in [("transactions", "/transactions"), ("order_shipments", "/shipments")] {
        assert_eq!(asked(world, list), set(of), "{what}: requests for {stream}");
        assert_eq!(owners(run, stream), with_rows(world, stream, of), "{what}: {stream}");
    }
    let last = set(&recent(world)[RECENT - 1..]);
    assert_eq!((asked(world, "/products"), asked(world, "/coupons")), (last.clone(), last.clone()), "{what}");
    assert_eq!(set(&run.ids("orders")), last, "{what}");
    assert_eq!(owners(run, "order_products"), with_rows(world, "order_products", &recent(world)[RECENT - 1..]), "{what}");
    assert_eq!(run.verdict(), None, "{what}");
}

#[test]
fn once_a_day_rows_of_orders_before_the_bookmark_come_again_and_the_orders_do_not() {
    let world = world(10);
    let began = world.now();
    let first = run(&world, None);
    assert_eq!(refreshed(&first, "transactions"), Some(began), "a first run counts");
    assert_eq!(refreshed(&first, "order_products"), None);
    let bookmarks = ["transactions", "order_shipments", "order_products"].map(|stream| bookmark(&first, stream));

    let soon = after(&world, 20 * HOUR, first.state());
    expect_refresh(&world, &soon, &recent(&world)[RECENT - 1..], "within a day");
    assert_eq!(refreshed(&soon, "transactions"), Some(began));

    let begins = world.now() + 4 * HOUR;
    let next = after(&world, 4 * HOUR, soon.state());
    expect_refresh(&world, &next, &recent(&world), "after a day");
    assert_eq!(["transactions", "order_shipments"].map(|stream| refreshed(&next, stream)), [Some(begins); 2]);
    assert_eq!(["transactions", "order_shipments", "order_products"].map(|stream| bookmark(&next, stream)), bookmarks);

    let last = after(&world, HOUR, next.state());
    expect_refresh(&world, &last, &recent(&world)[RECENT - 1..], "an hour later");
    assert_eq!(last.state(), next.state());
}

#[test]
fn the_days_are_counted_back_from_the_bookmark() {
    let world = world(2);
    let first = run(&world, None);
    // The bookmark is the last order's date, and the others lie 18 hours apart.
    let next = after(&world, 5 * DAY, first.state());
    expect_refresh(&world, &next, &recent(&world)[RECENT - 3..], "two days");
}

#[test]
fn a_daily_run_that_starts_a_little_early_reads_again_all_the_same() {
    let world = world(10);
    let first = run(&world, None);
    let next = after(&world, DAY - HOUR / 2, first.state());
    expect_refresh(&world, &next, &recent(&world), "half an hour early");
}

#[test]
fn without_the_setting_nothing_is_read_again() {
    let mut world = world(0);
    let first = run(&world, None);
    assert!(!first.state().to_string().contains("refresh"), "{}", first.state());
    let next = after(&world, 30 * DAY, first.state());
    expect_refresh(&world, &next, &recent(&world)[RECENT - 1..], "no days");
    assert_eq!(next.state(), first.state());
    // Once the setting is on, the next run refreshes.
    world.config.insert("child_refresh_days".into(), json!(10));
    let set = after(&world, HOUR, next.state());
    expect_refresh(&world, &set, &recent(&world), "newly set");
}

#[test]
fn rows_that_changed_alone_come_as_they_are_now() {
    let world = world(10);
    let first = run(&world, None);
    let id = recent(&world)[4];
    let at = world.store.borrow().date_modified(Kind::ORDERS, id).unwrap();
    world.store.borrow_mut().edit(Kind::ORDERS, id, at, |order| {
        order.parts.insert("transactions".into(), json!([{"id": 9_000_001, "order_id": id.to_string(), "status": "ok"}]));
    });
    let next = after(&world, DAY, first.state());
    assert!(next.ids("transactions").contains(&9_000_001));
}

#[test]
fn an_interrupted_refresh_resumes_and_is_noted_when_it_is_complete() {
    let world = world(10);
    let first = run(&world, None);
    world.wait(DAY);
    let (mut runs, mut state): (Vec<Run>, Value) = (Vec::new(), first.state().clone());
    let begins = world.now();
    loop {
        let inputs = Inputs { select: Some(vec![STREAMS.to_owned()]), max_records: Some(4), ..world.inputs(Some(&state)) };
        let run = world.run_with(inputs, None).ok();
        state = run.state().clone();
        let is_complete = run.result.as_ref().unwrap().complete;
        runs.push(run);
        if is_complete {
            break;
        }
        // A second walk follows at once, for what changed meanwhile.
        let walk = &state["bookmarks"]["transactions"]["walk"];
        if walk.get("again").is_none() {
            assert!(walk["refresh"]["since"]["transactions"].is_string(), "{state}");
            assert!(walk["refresh"]["since"].get("order_products").is_none(), "{state}");
            assert_eq!(refreshed(&runs[0], "transactions"), refreshed(&first, "transactions"), "not before it is complete");
        }
        // A run that begins much later still does what the first one began.
        world.wait(HOUR);
        assert!(runs.len() < 60, "runs in a row do not come to an end");
    }
    assert!(runs.len() > 2);
    let came: BTreeSet<u64> = runs.iter().flat_map(|run| owners(run, "transactions")).collect();
    assert_eq!(came, with_rows(&world, "transactions", &recent(&world)));
    let orders: BTreeSet<u64> = runs.iter().flat_map(|run| run.ids("orders")).collect();
    assert_eq!(orders, set(&recent(&world)[RECENT - 1..]), "the orders do not come again");
    let last = runs.last().unwrap();
    assert_eq!(refreshed(last, "transactions"), Some(begins));
    assert_eq!(bookmark(last, "transactions"), bookmark(&first, "transactions"));
}

#[test]
fn a_clock_that_was_wrong_does_not_put_it_off() {
    let mut world = world(10);
    world.skew = TimeDelta::days(400);
    let first = run(&world, None);
    world.skew = TimeDelta::zero();
    let next = after(&world, HOUR, first.state());
    expect_refresh(&world, &next, &recent(&world), "after a time that lies ahead");
    let last = after(&world, HOUR, next.state());
    expect_refresh(&world, &last, &recent(&world)[RECENT - 1..], "the clock is right now");
}

#[test]
fn what_lies_before_start_date_is_not_read() {
    let mut world = world(10);
    let ids = recent(&world);
    let from = world.store.borrow().date_modified(Kind::ORDERS, ids[RECENT - 5]).unwrap();
    world.config.insert("start_date".into(), json!(dates::format(from)));
    let first = run(&world, None);
    assert!(refreshed(&first, "transactions").is_some(), "a first run counts, wherever it starts");
    let soon = after(&world, HOUR, first.state());
    expect_refresh(&world, &soon, &ids[RECENT - 1..], "within a day");
    let next = after(&world, DAY, soon.state());
    expect_refresh(&world, &next, &ids[RECENT - 5..], "since start_date");
}

#[test]
fn it_ends_with_end_date_as_the_walk_does() {
    let mut world = world(10);
    let ids = recent(&world);
    let first = run(&world, None);
    let until = world.store.borrow().date_modified(Kind::ORDERS, ids[RECENT - 3]).unwrap();
    world.config.insert("end_date".into(), json!(dates::format(until)));
    let next = after(&world, DAY, first.state());
    assert_eq!(asked(&world, "/transactions"), set(&ids[..RECENT - 2]));
    assert_eq!((next.verdict(), next.ids("orders").len(), asked(&world, "/products").len()), (None, 0, 0));
    assert_eq!(bookmark(&next, "transactions"), bookmark(&first, "transactions"), "a bookmark does not go back");
}

#[test]
fn a_stream_that_is_added_is_read_whole_and_the_others_are_read_again_by_themselves() {
    let world = world(10);
    let select = |streams: &str, state: Option<&Value>| {
        world.store.borrow_mut().clear_requests();
        world.select_from(streams, state)
    };
    let first = select("orders.id,transactions", None);
    world.wait(DAY);
    let second = select("orders.id,transactions,order_shipments", Some(first.state()));
    assert_eq!(asked(&world, "/shipments"), set(&orders(&world)));
    assert_eq!(asked(&world, "/transactions"), set(&recent(&world)));
    world.wait(HOUR);
    select("orders.id,transactions,order_shipments", Some(second.state()));
    assert_eq!(asked(&world, "/shipments"), set(&recent(&world)[RECENT - 1..]), "its first run was its refresh");
}

#[test]
fn a_stream_that_is_refused_loses_its_refresh_and_no_other_does() {
    let world = world(10);
    let first = run(&world, None);
    world.store.borrow_mut().add_fault(Fault::on("/transactions", Action::status(403)).always());
    let next = after(&world, DAY, first.state());
    assert_eq!(next.verdict(), Some(Failure::MissingScope));
    assert_eq!(asked(&world, "/shipments"), set(&recent(&world)));
    assert_eq!(set(&next.ids("orders")), set(&recent(&world)[RECENT - 1..]));
    assert_eq!(refreshed(&next, "transactions"), refreshed(&first, "transactions"));
    assert!(refreshed(&next, "order_shipments") > refreshed(&first, "order_shipments"));
    assert_eq!(bookmark(&next, "transactions"), bookmark(&first, "transactions"));
    world.store.borrow_mut().clear_faults();
    after(&world, HOUR, next.state());
    assert_eq!(asked(&world, "/transactions"), set(&recent(&world)), "it is still due");
    assert_eq!(asked(&world, "/shipments"), set(&recent(&world)[RECENT - 1..]));
}

#[test]
fn where_only_the_refused_stream_is_read_again_the_others_start_at_their_bookmark() {
    let world = world(10);
    let select = |state: Option<&Value>| {
        world.store.borrow_mut().clear_requests();
        world.select_from("orders.id,transactions", state)
    };
    let first = select(None);
    world.store.borrow_mut().add_fault(Fault::on("/transactions", Action::status(403)).always());
    world.wait(DAY);
    let next = select(Some(first.state()));
    assert_eq!(next.verdict(), Some(Failure::MissingScope));
    assert_eq!(set(&next.ids("orders")), set(&recent(&world)[RECENT - 1..]));
    assert!(next.result.as_ref().unwrap().streams.iter().any(|stream| stream.name == "orders" && stream.complete));
}

#[test]
fn a_full_refresh_forgets_when_it_was() {
    let world = world(10);
    let first = run(&world, None);
    world.wait(HOUR);
    world.store.borrow_mut().clear_requests();
    let inputs = Inputs {
        select: Some(vec![STREAMS.to_owned()]),
        full_refresh: vec!["transactions".to_owned()],
        ..world.inputs(Some(first.state()))
    };
    let begins = world.now();
    let again = world.run_with(inputs, None).ok();
    assert_eq!(asked(&world, "/transactions"), set(&orders(&world)));
    assert_eq!(refreshed(&again, "transactions"), Some(begins));
    assert_eq!(refreshed(&again, "order_shipments"), refreshed(&first, "order_shipments"));
}
