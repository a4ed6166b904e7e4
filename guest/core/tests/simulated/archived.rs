//! Archived orders: a pass of their own through the list, whatever a store does with the filter for them.

use crate::aside::{orders, without};
use crate::world::{Run, World};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tap_bigcommerce_core::error::Kind as Failure;
use tap_bigcommerce_core::log::Level;
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_sandbox::{Action, Counts, Fault, Kind, Quota, Request};

const SMALL: Counts = Counts::of([(Kind::ORDERS, 40), (Kind::CUSTOMERS, 0), (Kind::PRODUCTS, 0), (Kind::COUPONS, 0)]);
const FILTER: &str = "is_deleted=true";
const STREAMS: &str = "orders.id,orders.is_deleted,order_products,transactions";

/// A store in which the orders at these places are archived and no others, for some days.
fn world(archived: &[usize]) -> World {
    with_orders(40, archived)
}

fn with_orders(count: u64, archived: &[usize]) -> World {
    let world = World::new(SMALL.with(Kind::ORDERS, count));
    let at = world.now() - TimeDelta::days(3);
    for (place, id) in orders(&world).into_iter().enumerate() {
        let is_archived = archived.contains(&place);
        world
            .store
            .borrow_mut()
            .edit(Kind::ORDERS, id, at, |order| drop(order.fields.insert("is_deleted".into(), json!(is_archived))));
    }
    world
}

fn listed(world: &World, is_listed: bool) {
    world.store.borrow_mut().quirks.archived_listed = is_listed;
}

fn ignored(world: &World) {
    world.store.borrow_mut().quirks.ignored_parameters = ["is_deleted".to_owned()].into();
}

fn run(world: &World, state: Option<&Value>) -> Run {
    world.select_from(STREAMS, state)
}

/// How often the list of orders was asked for, with and without the filter.
fn asked(world: &World) -> (usize, usize) {
    let list = world.asked("/v2/orders?");
    let filtered = world.asked(FILTER);
    (list - filtered, filtered)
}

/// Every row of these orders has come with one of the runs.
fn expect_everything(world: &World, runs: &[&Run], what: &str) {
    let came = |stream: &str| -> BTreeSet<u64> { runs.iter().flat_map(|run| run.ids(stream)).collect() };
    assert_eq!(came("orders").into_iter().collect::<Vec<_>>(), orders(world), "{what}");
    for stream in ["order_products", "transactions"] {
        let due = world.store.borrow().truth(stream).unwrap();
        let came = came(stream);
        assert!(due.iter().all(|truth| came.contains(&truth.row["id"].as_u64().unwrap())), "{what}: {stream}");
    }
}

/// The INFO lines of a run that hold this text.
fn infos<'r>(run: &'r Run, text: &str) -> Vec<&'r str> {
    run.log.iter().filter(|(level, line)| *level == Level::Info && line.contains(text)).map(|(_, line)| line.as_str()).collect()
}

#[test]
fn a_broken_archived_order_that_is_gone_leaves_the_state_where_all_others_are_archived_too() {
    let world = with_orders(6, &[0, 1, 2, 3, 4, 5]);
    let ids = orders(&world);
    world.store.borrow_mut().quirks.broken_records = [((Kind::ORDERS, ids[3]), Action::status(500))].into();
    let first = run(&world, None);
    assert_eq!((first.verdict(), first.ids("orders").len()), (Some(Failure::SetAside), 5), "{:?}", first.warnings());
    world.store.borrow_mut().quirks.broken_records.clear();
    assert!(world.store.borrow_mut().delete(Kind::ORDERS, ids[3]));
    let second = run(&world, Some(first.state()));
    assert_eq!((second.verdict(), second.aside("orders")), (None, json!([])), "{:?}", second.warnings());
}

#[test]
fn archived_orders_come_after_the_others_with_all_their_lists() {
    let world = world(&[0, 7, 8, 39]);
    let run = run(&world, None);
    let ids = orders(&world);
    let archived = [0, 7, 8, 39].map(|place| ids[place]);
    assert_eq!(run.in_order("orders"), [without(&ids, &archived), archived.to_vec()].concat());
    expect_everything(&world, &[&run], "whole");
    assert_eq!((run.verdict(), run.warnings()), (None, vec![]));
    let is_archived = |order: &&Value| order["is_deleted"] == true;
    assert_eq!(run.records("orders").into_iter().filter(is_archived).count(), archived.len());
    // The highest id, a page and the one after it; then, for archived orders, a page, the one after it and the highest id.
    assert_eq!(asked(&world), (3, 3));
}

