//! Records that the store cannot serve: set aside and asked for again, so that no single one holds up the rest.

use crate::world::{Run, World};
use serde_json::{Value, json};
use std::time::Duration;
use tap_bigcommerce_core::error::Kind;
use tap_bigcommerce_core::plan::Request;
use tap_bigcommerce_sandbox::{Action, Counts, Delivery, Fault, Kind as Records};

const SMALL: Counts = Counts { orders: 40, customers: 30, products: 20, coupons: 12 };

fn aside(run: &Run, stream: &str) -> Value {
    run.state()["bookmarks"][stream]["aside"].clone()
}

fn verdict(run: &Run) -> Option<Kind> {
    run.result.as_ref().unwrap().verdict().map(|failure| failure.kind)
}

fn orders(world: &World) -> Vec<u64> {
    world.store.borrow().ids(Records::Order).collect()
}

fn without(ids: &[u64], left_out: &[u64]) -> Vec<u64> {
    ids.iter().copied().filter(|id| !left_out.contains(id)).collect()
}

/// Breaks the lists of lines of these orders.
fn break_lines(world: &World, ids: &[u64], action: Action) {
    let paths = ids.iter().map(|id| (format!("/v2/orders/{id}/products"), action.clone()));
    world.store.borrow_mut().quirks.broken_paths = paths.collect();
}

#[test]
fn an_order_whose_lines_are_not_served_is_set_aside_and_comes_back() {
    for action in
        [Action::status(500), Action::status(503), Action::Html200, Action::TruncatedJson, Action::Deliver(Delivery::Stall)]
    {
        let world = World::new(SMALL);
        let ids = orders(&world);
        break_lines(&world, &[ids[5]], action.clone());
        let first = world.run(None).ok();
        assert_eq!(verdict(&first), Some(Kind::SetAside), "{action:?}");
        assert_eq!(first.ids("orders"), without(&ids, &[ids[5]]), "{action:?}");
        assert_eq!((aside(&first, "orders"), aside(&first, "order_products")), (json!([ids[5]]), json!([ids[5]])));
        let named = |warning: &&str| warning.contains(&format!("record {}", ids[5])) && warning.contains("until the next run");
        assert!(first.warnings().iter().any(named), "{:?}", first.warnings());

        let second = world.run(Some(first.state())).ok();
        assert_eq!((verdict(&second), aside(&second, "orders")), (Some(Kind::SetAside), json!([ids[5]])), "it stays");

        world.store.borrow_mut().quirks.broken_paths.clear();
        let third = world.run(Some(second.state())).ok();
        assert_eq!((verdict(&third), aside(&third, "orders")), (None, json!([])), "{action:?}");
        assert!(third.ids("orders").contains(&ids[5]));
        assert!(!third.records("order_products").is_empty());
    }
}

#[test]
fn what_is_aside_is_asked_for_with_one_try() {
    let world = World::new(SMALL);
    let ids = orders(&world);
    break_lines(&world, &ids[5..8], Action::status(500));
    let first = world.run(None).ok();
    let before = world.store.borrow().requests().len();
    world.run(Some(first.state())).ok();
    let store = world.store.borrow();
    for id in &ids[5..8] {
        let path = format!("/v2/orders/{id}/products");
        let asked = store.requests().iter().skip(before).filter(|seen| seen.target.contains(&path)).count();
        assert_eq!(asked, 1, "order {id}");
    }
}

#[test]
fn a_page_that_is_not_served_costs_its_broken_rows_and_nothing_else() {
    for exclusive in [false, true] {
        let mut world = World::new(Counts { orders: 120, ..SMALL });
        world.config.insert("page_size".into(), json!(50));
        let ids = orders(&world);
        let broken = [ids[20], ids[21], ids[70], ids[119]];
        {
            let quirks = &mut world.store.borrow_mut().quirks;
            quirks.bounds_exclusive = exclusive;
            quirks.broken_records = broken.iter().map(|id| ((Records::Order, *id), Action::status(500))).collect();
        }
        let first = world.run(None).ok();
        // Behind the last one there is no row, so nothing shows that the store serves anything: an outage, as far as anybody can tell.
        assert_eq!(first.ids("orders"), without(&ids, &broken), "exclusive: {exclusive}");
        assert_eq!(verdict(&first), Some(Kind::Api));
        let gaps = aside(&first, "orders").as_array().unwrap().len();
        assert!((2..=3).contains(&gaps), "{}", aside(&first, "orders"));
        assert!(first.state()["bookmarks"]["orders"]["walk"]["last_id"] == ids[118]);

        world.store.borrow_mut().quirks.broken_records.clear();
        let second = world.run(Some(first.state())).ok();
        assert_eq!((verdict(&second), aside(&second, "orders")), (None, json!([])));
        let read: std::collections::BTreeSet<u64> = [&first, &second].iter().flat_map(|run| run.ids("orders")).collect();
        assert_eq!(read.into_iter().collect::<Vec<_>>(), ids);
    }
}

