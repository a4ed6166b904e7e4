//! Faults that stay: the run retries, waits longer each time, and then fails with the kind of the fault. (These tests take the
//! longest, so they come first, and most of them only run in `.ci/full`, with `LASTING_TROUBLE=all`. The core's tests do the same
//! in virtual time.)

use crate::faults::{Case, End, lines, walk};
use serde_json::json;
use std::time::Duration;
use tap_bigcommerce_sandbox::{Action, Delivery, Fault};
use tap_bigcommerce_tests::shop::{Shop, counts};
use tokio::net::TcpSocket;

/// Cases with retries take long to fail for good, so all of them run in parallel.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn trouble_that_stays_ends_the_run_with_its_kind_and_the_next_run_completes_it() {
    let api = |words, spared| End::Told { code: 9, kind: "[api]", words, spared };
    let unreachable = |words| End::Told { code: 8, kind: "[unreachable]", words, spared: &[] };
    let busy = End::Told { code: 7, kind: "[rate-limited]", words: &["429"], spared: &["orders"] };
    let others: &[&str] = &["customers", "products", "coupons"];
    let orders = |action| vec![Fault::on("/v2/orders?", action).skip(2).always()];
    let delivered = |delivery| vec![Fault::when(lines, Action::Deliver(delivery)).skip(15).always()];
    let drip = Delivery::Drip { bytes: 1, every: Duration::from_millis(250) };
    let mut cases = vec![
        Case::new("503", orders(Action::status(503)), api(&["orders", "503", "STATE"], others)),
        Case::new("resets", delivered(Delivery::ResetMidBody), unreachable(&["orders", "network"])),
        Case::new("truncated JSON", orders(Action::TruncatedJson), api(&["orders", "JSON"], others)),
        Case::new("HTML", vec![Fault::on("/v2/coupons?", Action::Html200).always()], api(&["coupons", "JSON"], &["products"])),
        Case::new("429", vec![Fault::on("/v3/", Action::Throttle { headers: false }).always()], busy),
        Case::new("silence", delivered(Delivery::Stall), unreachable(&["no answer"])).with("request_timeout_seconds", 1),
        Case::new("a drip", delivered(drip), unreachable(&["no answer"])).with("request_timeout_seconds", 1),
        Case::new("content-length", delivered(Delivery::WrongContentLength), unreachable(&["orders", "network"])),
    ];
    match std::env::var("LASTING_TROUBLE").as_deref() {
        Ok("all") => {}
        Ok(other) => panic!("LASTING_TROUBLE is {other}; it can only be all"),
        Err(_) => cases.truncate(2),
    }
    walk(cases).await;
}

#[test]
fn a_store_that_is_not_there_is_told_with_its_address() {
    // A port that is taken, so that nobody else gets it, and not listened to.
    let held = TcpSocket::new_v4().unwrap();
    held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let dead = held.local_addr().unwrap();
    let nowhere = Shop::new(counts(5, 5, 5, 5));
    nowhere.file("config.json", &nowhere.config_with(json!({"api_url": format!("http://{dead}")})));
    nowhere.run([]).told(8, &[&format!("http://{dead}"), "api_url"]);
}
