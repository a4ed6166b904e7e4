//! The edge door: what a sync answers.

use crate::edge::{open, refused};
use http_body_util::BodyExt;
use serde_json::json;
use std::time::Duration;
use tap_bigcommerce_sandbox::{Action, Counts, Delivery, Fault, Options, Quota, Scope};
use tap_bigcommerce_tests::doors::{Come, Edge, come, whole};
use tap_bigcommerce_tests::messages::{held, ids, last_state, messages};
use tap_bigcommerce_tests::runs::{BEARER, EDGE_TOKEN as TOKEN, edge_variables};
use tap_bigcommerce_tests::shop::{Shop, counts};

const SMALL: Counts = counts(30, 20, 15, 8);

#[tokio::test(flavor = "multi_thread")]
async fn the_messages_are_those_of_the_host() {
    let shop = Shop::new(SMALL);
    let edge = open(&shop, Some(TOKEN)).await;
    let answer = edge.ask("POST", "/sync", Some(BEARER), "{}").await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["content-type"]), (200, &"application/x-ndjson".parse().unwrap()));
    let (of_edge, of_host) = (messages(&whole(answer).await.unwrap()), shop.run([]).ok().messages());
    assert!(held(&of_edge) == held(&of_host));
    assert_eq!(last_state(&of_edge), last_state(&of_host));
    assert!(edge.log().contains("METRIC"), "the log goes to standard error");
}

#[tokio::test(flavor = "multi_thread")]
async fn state_selection_and_limits_are_heeded() {
    let shop = Shop::new(SMALL);
    shop.sandbox.with_store(|store| store.quirks.page_cap = Some(10));
    let edge = open(&shop, Some(TOKEN)).await;
    let ask = async |body: serde_json::Value| {
        messages(&whole(edge.ask("POST", "/sync", Some(BEARER), body.to_string()).await).await.unwrap())
    };
    let selected = ask(json!({"select": ["products", "coupons"]})).await;
    assert_eq!((ids(&selected, "products").len(), ids(&selected, "coupons").len(), ids(&selected, "orders").len()), (15, 8, 0));
    let ruled = ask(json!({"select": ["customers.email,coupons", "!coupons.code"]})).await;
    let wanted = shop.run(["--select", "customers.email,coupons", "--exclude", "coupons.code"]).ok().messages();
    assert!(held(&ruled) == held(&wanted) && !ruled.is_empty());
    let catalog = json!({"streams": [{"stream": "coupons", "schema": {"properties": {"id": {}, "code": {}}},
        "metadata": [{"breadcrumb": [], "metadata": {"selected": true}}]}]});
    let by_catalog = ask(json!({"catalog": catalog})).await;
    assert!(held(&by_catalog).values().all(|record| record.contains("\"code\"") && !record.contains("\"name\"")));

    let (mut union, mut state, mut calls) = (std::collections::BTreeMap::new(), json!({}), 0);
    loop {
        let part = ask(json!({"state": state, "max_records": 60})).await;
        union.extend(held(&part));
        state = last_state(&part).clone();
        calls += 1;
        assert!(calls < 50, "chained calls do not come to an end");
        if state.get("currently_syncing").is_none() {
            break;
        }
    }
    assert!(calls > 2 && union == held(&ask(json!({})).await), "{calls} calls");
}

/// The store never answers for the last stream. What comes before it can only have been sent before the run ended.
#[tokio::test(flavor = "multi_thread")]
async fn messages_come_during_the_run() {
    let shop = Shop::new(SMALL);
    shop.sandbox.with_store(|store| store.add_fault(Fault::on("/v2/coupons", Action::Deliver(Delivery::Stall)).always()));
    let edge = open(&shop, Some(TOKEN)).await;
    let answer = edge.ask("POST", "/sync", Some(BEARER), "{}").await;
    assert_eq!(answer.status(), 200);
    let (mut body, mut come) = (answer.into_body(), Vec::new());
    let products = br#"{"type":"RECORD","stream":"products""#;
    while !come.windows(products.len()).any(|part| part == products) {
        let frame = body.frame().await.expect("the run does not end").expect("the response is whole so far");
        come.extend_from_slice(&frame.into_data().unwrap_or_default());
    }
}

