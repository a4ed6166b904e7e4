//! `wasmtime serve`: the edge interface.

use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tap_bigcommerce_sandbox::{Action, Fault, Options, Quota};
use tap_bigcommerce_tests::doors::{come, whole};
use tap_bigcommerce_tests::messages::{held, last_state, messages};
use tap_bigcommerce_tests::program::LONGEST;
use tap_bigcommerce_tests::runs::{BEARER, EDGE_TOKEN, edge_variables};
use tap_bigcommerce_tests::shop::{Shop, counts};
use tap_bigcommerce_tests::wasmtime::Served;

fn serve(shop: &Shop) -> Served {
    Served::start(shop, &edge_variables(shop, &json!({}), Some(EDGE_TOKEN)))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the wasmtime program"]
async fn each_request_has_its_status_and_a_refusal_is_a_problem() {
    let shop = Shop::new(counts(5, 4, 3, 2));
    let served = serve(&shop);
    let large = " ".repeat((8 << 20) + 1);
    for (method, path, authorization, body, status) in [
        ("GET", "/health", None, "", 200),
        ("GET", "/about", Some(BEARER), "", 200),
        ("GET", "/discover", Some(BEARER), "", 200),
        ("POST", "/sync", Some(BEARER), "{}", 200),
        ("POST", "/sync", Some(BEARER), r#"{"max_records": -1}"#, 400),
        ("POST", "/sync", Some(BEARER), r#"{"select": ["wishlist"]}"#, 400),
        ("POST", "/sync", Some(BEARER), "not JSON", 400),
        ("POST", "/sync", None, "{}", 401),
        ("GET", "/nothing", Some(BEARER), "", 404),
        ("GET", "/sync", Some(BEARER), "", 405),
        ("POST", "/sync", Some(BEARER), large.as_str(), 413),
    ] {
        let answer = served.ask(method, path, authorization, body).await;
        assert_eq!(answer.status(), status, "{method} {path}");
        if status != 200 {
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
            let problem: Value = serde_json::from_str(&whole(answer).await.unwrap()).unwrap();
            assert_eq!(problem["status"], status);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the wasmtime program"]
async fn what_is_wrong_behind_the_interface_has_its_status_too() {
    let shop = Shop::new(counts(5, 4, 3, 2));
    for (settings, token, status) in [
        (json!({}), None, 503),
        (json!({"page_size": "many"}), Some(EDGE_TOKEN), 500),
        (json!({"access_token": "another-token"}), Some(EDGE_TOKEN), 502),
    ] {
        let served = Served::start(&shop, &edge_variables(&shop, &settings, token));
        assert_eq!(served.ask("POST", "/sync", Some(BEARER), "{}").await.status(), status, "{settings}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the wasmtime program"]
async fn slices_come_to_the_end_with_what_the_host_reads() {
    let shop = Shop::new(counts(60, 40, 30, 10));
    let served = serve(&shop);
    let (mut union, mut state, mut slices) = (BTreeMap::new(), json!({}), 0);
    loop {
        let body = json!({"state": state, "max_records": 50}).to_string();
        let part = messages(&whole(served.ask("POST", "/sync", Some(BEARER), &body).await).await.unwrap());
        union.extend(held(&part));
        state = last_state(&part).clone();
        slices += 1;
        assert!(slices < 100, "the slices do not come to an end");
        if state.get("currently_syncing").is_none() {
            break;
        }
    }
    assert!(slices > 3 && union == held(&shop.run([]).ok().messages()), "{slices} slices");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the wasmtime program"]
async fn a_run_that_fails_midway_breaks_its_response_off() {
    let shop = Shop::new(counts(60, 40, 30, 10));
    shop.sandbox.with_store(|store| store.add_fault(Fault::on("/v2/coupons?", Action::status(400)).always()));
    let served = serve(&shop);
    let answer = served.ask("POST", "/sync", Some(BEARER), "{}").await;
    assert_eq!(answer.status(), 200);
    let come = come(answer).await;
    assert!(!come.whole && come.text.lines().count() > 60);
}

/// Waits until the store is asked for nothing more, and gives how often it was asked.
async fn at_rest(shop: &Shop) -> u64 {
    let resting = async {
        loop {
            let before = shop.sandbox.request_count();
            tokio::time::sleep(Duration::from_secs(3)).await;
            if shop.sandbox.request_count() == before {
                return before;
            }
        }
    };
    tokio::time::timeout(LONGEST, resting).await.expect("the run does not end")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the wasmtime program"]
async fn a_client_that_hangs_up_or_reads_no_further_holds_the_run() {
    const ORDERS: u64 = 3000;
    let shop = Shop::new(counts(ORDERS, 1, 1, 1));
    let served = serve(&shop);
    let mut answer = served.ask("POST", "/sync", Some(BEARER), "{}").await;
    answer.body_mut().frame().await.unwrap().unwrap();
    let asked = at_rest(&shop).await;
    assert!(asked < ORDERS, "{asked} requests although nobody reads");
    drop(answer);
    let asked = at_rest(&shop).await;
    assert!(asked < 2 * ORDERS, "{asked} requests although nobody is there");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the wasmtime program"]
async fn a_client_that_hangs_up_while_the_quota_is_awaited_ends_the_run() {
    let quota = Some(Quota { requests: 20, window: Duration::from_secs(8) });
    let shop = Shop::with(Options { counts: counts(200, 1, 1, 1), quota, ..Options::default() });
    let served = serve(&shop);
    let mut answer = served.ask("POST", "/sync", Some(BEARER), "{}").await;
    answer.body_mut().frame().await.unwrap().unwrap();
    drop(answer);
    // The next window would bring twenty more, and the one after it.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let asked = shop.sandbox.request_count();
    assert!(asked <= 40, "{asked} requests although nobody is there");
}
