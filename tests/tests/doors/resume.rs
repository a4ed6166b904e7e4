//! Killed at any STATE, a run resumes from it, and nothing is missing.

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use tap_bigcommerce_sandbox::{Action, Fault};
use tap_bigcommerce_tests::messages::{Message, held, ids, last_state, messages};
use tap_bigcommerce_tests::shop::{Shop, counts};

/// The messages of a run that is killed once its reader has this many STATEs.
fn killed_after_states(shop: &Shop, states: usize) -> Vec<Message> {
    let mut child = shop.tap([]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut taken = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut seen = 0;
    while seen < states {
        let start = taken.len();
        assert!(reader.read_line(&mut taken).unwrap() > 0, "the run has ended before STATE {states}");
        seen += usize::from(taken[start..].starts_with(r#"{"type":"STATE""#));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    messages(&taken)
}

fn union(first: &[Message], second: &[Message]) -> BTreeMap<(String, u64), String> {
    let mut union = held(first);
    union.extend(held(second));
    union
}

#[test]
fn a_run_killed_at_any_state_resumes_from_it() {
    let shop = Shop::new(counts(400, 60, 40, 20));
    let whole = shop.run([]).ok().messages();
    let states = whole.iter().filter(|message| message.kind == "STATE").count();
    let under_way =
        |message: &&Message| message.value.as_ref().is_some_and(|state| !state["bookmarks"]["orders"]["walk"].is_null());
    assert!(whole.iter().filter(under_way).count() > 0, "no STATE is written in the middle of a walk, so nothing is tested");
    for cut in 1..=states {
        let taken = killed_after_states(&shop, cut);
        let resumed = shop.resume(last_state(&taken)).ok().messages();
        assert!(union(&taken, &resumed) == held(&whole), "something is missing after a kill at STATE {cut}");
        assert_eq!(last_state(&resumed), last_state(&whole), "STATE {cut}");
    }
}

#[test]
fn what_was_read_before_a_kill_is_not_read_again() {
    let shop = Shop::new(counts(400, 60, 40, 20));
    let whole = shop.run([]).ok().messages();
    let taken = killed_after_states(&shop, 1);
    let state = last_state(&taken).clone();
    let last = state["bookmarks"]["orders"]["walk"]["position"]["id"].as_u64().unwrap();
    let resumed = shop.resume(&state).ok().messages();
    let behind = ids(&resumed, "orders").into_iter().filter(|id| *id <= last).count();
    assert!(behind < ids(&whole, "orders").len() / 4, "{behind} orders are read again");
}

#[test]
fn a_store_that_breaks_down_midway_leaves_a_state_to_resume_from() {
    let shop = Shop::new(counts(60, 60, 40, 20));
    shop.file("config.json", &shop.config_with(serde_json::json!({"page_size": 10})));
    let whole = shop.run([]).ok().messages();
    let breakdown = Fault::on("/v2/orders?", Action::status(400)).skip(3).always();
    shop.sandbox.with_store(|store| store.add_fault(breakdown));
    let broken = shop.run([]).told(9, &["orders"]).messages();
    shop.sandbox.with_store(|store| store.clear_faults());
    let state: &Value = last_state(&broken);
    assert!(state["bookmarks"]["orders"]["walk"]["position"]["id"].is_u64(), "{state}");
    let resumed = shop.resume(state).ok().messages();
    assert!(union(&broken, &resumed) == held(&whole));
}
