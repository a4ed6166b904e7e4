//! The host as a library: embedded in a few lines, with a sink, a stop and limits of the embedder's own.

use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tap_bigcommerce::{Kind, Progress, Sink, SinkError, Stop, SyncRequest, Tap, sinks};
use tap_bigcommerce_sandbox::{Action, Counts, Delivery, Fault};
use tap_bigcommerce_tests::messages::{Message, held, ids, last_state, messages};
use tap_bigcommerce_tests::program::LONGEST;
use tap_bigcommerce_tests::shop::{Shop, counts};

const SMALL: Counts = counts(30, 20, 15, 8);

/// A sink that keeps the lines, and may do something at each.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<String>>);

impl Sink for Kept {
    fn write(&mut self, message: &sinks::Message<'_>) -> Result<(), SinkError> {
        let mut kept = self.0.lock().unwrap();
        kept.push_str(std::str::from_utf8(message.line()).unwrap());
        kept.push('\n');
        Ok(())
    }
}

impl Kept {
    fn messages(&self) -> Vec<Message> {
        messages(&self.0.lock().unwrap())
    }
}

fn tap(shop: &Shop) -> Tap {
    Tap::builder().cache(false).allowed_origins([shop.sandbox.url()]).private_addresses(true).build().unwrap()
}

