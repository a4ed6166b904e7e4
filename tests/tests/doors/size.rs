//! Runs of any size: requests leave nothing behind in the embedder, so no number of them is too many.

use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tap_bigcommerce::{Kind as Failure, Limits, Run};
use tap_bigcommerce_sandbox::{Action, Delivery, Fault, Kind};
use tap_bigcommerce_tests::doors::{command, whole};
use tap_bigcommerce_tests::embed::{Kept, nowhere, run};
use tap_bigcommerce_tests::messages::{ids, messages};
use tap_bigcommerce_tests::runs::{BEARER, EDGE_TOKEN as TOKEN};
use tap_bigcommerce_tests::shop::{Shop, counts};

/// Each order takes three more requests, so that a run sends some 2,100: four times as many as an instance may have resources.
const ORDERS: u64 = 700;
const RESOURCES: usize = 512;

fn shop() -> Shop {
    Shop::new(counts(ORDERS, 1, 1, 1))
}

/// A run of the library with so many resources.
fn run_with(shop: &Shop, resources: usize) -> Run {
    let mut limits = Limits::default();
    limits.resources = resources;
    run(shop).limits(limits)
}

fn assert_many(shop: &Shop, orders: usize) {
    assert_eq!(orders as u64, ORDERS);
    let requests = shop.sandbox.request_count();
    assert!(requests > 4 * RESOURCES as u64, "{requests} requests are too few to show anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connector_keeps_nothing_of_a_request() {
    let shop = shop();
    let ended = run_with(&shop, RESOURCES).into(Kept::default()).await;
    ended.result.unwrap();
    assert_many(&shop, ids(&ended.sink.messages(), "orders").len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_keeps_nothing_of_a_request() {
    let shop = shop();
    let said = command(&shop.path(""), &["--config", "config.json"], &[]).await;
    assert!(said.good, "{}", said.stderr);
    assert_many(&shop, ids(&messages(&said.stdout), "orders").len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_edge_keeps_nothing_of_a_request() {
    let shop = shop();
    let edge = crate::edge::open(&shop, Some(TOKEN)).await;
    let answer = whole(edge.ask("POST", "/sync", Some(BEARER), "{}").await).await;
    let answer = answer.unwrap_or_else(|| panic!("the response was interrupted: {}", edge.log()));
    assert_many(&shop, ids(&messages(&answer), "orders").len());
}

/// An embedder may set no time limit of its own, so the tap must cancel a request that it gives up; otherwise each attempt would
/// stay open during the next. The embedder cancels in the background, so a request may overlap with the next one. Without
/// cancelling, all attempts, and one more, would be open at one time.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_given_up_is_cancelled() {
    const STALLED: usize = 3;
    let forever = Duration::from_secs(100_000);
    for stall in [Delivery::Stall, Delivery::Drip { bytes: 1, every: forever }] {
        let shop = Shop::new(counts(5, 1, 1, 1));
        let fault = Fault::on("/products", Action::Deliver(stall)).times(STALLED as u64);
        shop.sandbox.with_store(|store| store.add_fault(fault));
        shop.file("config.json", &shop.config_with(json!({ "request_timeout_seconds": 1, "max_concurrency": 1 })));
        let said = command(&shop.path(""), &["--config", "config.json"], &[]).await;
        let given_up = said.stderr.matches("no answer within 1 s").count();
        assert!(said.good && given_up == STALLED, "{stall:?}: {}", said.stderr);
        assert!(said.most_exchanges <= STALLED, "{stall:?}: {} requests are open at one time", said.most_exchanges);
    }
}

/// A list below a record is walked page by page: a hundred thousand rows need no more memory than a hundred.
#[tokio::test(flavor = "multi_thread")]
async fn a_price_list_with_a_hundred_thousand_records_is_read_in_little_memory() {
    const RECORDS: u64 = 100_000;
    const MEMORY: usize = 24 << 20;
    let shop = Shop::new(counts(1, 1, 1, 1).with(Kind::PRICE_LISTS, 1));
    shop.sandbox.with_store(|store| {
        let list = store.ids(Kind::PRICE_LISTS).next().unwrap();
        let at = store.date_modified(Kind::PRICE_LISTS, list).unwrap();
        store.edit(Kind::PRICE_LISTS, list, at, |list| {
            let one = list.parts["records"][0].clone();
            let with_variant = |variant: u64| {
                let mut record = one.clone();
                record["variant_id"] = json!(variant);
                record
            };
            list.parts.insert("records".into(), (1..=RECORDS).map(with_variant).collect());
        });
    });
    let mut limits = Limits::default();
    limits.memory = MEMORY;
    let catalog = json!({"streams": [{
        "stream": "price_list_records", "tap_stream_id": "price_list_records", "schema": {"type": "object", "properties": {}},
        "metadata": [{"breadcrumb": [], "metadata": {"selected": true}}],
    }]});
    let bytes = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&bytes);
    let count = move |line: &[u8]| {
        counted.fetch_add(line.len(), Ordering::Relaxed);
        Ok(())
    };
    let ended = run(&shop).limits(limits).catalog(catalog.to_string()).into(count).await;
    ended.result.unwrap();
    let summary = ended.summary.unwrap();
    assert_eq!(summary.streams.iter().map(|stream| stream.records).sum::<u64>(), RECORDS);
    assert!(bytes.load(Ordering::Relaxed) > MEMORY, "so few bytes fit the memory as a whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_without_resources_left_fails_in_a_sentence() {
    let shop = shop();
    let failure = run_with(&shop, 16).into(nowhere).await.result.unwrap_err();
    assert_eq!(failure.kind, Failure::Component);
    assert!(failure.message.contains("used up the 16 resources") && failure.message.contains("max_concurrency"), "{failure}");
}