#[test]
fn without_archived_orders_the_pass_takes_two_requests() {
    let world = world(&[]);
    let first = run(&world, None);
    assert_eq!((asked(&world), first.warnings()), ((3, 2), vec![]));
    world.wait(Duration::from_secs(600));
    world.store.borrow_mut().clear_requests();
    let second = run(&world, Some(first.state()));
    assert_eq!((asked(&world).1, second.warnings()), (2, vec![]));
}

#[test]
fn an_order_that_is_archived_later_comes_with_the_next_run() {
    let world = world(&[3]);
    let first = run(&world, None);
    world.wait(Duration::from_secs(3_600));
    let id = orders(&world)[20];
    world.store.borrow_mut().archive_order(id, world.now());
    world.wait(Duration::from_secs(600));
    let second = run(&world, Some(first.state()));
    let came: Vec<&Value> = second.records("orders").into_iter().filter(|order| order["id"] == id).collect();
    assert_eq!(came.iter().map(|order| &order["is_deleted"]).collect::<Vec<_>>(), [true]);
    let bookmark = |run: &Run| run.state()["bookmarks"]["orders"]["date_modified"].as_str().unwrap().to_owned();
    assert!(bookmark(&second) > bookmark(&first), "the bookmark moves with archived orders, too");
}

#[test]
fn an_order_that_is_archived_while_the_list_is_read_is_not_lost() {
    for place in [2, 35] {
        let mut world = world(&[]);
        world.config.insert("page_size".into(), json!(10));
        let (id, at) = (orders(&world)[place], world.now());
        let mut pages = 0;
        world.store.borrow_mut().on_request(move |request, store| {
            pages += u32::from(request.path.ends_with("/v2/orders"));
            if pages == 3 {
                store.archive_order(id, at);
            }
        });
        expect_everything(&world, &[&run(&world, None)], &format!("{place}"));
    }
}

#[test]
fn a_store_that_ignores_the_filter_is_read_once() {
    for is_listed in [true, false] {
        let world = world(&[7, 8]);
        listed(&world, is_listed);
        ignored(&world);
        let run = run(&world, None);
        let ids = orders(&world);
        let due = if is_listed { ids.clone() } else { without(&ids, &[ids[7], ids[8]]) };
        assert_eq!((run.verdict(), run.ids("orders"), asked(&world)), (None, due, (3, 2)), "listed: {is_listed}");
        assert_eq!((run.warnings(), infos(&run, "ignores the filter is_deleted=true").len()), (vec![], 1));
    }
}

#[test]
fn records_before_the_first_that_was_not_asked_for_are_written() {
    let world = world(&[0, 1, 20]);
    listed(&world, true);
    ignored(&world);
    let run = run(&world, None);
    let ids = orders(&world);
    assert_eq!(
        run.in_order("orders"),
        [ids.clone(), ids[..2].to_vec()].concat(),
        "nobody can tell yet that the filter is ignored"
    );
    assert_eq!(asked(&world).1, 2);
}

#[test]
fn a_store_that_refuses_the_filter_is_read_without_it() {
    for status in [400, 404, 422] {
        let world = world(&[7, 8]);
        listed(&world, true);
        world.store.borrow_mut().add_fault(Fault::on(FILTER, Action::status(status)).always());
        let first = run(&world, None);
        assert_eq!((first.verdict(), first.ids("orders"), first.warnings()), (None, orders(&world), vec![]), "{status}");
        assert_eq!(infos(&first, "refuses the filter is_deleted=true").len(), 1, "{status}");
        // Twice with the filter, and in between once without it.
        assert_eq!(asked(&world), (4, 2), "{status}");
        let second = run(&world, Some(first.state()));
        assert_eq!((second.verdict(), second.state()["bookmarks"]["orders"]["walk"].clone()), (None, Value::Null), "{status}");
    }
}