fn request(shop: &Shop, state: Option<String>) -> SyncRequest {
    SyncRequest { config: Value::Object(shop.config()).to_string(), state, ..SyncRequest::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outlook_tells_what_a_run_reads_for_a_request_a_list() {
    let shop = Shop::new(counts(30, 20, 15, 8));
    let request = || SyncRequest { config: shop.config_with(json!({})), ..SyncRequest::default() };
    let tap = tap(&shop);
    let outlook = tap.outlook(&request()).await.unwrap().unwrap();
    assert_eq!(shop.sandbox.request_count(), 4);
    let told: Vec<(&str, u64)> = outlook.iter().map(|outlook| (outlook.streams[0].as_str(), outlook.records)).collect();
    assert_eq!(told, [("orders", 30), ("customers", 20), ("products", 15), ("coupons", 8)]);
    let foreseen: u64 = outlook.iter().map(|outlook| outlook.requests).sum();
    let summary = tap.sync(request(), Box::new(|_: &[u8]| Ok(())), &Stop::new()).await.unwrap();
    assert!(summary.requests.abs_diff(foreseen) * 5 < summary.requests, "{foreseen} of {}", summary.requests);
    // What the last run has read is not before the next one; coupons are read each time.
    let next = SyncRequest { state: Some(summary.state), ..request() };
    let records: Vec<u64> = tap.outlook(&next).await.unwrap().unwrap().iter().map(|outlook| outlook.records).collect();
    assert!(records[0] < 15 && records[3] == 8, "{records:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn embedding_takes_a_few_lines() -> Result<(), Box<dyn std::error::Error>> {
    let shop = Shop::new(SMALL);
    let config = Value::Object(shop.config()).to_string();

    let tap = Tap::builder().allowed_origins([shop.sandbox.url()]).private_addresses(true).cache(false).build()?;
    let (count, print) = {
        let count = Arc::new(Mutex::new(0));
        let counted = count.clone();
        (count, move |_line: &[u8]| {
            *counted.lock().unwrap() += 1;
            Ok(())
        })
    };
    let summary = tap.sync(SyncRequest { config, ..SyncRequest::default() }, Box::new(print), &Stop::new()).await?;

    assert!(summary.complete && summary.failure().is_none());
    assert!(*count.lock().unwrap() > 30 + 20 + 15 + 8);
    assert_eq!(
        summary.streams.iter().map(|stream| stream.name.as_str()).collect::<Vec<_>>(),
        ["orders", "order_products", "customers", "products", "coupons"]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn about_discovery_and_check_are_those_of_the_program() {
    let shop = Shop::new(SMALL);
    let tap = tap(&shop);
    let config = Value::Object(shop.config()).to_string();
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(read(&tap.about().await.unwrap()), read(&shop.run(["--about", "--format", "json"]).ok().stdout));
    assert_eq!(read(&tap.discover(&config).await.unwrap()), read(&shop.run(["--discover"]).ok().stdout));
    assert_eq!(read(&tap.check(&config).await.unwrap()), read(&shop.run(["--check"]).ok().stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_summary_and_the_progress_agree_with_the_messages() {
    let shop = Shop::new(SMALL);
    let (kept, progress) = (Kept::default(), Progress::default());
    let request = SyncRequest { progress: progress.clone(), ..request(&shop, None) };
    let summary = tap(&shop).sync(request, Box::new(kept.clone()), &Stop::new()).await.unwrap();
    let messages = kept.messages();
    for stream in &summary.streams {
        assert_eq!(stream.records, ids(&messages, &stream.name).len() as u64, "{}", stream.name);
    }
    assert_eq!(progress.snapshot().records, summary.streams.iter().map(|stream| stream.records).sum::<u64>());
    assert_eq!((progress.snapshot().requests, progress.snapshot().in_flight), (summary.requests, 0));
    assert_eq!(summary.requests, shop.sandbox.request_count());
    assert_eq!(&serde_json::from_str::<Value>(&summary.state).unwrap(), last_state(&messages));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_kept_and_shared() {
    let shop = Shop::new(SMALL);
    let config = shop.config_with(json!({"max_concurrency": 4}));
    let request = SyncRequest { config, ..SyncRequest::default() };
    let summary = tap(&shop).sync(request, Box::new(Kept::default()), &Stop::new()).await.unwrap();
    let connections = shop.sandbox.connection_count();
    assert!(connections < summary.requests / 2, "{connections} connections for {} requests", summary.requests);
}

/// The lines of one order never come, and the other orders' are asked for nonetheless.
#[tokio::test(flavor = "multi_thread")]
async fn the_parts_of_orders_are_asked_for_side_by_side() {
    let shop = Shop::new(SMALL);
    let (asked, mut others) = tokio::sync::mpsc::unbounded_channel();
    shop.sandbox.with_store(|store| {
        let part = format!("/orders/{}/products", store.ids(tap_bigcommerce_sandbox::Kind::ORDERS).next().unwrap());
        store.add_fault(Fault::on(&part, Action::Deliver(Delivery::Stall)).always());
        let mut stalled = false;
        store.on_request(move |request, _| {
            stalled |= request.path.contains(&part);
            if stalled && request.path.ends_with("/products") && !request.path.contains(&part) {
                // The test may have ended.
                let _ = asked.send(());
            }
        });
    });
    let (tap, stop) = (tap(&shop), Stop::new());
    let request = request(&shop, None);
    tokio::select! {
        ended = tap.sync(request, Box::new(Kept::default()), &stop) => panic!("the run ended: {ended:?}"),
        other = others.recv() => assert!(other.is_some()),
        () = tokio::time::sleep(LONGEST) => panic!("the orders are read one after the other"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_the_run_with_a_state_that_leads_on() {
    let shop = Shop::new(SMALL);
    let (tap, stop, kept) = (tap(&shop), Stop::new(), Kept::default());
    let (ask, mut sink, mut lines) = (stop.clone(), kept.clone(), 0);
    let stopping = move |line: &[u8]| {
        lines += 1;
        if lines == 10 {
            ask.request();
        }
        sink.write(line)
    };
    let failure = tap.sync(request(&shop, None), Box::new(stopping), &stop).await.unwrap_err();
    assert_eq!(failure.kind, Kind::Cancelled);
    let stopped = kept.messages();
    let state = last_state(&stopped).to_string();
    let rest = Kept::default();
    tap.sync(request(&shop, Some(state)), Box::new(rest.clone()), &Stop::new()).await.unwrap();
    let mut union = held(&stopped);
    union.extend(held(&rest.messages()));
    let whole = Kept::default();
    tap.sync(request(&shop, None), Box::new(whole.clone()), &Stop::new()).await.unwrap();
    assert!(union == held(&whole.messages()));
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_end_a_run_that_the_next_resumes() {
    let shop = Shop::new(SMALL);
    shop.sandbox.with_store(|store| store.quirks.page_cap = Some(10));
    let tap = tap(&shop);
    let (mut union, mut state, mut runs) = (std::collections::BTreeMap::new(), None, 0);
    loop {
        let kept = Kept::default();
        let limited = SyncRequest { max_records: Some(60), ..request(&shop, state.take()) };
        let summary = tap.sync(limited, Box::new(kept.clone()), &Stop::new()).await.unwrap();
        union.extend(held(&kept.messages()));
        runs += 1;
        assert!(runs < 50, "chained runs do not come to an end");
        if summary.complete {
            break;
        }
        state = Some(summary.state);
    }
    let whole = Kept::default();
    tap.sync(request(&shop, None), Box::new(whole.clone()), &Stop::new()).await.unwrap();
    assert!(runs > 2 && union == held(&whole.messages()), "{runs} runs");
}

/// Each call reads one record. Records that share a bookmark's moment are read again; that must not keep a call from getting any further.
#[tokio::test(flavor = "multi_thread")]
async fn the_least_limit_starves_no_stream() {
    let shop = Shop::new(SMALL);
    let tap = tap(&shop);
    let (mut union, mut state) = (std::collections::BTreeMap::new(), None);
    let whole = Kept::default();
    tap.sync(request(&shop, None), Box::new(whole.clone()), &Stop::new()).await.unwrap();
    let whole = held(&whole.messages());
    let calls = 2 * whole.len();
    for _ in 0..calls {
        let kept = Kept::default();
        let limited = SyncRequest { max_records: Some(1), ..request(&shop, state) };
        state = Some(tap.sync(limited, Box::new(kept.clone()), &Stop::new()).await.unwrap().state);
        union.extend(held(&kept.messages()));
        if union.len() == whole.len() {
            return;
        }
    }
    let missing: std::collections::BTreeSet<&str> =
        whole.keys().filter(|key| !union.contains_key(*key)).map(|(stream, _)| stream.as_str()).collect();
    panic!("{calls} calls have not read all of {missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_sink_ends_the_run_with_its_own_words() {
    let shop = Shop::new(SMALL);
    let mut lines = 0;
    let sink = move |_: &[u8]| {
        lines += 1;
        if lines > 20 { Err(SinkError::new("the cellar is flooded")) } else { Ok(()) }
    };
    let failure = tap(&shop).sync(request(&shop, None), Box::new(sink), &Stop::new()).await.unwrap_err();
    assert_eq!((failure.kind, failure.message.as_str()), (Kind::Sink, "the cellar is flooded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_allowed_origins_are_reached() {
    let (shop, other) = (Shop::new(SMALL), Shop::new(SMALL));
    let real_only = Tap::builder().cache(false).build().unwrap();
    let public_only = Tap::builder().cache(false).allowed_origins([shop.sandbox.url()]).build().unwrap();
    for (tap, shop) in [(&real_only, &shop), (&public_only, &shop), (&tap(&shop), &other)] {
        let failure = tap.sync(request(shop, None), Box::new(Kept::default()), &Stop::new()).await.unwrap_err();
        assert_eq!(failure.kind, Kind::Config, "{failure}");
    }
    let by_name = shop.sandbox.url().replace("127.0.0.1", "localhost");
    let config = shop.config_with(json!({"api_url": by_name}));
    let resolved = Tap::builder().cache(false).allowed_origins([&by_name]).build().unwrap();
    let failure = resolved.check(&config).await.unwrap_err();
    assert!(matches!(failure.kind, Kind::Config | Kind::Unreachable), "{failure}");
    assert_eq!((shop.sandbox.request_count(), other.sandbox.request_count()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_at_the_same_time_do_not_disturb_each_other() {
    let shop = Shop::new(SMALL);
    let tap = tap(&shop);
    let (one, two) = (Kept::default(), Kept::default());
    let stop = Stop::new();
    let both = tokio::join!(
        tap.sync(request(&shop, None), Box::new(one.clone()), &stop),
        tap.sync(request(&shop, None), Box::new(two.clone()), &stop)
    );
    assert!(both.0.unwrap().complete && both.1.unwrap().complete);
    assert!(held(&one.messages()) == held(&two.messages()));
}
