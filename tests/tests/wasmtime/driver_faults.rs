//! The driver between misbehaving servers: it ends with a sentence, and shows no token to anyone.

use crate::driver::{fails, holds_no_secret};
use std::time::Duration;
use tap_bigcommerce_tests::chain::{COLLECTOR_TOKEN, Places, collector, driver, edge, kept};
use tap_bigcommerce_tests::fake::{Fake, hold, say, whole};
use tap_bigcommerce_tests::program::{Ended, run};
use tap_bigcommerce_tests::runs::{BEARER, EDGE_TOKEN};
use tap_bigcommerce_tests::shop::{Shop, counts};

fn shop() -> Shop {
    Shop::new(counts(3, 3, 3, 3))
}

/// Runs the driver between two servers, with a short time limit.
fn between(shop: &Shop, edge: &Fake, collector: &Fake, settings: &[(&str, &str)]) -> Ended {
    let settings: Vec<_> = [("TIMEOUT_SECONDS", "2"), ("TRIES", "2")].iter().chain(settings).copied().collect();
    let ended = run(driver(shop, &Places::fake(edge, collector), &settings));
    holds_no_secret(&ended.stderr);
    assert!(std::fs::read_dir(shop.path("state/lock")).is_ok_and(|mut files| files.next().is_some()));
    ended
}

const RECORD: &str = r#"{"type":"RECORD","stream":"orders","record":{"id":1}}"#;
const MIDDLE: &str = r#"{"type":"STATE","value":{"bookmarks":{},"currently_syncing":"orders"}}"#;
const END: &str = r#"{"type":"STATE","value":{"bookmarks":{}}}"#;

/// A slice of these lines, whole.
fn slice(lines: &[&str]) -> String {
    whole(200, "", &lines.iter().map(|line| format!("{line}\n")).collect::<String>())
}