#[test]
fn one_refusal_costs_no_archived_order() {
    for status in [400, 404, 422] {
        let world = world(&[7, 8]);
        world.store.borrow_mut().add_fault(Fault::on(FILTER, Action::status(status)));
        expect_everything(&world, &[&run(&world, None)], &format!("{status}"));
    }
}

#[test]
fn a_cache_that_answers_once_with_a_page_of_the_others_costs_no_archived_order() {
    for skip in 0..8 {
        let world = world(&[7, 8]);
        world.store.borrow_mut().add_fault(Fault::on("/v2/orders?", Action::DuplicatePage).skip(skip));
        expect_everything(&world, &[&run(&world, None)], &format!("after {skip}"));
    }
}

#[test]
fn an_empty_answer_costs_no_archived_order() {
    for skip in 0..3 {
        let world = world(&[7, 8]);
        world.store.borrow_mut().add_fault(Fault::on(FILTER, Action::EmptyPage).skip(skip));
        expect_everything(&world, &[&run(&world, None)], &format!("after {skip}"));
    }
}

#[test]
fn a_list_that_shows_archived_orders_by_itself_brings_each_of_them() {
    let world = world(&[0, 7, 39]);
    listed(&world, true);
    let run = run(&world, None);
    expect_everything(&world, &[&run], "listed");
    assert_eq!((run.verdict(), run.warnings()), (None, vec![]));
}

#[test]
fn a_run_that_is_killed_anywhere_resumes_inside_the_pass_it_was_in() {
    let mut world = with_orders(18, &[1, 5, 9, 12, 13, 17]);
    world.config.insert("page_size".into(), json!(10));
    // Requests wait for the quota, so that there is a STATE after each few orders.
    world.store.borrow_mut().set_quota(Some(Quota { requests: 6, window: Duration::from_secs(31) }));
    let request = |state: Option<&Value>| Inputs { select: Some(vec![STREAMS.to_owned()]), ..world.inputs(state) };
    let lines = world.run_with(request(None), None).ok().messages.len();
    let mut passes = BTreeSet::new();
    for dies_after in (0..lines).step_by(lines / 16) {
        let killed = world.run_with(request(None), Some(dies_after));
        let state = killed.messages.iter().rev().find(|message| message["type"] == "STATE").map(|state| state["value"].clone());
        let walk = state.as_ref().map(|state| state["bookmarks"]["orders"]["walk"].clone()).unwrap_or_default();
        passes.insert(walk.is_object().then(|| walk["pass"].as_u64().unwrap_or(0)));
        world.store.borrow_mut().clear_requests();
        let resumed = world.run_with(request(state.as_ref()), None).ok();
        expect_everything(&world, &[&killed, &resumed], &format!("after {dies_after} lines"));
        if walk["pass"] == 1 {
            let first =
                world.store.borrow().requests().iter().find(|seen| seen.target.contains("/v2/orders?")).unwrap().target.clone();
            assert!(first.contains(FILTER), "{first}");
        }
        assert!(!resumed.state().to_string().contains("walk"));
    }
    assert_eq!(passes.into_iter().collect::<Vec<_>>(), [None, Some(0), Some(1)]);
}

#[test]
fn limited_runs_in_a_row_bring_archived_orders() {
    let world = world(&[1, 5, 39]);
    let (mut runs, mut state): (Vec<Run>, Option<Value>) = (Vec::new(), None);
    loop {
        let request = Inputs { select: Some(vec![STREAMS.to_owned()]), max_records: Some(9), ..world.inputs(state.as_ref()) };
        let run = world.run_with(request, None).ok();
        let is_complete = run.result.as_ref().unwrap().complete;
        state = Some(run.state().clone());
        runs.push(run);
        if is_complete {
            break;
        }
        assert!(runs.len() < 200, "runs in a row do not come to an end");
    }
    expect_everything(&world, &runs.iter().collect::<Vec<_>>(), "nine records at a time");
}

