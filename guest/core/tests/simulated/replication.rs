//! What a run reads, and where the next one resumes.

use crate::shared::LISTS;
use crate::world::{Run, World, versions};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::time::Duration;
use tap_bigcommerce_core::error::Kind as Failure;
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_sandbox::{Action, Counts, Fault, Kind, Options, Store};

const SMALL: Counts = Counts::of([(Kind::ORDERS, 60), (Kind::CUSTOMERS, 40), (Kind::PRODUCTS, 30), (Kind::COUPONS, 12)]);

fn all(store: &Store, kind: Kind) -> Vec<u64> {
    store.ids(kind).collect()
}

fn expect_everything(world: &World, runs: &[&Run]) {
    let store = world.store.borrow();
    for (stream, kind) in LISTS {
        let seen = versions(runs, stream);
        for id in store.ids(kind) {
            let emitted = seen.get(&id).unwrap_or_else(|| panic!("{stream} {id} is missing"));
            if kind != Kind::COUPONS {
                let now = store.date_modified(kind, id).unwrap();
                let emitted = chrono::DateTime::parse_from_rfc3339(emitted).unwrap();
                assert!(emitted.timestamp() >= now.timestamp(), "{stream} {id} is older than in the store");
            }
        }
    }
}

#[test]
fn a_first_run_reads_every_record_of_every_stream_with_its_parts() {
    let world = World::new(SMALL);
    let run = world.run(None).ok();
    let store = world.store.borrow();
    for (stream, kind) in LISTS {
        assert_eq!(run.ids(stream), all(&store, kind), "{stream}");
    }
    let mut lines = 0;
    for order in run.records("orders") {
        let whole = store.record(Kind::ORDERS, order["id"].as_u64().unwrap()).unwrap();
        for part in ["products", "coupons", "shipping_addresses"] {
            let wanted = whole.parts[part].as_array().unwrap();
            assert_eq!(order[part].as_array().map(Vec::len), Some(wanted.len()), "order {} {part}", order["id"]);
        }
        lines += whole.parts["products"].as_array().unwrap().len();
    }
    assert_eq!(run.records("order_products").len(), lines);
    for customer in run.records("customers") {
        let whole = store.record(Kind::CUSTOMERS, customer["id"].as_u64().unwrap()).unwrap();
        for part in ["addresses", "attributes"] {
            assert_eq!(
                customer[part].as_array().map(Vec::len),
                whole.parts[part].as_array().map(Vec::len),
                "customer {} {part}",
                customer["id"]
            );
        }
    }
    assert_eq!(store.throttled(), 0);
}

#[test]
fn a_second_run_reads_again_only_what_shares_the_bookmarks_moment() {
    let world = World::new(SMALL);
    let first = world.run(None).ok();
    let second = world.run(Some(first.state())).ok();
    for stream in ["orders", "customers", "products"] {
        let newest = first.records(stream).iter().filter_map(|record| record["date_modified"].as_str()).max().unwrap();
        assert!(!second.records(stream).is_empty() && second.records(stream).len() < first.records(stream).len());
        assert!(second.records(stream).iter().all(|record| record["date_modified"] == newest), "{stream}");
    }
    assert_eq!(second.ids("coupons"), first.ids("coupons"), "a full table is read whole each time");
    assert_eq!(second.state(), first.state());
}

#[test]
fn what_changes_between_runs_is_read_by_the_next() {
    let world = World::new(SMALL);
    let first = world.run(None).ok();
    world.wait(Duration::from_secs(3600));
    let (order, created) = {
        let mut store = world.store.borrow_mut();
        let order = store.ids(Kind::ORDERS).nth(3).unwrap();
        assert!(store.touch(Kind::ORDERS, order, world.now()));
        (order, store.create(Kind::CUSTOMERS, world.now()))
    };
    world.wait(Duration::from_secs(3600));
    let second = world.run(Some(first.state())).ok();
    assert!(second.ids("orders").contains(&order));
    assert!(second.ids("customers").contains(&created));
    expect_everything(&world, &[&first, &second]);
}

#[test]
fn a_record_modified_or_created_or_deleted_while_its_list_is_walked_is_not_lost() {
    let mut world = World::new(SMALL.with(Kind::ORDERS, 200));
    world.config.insert("page_size".into(), json!(50));
    let epoch = world.epoch;
    let mut pages = 0;
    world.store.borrow_mut().on_request(move |request, store| {
        if pages < 6 && (request.path.ends_with("/v2/orders") || request.path.ends_with("/v3/customers")) {
            pages += 1;
            let at = epoch + TimeDelta::seconds(pages);
            let ids: Vec<u64> = store.ids(Kind::ORDERS).collect();
            store.touch(Kind::ORDERS, ids[(pages as usize * 37) % ids.len()], at);
            store.touch(Kind::CUSTOMERS, 1 + pages as u64, at);
            store.create(Kind::ORDERS, at);
            store.delete(Kind::PRODUCTS, 1 + pages as u64);
        }
    });
    let first = world.run(None).ok();
    world.wait(Duration::from_secs(600));
    let second = world.run(Some(first.state())).ok();
    expect_everything(&world, &[&first, &second]);
}

