//! Trouble that stays: the run tries again, with growing waits, and then ends with the trouble's kind. (These take the longest, so they come
//! first.)

use serde_json::json;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use tap_bigcommerce_sandbox::{Action, Counts, Fault};
use tap_bigcommerce_tests::messages::{ids, last_state};
use tap_bigcommerce_tests::program::Ended;
use tap_bigcommerce_tests::shop::{Shop, counts};

const SMALL: Counts = counts(5, 5, 5, 5);

fn start(mut command: Command) -> impl FnOnce() -> Ended {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    move || child.wait_with_output().map(Ended::from).unwrap()
}

/// What is worth more tries takes its time to fail for good, so all such cases are tried side by side.
#[test]
fn trouble_that_stays_ends_the_run_with_its_kind() {
    // A port that was free a moment ago: nobody listens there.
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nowhere = Shop::new(SMALL);
    nowhere.file("config.json", &nowhere.config_with(json!({"api_url": format!("http://{dead}")})));
    let (html, busy) = (Shop::new(SMALL), Shop::new(SMALL));
    html.sandbox.with_store(|store| store.add_fault(Fault::on("/v2/coupons?", Action::Html200).always()));
    busy.sandbox.with_store(|store| store.add_fault(Fault::on("/v3/", Action::Throttle { headers: false }).always()));
    let ends = [start(nowhere.tap([])), start(html.tap([])), start(busy.tap([]))];
    let [nowhere_end, html_end, busy_end] = ends.map(|end| end());
    nowhere_end.told(8, &[&format!("http://{dead}"), "api_url"]);
    let html_end = html_end.told(9, &["coupons", "JSON"]);
    assert!(!html_end.stderr.contains("We will be right back"), "the page itself is not shown");
    assert_eq!(ids(&html_end.messages(), "products").len(), 5, "the other streams are read");
    let busy_end = busy_end.told(7, &["429"]);
    assert_eq!(ids(&busy_end.messages(), "orders").len(), 5, "what was read before is written");
    last_state(&busy_end.messages());
}
