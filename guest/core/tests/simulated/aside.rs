//! Records that the store cannot serve: set aside and asked for again, so that no single one holds up the rest.

use crate::world::{Run, World};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::time::Duration;
use tap_bigcommerce_core::dates;
use tap_bigcommerce_core::error::Kind;
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_sandbox::{Action, Counts, Delivery, Fault, Kind as Records, OddByte};

pub(crate) const SMALL: Counts =
    Counts::of([(Records::ORDERS, 40), (Records::CUSTOMERS, 30), (Records::PRODUCTS, 20), (Records::COUPONS, 12)]);

pub(crate) fn orders(world: &World) -> Vec<u64> {
    world.store.borrow().ids(Records::ORDERS).collect()
}

pub(crate) fn without(ids: &[u64], left_out: &[u64]) -> Vec<u64> {
    ids.iter().copied().filter(|id| !left_out.contains(id)).collect()
}

/// Breaks the lists of lines of these orders.
pub(crate) fn break_lines(world: &World, ids: &[u64], action: Action) {
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
        assert_eq!(first.verdict(), Some(Kind::SetAside), "{action:?}");
        assert_eq!(first.ids("orders"), without(&ids, &[ids[5]]), "{action:?}");
        assert_eq!((first.aside("orders"), first.aside("order_products")), (json!([ids[5]]), json!([ids[5]])));
        let named = |warning: &&str| warning.contains(&format!("record {}", ids[5])) && warning.contains("until the next run");
        assert!(first.warnings().iter().any(named), "{:?}", first.warnings());

        let second = world.run(Some(first.state())).ok();
        assert_eq!((second.verdict(), second.aside("orders")), (Some(Kind::SetAside), json!([ids[5]])), "it stays");

        world.store.borrow_mut().quirks.broken_paths.clear();
        let third = world.run(Some(second.state())).ok();
        assert_eq!((third.verdict(), third.aside("orders")), (None, json!([])), "{action:?}");
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
fn an_outage_sets_nothing_aside() {
    for path in ["/products?", "/v2/orders"] {
        let mut world = World::new(SMALL);
        world.config.insert("page_size".into(), json!(10));
        world.store.borrow_mut().add_fault(Fault::on(path, Action::status(503)).skip(12).always());
        let first = world.run(None).ok();
        assert_eq!(first.verdict(), Some(Kind::Api), "{path}");
        assert!(matches!(first.aside("orders"), Value::Null), "{path}: {}", first.aside("orders"));
        world.store.borrow_mut().clear_faults();
        world.wait(Duration::from_secs(600));
        let second = world.run(Some(first.state())).ok();
        assert_eq!(second.verdict(), None, "{path}");
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
        assert!(run.aside("orders").is_null());
    }
}

#[test]
fn more_than_a_hundred_entries_fail_the_stream() {
    let world = World::new(SMALL.with(Records::ORDERS, 130));
    let ids = orders(&world);
    break_lines(&world, &ids[5..106], Action::status(500));
    let run = world.run(None).ok();
    let failure = run.result.as_ref().unwrap().streams[0].failure.clone().unwrap();
    assert_eq!(failure.kind, Kind::Api);
    assert!(failure.message.contains("more than 100"), "{failure}");
    assert_eq!(run.aside("orders").as_array().unwrap().len(), 100);
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
fn what_is_aside_comes_within_the_limits_of_runs_in_a_row() {
    let world = World::new(SMALL);
    let ids = orders(&world);
    break_lines(&world, &ids[5..15], Action::status(500));
    let mut run = world.run(None).ok();
    assert_eq!(run.aside("orders").as_array().unwrap().len(), 10);
    world.store.borrow_mut().quirks.broken_paths.clear();
    let mut read: Vec<u64> = Vec::new();
    for _ in 0..12 {
        run = world.run_with(Inputs { max_records: Some(1), ..world.inputs(Some(run.state())) }, None).ok();
        assert!(run.ids("orders").len() <= 1);
        read.extend(run.ids("orders"));
    }
    assert!(ids[5..15].iter().all(|id| read.contains(id)), "{read:?}");
    assert_eq!(run.aside("orders"), json!([]));
}

#[test]
fn gaps_that_overlap_each_other_and_single_records_bring_everything_once() {
    let world = World::new(SMALL);
    world.store.borrow_mut().quirks.archived_listed = true;
    let ids = orders(&world);
    let done = world.run(None).ok();
    let (low, middle, high) = (ids[3], ids[8], ids[14]);
    for aside_before in [
        json!([{ "above": low, "below": high }, { "above": middle, "below": high }]),
        json!([{ "above": middle, "below": high }, { "above": low, "below": high }]),
        json!([middle, { "above": low, "below": high }]),
        json!([middle, low, { "above": low, "below": high }, { "above": middle, "below": high }]),
    ] {
        let mut state = done.state().clone();
        state["bookmarks"]["orders"]["aside"] = aside_before.clone();
        let run = world.run(Some(&state)).ok();
        assert_eq!((run.verdict(), run.aside("orders")), (None, json!([])), "{aside_before}");
        let due: Vec<u64> = ids.iter().copied().filter(|id| low < *id && *id < high).collect();
        assert!(due.iter().all(|id| run.ids("orders").contains(id)), "{aside_before}: {:?}", run.ids("orders"));
    }
}

#[test]
fn a_gap_stays_aside_while_the_store_ignores_its_lower_bound() {
    let world = World::new(SMALL);
    let ids = orders(&world);
    let mut state = world.run(None).ok().state().clone();
    state["bookmarks"]["orders"]["aside"] = json!([{ "above": ids[20], "below": ids[25] }]);
    // The walk itself needs no position here: it fits into one page.
    world.store.borrow_mut().quirks.ignored_parameters = ["min_id".to_owned()].into();
    let second = world.run(Some(&state)).ok();
    assert_eq!(second.aside("orders"), state["bookmarks"]["orders"]["aside"]);
    world.store.borrow_mut().quirks.ignored_parameters.clear();
    let third = world.run(Some(second.state())).ok();
    assert_eq!((third.verdict(), third.aside("orders")), (None, json!([])));
    assert!(ids[21..25].iter().all(|id| third.ids("orders").contains(id)));
}

#[test]
fn a_walk_that_ended_for_want_of_room_ends_once_what_was_aside_has_come() {
    let world = World::new(SMALL.with(Records::ORDERS, 130));
    let ids = orders(&world);
    break_lines(&world, &ids[5..106], Action::status(500));
    let first = world.run(None).ok();
    assert_eq!(first.verdict(), Some(Kind::Api));
    assert!(!first.state()["bookmarks"]["orders"]["walk"].is_null(), "the walk is to resume");
    world.store.borrow_mut().quirks.broken_paths.clear();
    let second = world.run(Some(first.state())).ok();
    assert_eq!((second.verdict(), second.aside("orders")), (None, json!([])));
    let read: std::collections::BTreeSet<u64> = [&first, &second].iter().flat_map(|run| run.ids("orders")).collect();
    assert_eq!(read.into_iter().collect::<Vec<_>>(), ids);
}

#[test]
fn an_empty_body_in_place_of_an_empty_list_keeps_no_record_aside() {
    let world = World::new(SMALL);
    let ids = orders(&world);
    break_lines(&world, &[ids[5]], Action::status(500));
    let first = world.run(None).ok();
    world.store.borrow_mut().quirks.broken_paths = [(format!("/v2/orders/{}/coupons", ids[5]), Action::NoBody)].into();
    let second = world.run(Some(first.state())).ok();
    assert_eq!((second.verdict(), second.aside("orders")), (None, json!([])));
    assert!(second.ids("orders").contains(&ids[5]));
}

#[test]
fn max_seconds_holds_while_what_is_aside_is_asked_for() {
    let world = World::new(SMALL);
    let ids = orders(&world);
    break_lines(&world, &ids[5..35], Action::status(500));
    let first = world.run(None).ok();
    assert_eq!(first.aside("orders").as_array().unwrap().len(), 30);
    // Each is silent until its timeout, 60 s later.
    break_lines(&world, &ids[5..35], Action::Deliver(Delivery::Stall));
    let began = world.now();
    let second = world.run_with(Inputs { max_seconds: Some(100), ..world.inputs(Some(first.state())) }, None).ok();
    assert!((world.now() - began).num_seconds() <= 100 + 60 + 5, "{}", world.now() - began);
    let numbers = |aside: Value| serde_json::from_value::<std::collections::BTreeSet<u64>>(aside).unwrap();
    assert_eq!(numbers(second.aside("orders")), numbers(first.aside("orders")));
}

#[test]
fn a_record_that_can_be_written_only_in_part_does_not_hold_up_limited_runs() {
    let world = World::new(SMALL);
    let ids = orders(&world);
    let at = world.now() - chrono::TimeDelta::days(1);
    world.store.borrow_mut().edit(Records::ORDERS, ids[5], at, |order| {
        let line = order.parts["products"].as_array().unwrap()[0].clone();
        let mut nameless = line.clone();
        nameless.as_object_mut().unwrap().remove("id");
        order.parts.insert("products".into(), [line, nameless].into());
    });
    let request = |state: Option<&Value>| Inputs {
        max_records: Some(1),
        select: Some(vec!["orders".into(), "order_products".into()]),
        ..world.inputs(state)
    };
    let (mut state, mut read) = (None, std::collections::BTreeSet::new());
    for _ in 0..ids.len() * 3 {
        let run = world.run_with(request(state.as_ref()), None).ok();
        read.extend(run.ids("orders"));
        state = Some(run.state().clone());
    }
    assert_eq!(read.into_iter().collect::<Vec<_>>(), ids);
    assert_eq!(state.unwrap()["bookmarks"]["order_products"]["aside"], json!([ids[5]]));
}

#[test]
fn a_witness_that_is_gone_or_broken_makes_no_outage_of_one_record() {
    let mut world = World::new(SMALL);
    // One record after the other, so that the witness is the one before.
    world.config.insert("max_concurrency".into(), json!(1));
    let ids = orders(&world);
    // By then the lists of the order before are not found, and the one of the order after is served.
    let before = format!("/v2/orders/{}/products", ids[0]);
    break_lines(&world, &ids[1..2], Action::status(500));
    world.store.borrow_mut().add_fault(Fault::on(&before, Action::NotFound).skip(1).always());
    let run = world.run(None).ok();
    assert!(run.aside("orders").as_array().is_some_and(|aside| aside.contains(&json!(ids[1]))), "{:?}", run.warnings());
    assert_eq!(run.ids("orders"), without(&ids, &[ids[1]]));
}

#[test]
fn orders_that_are_broken_side_by_side_at_the_start_are_set_aside() {
    let world = World::new(SMALL);
    let ids = orders(&world);
    break_lines(&world, &ids[..3], Action::status(500));
    let run = world.run(None).ok();
    assert_eq!((run.verdict(), run.aside("orders")), (Some(Kind::SetAside), json!(ids[..3])));
    assert_eq!(run.ids("orders"), ids[3..]);
}

#[test]
fn streams_that_bring_a_hundred_entries_each_make_no_state_that_is_refused() {
    let world = World::new(SMALL.with(Records::ORDERS, 200));
    let ids = orders(&world);
    break_lines(&world, &ids[..180], Action::status(500));
    let mut state = json!({ "bookmarks": { "orders": { "aside": ids[..90] }, "order_products": { "aside": ids[90..180] } } });
    for _ in 0..2 {
        let run = world.run(Some(&state)).ok();
        state = run.state().clone();
        assert!(run.aside("orders").as_array().unwrap().len() >= 100);
    }
    world.store.borrow_mut().quirks.broken_paths.clear();
    let last = world.run(Some(&state)).ok();
    assert_eq!((last.verdict(), last.aside("orders"), last.aside("order_products")), (None, json!([]), json!([])));
}

#[test]
fn what_takes_the_time_of_a_limited_run_comes_last_in_the_next_one() {
    let world = World::new(SMALL);
    let ids = orders(&world);
    break_lines(&world, &ids[5..9], Action::status(500));
    let mut state = world.run(None).ok().state().clone();
    // The first one is silent until its timeout; the others are served.
    break_lines(&world, &ids[5..6], Action::Deliver(Delivery::Stall));
    let mut read = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let run = world.run_with(Inputs { max_seconds: Some(20), ..world.inputs(Some(&state)) }, None).ok();
        read.extend(run.ids("orders"));
        state = run.state().clone();
    }
    assert!(ids[6..9].iter().all(|id| read.contains(id)), "{read:?}");
    assert_eq!(state["bookmarks"]["orders"]["aside"], json!([ids[5]]));
}

#[test]
fn a_record_that_can_be_written_only_in_part_keeps_no_other_one_aside() {
    let world = World::new(SMALL);
    let ids = orders(&world);
    let mut state = world.run(None).ok().state().clone();
    let at = world.now() - chrono::TimeDelta::days(1);
    world.store.borrow_mut().edit(Records::ORDERS, ids[5], at, |order| {
        let line = order.parts["products"].as_array().unwrap()[0].clone();
        let mut nameless = line.clone();
        nameless.as_object_mut().unwrap().remove("id");
        order.parts.insert("products".into(), [line, nameless].into());
    });
    for stream in ["orders", "order_products"] {
        state["bookmarks"][stream]["aside"] = json!([ids[5], ids[9]]);
    }
    let mut read = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let run = world.run_with(Inputs { max_records: Some(1), ..world.inputs(Some(&state)) }, None).ok();
        read.extend(run.ids("orders"));
        state = run.state().clone();
    }
    assert!(read.contains(&ids[9]), "{read:?}");
    assert_eq!(state["bookmarks"]["orders"]["aside"], json!([]));
    assert_eq!(state["bookmarks"]["order_products"]["aside"], json!([ids[5]]));
}