#[test]
fn a_run_killed_at_any_message_resumes_from_its_last_state_and_nothing_is_missing() {
    let mut world =
        World::new(Counts::of([(Kind::ORDERS, 16), (Kind::CUSTOMERS, 32), (Kind::PRODUCTS, 34), (Kind::COUPONS, 34)]));
    world.config.insert("page_size".into(), json!(10));
    // Each page takes half a minute to come, so that there is a STATE after each.
    let quota = tap_bigcommerce_sandbox::Quota { requests: 4, window: Duration::from_secs(31) };
    world.store.borrow_mut().set_quota(Some(quota));
    let messages = world.run(None).ok().messages.len();
    let mut resumed_walks = std::collections::BTreeSet::new();
    for dies_after in (0..messages).step_by(3) {
        let killed = world.run_with(world.inputs(None), Some(dies_after));
        assert_eq!(killed.failure().kind, Failure::Sink);
        let state =
            killed.messages.iter().rev().find(|message| message["type"] == "STATE").map(|message| message["value"].clone());
        let resumed = world.run(state.as_ref()).ok();
        expect_everything(&world, &[&killed, &resumed]);
        assert!(!resumed.state().to_string().contains("walk"));
        let bookmarks = state.as_ref().and_then(|state| state["bookmarks"].as_object()).into_iter().flatten();
        resumed_walks.extend(bookmarks.filter(|(_, bookmark)| bookmark.get("walk").is_some()).map(|(name, _)| name.clone()));
    }
    assert_eq!(resumed_walks.into_iter().collect::<Vec<_>>(), ["coupons", "customers", "order_products", "orders", "products"]);
}

#[test]
fn a_full_table_whose_walk_was_interrupted_twice_is_read_whole() {
    let mut world = World::new(SMALL.with(Kind::COUPONS, 40));
    world.config.insert("page_size".into(), json!(10));
    let ids = all(&world.store.borrow(), Kind::COUPONS);
    let interrupted_after = |pages: u64, state: Option<&Value>| {
        world.store.borrow_mut().add_fault(Fault::on("/v2/coupons?", Action::status(502)).skip(pages).always());
        let run = world.run(state).ok();
        world.store.borrow_mut().clear_faults();
        run.state().clone()
    };
    let first = interrupted_after(2, None);
    // The rest, the page that confirms the end, and one page of the walk that repeats what came before.
    let second = interrupted_after(5, Some(&first));
    let walk = &second["bookmarks"]["coupons"]["walk"];
    assert!(walk["again"] == true && walk["until_id"].is_u64(), "{walk}");
    let last = world.run(Some(&second)).ok();
    let read: std::collections::BTreeSet<u64> = last.ids("coupons").into_iter().collect();
    assert_eq!(read.into_iter().collect::<Vec<_>>(), ids);
}

#[test]
fn a_start_date_that_is_moved_back_during_the_first_walk_is_heeded() {
    let mut world = World::new(SMALL);
    world.config.insert("page_size".into(), json!(10));
    let dates = |world: &World| {
        let store = world.store.borrow();
        let mut dates: Vec<_> = store.ids(Kind::CUSTOMERS).filter_map(|id| store.date_modified(Kind::CUSTOMERS, id)).collect();
        dates.sort();
        dates
    };
    world.config.insert("start_date".into(), json!(dates(&world)[10].to_rfc3339()));
    world.store.borrow_mut().add_fault(Fault::on("/v3/customers?", Action::status(502)).skip(2).always());
    let broken = world.run(None).ok();
    assert!(broken.state()["bookmarks"]["customers"]["walk"].is_object());
    world.store.borrow_mut().clear_faults();
    world.config.insert("start_date".into(), json!(dates(&world)[0].to_rfc3339()));
    let resumed = world.run(Some(broken.state())).ok();
    assert_eq!(resumed.ids("customers").len(), 40);
    assert!(resumed.warnings().iter().any(|warning| warning.contains("start_date")), "{:?}", resumed.warnings());
}

#[test]
fn limits_end_a_run_after_a_page_and_chained_runs_read_everything() {
    let mut world = World::new(SMALL.with(Kind::ORDERS, 120));
    world.config.insert("page_size".into(), json!(10));
    let (mut runs, mut state): (Vec<Run>, Option<Value>) = (Vec::new(), None);
    loop {
        let request = Inputs { max_records: Some(300), ..world.inputs(state.as_ref()) };
        let run = world.run_with(request, None).ok();
        let complete = run.result.as_ref().unwrap().complete;
        state = Some(run.state().clone());
        runs.push(run);
        assert!(runs.len() < 20, "chained runs do not come to an end");
        if complete {
            break;
        }
    }
    assert!(runs.len() > 3);
    expect_everything(&world, &runs.iter().collect::<Vec<_>>());
}