#[test]
fn a_broken_archived_order_is_set_aside_alone_and_comes_back() {
    // The first, one in the middle, the last, and the only one.
    for (archived, broken) in [(vec![3, 9, 20], 3), (vec![3, 9, 20], 9), (vec![3, 9, 20], 20), (vec![9], 9)] {
        let what = format!("{broken} of {archived:?}");
        let world = world(&archived);
        let ids = orders(&world);
        world.store.borrow_mut().quirks.broken_records = [((Kind::ORDERS, ids[broken]), Action::status(500))].into();
        let first = run(&world, None);
        let came: BTreeSet<u64> = first.ids("orders").into_iter().collect();
        assert_eq!(came.into_iter().collect::<Vec<_>>(), without(&ids, &[ids[broken]]), "{what}: {:?}", first.warnings());
        let aside = first.aside("orders");
        assert_eq!((first.verdict(), &aside[0]["pass"]), (Some(Failure::SetAside), &json!(1)), "{what}: {aside}");
        assert!(first.state()["bookmarks"]["orders"]["date_modified"].is_string(), "{what}: the bookmark moves all the same");
        let second = run(&world, Some(first.state()));
        assert_eq!((second.verdict(), second.aside("orders")), (Some(Failure::SetAside), aside), "{what}: it stays");
        world.store.borrow_mut().quirks.broken_records.clear();
        let third = run(&world, Some(second.state()));
        assert_eq!((third.verdict(), third.aside("orders")), (None, json!([])), "{what}: {:?}", third.warnings());
        expect_everything(&world, &[&first, &second, &third], &what);
    }
}

#[test]
fn a_filter_that_is_never_served_holds_the_bookmark_and_not_the_orders() {
    let world = world(&[3, 9, 20]);
    world.store.borrow_mut().add_fault(Fault::on(FILTER, Action::status(503)).always());
    let first = run(&world, None);
    let ids = orders(&world);
    assert_eq!(first.ids("orders"), without(&ids, &[3, 9, 20].map(|place| ids[place])));
    assert_eq!(first.verdict(), Some(Failure::SetAside), "{:?}", first.warnings());
    let bookmark = &first.state()["bookmarks"]["orders"];
    assert!(bookmark.get("date_modified").is_none() && bookmark.get("walk").is_none(), "{bookmark}");
    assert!(first.warnings().iter().any(|warning| warning.contains("does not serve archived orders")), "{:?}", first.warnings());
    world.store.borrow_mut().clear_faults();
    let second = run(&world, Some(first.state()));
    assert_eq!((second.verdict(), second.aside("orders")), (None, json!([])));
    expect_everything(&world, &[&second], "once it is served");
}

#[test]
fn an_outage_during_the_pass_keeps_its_position() {
    let mut world = with_orders(24, &[1, 5, 9, 11, 12, 13, 14, 15, 16, 17, 20, 21, 22, 23]);
    world.config.insert("page_size".into(), json!(10));
    let begun = std::sync::atomic::AtomicUsize::new(0);
    let is_hit = move |request: &Request| {
        let is_list = request.path.ends_with("/v2/orders");
        let before =
            begun.fetch_add(usize::from(is_list && request.query.contains(FILTER)), std::sync::atomic::Ordering::Relaxed);
        is_list && before > 0
    };
    world.store.borrow_mut().add_fault(Fault::when(is_hit, Action::status(502)).always());
    let first = run(&world, None);
    assert_eq!(first.verdict(), Some(Failure::Api));
    let walk = first.state()["bookmarks"]["orders"]["walk"].clone();
    assert!(walk["pass"] == 1 && walk["position"]["id"].is_u64(), "{walk}");
    world.store.borrow_mut().clear_faults();
    let second = run(&world, Some(first.state()));
    assert_eq!(second.verdict(), None);
    expect_everything(&world, &[&first, &second], "after an outage");
}

#[test]
fn a_state_that_names_an_unknown_pass_starts_over() {
    let world = world(&[3]);
    let request = |state: Option<&Value>| Inputs { select: Some(vec![STREAMS.to_owned()]), ..world.inputs(state) };
    let mut state = world.run_with(Inputs { max_records: Some(30), ..request(None) }, None).ok().state().clone();
    for stream in ["orders", "order_products", "transactions"] {
        state["bookmarks"][stream]["walk"]["pass"] = json!(2);
    }
    let run = world.run_with(request(Some(&state)), None).ok();
    assert!(run.warnings().iter().any(|warning| warning.contains("it starts over")), "{:?}", run.warnings());
    expect_everything(&world, &[&run], "from the start");
}
