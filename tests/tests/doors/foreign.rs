//! A foreign component is not trusted. The tests use this build with one word changed, so that it asks for something forbidden,
//! and a component that makes any request that it is told to make.

use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tap_bigcommerce::{Component, Ended, Failure, Kind, Limits, Run, Stop, Summary};
use tap_bigcommerce_tests::built::{component, foreign};
use tap_bigcommerce_tests::embed::{account, nowhere, tap_of};
use tap_bigcommerce_tests::shop::{Shop, counts};

/// The component with a word changed into another of the same length, wherever it stands.
fn changed(word: &str, into: &str) -> Vec<u8> {
    assert_eq!(word.len(), into.len());
    let mut bytes = component();
    let places: Vec<usize> = (0..bytes.len() - word.len()).filter(|&at| bytes[at..].starts_with(word.as_bytes())).collect();
    assert!(!places.is_empty(), "the component does not hold {word:?}");
    for at in places {
        bytes[at..at + into.len()].copy_from_slice(into.as_bytes());
    }
    bytes
}

struct Outcome {
    summary: Option<Summary>,
    result: tap_bigcommerce::Result<()>,
    log: String,
}

impl Outcome {
    /// The failure of the run, or of its streams.
    fn failure(&self) -> Failure {
        self.result.clone().expect_err("the run failed")
    }
}

async fn run(shop: &Shop, component: Vec<u8>, config: Value) -> Outcome {
    run_on(shop, component, config, None).await
}

async fn run_on(shop: &Shop, component: Vec<u8>, config: Value, state: Option<String>) -> Outcome {
    let log = Arc::new(Mutex::new(String::new()));
    let lines = log.clone();
    let run = tap_of(shop, Component::from_bytes(component)).run(account(shop, shop.config_with(config))).state(state);
    let run = run.on_event(move |event| lines.lock().unwrap().push_str(&format!("{}\n", event.kind)));
    let ended = run.into(nowhere).await;
    let log = log.lock().unwrap().clone();
    Outcome { summary: ended.summary, result: ended.result, log }
}

/// A run of the foreign component, which does what the state says.
fn foreign_run(shop: &Shop, state: &str) -> Run {
    tap_of(shop, Component::from_bytes(foreign())).run(account(shop, shop.config_with(json!({})))).state(state.to_owned())
}