#[test]
fn gaps_that_are_still_not_served_cost_one_request_each() {
    let world = World::new(SMALL.with(Records::ORDERS, 200));
    let ids = orders(&world);
    let mut state = world.run(None).ok().state().clone();
    let gaps: Vec<Value> = (0..30).map(|gap| json!({ "above": ids[gap * 5], "below": ids[gap * 5 + 3] })).collect();
    state["bookmarks"]["orders"]["aside"] = json!(gaps);
    // Each is silent until its timeout, 60 s later.
    world.store.borrow_mut().add_fault(Fault::on("max_id=", Action::Deliver(Delivery::Stall)).always());
    let before = world.store.borrow().requests().len();
    let run = world.run(Some(&state)).ok();
    assert_eq!(run.aside("orders").as_array().map(Vec::len), Some(30));
    let store = world.store.borrow();
    let asked = store.requests().iter().skip(before).filter(|seen| seen.target.contains("max_id=")).count();
    assert_eq!(asked, 30);
}

#[test]
fn bytes_that_are_replaced_in_what_was_aside_are_named() {
    let world = World::new(SMALL);
    let ids = orders(&world);
    let mut state = world.run(None).ok().state().clone();
    let at = world.now() - chrono::TimeDelta::days(1);
    let text = format!("Caf{}!", OddByte::InvalidUtf8.mark());
    let edit = |order: &mut tap_bigcommerce_sandbox::Record| drop(order.fields.insert("staff_notes".into(), text.into()));
    world.store.borrow_mut().edit(Records::ORDERS, ids[5], at, edit);
    for aside in [json!([ids[5]]), json!([{ "above": ids[4], "below": ids[6] }])] {
        state["bookmarks"]["orders"]["aside"] = aside;
        let run = world.run(Some(&state)).ok();
        let named = |warning: &&str| warning.contains(&format!("record {}:", ids[5])) && warning.contains("were not valid");
        assert!(run.warnings().iter().any(named), "{:?}", run.warnings());
    }
}