#[test]
fn the_bookmark_stays_behind_the_stores_clock_whatever_this_machine_thinks() {
    for hours in [-30, 0, 30] {
        let mut world = World::new(SMALL);
        world.skew = TimeDelta::hours(hours);
        let epoch = world.epoch;
        world.store.borrow_mut().on_request(move |_, store| assert!(store.touch(Kind::ORDERS, 105, epoch)));
        let first = world.run(None).ok();
        let bookmark = first.state()["bookmarks"]["orders"]["date_modified"].as_str().unwrap().to_owned();
        let bookmark = chrono::DateTime::parse_from_rfc3339(&bookmark).unwrap();
        assert!(bookmark <= epoch - TimeDelta::seconds(119), "{bookmark} with the clock {hours} h off");
    }
}

#[test]
fn without_a_date_header_the_newest_record_tells_the_time() {
    let world = World::new(SMALL);
    world.store.borrow_mut().quirks.no_date_header = true;
    let first = world.run(None).ok();
    expect_everything(&world, &[&first]);
    let newest = first.records("orders").iter().filter_map(|order| order["date_modified"].as_str()).max().unwrap();
    let newest = chrono::DateTime::parse_from_rfc3339(newest).unwrap();
    let bookmark =
        chrono::DateTime::parse_from_rfc3339(first.state()["bookmarks"]["orders"]["date_modified"].as_str().unwrap()).unwrap();
    assert_eq!(bookmark, newest - TimeDelta::seconds(120));
}

#[test]
fn start_date_bounds_orders_and_customers_and_not_the_first_run_of_products() {
    let mut world = World::new(SMALL);
    world.config.insert("start_date".into(), json!("2024-01-01T00:00:00Z"));
    let run = world.run(None).ok();
    let store = world.store.borrow();
    let from = "2024-01-01T00:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    for (stream, kind) in [("orders", Kind::ORDERS), ("customers", Kind::CUSTOMERS)] {
        let wanted: Vec<u64> = store.ids(kind).filter(|id| store.date_modified(kind, *id).unwrap() >= from).collect();
        assert!(!wanted.is_empty() && wanted.len() < store.ids(kind).count());
        assert_eq!(run.ids(stream), wanted, "{stream}");
    }
    assert_eq!(run.ids("products"), all(&store, Kind::PRODUCTS));
}

#[test]
fn the_bookmark_wins_over_start_date() {
    let mut world = World::new(SMALL);
    let first = world.run(None).ok();
    world.config.insert("start_date".into(), json!("2021-01-01T00:00:00Z"));
    let second = world.run(Some(first.state())).ok();
    assert!(second.records("orders").len() < first.records("orders").len());
}

#[test]
fn a_bookmark_ahead_of_the_store_is_a_state_error() {
    let world = World::new(SMALL);
    let state = json!({"bookmarks": {"orders": {"date_modified": "2030-01-01T00:00:00Z"}}});
    let run = world.run(Some(&state));
    assert_eq!(run.failure().kind, Failure::State);
    assert!(run.records("orders").is_empty());
}

#[test]
fn lookback_reads_further_back_and_is_not_in_the_state() {
    let mut world = World::new(SMALL);
    let first = world.run(None).ok();
    world.config.insert("lookback_seconds".into(), json!(31_536_000));
    let second = world.run(Some(first.state())).ok();
    assert!(second.records("orders").len() > 5);
    assert_eq!(second.state(), first.state());
}

#[test]
fn the_store_may_answer_with_exclusive_bounds() {
    let mut world = World::new(SMALL);
    world.store.borrow_mut().quirks.bounds_exclusive = true;
    world.config.insert("page_size".into(), json!(10));
    let run = world.run(None).ok();
    expect_everything(&world, &[&run]);
}

#[test]
fn a_store_that_sends_smaller_pages_than_asked_for_loses_nothing() {
    for cap in [10, 50] {
        let world = World::new(SMALL.with(Kind::ORDERS, 300));
        world.store.borrow_mut().quirks.page_cap = Some(cap);
        let run = world.run(None).ok();
        expect_everything(&world, &[&run]);
        let store = world.store.borrow();
        for order in run.records("orders") {
            let whole = store.record(Kind::ORDERS, order["id"].as_u64().unwrap()).unwrap();
            assert_eq!(
                order["products"].as_array().map(Vec::len),
                whole.parts["products"].as_array().map(Vec::len),
                "order {}",
                order["id"]
            );
        }
    }
}

#[test]
fn a_small_quota_is_spent_whole_and_never_overrun() {
    let options = Options {
        counts: Counts::of([(Kind::ORDERS, 20), (Kind::CUSTOMERS, 10), (Kind::PRODUCTS, 10), (Kind::COUPONS, 5)]),
        ..Options::default()
    };
    let world = World::with(options);
    let window = Duration::from_secs(30);
    world.store.borrow_mut().set_quota(Some(tap_bigcommerce_sandbox::Quota { requests: 10, window }));
    let run = world.run(None).ok();
    expect_everything(&world, &[&run]);
    assert_eq!(world.store.borrow().throttled(), 0);
}
