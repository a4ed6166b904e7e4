use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use tap_bigcommerce_sandbox::{Action, Fault, Options, Quota, RateHeaders, Response, Store};

use crate::support::{at, request};

fn store(requests: u64) -> Store {
    Store::new(Options { quota: Some(Quota { requests, window: Duration::from_secs(30) }), ..Options::default() })
}

fn number(response: &Response, header: &str) -> i64 {
    response.header(header).unwrap().parse().unwrap()
}

#[test]
fn the_window_is_spent_then_refused_then_renewed() {
    let store = &mut store(3);
    for (second, left) in [(0, 2), (1, 1), (2, 0)] {
        let answer = store.respond(&request("/v2/orders/100"), at(second));
        assert_eq!((answer.status, number(&answer, "x-rate-limit-requests-left")), (200, left));
        assert_eq!(number(&answer, "X-Rate-Limit-Time-Reset-Ms"), 30_000 - second * 1000);
        assert_eq!(number(&answer, "X-Rate-Limit-Time-Window-Ms"), 30_000);
        assert_eq!(number(&answer, "X-Rate-Limit-Requests-Quota"), 3);
        assert!(answer.header("X-Retry-After").is_none());
    }
    let refusal = store.respond(&request("/v2/orders/100"), at(4) + TimeDelta::milliseconds(1));
    assert_eq!((refusal.status, &refusal.value().unwrap()[0]["status"]), (429, &json!(429)));
    assert_eq!((number(&refusal, "X-Rate-Limit-Requests-Left"), number(&refusal, "X-Rate-Limit-Time-Reset-Ms")), (0, 25_999));
    assert_eq!(number(&refusal, "X-Retry-After"), 26);
    assert_eq!(store.respond(&request("/v3/customers"), at(29)).value().unwrap()["status"], 429);
    assert_eq!(store.throttled(), 2);
    assert_eq!(store.respond(&request("/v2/orders/100"), at(30)).status, 200);
    assert_eq!(store.throttled(), 2);
}

#[test]
fn windows_follow_each_other_whether_or_not_anybody_asks() {
    let store = &mut store(2);
    store.respond(&request("/v2/orders/100"), at(0));
    let late = store.respond(&request("/v2/orders/100"), at(75));
    assert_eq!((number(&late, "X-Rate-Limit-Requests-Left"), number(&late, "X-Rate-Limit-Time-Reset-Ms")), (1, 15_000));
}

#[test]
fn others_share_it_and_it_can_change() {
    let store = &mut store(10);
    store.spend_quota(7, at(0));
    assert_eq!(number(&store.respond(&request("/v2/orders/100"), at(0)), "X-Rate-Limit-Requests-Left"), 2);
    store.set_quota(Some(Quota { requests: 8, window: Duration::from_secs(30) }));
    assert_eq!(store.respond(&request("/v2/orders/100"), at(1)).status, 429);
    store.spend_quota(1000, at(31));
    assert_eq!(store.respond(&request("/v2/orders/100"), at(32)).status, 429);
    store.set_quota(None);
    let free = store.respond(&request("/v2/orders/100"), at(33));
    assert_eq!((free.status, free.header("X-Rate-Limit-Requests-Left")), (200, None));
}

#[test]
fn headers_can_go_missing_and_injected_429_is_not_counted() {
    let store = &mut store(10);
    store.quirks.no_date_header = true;
    assert_eq!(store.respond(&request("/v2/orders/100"), at(0)).header("Date"), None);
    store.quirks.no_date_header = false;
    assert_eq!(store.respond(&request("/v2/orders/100"), at(0)).header("Date"), Some("Tue, 01 Jul 2025 00:00:00 GMT"));
    store.add_fault(Fault::on("/v2/orders", Action::Throttle { headers: false }));
    store.add_fault(Fault::on("/v2/orders", Action::Throttle { headers: true }));
    store.add_fault(Fault::on("/v2/orders", Action::NoRateHeaders));
    let bare = store.respond(&request("/v2/orders/100"), at(0));
    assert_eq!((bare.status, bare.header("X-Rate-Limit-Requests-Left"), bare.header("X-Retry-After")), (429, None, None));
    let full = store.respond(&request("/v2/orders/100"), at(0));
    assert_eq!(
        (full.status, full.header("X-Rate-Limit-Requests-Left"), full.header("X-Retry-After")),
        (429, Some("6"), Some("30"))
    );
    let plain = store.respond(&request("/v2/orders/100"), at(0));
    assert_eq!((plain.status, plain.header("X-Rate-Limit-Requests-Left")), (200, None));
    store.quirks.no_rate_headers = true;
    assert_eq!(store.respond(&request("/v2/orders/100"), at(0)).header("X-Rate-Limit-Requests-Left"), None);
    assert_eq!(store.throttled(), 0);
}

#[test]
fn rate_headers_can_say_what_real_stores_say_and_the_quota_is_enforced_all_the_same() {
    let unlimited = 2_147_483_647;
    let stuck = RateHeaders::Stuck { reset: Duration::from_secs(1) };
    for (form, reset, requests, left) in [
        (RateHeaders::CountsDown, 20_000, 3, 1),
        (RateHeaders::Unlimited, 0, unlimited, unlimited),
        (stuck, 1_000, 3, 1),
        (RateHeaders::Window, 30_000, 3, 1),
    ] {
        let store = &mut store(3);
        store.quirks.rate_headers = form;
        store.respond(&request("/v2/orders/100"), at(0));
        let answer = store.respond(&request("/v2/orders/100"), at(10));
        let said = ["Time-Reset-Ms", "Requests-Quota", "Requests-Left", "Time-Window-Ms"];
        let said = said.map(|name| number(&answer, &format!("X-Rate-Limit-{name}")));
        assert_eq!(said, [reset, requests, left, 30_000], "{form:?}");
        store.respond(&request("/v2/orders/100"), at(10));
        assert_eq!(store.respond(&request("/v2/orders/100"), at(11)).status, 429, "{form:?}");
    }
}
