//! Limits of a run: records and seconds. They hold, runs in a row advance, and `max_records` throws no request away.

use crate::shared::LISTS;
use crate::world::{Run, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_sandbox::{Counts, Kind, Quota};

const SMALL: Counts = Counts::of([(Kind::ORDERS, 30), (Kind::CUSTOMERS, 40), (Kind::PRODUCTS, 12), (Kind::COUPONS, 6)]);

/// Runs in a row, each with these limits, until everything that is selected has come.
fn in_a_row(world: &World, streams: &[&str], limits: impl Fn(Inputs) -> Inputs) -> Vec<Run> {
    let (mut runs, mut state): (Vec<Run>, Option<Value>) = (Vec::new(), None);
    while !streams.iter().all(|stream| ids(&runs, stream) == present(world, stream)) {
        let run = world.run_with(limits(world.inputs(state.as_ref())), None).ok();
        state = Some(run.state().clone());
        runs.push(run);
        assert!(runs.len() < 300, "runs in a row do not bring everything");
    }
    runs
}

fn ids(runs: &[Run], stream: &str) -> BTreeSet<u64> {
    runs.iter().flat_map(|run| run.ids(stream)).collect()
}

fn present(world: &World, stream: &str) -> BTreeSet<u64> {
    let (_, kind) = LISTS.into_iter().find(|(name, _)| *name == stream).unwrap();
    world.store.borrow().ids(kind).collect()
}

fn records(run: &Run) -> usize {
    run.messages.iter().filter(|message| message["type"] == "RECORD").count()
}

#[test]
fn max_records_holds_up_to_one_records_lines_and_each_run_brings_something() {
    for most in [1, 7, 60] {
        let world = World::new(SMALL);
        let all = LISTS.map(|(stream, _)| stream);
        let runs = in_a_row(&world, &all, |request| Inputs { max_records: Some(most), ..request });
        for run in &runs {
            let lines = run.records("orders").last().map_or(0, |order| order["products"].as_array().unwrap().len());
            assert!(records(run) as u64 <= most + lines as u64, "{} records, the limit is {most}", records(run));
        }
        let idle = runs.iter().filter(|run| records(run) == 0).count();
        assert!(idle <= 3 * all.len(), "{idle} of {} runs bring nothing", runs.len());
    }
}

#[test]
fn no_list_of_an_order_is_asked_for_and_thrown_away() {
    let world = World::new(SMALL);
    let run = world.run_with(Inputs { max_records: Some(20), ..world.inputs(None) }, None).ok();
    let asked: BTreeSet<u64> = world
        .store
        .borrow()
        .requests()
        .iter()
        .filter_map(|seen| seen.target.split_once("/v2/orders/")?.1.split_once('/')?.0.parse().ok())
        .collect();
    assert_eq!(asked, run.ids("orders").into_iter().collect());
}

#[test]
fn by_cursor_pages_hold_what_is_left() {
    let mut world = World::new(SMALL);
    world.config.insert("page_size".into(), json!(250));
    let customers = |request: Inputs| Inputs { select: Some(vec!["customers".into()]), max_records: Some(7), ..request };
    let runs = in_a_row(&world, &["customers"], customers);
    assert!(runs.iter().all(|run| records(run) <= 7));
    let store = world.store.borrow();
    for seen in store.requests().iter().filter(|seen| seen.target.contains("/v3/customers?")) {
        let rows: u64 = seen.target.split_once("limit=").unwrap().1.parse().unwrap();
        assert!(rows <= 7, "{}", seen.target);
    }
}

#[test]
fn max_seconds_holds_while_the_quota_is_awaited() {
    let world = World::new(SMALL);
    world.store.borrow_mut().set_quota(Some(Quota { requests: 20, window: Duration::from_secs(600) }));
    let mut began = world.now();
    let (mut state, mut ended, mut complete) = (None, Vec::new(), false);
    while !complete {
        let run = world.run_with(Inputs { max_seconds: Some(10), ..world.inputs(state.as_ref()) }, None).ok();
        complete = run.result.as_ref().unwrap().complete;
        ended.push((world.now() - began).num_seconds());
        world.wait(Duration::from_secs(600));
        (state, began) = (Some(run.state().clone()), world.now());
        assert!(ended.len() < 100, "runs in a row do not come to an end");
    }
    // Twice: one record may have to wait for a window of its own.
    assert!(ended.iter().all(|seconds| *seconds <= 20), "{ended:?}");
    assert!(ended.len() > 3);
}

#[test]
fn max_seconds_holds_while_the_sink_is_slow() {
    let mut world = World::new(SMALL);
    world.sink_pause = Duration::from_secs(60);
    let began = world.now();
    let run = world.run_with(Inputs { max_seconds: Some(100), ..world.inputs(None) }, None).ok();
    assert!(!run.result.as_ref().unwrap().complete);
    assert!(records(&run) > 0);
    // What is under way is written, and the STATE.
    assert!((world.now() - began).num_seconds() <= 100 + 3 * 60, "{}", world.now() - began);
}