fn shop() -> Shop {
    Shop::new(counts(3, 3, 3, 3))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_component_runs_as_long_as_it_behaves() {
    let shop = shop();
    let outcome = run(&shop, changed("tap-bigcommerce/", "tap-bigcommerze/"), json!({})).await;
    assert!(outcome.result.is_ok(), "{}", outcome.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_reaches_no_path_next_to_the_stores() {
    let shop = shop();
    let outcome = run(&shop, changed("/stores/", "/admins/"), json!({})).await;
    assert_eq!(outcome.failure().kind, Kind::Unreachable);
    assert!(outcome.log.contains("its path is not below the store's own"), "{}", outcome.log);
    let outcome = run(&shop, changed("v2/orders", "../orders"), json!({})).await;
    assert_eq!(outcome.failure().kind, Kind::Unreachable);
    assert_eq!(shop.sandbox.request_count(), 0, "nothing has left the host");
}

/// Without the setting the component asks for the address that is built into it, though the host allows another.
#[tokio::test(flavor = "multi_thread")]
async fn a_component_reaches_no_other_host() {
    let shop = shop();
    let outcome = run(&shop, changed("api_url", "api_xyz"), json!({})).await;
    assert_eq!(outcome.failure().kind, Kind::Unreachable);
    assert!(outcome.log.contains("another origin"), "{}", outcome.log);
    assert_eq!(shop.sandbox.request_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_sends_no_credentials_of_its_own() {
    let shop = shop();
    let outcome = run(&shop, changed("user-agent", "x-auth-why"), json!({})).await;
    assert_eq!(outcome.failure().kind, Kind::Unreachable);
    assert!(outcome.log.contains("bore credentials"), "{}", outcome.log);
    assert_eq!(shop.sandbox.request_count(), 0);
}

/// A component that had the token would send it as `x-auth-token`. This one would send it as `x-free-token`, which the host does
/// not look for. But it never gets the token, and the host adds the real header.
#[tokio::test(flavor = "multi_thread")]
async fn a_component_never_sees_the_token() {
    let shop = shop();
    let headers = Arc::new(Mutex::new(Vec::new()));
    let seen = headers.clone();
    shop.sandbox.with_store(|store| {
        store.on_request(move |request, _| seen.lock().unwrap().extend(request.headers.clone()));
    });
    let outcome = run(&shop, changed("x-auth-token", "x-free-token"), json!({})).await;
    assert!(outcome.result.is_ok(), "{}", outcome.log);
    assert!(shop.sandbox.requests().iter().all(|seen| seen.has_token && seen.has_client));
    let token = shop.sandbox.access_token();
    let headers = headers.lock().unwrap();
    let bearing: Vec<&str> = headers.iter().filter(|(_, value)| value.contains(&token)).map(|(name, _)| name.as_str()).collect();
    assert!(!bearing.is_empty() && bearing.iter().all(|name| name.eq_ignore_ascii_case("x-auth-token")), "{bearing:?}");
}

/// What came of each of these requests when the foreign component sent them.
async fn sends(shop: &Shop, requests: &[String]) -> Vec<String> {
    let outcome = run_on(shop, foreign(), json!({}), Some(requests.join("\n"))).await;
    outcome.summary.unwrap().state.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_that_a_component_asks_for_nothing_but_a_get_below_the_stores_path_leaves_the_host() {
    let (shop, other) = (shop(), shop());
    let here = shop.sandbox.url().trim_start_matches("http://").to_owned();
    let there = other.sandbox.url().trim_start_matches("http://").to_owned();
    let port = here.rsplit(':').next().unwrap().to_owned();
    let time = "/stores/sandbox/v2/time";
    let methods =
        ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "get"].map(|m| format!("{m} http {here} {time}"));
    let places = [
        there,
        "api.bigcommerce.com".to_owned(),
        "127.0.0.1".to_owned(),
        format!("localhost:{port}"),
        format!("[::1]:{port}"),
        format!("0.0.0.0:{port}"),
        format!("2130706433:{port}"),
        format!("user@{here}"),
        "169.254.169.254".to_owned(),
        "10.0.0.1".to_owned(),
        "[fe80::1]".to_owned(),
    ];
    let places = places.map(|place| format!("GET http {place} {time}"));
    let paths =
        ["/stores/other/v2/orders", "/stores/sandbox/../other/v2/orders", "/stores/sandbox/%2e%2e/other", "/", "/oauth2/token"];
    let paths = paths.map(|path| format!("GET http {here} {path}"));
    let headers = ["x-auth-token:mine", "x-auth-client:mine", "authorization:Bearer", "cookie:a=b", "host:evil.example"];
    let headers = headers.map(|header| format!("GET http {here} {time} {header}"));
    let tls = [format!("GET https {here} {time}")];
    let refused: Vec<String> = methods.into_iter().chain(places).chain(paths).chain(headers).chain(tls).collect();
    for (request, came) in refused.iter().zip(sends(&shop, &refused).await) {
        let kept = ["HttpRequestDenied", "no request", "header: "].iter().any(|why| came.contains(why));
        assert!(kept, "{request}: {came}");
    }
    assert_eq!((shop.sandbox.connection_count(), other.sandbox.connection_count()), (0, 0), "nothing has left the host");
    assert_eq!(sends(&shop, &[format!("GET http {here} {time}")]).await, ["status 200"], "what is allowed leaves it");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_set_aside_are_counted_and_make_the_run_fail_with_a_kind_of_its_own() {
    let outcome = run_on(&shop(), foreign(), json!({}), Some("aside orders 2\naside coupons 0".to_owned())).await;
    let summary = outcome.summary.as_ref().unwrap();
    let counts: Vec<(u64, bool)> = summary.streams.iter().map(|stream| (stream.aside, stream.complete)).collect();
    assert_eq!(counts, [(2, true), (0, true)]);
    assert!(summary.complete);
    let failure = outcome.failure();
    assert_eq!((failure.kind, failure.kind.exit_code()), (Kind::SetAside, 11));
    assert!(failure.message.contains("2 of orders") && !failure.message.contains("coupons"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_components_further_headers_stay_in_the_host() {
    let shop = shop();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let names = seen.clone();
    shop.sandbox.with_store(|store| {
        store.on_request(move |request, _| {
            names.lock().unwrap().extend(request.headers.iter().map(|(name, _)| name.to_lowercase()))
        });
    });
    let here = shop.sandbox.url().trim_start_matches("http://");
    let request = format!(
        "GET http {here} /stores/sandbox/v2/time x-http-method-override:DELETE x-original-url:/stores/other forwarded:host=evil referer:x \
         range:bytes=0-1 accept:application/json user-agent:foreign"
    );
    assert_eq!(sends(&shop, &[request]).await, ["status 200"]);
    let mut names = std::mem::take(&mut *seen.lock().unwrap());
    names.sort();
    assert_eq!(names, ["accept", "accept-encoding", "host", "user-agent", "x-auth-client", "x-auth-token"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_heeds_no_stop_is_ended() {
    let (shop, stop) = (shop(), Stop::new());
    let mut limits = Limits::default();
    limits.grace = Duration::from_millis(50);
    stop.request();
    let Ended { result, state, .. } = foreign_run(&shop, "spin").limits(limits).stop(&stop).into(nowhere).await;
    let failure = result.unwrap_err();
    assert_eq!((failure.kind, state.as_deref()), (Kind::Cancelled, Some("spin")));
    assert!(failure.message.contains("did not end within 0.05 s of the stop"), "{failure}");
}

/// A component that loops forever must not keep a call that needs no network, either.
#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_does_not_answer_is_ended() {
    let shop = shop();
    let mut limits = Limits::default();
    limits.deadline = Some(Duration::from_millis(50));
    let run = foreign_run(&shop, "spin").limits(limits);
    for failure in [run.plan().await.unwrap_err(), run.outlook().await.unwrap_err()] {
        assert!(failure.kind == Kind::Component && failure.message.contains("did not answer within 0.05 s"), "{failure}");
    }
}

/// The component, with a module behind it that computes for ever as soon as it is started.
fn that_never_starts() -> Vec<u8> {
    // (module (func (loop (br 0))) (start 0))
    const MODULE: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x08\x01\0\x0a\x09\x01\x07\0\x03\x40\x0c\0\x0b\x0b";
    let mut bytes = component();
    let (mut at, mut modules) = (8, 0);
    while at < bytes.len() {
        modules += u8::from(bytes[at] == 1);
        let (mut size, mut shift) = (0_usize, 0);
        loop {
            at += 1;
            size |= usize::from(bytes[at] & 0x7f) << shift;
            shift += 7;
            if bytes[at] < 0x80 {
                break;
            }
        }
        at += 1 + size;
    }
    assert!(modules < 0x80, "its index has one byte");
    bytes.extend([1, MODULE.len() as u8]);
    bytes.extend(MODULE);
    // An instance of it, without arguments.
    bytes.extend([2, 4, 1, 0, modules, 0]);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_computes_for_ever_while_it_is_started_is_ended() {
    let shop = shop();
    let mut limits = Limits::default();
    limits.grace = Duration::from_millis(50);
    let tap = tap_of(&shop, Component::from_bytes(that_never_starts()));
    let run = || tap.run(account(&shop, shop.config_with(json!({}))));
    limits.deadline = Some(Duration::from_millis(50));
    let planning = run().limits(limits.clone()).plan().await.unwrap_err();
    assert!(planning.kind == Kind::Component && planning.message.contains("did not answer within 0.05 s"), "{planning}");
    limits.deadline = None;
    let stop = Stop::new();
    stop.request();
    let stopped = run().limits(limits).stop(&stop).into(nowhere).await.result.unwrap_err();
    assert!(stopped.kind == Kind::Cancelled && stopped.message.contains("did not end within 0.05 s"), "{stopped}");
}

/// More requests at one time than a run may have: they wait, or the run ends, and the host's memory is bounded.
#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_opens_ten_thousand_requests_gets_no_more_than_its_limits() {
    let shop = shop();
    let here = shop.sandbox.url().trim_start_matches("http://").to_owned();
    let flood = format!("flood 10000 {here} /stores/sandbox/v2/time");
    let failure = foreign_run(&shop, &flood).into(nowhere).await.result.unwrap_err();
    assert!(failure.kind == Kind::Component && failure.message.contains("used up the 8192 resources"), "{failure}");
    let mut limits = Limits::default();
    (limits.resources, limits.in_flight) = (100_000, 7);
    let most = Arc::new(Mutex::new(0));
    let seen = most.clone();
    let progress = tap_bigcommerce::Progress::default();
    let now = progress.clone();
    let watch = move |_: &tap_bigcommerce::Event<'_>| {
        let mut most = seen.lock().unwrap();
        *most = now.snapshot().in_flight.max(*most);
    };
    let flood = flood.replace("10000", "1000");
    let ended = foreign_run(&shop, &flood).limits(limits).progress(&progress).on_event(watch).into(nowhere).await;
    assert_eq!(ended.summary.unwrap().state, "1000 answers");
    assert!((1..=7).contains(&*most.lock().unwrap()), "{most:?} requests at one time");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_are_too_large_are_refused() {
    let shop = shop();
    let here = shop.sandbox.url().trim_start_matches("http://").to_owned();
    let long = "x".repeat(20 << 10);
    let request = format!("GET http {here} /stores/sandbox/v2/time accept:{long}");
    let failure = run_on(&shop, foreign(), json!({}), Some(request)).await.failure();
    assert!(failure.kind == Kind::Component && failure.message.contains("size"), "{failure}");
    assert_eq!(shop.sandbox.request_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_fills_its_log_is_not_heard_for_ever() {
    let shop = shop();
    let outcome = run_on(&shop, foreign(), json!({}), Some("shout".into())).await;
    assert!(outcome.result.is_ok());
    assert!(outcome.log.len() <= (64 << 20) + 1000, "{} bytes", outcome.log.len());
    assert!(outcome.log.trim_end().ends_with("what else it says is left out"));
}
