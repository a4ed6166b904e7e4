//! Connections that a server closes gracefully cost nothing; one that goes silent costs a retry for each request on it.

use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tap_bigcommerce::{EventKind, Level, Summary};
use tap_bigcommerce_sandbox::{Action, Delivery, Fault, Options};
use tap_bigcommerce_tests::embed::{Kept, account, tap};
use tap_bigcommerce_tests::messages::trees;
use tap_bigcommerce_tests::shop::{Shop, counts};
use tap_bigcommerce_tests::truth::is_whole;

const MAX_CONCURRENCY: u64 = 8;
const REQUESTS_PER_CONNECTION: u64 = 25;

/// A run that came out whole: what it says of itself, and its warnings.
struct Ran {
    summary: Summary,
    warnings: Vec<String>,
}

/// Runs once through the library, then waits until nothing of the run is left at the store.
async fn run(shop: &Shop, settings: Value) -> Ran {
    let warnings: Arc<Mutex<Vec<String>>> = Arc::default();
    let warned = warnings.clone();
    let run = tap(shop).run(account(shop, shop.config_with(settings))).on_event(move |event| {
        if let EventKind::Log { level: Level::Warning, .. } = event.kind {
            warned.lock().unwrap().push(event.kind.to_string());
        }
    });
    let ended = run.into(Kept::default()).await;
    ended.result.unwrap();
    let summary = ended.summary.unwrap();
    is_whole(shop, &trees(&ended.sink.messages()), "the run");
    let nothing_left = async {
        while shop.sandbox.open_connections() > 0 || shop.sandbox.in_flight() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(60), nothing_left).await;
    assert!(ended.is_ok(), "{} connections, {} requests", shop.sandbox.open_connections(), shop.sandbox.in_flight());
    let mut warnings = std::mem::take(&mut *warnings.lock().unwrap());
    warnings.sort_unstable();
    Ran { summary, warnings }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_falls_silent_is_left_for_a_new_one() {
    let shop = Shop::over_tls(Options { counts: counts(40, 25, 20, 10), ..Options::default() });
    let stall = Fault::on("/products", Action::Deliver(Delivery::StallConnection)).skip(10);
    shop.sandbox.with_store(|store| store.add_fault(stall));
    let settings = json!({"page_size": 10, "max_concurrency": MAX_CONCURRENCY, "request_timeout_seconds": 5});
    let ran = run(&shop, settings).await;
    assert_eq!(shop.sandbox.with_store(|store| store.faults_fired()), 1);
    assert_eq!(shop.sandbox.connection_count(), 2);
    assert!((1..=MAX_CONCURRENCY).contains(&ran.summary.retries), "{} retries: {:?}", ran.summary.retries, ran.warnings);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_a_server_closes_as_planned_cost_nothing() {
    for serve in [Shop::over_tls, Shop::with] {
        let options = Options { counts: counts(150, 25, 20, 10), latency: Duration::from_millis(2), ..Options::default() };
        let settings = json!({"max_concurrency": MAX_CONCURRENCY});
        let kept = run(&serve(options.clone()), settings.clone()).await;
        let closing = serve(Options { requests_per_connection: Some(REQUESTS_PER_CONNECTION), ..options });
        let closed = run(&closing, settings).await;
        let url = closing.sandbox.url();
        assert_eq!((closed.summary.retries, &closed.warnings), (0, &kept.warnings), "{url}");
        let (requests, connections) = (closing.sandbox.request_count(), closing.sandbox.connection_count());
        assert!(closed.summary.requests > 300, "{url}");
        // A request that is being sent just as the connection closes looks unsent to the client, which sends it again: the store may see one per
        // connection twice.
        let twice = requests - closed.summary.requests;
        assert!(twice <= connections, "{url}: {twice} of {requests} requests twice, on {connections} connections");
        // Requests that are on their way when it closes are still answered, and over HTTP/1.1 there is a connection for each. A busy machine
        // may open a few more; a connection for each request that finds the old one closed would be far more.
        let fewest = requests / (REQUESTS_PER_CONNECTION + MAX_CONCURRENCY);
        let most = 2 * requests / REQUESTS_PER_CONNECTION + MAX_CONCURRENCY;
        assert!((fewest..=most).contains(&connections), "{url}: {connections} connections for {requests} requests");
    }
}