/// While nobody reads, the component waits; it does not ask again and again whether it may write.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_slow_costs_no_computing() {
    let shop = Shop::new(Counts::default());
    let edge = open(&shop, Some(TOKEN)).await;
    let answer = edge.ask("POST", "/sync", Some(BEARER), "{}").await;
    assert!(edge.comes_to_rest().await, "the component computes although it can only wait");
    let messages = messages(&whole(answer).await.unwrap());
    assert_eq!(ids(&messages, "orders").len(), 500);
}

/// Reads a sync's answer until something of this stream has come, and hangs up.
async fn hang_up_at(edge: &Edge, stream: &str) {
    let answer = edge.ask("POST", "/sync", Some(BEARER), "{}").await;
    let (mut body, mut come) = (answer.into_body(), Vec::new());
    let wanted = format!(r#"{{"type":"RECORD","stream":"{stream}""#);
    while !come.windows(wanted.len()).any(|part| part == wanted.as_bytes()) {
        let frame = body.frame().await.expect("the run does not end").expect("the response is not interrupted");
        come.extend_from_slice(&frame.into_data().unwrap_or_default());
    }
}

/// If the run did not check for the client, it would wait for the next window and then send more requests.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_while_the_quota_is_awaited_ends_the_run() {
    let quota = Quota { requests: 40, window: Duration::from_secs(1800) };
    let shop = Shop::with(Options { counts: SMALL, quota: Some(quota), ..Options::default() });
    let edge = open(&shop, Some(TOKEN)).await;
    hang_up_at(&edge, "orders").await;
    assert!(edge.ends().await, "the run waits although nobody listens: {}", edge.log());
    assert!(shop.sandbox.request_count() <= quota.requests);
    assert!(edge.log().lines().last().unwrap().contains("nothing reads the messages any more"), "{}", edge.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_while_the_store_is_silent_ends_the_run() {
    let shop = Shop::new(SMALL);
    shop.sandbox.with_store(|store| store.add_fault(Fault::on("/v2/coupons", Action::Deliver(Delivery::Stall)).always()));
    let edge = Edge::open(edge_variables(&shop, &json!({"request_timeout_seconds": 600}), Some(TOKEN))).await;
    hang_up_at(&edge, "products").await;
    assert!(edge.ends().await, "the run waits although nobody listens: {}", edge.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_midway_interrupts_the_response() {
    let shop = Shop::new(SMALL);
    shop.sandbox.with_store(|store| store.add_fault(Fault::on("/v2/coupons?", Action::status(400)).always()));
    let missing = Shop::with(Options { counts: SMALL, missing_scopes: [Scope::Products].into(), ..Options::default() });
    for (shop, kind) in [(shop, "[api]"), (missing, "[missing-scope]")] {
        let edge = open(&shop, Some(TOKEN)).await;
        let answer = edge.ask("POST", "/sync", Some(BEARER), "{}").await;
        assert_eq!(answer.status(), 200, "messages have been sent before");
        let Come { text, whole } = come(answer).await;
        assert!(!whole, "a client would take it for whole");
        let come = messages(&text);
        assert_eq!(ids(&come, "orders").len(), 30);
        last_state(&come);
        assert!(edge.log().lines().last().unwrap().contains(kind), "{}", edge.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_before_the_first_record_has_a_status_of_its_own() {
    let shop = Shop::new(SMALL);
    let edge = open(&shop, Some(TOKEN)).await;
    shop.sandbox.with_store(|store| store.configure(|options| options.access_token = "another".into()));
    assert_eq!(refused(edge.ask("POST", "/sync", Some(BEARER), "{}").await, 502).await, "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_without_settings_says_what_is_missing() {
    let edge = Edge::open(vec![("TAP_BIGCOMMERCE_EDGE_TOKEN".to_owned(), TOKEN.to_owned())]).await;
    let answer = edge.ask("POST", "/sync", Some(BEARER), "{}").await;
    assert_eq!(refused(answer, 500).await, "config");
}