#[test]
fn what_only_a_new_walk_can_read_holds_the_bookmark_back_even_below_an_older_one() {
    let world = World::new(Counts::of([(Records::CUSTOMERS, 30)]));
    let first = world.select("customers");
    let bookmark = |run: &Run| run.state()["bookmarks"]["customers"]["date_modified"].as_str().map(str::to_owned);
    let long_ago = dates::format(world.now() - TimeDelta::days(400));
    let page = json!({
        "data": [{"id": 1, "date_modified": long_ago}, {"id": null, "date_modified": long_ago}],
        "meta": {"pagination": {"total": 2, "count": 2}},
    });
    let action = Action::Status { code: 200, body: Some(page.to_string().into_bytes()), headers: Vec::new() };
    world.store.borrow_mut().add_fault(Fault::on("/v3/customers", action).always());
    let whole = json!({"streams": [{
        "stream": "customers", "tap_stream_id": "customers", "replication_method": "FULL_TABLE", "schema": {"type": "object", "properties": {}},
        "metadata": [{"breadcrumb": [], "metadata": {"selected": true}}],
    }]});
    let select = Some(vec!["customers.date_modified".to_owned()]);
    let inputs = Inputs { catalog: Some(whole.to_string()), select, ..world.inputs(Some(first.state())) };
    let second = world.run_with(inputs, None).ok();
    assert_eq!((second.verdict(), second.records("customers").len()), (Some(Kind::SetAside), 1), "{:?}", second.warnings());
    assert_eq!(bookmark(&second), Some(long_ago));
    world.store.borrow_mut().clear_faults();
    let third = world.select_from("customers", Some(second.state()));
    assert_eq!((third.verdict(), third.aside("customers")), (None, json!([])));
    assert!(!third.records("customers").is_empty() && bookmark(&third) >= bookmark(&first));
}
