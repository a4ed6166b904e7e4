//! Driver, edge and collector together: whatever is killed or full, every record arrives.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tap_bigcommerce_sandbox::{Action, Fault, Kind};
use tap_bigcommerce_tests::chain::{
    COLLECTOR_TOKEN, Places, Running, collected, collector, driver, edge, full_collector, kept, let_the_lock_run_out,
};
use tap_bigcommerce_tests::fake::{Fake, Relay, say, whole};
use tap_bigcommerce_tests::messages::{Message, held, ids, last_state};
use tap_bigcommerce_tests::program::{Ended, LONGEST, run};
use tap_bigcommerce_tests::runs::EDGE_TOKEN;
use tap_bigcommerce_tests::shop::{Shop, counts};

/// Enough for slices of some seconds.
fn large() -> Shop {
    Shop::new(counts(1200, 10, 10, 10))
}

/// It failed, and its last line is for a person and holds all these words.
pub(crate) fn fails(ended: &Ended, words: &[&str]) {
    ended.clone().told(1, words);
    holds_no_secret(&ended.stderr);
}

pub(crate) fn holds_no_secret(text: &str) {
    for secret in [EDGE_TOKEN, COLLECTOR_TOKEN] {
        assert!(!text.contains(secret), "{text}");
    }
}

fn states(messages: &[Message]) -> Vec<&Value> {
    messages.iter().filter_map(|message| message.value.as_ref()).collect()
}

/// The collector has everything that the host reads, and the driver has kept the last STATE.
fn has_arrived(shop: &Shop) {
    let (came, wanted) = (collected(shop), shop.run([]).ok().messages());
    assert!(held(&came) == held(&wanted) && !held(&wanted).is_empty());
    assert_eq!(kept(shop).as_ref(), Some(last_state(&came)));
}

/// If a STATE is kept, the collector has the lines that it covers.
fn is_covered(shop: &Shop) {
    let (came, kept) = (collected(shop), kept(shop));
    if let Some(kept) = kept {
        assert!(states(&came).contains(&&kept), "the STATE is ahead of its lines");
    }
}

pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + LONGEST;
    while !is_so() {
        assert!(Instant::now() < end, "{what} does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Starts a driver, and waits until the collector has so many STATEs.
fn start_until(shop: &Shop, places: &Places, most: usize) -> Running {
    let running = Running::start(driver(shop, places, &[]));
    let file = shop.path("lines/shop.jsonl");
    let count = || std::fs::read_to_string(&file).unwrap_or_default().matches(r#"{"type":"STATE""#).count();
    wait_until("a STATE", || count() >= most);
    running
}

#[test]
#[ignore = "needs the wasmtime program"]
fn a_store_arrives_whole_slice_after_slice() {
    let shop = Shop::new(counts(60, 40, 30, 10));
    let (edge, collector) = (edge(&shop), collector(&shop));
    let places = Places::of(&edge, &collector);
    let ended = run(driver(&shop, &places, &[("MAX_RECORDS", "50")])).ok();
    has_arrived(&shop);
    let slices = |ended: &Ended| -> u64 {
        let words: Vec<&str> = ended.stderr.lines().last().unwrap().split(' ').collect();
        words[words.len() - 2].parse().unwrap()
    };
    assert!(slices(&ended) > 3 && ended.warnings().is_empty(), "{}", ended.stderr);
    let before = collected(&shop).len();
    let again = run(driver(&shop, &places, &[])).ok();
    assert!(slices(&again) == 1 && collected(&shop).len() < before * 2, "{}", again.stderr);
    assert_eq!(kept(&shop).as_ref(), Some(last_state(&collected(&shop))));
    for text in [ended.stderr, ended.stdout, again.stderr, edge.log(), collector.log()] {
        holds_no_secret(&text);
    }
}

#[test]
#[ignore = "needs the wasmtime program"]
fn what_is_selected_arrives() {
    let shop = Shop::new(counts(9, 8, 7, 6));
    let (edge, collector) = (edge(&shop), collector(&shop));
    let places = Places::of(&edge, &collector);
    run(driver(&shop, &places, &[("SELECT", "customers.email, coupons")])).ok();
    assert_eq!((ids(&collected(&shop), "customers").len(), ids(&collected(&shop), "orders").len()), (8, 0));
    let catalog = json!({"streams": [{"stream": "products", "schema": {"properties": {"id": {}}},
        "metadata": [{"breadcrumb": [], "metadata": {"selected": true}}]}]});
    shop.file("state/catalog.json", &catalog.to_string());
    run(driver(&shop, &places, &[("CATALOG", "state/catalog.json")])).ok();
    assert_eq!((ids(&collected(&shop), "products").len(), ids(&collected(&shop), "orders").len()), (7, 0));
    shop.file("state/catalog.json", r#"{"streams": 3}"#);
    fails(&run(driver(&shop, &places, &[("CATALOG", "state/catalog.json")])), &["400", "catalog"]);
}

#[test]
#[ignore = "needs the wasmtime program"]
fn a_driver_that_is_killed_leaves_a_state_to_resume_from_and_a_lock_that_runs_out() {
    let shop = large();
    let (edge, collector) = (edge(&shop), collector(&shop));
    let places = Places::of(&edge, &collector);
    let running = start_until(&shop, &places, 2);
    let second = run(driver(&shop, &places, &[]));
    fails(&second, &["another driver works with the folder state", "its lock ends by itself in"]);
    drop(running);
    let before = collected(&shop);
    is_covered(&shop);
    assert!(kept(&shop).unwrap()["currently_syncing"].is_string(), "it was killed in the middle");
    fails(&run(driver(&shop, &places, &[])), &["another driver"]);
    let_the_lock_run_out(&shop);
    let ended = run(driver(&shop, &places, &[])).ok();
    assert!(ended.stderr.contains("INFO resuming"), "{}", ended.stderr);
    has_arrived(&shop);
    let orders = |messages: &[Message]| ids(messages, "orders");
    let all = orders(&collected(&shop));
    let twice = all.len() - all.iter().collect::<BTreeSet<_>>().len();
    assert!(twice < orders(&before).len(), "it began again: {twice} orders came twice");
    run(driver(&shop, &places, &[])).ok();
}

#[test]
#[ignore = "needs the wasmtime program"]
fn a_driver_that_stood_still_while_another_took_over_ends() {
    let shop = large();
    let (edge, collector) = (edge(&shop), collector(&shop));
    let places = Places::of(&edge, &collector);
    let first = Running::start(driver(&shop, &places, &[("TIMEOUT_SECONDS", "10"), ("TRIES", "10")]));
    let signal = |signal| kill_process(Pid::from_raw(first.id().try_into().unwrap()).unwrap(), signal).unwrap();
    wait_until("a STATE", || kept(&shop).is_some());
    signal(Signal::STOP);
    let_the_lock_run_out(&shop);
    run(driver(&shop, &places, &[])).ok();
    has_arrived(&shop);
    let (came, state) = (collected(&shop), kept(&shop));
    // It looks at its lock after an eighth of the time that the lock is for, which is 45 s.
    std::thread::sleep(Duration::from_secs(7));
    signal(Signal::CONT);
    let ended = first.ended();
    fails(&ended, &["another driver has taken the lock", "stood still for too long"]);
    // A request that was on its way when it stopped may still arrive: the same lines again, and no STATE is kept for them.
    assert!(held(&collected(&shop)) == held(&came));
    assert_eq!(kept(&shop), state);
    run(driver(&shop, &places, &[])).ok();
}

#[test]
#[ignore = "needs the wasmtime program"]
fn an_edge_that_is_killed_midway_is_asked_again_until_it_is_back() {
    let shop = large();
    let (first, collector) = (edge(&shop), collector(&shop));
    let relay = Relay::start(first.address);
    let places = Places { edge: relay.url(), ..Places::of(&first, &collector) };
    let running = start_until(&shop, &places, 2);
    first.kill();
    let second = edge(&shop);
    relay.lead_to(second.address);
    let ended = running.ended();
    assert!(ended.ok().stderr.contains("WARNING the edge"));
    has_arrived(&shop);
}

#[test]
#[ignore = "needs the wasmtime program"]
fn a_collector_that_is_killed_midway_gets_its_lines_again() {
    let shop = large();
    let (edge, first) = (edge(&shop), collector(&shop));
    let relay = Relay::start(first.address);
    let places = Places { collector: format!("{}/lines/shop", relay.url()), ..Places::of(&edge, &first) };
    // A lock that the killed one may have left takes 20 s to run out.
    let running = Running::start(driver(&shop, &places, &[("TRIES", "20")]));
    wait_until("a STATE", || kept(&shop).is_some());
    first.kill();
    let second = collector(&shop);
    relay.lead_to(second.address);
    let ended = running.ended();
    assert!(ended.ok().stderr.contains("WARNING the collector"));
    has_arrived(&shop);
}

#[test]
#[ignore = "needs the wasmtime program"]
fn an_edge_that_stays_dead_ends_the_run_with_its_state() {
    let shop = large();
    let (first, collector) = (edge(&shop), collector(&shop));
    let relay = Relay::start(first.address);
    let places = Places { edge: relay.url(), ..Places::of(&first, &collector) };
    let running = Running::start(driver(&shop, &places, &[("TRIES", "2")]));
    wait_until("a STATE", || kept(&shop).is_some());
    first.kill();
    let ended = running.ended();
    fails(&ended, &["the last STATE is kept", "given up after 2 tries", "the edge"]);
    is_covered(&shop);
    let second = edge(&shop);
    relay.lead_to(second.address);
    run(driver(&shop, &places, &[])).ok();
    has_arrived(&shop);
}

#[test]
#[ignore = "needs the wasmtime program"]
fn a_full_collector_ends_the_run_and_no_state_is_ahead_of_its_lines() {
    let shop = large();
    let edge = edge(&shop);
    let full = full_collector(&shop, 4000);
    let settings = [("TRIES", "2"), ("MAX_RECORDS", "100")];
    let ended = run(driver(&shop, &Places::of(&edge, &full), &settings));
    fails(&ended, &["the lines were not taken", "given up after 2 tries", "507", "no room"]);
    assert!(std::fs::metadata(shop.path("lines/shop.jsonl")).unwrap().len() > 1_000_000, "some fit");
    assert!(kept(&shop).is_some());
    is_covered(&shop);
    holds_no_secret(&full.log());
    full.kill();
    run(driver(&shop, &Places::of(&edge, &collector(&shop)), &[])).ok();
    has_arrived(&shop);
}

#[test]
#[ignore = "needs the wasmtime program"]
fn without_a_collector_no_state_is_kept() {
    let shop = Shop::new(counts(9, 8, 7, 6));
    let (edge, collector) = (edge(&shop), collector(&shop));
    let places = Places::of(&edge, &collector);
    collector.kill();
    fails(&run(driver(&shop, &places, &[("TRIES", "2")])), &["the lines were not taken", "the collector cannot be reached"]);
    assert!(kept(&shop).is_none());
}

#[test]
#[ignore = "needs the wasmtime program"]
fn what_is_set_aside_is_a_warning() {
    let shop = Shop::new(counts(20, 8, 7, 6));
    let rows = Value::from(vec![json!({"quantity": 1}); 250]).to_string().into_bytes();
    let endless = Action::Status { code: 200, body: Some(rows), headers: Vec::new() };
    shop.sandbox.with_store(|store| {
        let order = store.ids(Kind::ORDERS).nth(10).unwrap();
        store.add_fault(Fault::on(&format!("/v2/orders/{order}/products"), endless).always());
    });
    let (edge, collector) = (edge(&shop), collector(&shop));
    let ended = run(driver(&shop, &Places::of(&edge, &collector), &[])).ok();
    assert!(ended.warnings()[0].contains("set aside: 1 of orders"), "{}", ended.stderr);
    assert_eq!(ids(&collected(&shop), "orders").into_iter().collect::<BTreeSet<u64>>().len(), 19);
    assert_eq!(kept(&shop).as_ref(), Some(last_state(&collected(&shop))));
}

#[test]
#[ignore = "needs the wasmtime program"]
fn a_stream_that_fails_by_itself_ends_the_run_once_all_others_are_read() {
    let shop = Shop::new(counts(20, 8, 7, 6));
    shop.sandbox.with_store(|store| store.add_fault(Fault::on("/v2/coupons?", Action::status(400)).always()));
    let (edge, collector) = (edge(&shop), collector(&shop));
    let ended = run(driver(&shop, &Places::of(&edge, &collector), &[]));
    fails(&ended, &["a stream could not be read", "The edge's log"]);
    let came = |stream| ids(&collected(&shop), stream).into_iter().collect::<BTreeSet<u64>>().len();
    assert_eq!((came("orders"), came("products"), came("coupons")), (20, 7, 0));
    assert_eq!(kept(&shop).as_ref(), Some(last_state(&collected(&shop))));
}

#[test]
#[ignore = "needs the wasmtime program"]
fn a_driver_that_waits_keeps_its_lock() {
    let shop = Shop::new(counts(1, 1, 1, 1));
    let busy = Fake::start(|stream, _, _| {
        say(stream, &whole(503, "retry-after: 60\r\n", ""));
    });
    let places = Places::fake(&busy, &busy);
    let settings = [("TIMEOUT_SECONDS", "2")];
    let _first = Running::start(driver(&shop, &places, &settings));
    wait_until("the first request", || busy.seen().len() == 1);
    // The lock is for 9 s at a time.
    std::thread::sleep(Duration::from_secs(12));
    fails(&run(driver(&shop, &places, &settings)), &["another driver"]);
    assert_eq!(busy.seen().len(), 1);
}