#[test]
#[ignore = "needs the wasmtime program"]
fn tokens_go_to_their_own_places_only() {
    let (edge, taker, shop) = (Fake::saying(slice(&[RECORD, END])), Fake::counting(), shop());
    between(&shop, &edge, &taker, &[]).ok();
    let (of_edge, of_taker) = (&edge.seen()[0], &taker.seen()[0]);
    assert!(of_edge.head.starts_with("POST /sync ") && of_edge.head.contains(BEARER), "{}", of_edge.head);
    assert!(of_taker.head.contains(&format!("Bearer {COLLECTOR_TOKEN}")) && !of_taker.head.contains(EDGE_TOKEN));
    assert_eq!(String::from_utf8_lossy(&of_edge.body), r#"{"max_seconds":60}"#);
    assert_eq!(String::from_utf8_lossy(&of_taker.body), format!("{RECORD}\n{END}\n"));
}

#[test]
#[ignore = "needs the wasmtime program"]
fn a_refusal_that_stays_ends_the_run_at_once() {
    let shop = shop();
    let real = (edge(&shop), collector(&shop));
    let places = Places::of(&real.0, &real.1);
    let wrong = [("EDGE_TOKEN", "another-token-of-16")];
    fails(&run(driver(&shop, &places, &wrong)), &["the edge answered 401", "Authorization", "check EDGE_TOKEN"]);
    let wrong = [("COLLECTOR_TOKEN", "another-token-of-16")];
    fails(&run(driver(&shop, &places, &wrong)), &["the collector answered 401", "check COLLECTOR_TOKEN"]);
    for (status, kind, words) in [
        (400, "body", "the edge answered 400: so it is"),
        (404, "", "check EDGE_URL"),
        (500, "config", "the edge answered 500: so it is"),
        (502, "unauthorized", "the edge answered 502: so it is"),
    ] {
        let problem = format!(r#"{{"detail": "so it is", "kind": "{kind}"}}"#);
        let edge = Fake::saying(whole(status, "", &problem));
        fails(&between(&shop, &edge, &Fake::counting(), &[]), &[words]);
        assert_eq!(edge.seen().len(), 1, "{status} {kind}");
    }
}

#[test]
#[ignore = "needs the wasmtime program"]
fn a_refusal_that_comes_before_the_lines_are_sent_is_heeded() {
    let large = format!(r#"{{"type":"RECORD","record":"{}"}}"#, "x".repeat(8 << 20));
    let edge = Fake::saying(slice(&[&large, END]));
    let refuses = Fake::hasty(|stream, _, _| {
        say(stream, &whole(413, "", r#"{"detail": "too much"}"#));
        hold(stream);
    });
    fails(&between(&shop(), &edge, &refuses, &[("TIMEOUT_SECONDS", "20")]), &["the collector answered 413: too much"]);
    assert_eq!(refuses.seen().len(), 1);
}

#[test]
#[ignore = "needs the wasmtime program"]
fn a_redirect_is_not_followed() {
    let shop = shop();
    let elsewhere = Fake::saying(slice(&[RECORD, END]));
    let redirect = |status| Fake::saying(whole(status, &format!("location: {}/sync\r\n", elsewhere.url()), ""));
    for status in [301, 307] {
        fails(&between(&shop, &redirect(status), &Fake::counting(), &[]), &["redirects are not followed", "EDGE_URL"]);
        let edge = Fake::saying(slice(&[RECORD, END]));
        fails(&between(&shop, &edge, &redirect(status), &[]), &["redirects are not followed", "COLLECTOR_URL"]);
    }
    assert!(elsewhere.seen().is_empty() && kept(&shop).is_none());
}

#[test]
#[ignore = "needs the wasmtime program"]
fn a_token_that_a_server_repeats_is_not_shown() {
    let problem = format!(r#"{{"detail": "{BEARER} is wrong,\n as is {COLLECTOR_TOKEN}", "kind": "body"}}"#);
    let refuses = Fake::saying(whole(400, "", &problem));
    let ended = between(&shop(), &refuses, &Fake::counting(), &[]);
    assert!(ended.stderr.contains("Bearer *** is wrong"), "{}", ended.stderr);
}

#[test]
#[ignore = "needs the wasmtime program"]
fn an_answer_that_never_comes_or_never_ends_is_given_up() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n";
    let shop = shop();
    let silent = || Fake::start(|stream, _, _| hold(stream));
    fails(&between(&shop, &silent(), &Fake::counting(), &[]), &["given up after 2 tries", "the edge sent no answer in time"]);
    let stalls = Fake::start(|stream, _, _| {
        say(stream, &format!("{HEAD}{RECORD}\n"));
        hold(stream);
    });
    fails(&between(&shop, &stalls, &Fake::counting(), &[]), &["given up after 2 tries", "nothing came for 2 s"]);
    let drips = Fake::start(|stream, _, _| {
        say(stream, HEAD);
        while say(stream, " ") {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    fails(&between(&shop, &drips, &Fake::counting(), &[]), &["given up after 2 tries", "no whole line for 2 s"]);
    let slow = Fake::start(|stream, _, _| {
        say(stream, HEAD);
        while say(stream, &format!("{RECORD}\n")) {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let limits = [("MAX_SECONDS", "1")];
    fails(&between(&shop, &slow, &Fake::counting(), &limits), &["given up after 2 tries", "has not ended a slice for"]);
    let endless = Fake::start(|stream, _, _| {
        say(stream, HEAD);
        while say(stream, &" ".repeat(1 << 20)) {}
    });
    fails(&between(&shop, &endless, &Fake::counting(), &[]), &["a line of more than 67108864 bytes"]);
    let records = Fake::start(|stream, _, _| {
        say(stream, HEAD);
        while say(stream, &"{\"type\":\"RECORD\"}\n".repeat(1000)) {}
    });
    fails(
        &between(&shop, &records, &Fake::counting(), &[("TIMEOUT_SECONDS", "60")]),
        &["1000000 lines came without a new STATE"],
    );
    let edge = Fake::saying(slice(&[RECORD, END]));
    let ended = between(&shop, &edge, &silent(), &[]);
    fails(&ended, &["the lines were not taken", "the collector sent no answer in time"]);
    assert!(kept(&shop).is_none());
}

#[test]
#[ignore = "needs the wasmtime program"]
fn slices_that_bring_nothing_new_are_not_asked_for_without_an_end() {
    let shop = shop();
    let edge = Fake::saying(slice(&[RECORD, MIDDLE]));
    fails(&between(&shop, &edge, &Fake::counting(), &[]), &["3 slices in a row"]);
    assert_eq!(edge.seen().len(), 4);
    let grows = Fake::start(|stream, _, place| {
        say(stream, &slice(&[RECORD, &MIDDLE.replace("{}", &format!(r#"{{"x":{place}}}"#))]));
    });
    fails(&between(&shop, &grows, &Fake::counting(), &[("MAX_SLICES", "5")]), &["after 5 slices", "MAX_SLICES"]);
    assert_eq!(kept(&shop).unwrap()["bookmarks"]["x"], 4);
}

#[test]
#[ignore = "needs the wasmtime program"]
fn a_response_that_ends_in_the_middle_keeps_the_state_of_what_came() {
    for (answer, words) in [
        (slice(&[MIDDLE, RECORD]), "ended in the middle"),
        (whole(200, "", &format!("{RECORD}\n{MIDDLE}\n{{\"type\"")), "ended in the middle"),
        (slice(&[RECORD, MIDDLE]).replace("content-length: ", "content-length: 9"), "interrupted before its end"),
    ] {
        let (edge, shop) = (Fake::saying(answer), shop());
        fails(&between(&shop, &edge, &Fake::counting(), &[]), &["given up after 2 tries", words]);
        assert_eq!(kept(&shop).unwrap()["currently_syncing"], "orders");
        let resumed = String::from_utf8_lossy(&edge.seen()[1].body).into_owned();
        assert!(resumed.starts_with(r#"{"state":{"bookmarks":{},"currently_syncing":"orders"}"#), "{resumed}");
    }
}

#[test]
#[ignore = "needs the wasmtime program"]
fn a_wrong_count_is_no_receipt() {
    for answer in [whole(200, "", r#"{"lines": 1}"#), whole(200, "", "thanks"), whole(200, "", ""), whole(204, "", "")] {
        let (edge, shop) = (Fake::saying(slice(&[RECORD, END])), shop());
        fails(&between(&shop, &edge, &Fake::saying(answer), &[]), &["the lines were not taken", "collector"]);
        assert!(kept(&shop).is_none());
    }
}

#[test]
#[ignore = "needs the wasmtime program"]
fn retry_after_is_heeded() {
    let shop = shop();
    let edge = Fake::start(|stream, _, place| {
        let busy = whole(503, "retry-after: 4\r\n", "");
        say(stream, if place == 0 { &busy } else { "HTTP/1.1 400 Any\r\ncontent-length: 0\r\n\r\n" });
    });
    fails(&between(&shop, &edge, &Fake::counting(), &[]), &["400"]);
    let seen = edge.seen();
    assert!(seen.len() == 2 && seen[1].at.duration_since(seen[0].at) >= Duration::from_secs(4));
    let tomorrow = Fake::saying(whole(429, "retry-after: 86400\r\n", ""));
    fails(&between(&shop, &tomorrow, &Fake::counting(), &[]), &["the next try is wanted in 86400 s", "429"]);
}

#[test]
#[ignore = "needs the wasmtime program"]
fn what_is_no_message_or_no_state_is_refused() {
    let shop = shop();
    fails(&between(&shop, &Fake::saying(slice(&["<html>"])), &Fake::counting(), &[]), &["not a Singer message", "EDGE_URL"]);
    shop.file("state/state.json", "[]");
    let edge = Fake::saying(slice(&[RECORD, END]));
    fails(&between(&shop, &edge, &Fake::counting(), &[]), &["state.json", "not a JSON object"]);
    assert!(edge.seen().is_empty());
}

#[test]
#[ignore = "needs the wasmtime program"]
fn a_wrong_setting_is_named_among_all_of_them() {
    let (shop, fake) = (shop(), Fake::counting());
    let places = Places::fake(&fake, &fake);
    for (name, value) in [("TRIES", "0"), ("EDGE_URL", "http://edge.example"), ("EDGE_TOKEN", "short"), ("RETRIES", "3")] {
        let ended = run(driver(&shop, &places, &[(name, value)]));
        fails(&ended, &[&format!("TAP_BIGCOMMERCE_DRIVER_{name}")]);
        assert!(ended.stderr.contains("TAP_BIGCOMMERCE_DRIVER_TIMEOUT_SECONDS"), "{}", ended.stderr);
    }
    let mut asks = driver(&shop, &places, &[]);
    assert!(
        run({
            asks.arg("--help");
            asks
        })
        .ok()
        .stdout
        .contains("TAP_BIGCOMMERCE_DRIVER_FOLDER [state]")
    );
    let mut argues = driver(&shop, &places, &[]);
    argues.arg("--edge-token=x");
    fails(&run(argues), &["no arguments"]);
    assert!(fake.seen().is_empty());
}