#[test]
fn an_outage_sets_nothing_aside() {
    for path in ["/products?", "/v2/orders"] {
        let mut world = World::new(SMALL);
        world.config.insert("page_size".into(), json!(10));
        world.store.borrow_mut().add_fault(Fault::on(path, Action::status(503)).skip(12).always());
        let first = world.run(None).ok();
        assert_eq!(verdict(&first), Some(Kind::Api), "{path}");
        assert!(matches!(aside(&first, "orders"), Value::Null), "{path}: {}", aside(&first, "orders"));
        world.store.borrow_mut().clear_faults();
        world.wait(Duration::from_secs(600));
        let second = world.run(Some(first.state())).ok();
        assert_eq!(verdict(&second), None, "{path}");
        let read: std::collections::BTreeSet<u64> = [&first, &second].iter().flat_map(|run| run.ids("orders")).collect();
        assert_eq!(read.into_iter().collect::<Vec<_>>(), orders(&world), "{path}");
    }
}

#[test]
fn a_refusal_sets_nothing_aside() {
    for (status, kind) in [(401, Kind::Unauthorized), (403, Kind::MissingScope), (429, Kind::RateLimited)] {
        let world = World::new(SMALL);
        break_lines(&world, &[orders(&world)[5]], Action::status(status));
        let run = world.run(None);
        let failure = match &run.result {
            Ok(summary) => summary.verdict().unwrap(),
            Err(failure) => failure.clone(),
        };
        assert_eq!(failure.kind, kind);
        assert!(aside(&run, "orders").is_null());
    }
}

#[test]
fn more_than_a_hundred_entries_fail_the_stream() {
    let world = World::new(Counts { orders: 130, ..SMALL });
    let ids = orders(&world);
    break_lines(&world, &ids[5..106], Action::status(500));
    let run = world.run(None).ok();
    let failure = run.result.as_ref().unwrap().streams[0].failure.clone().unwrap();
    assert_eq!(failure.kind, Kind::Api);
    assert!(failure.message.contains("more than 100"), "{failure}");
    assert_eq!(aside(&run, "orders").as_array().unwrap().len(), 100);
    assert_eq!(run.ids("customers").len(), 30, "the other streams are read");
}

#[test]
fn a_state_with_more_entries_than_possible_is_a_state_error() {
    let ids: Vec<u64> = (1..=1_000_000).collect();
    for aside in [json!(ids), json!([1, "two"]), json!([{ "above": 1 }]), json!(7), json!([-1])] {
        let world = World::new(SMALL);
        let run = world.run(Some(&json!({ "bookmarks": { "orders": { "aside": aside } } })));
        assert_eq!(run.failure().kind, Kind::State);
        assert!(world.store.borrow().requests().is_empty());
    }
}

#[test]
fn what_is_gone_from_the_store_leaves_the_state() {
    let world = World::new(SMALL);
    let ids = orders(&world);
    break_lines(&world, &[ids[5]], Action::status(500));
    let first = world.run(None).ok();
    assert_eq!(aside(&first, "orders"), json!([ids[5]]));
    world.store.borrow_mut().delete(Records::Order, ids[5]);
    let second = world.run(Some(first.state())).ok();
    assert_eq!((verdict(&second), aside(&second, "orders")), (None, json!([])));
}

#[test]
fn what_is_aside_comes_within_the_limits_of_runs_in_a_row() {
    let world = World::new(SMALL);
    let ids = orders(&world);
    break_lines(&world, &ids[5..15], Action::status(500));
    let mut run = world.run(None).ok();
    assert_eq!(aside(&run, "orders").as_array().unwrap().len(), 10);
    world.store.borrow_mut().quirks.broken_paths.clear();
    let mut read: Vec<u64> = Vec::new();
    for _ in 0..12 {
        run = world.run_with(Request { max_records: Some(1), ..world.request(Some(run.state())) }, None).ok();
        assert!(run.ids("orders").len() <= 1);
        read.extend(run.ids("orders"));
    }
    assert!(ids[5..15].iter().all(|id| read.contains(id)), "{read:?}");
    assert_eq!(aside(&run, "orders"), json!([]));
}

#[test]
fn a_list_that_is_not_found_says_nothing_of_the_records_that_are_aside_in_it() {
    let mut world = World::new(SMALL);
    world.config.insert("page_size".into(), json!(10));
    let ids = orders(&world);
    world.store.borrow_mut().quirks.broken_records = [((Records::Order, ids[5]), Action::status(500))].into();
    let first = world.run(None).ok();
    assert_eq!(aside(&first, "orders").as_array().unwrap().len(), 1);
    world.store.borrow_mut().quirks.broken_records.clear();
    world.store.borrow_mut().add_fault(Fault::on("max_id=", Action::NotFound));
    let second = world.run(Some(first.state())).ok();
    assert_eq!(aside(&second, "orders"), aside(&first, "orders"));
    let third = world.run(Some(second.state())).ok();
    assert!(third.ids("orders").contains(&ids[5]));
}
