//! The host as a library: embedded in a few lines, with a sink, a stop and limits of the embedder's own.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tap_bigcommerce::sinks::{JsonlSink, Message, Output};
use tap_bigcommerce::{Account, Component, EventKind, Host, Kind, Network, Progress, Run, Sink, SinkError, Stop};
use tap_bigcommerce_sandbox::{Action, Counts, Delivery, Fault, Kind as Of, Options};
use tap_bigcommerce_tests::embed::{Kept, account, nowhere, run, tap};
use tap_bigcommerce_tests::messages::{held, ids, last_state};
use tap_bigcommerce_tests::program::LONGEST;
use tap_bigcommerce_tests::shop::{Shop, counts};

const SMALL: Counts = counts(30, 20, 15, 8);

fn config(shop: &Shop) -> String {
    Value::Object(shop.config()).to_string()
}

/// All messages of a run that must end well.
async fn whole(run: Run) -> Kept {
    let ended = run.into(Kept::default()).await;
    ended.result.unwrap();
    ended.sink
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outlook_tells_what_a_run_reads_for_a_request_a_list() {
    let shop = Shop::new(SMALL);
    let outlook = run(&shop).outlook().await.unwrap().unwrap();
    assert_eq!(shop.sandbox.request_count(), 4);
    let told: Vec<(&str, u64)> = outlook.iter().map(|outlook| (outlook.streams[0].as_str(), outlook.records)).collect();
    assert_eq!(told, [("orders", 30), ("customers", 20), ("products", 15), ("coupons", 8)]);
    let foreseen: u64 = outlook.iter().map(|outlook| outlook.requests).sum();
    let ended = run(&shop).into(nowhere).await;
    let requests = ended.summary.unwrap().requests;
    assert!(requests.abs_diff(foreseen) * 5 < requests, "{foreseen} of {requests}");
    // The outlook leaves out what the last run has read, but coupons are read each time.
    let outlook = run(&shop).state(ended.state).outlook().await.unwrap().unwrap();
    let records: Vec<u64> = outlook.iter().map(|outlook| outlook.records).collect();
    assert!(records[0] < 15 && records[3] == 8, "{records:?}");
}

/// It must not hold up a run: if the store does not answer soon, there is none.
#[tokio::test(flavor = "multi_thread")]
async fn an_outlook_does_not_wait_for_a_slow_store() {
    let shop = Shop::new(SMALL);
    shop.sandbox.with_store(|store| store.add_fault(Fault::on("/customers", Action::Deliver(Delivery::Stall)).always()));
    let outlook = tokio::time::timeout(LONGEST, run(&shop).outlook()).await.expect("it ends by itself");
    assert_eq!(outlook.unwrap(), None);
    let wrong = account(&shop, shop.config_with(json!({"access_token": "another-token"})));
    assert_eq!(tap(&shop).run(wrong).outlook().await.unwrap_err().kind, Kind::Unauthorized);
}

#[tokio::test(flavor = "multi_thread")]
async fn about_discovery_and_check_are_those_of_the_program() {
    let shop = Shop::new(SMALL);
    let (tap, run) = (tap(&shop), run(&shop));
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let mut about = read(&shop.run(["--about", "--format", "json"]).ok().stdout);
    let component = about.as_object_mut().unwrap().remove("component").unwrap();
    assert_eq!(component["sha256"], tap_bigcommerce::Component::carried().checksum());
    assert_eq!(read(&tap.about().await.unwrap()), about);
    let catalog = tap.discover(&config(&shop), &Default::default()).await.unwrap();
    assert_eq!(read(&catalog), read(&shop.run(["--discover"]).ok().stdout));
    assert_eq!(read(&run.check().await.unwrap()), read(&shop.run(["--check"]).ok().stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_summary_the_progress_and_the_events_agree_with_the_messages() {
    let shop = Shop::new(SMALL);
    let (progress, told) = (Progress::default(), Arc::new(Mutex::new(Vec::new())));
    let events = told.clone();
    let watch = move |event: &tap_bigcommerce::Event<'_>| {
        assert_eq!(event.store, "sandbox/stores/sandbox");
        events.lock().unwrap().push(match &event.kind {
            EventKind::StreamBegun(name) => ("begun", (*name).to_owned(), 0),
            EventKind::StreamEnded(stream) => ("ended", stream.name.clone(), stream.records),
            EventKind::Metric(metric) => ("metric", metric.metric.clone(), 0),
            EventKind::Request { status, .. } => ("request", format!("{status:?}"), 0),
            _ => ("log", String::new(), 0),
        });
    };
    let ended = run(&shop).progress(&progress).on_event(watch).into(Kept::default()).await;
    let (messages, summary, told) = (ended.sink.messages(), ended.summary.unwrap(), told.lock().unwrap());
    let of = |what: &str| told.iter().filter(|(kind, ..)| *kind == what).collect::<Vec<_>>();
    for (stream, (begun, ended)) in summary.streams.iter().zip(of("begun").iter().zip(of("ended"))) {
        assert_eq!(stream.records, ids(&messages, &stream.name).len() as u64, "{}", stream.name);
        assert_eq!((&begun.1, &ended.1, ended.2), (&stream.name, &stream.name, stream.records));
    }
    assert_eq!((of("begun").len(), of("ended").len()), (5, 5));
    assert!(of("metric").iter().any(|(_, name, _)| name == "record_count"));
    assert!(of("request").iter().all(|(_, status, _)| status == "Some(200)" || status == "Some(204)"), "{:?}", of("request"));
    assert_eq!(of("request").len() as u64, summary.requests);
    assert_eq!(progress.snapshot().records, summary.streams.iter().map(|stream| stream.records).sum::<u64>());
    assert_eq!((progress.snapshot().requests, progress.snapshot().in_flight), (summary.requests, 0));
    assert_eq!(summary.requests, shop.sandbox.request_count());
    assert_eq!(&serde_json::from_str::<Value>(&summary.state).unwrap(), last_state(&messages));
    assert_eq!(ended.state.as_deref(), Some(summary.state.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_selected_is_asked_of_the_component() {
    let shop = Shop::new(SMALL);
    let kept = whole(run(&shop).select(["orders.id", "coupons"]).exclude(["coupons.name"])).await;
    let records: Vec<_> = kept.messages().into_iter().filter(|message| message.kind == "RECORD").collect();
    assert!(records.len() == 30 + 8 && records.iter().all(|record| !record.fields().contains_key("name")));
    // A stream that is read from its start again, next to one that is not.
    let first = run(&shop).select(["orders", "customers"]).into(Kept::default()).await;
    let again = run(&shop).select(["orders", "customers"]).state(first.state).full_refresh(["customers"]);
    let again = whole(again).await.messages();
    assert!(ids(&again, "orders").len() < 15);
    assert_eq!(ids(&again, "customers").len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_kept_and_shared() {
    let shop = Shop::new(SMALL);
    let run = tap(&shop).run(account(&shop, shop.config_with(json!({"max_concurrency": 4}))));
    let requests = run.into(nowhere).await.summary.unwrap().requests;
    let connections = shop.sandbox.connection_count();
    assert!(connections < requests / 2, "{connections} connections for {requests} requests");
}

/// The lines of one order never come, and the other orders' are asked for nonetheless.
#[tokio::test(flavor = "multi_thread")]
async fn the_parts_of_orders_are_asked_for_side_by_side() {
    let shop = Shop::new(SMALL);
    let (asked, mut others) = tokio::sync::mpsc::unbounded_channel();
    shop.sandbox.with_store(|store| {
        let part = format!("/orders/{}/products", store.ids(Of::ORDERS).next().unwrap());
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
    tokio::select! {
        ended = run(&shop).into(Kept::default()) => panic!("the run ended: {:?}", ended.result),
        other = others.recv() => assert!(other.is_some()),
        () = tokio::time::sleep(LONGEST) => panic!("the orders are read one after the other"),
    }
}

/// Asks for a stop at its tenth line.
struct Stopping(Kept, Stop, u32);

impl Sink for Stopping {
    fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        self.2 += 1;
        if self.2 == 10 {
            self.1.request();
        }
        self.0.write(message)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_the_run_with_a_state_to_resume_from() {
    let shop = Shop::new(SMALL);
    let stop = Stop::new();
    let ended = run(&shop).stop(&stop).into(Stopping(Kept::default(), stop.clone(), 0)).await;
    assert_eq!(ended.result.unwrap_err().kind, Kind::Cancelled);
    let stopped = ended.sink.0.messages();
    assert_eq!(ended.state, Some(last_state(&stopped).to_string()));
    let rest = whole(run(&shop).state(ended.state)).await;
    let mut union = held(&stopped);
    union.extend(held(&rest.messages()));
    assert!(union == held(&whole(run(&shop)).await.messages()));
}

/// Dropping a run drops its sink, so that its file can be opened again at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_dropped_lets_its_file_go() {
    let shop = Shop::new(counts(200, 1, 1, 1));
    let store = account(&shop, config(&shop)).store().unwrap();
    for output in ["sqlite:dropped.db", "jsonl:dropped"] {
        let (scheme, name) = output.split_once(':').unwrap();
        let output: Output = format!("{scheme}:{}", shop.path(name).display()).parse().unwrap();
        for _ in 0..3 {
            let opened = output.open(&store, &[]).unwrap_or_else(|fault| panic!("{scheme}: {fault}"));
            let progress = Progress::default();
            let run = run(&shop).state(opened.state).progress(&progress).into(opened.sink);
            let some = async {
                while progress.snapshot().records < 20 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                ended = run => panic!("the run ended: {:?}", ended.result),
                () = some => {}
            }
        }
        let opened = output.open(&store, &[]).unwrap();
        let ended = run(&shop).state(opened.state).into(opened.sink).await;
        ended.result.unwrap();
    }
    let state = JsonlSink::open(&shop.path("dropped"), &store).unwrap();
    assert!(state.state().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_end_a_run_that_the_next_resumes() {
    let shop = Shop::new(SMALL);
    shop.sandbox.with_store(|store| store.quirks.page_cap = Some(10));
    let (mut union, mut state, mut runs) = (BTreeMap::new(), None, 0);
    loop {
        let ended = run(&shop).state(state).max_records(60).into(Kept::default()).await;
        union.extend(held(&ended.sink.messages()));
        runs += 1;
        assert!(runs < 50, "chained runs do not come to an end");
        if ended.summary.unwrap().complete {
            break;
        }
        state = ended.state;
    }
    assert!(runs > 2 && union == held(&whole(run(&shop)).await.messages()), "{runs} runs");
}

/// Each call reads one record. Records that share a bookmark's moment are read again; that must not keep a call from getting any further.
#[tokio::test(flavor = "multi_thread")]
async fn the_least_limit_starves_no_stream() {
    let shop = Shop::new(SMALL);
    let run = run(&shop);
    let (mut union, mut state) = (BTreeMap::new(), None);
    let all = held(&whole(run.clone()).await.messages());
    let calls = 2 * all.len();
    for _ in 0..calls {
        let ended = run.clone().state(state).max_records(1).into(Kept::default()).await;
        state = ended.state;
        union.extend(held(&ended.sink.messages()));
        if union.len() == all.len() {
            return;
        }
    }
    let missing: BTreeSet<&str> = all.keys().filter(|key| !union.contains_key(*key)).map(|(stream, _)| stream.as_str()).collect();
    panic!("{calls} calls have not read all of {missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_sink_ends_the_run_with_its_own_words_and_one_that_panics_with_the_hosts() {
    let shop = Shop::new(SMALL);
    let mut lines = 0;
    let sink = move |_: &[u8]| {
        lines += 1;
        if lines > 20 { Err(SinkError::new("the cellar is flooded")) } else { Ok(()) }
    };
    let failure = run(&shop).into(sink).await.result.unwrap_err();
    assert_eq!((failure.kind, failure.message.as_str()), (Kind::Sink, "the cellar is flooded"));
    let ended = run(&shop).into(|_: &[u8]| panic!("the cellar is flooded")).await;
    let failure = ended.result.unwrap_err();
    assert!(failure.kind == Kind::Sink && failure.message.contains("panicked"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_a_run_is_permitted_is_reached_by_it() {
    let (shop, other) = (Shop::new(SMALL), Shop::new(SMALL));
    let tap = tap(&shop);
    let real_only = Account::new(config(&shop));
    let public_only = Account::new(config(&shop)).allowed_origins([shop.sandbox.url()]);
    for account in [real_only, public_only, account(&shop, config(&other))] {
        let failure = tap.run(account).into(nowhere).await.result.unwrap_err();
        assert_eq!(failure.kind, Kind::Config, "{failure}");
    }
    let by_name = shop.sandbox.url().replace("127.0.0.1", "localhost");
    let by_name_only = Account::new(shop.config_with(json!({"api_url": by_name}))).allowed_origins([&by_name]);
    let failure = tap.run(by_name_only.clone()).check().await.unwrap_err();
    assert!(matches!(failure.kind, Kind::Config | Kind::Unreachable), "{failure}");
    assert_eq!((shop.sandbox.request_count(), other.sandbox.request_count()), (0, 0));
    // Even if another run has permission at the same time, this one must not use its connections.
    let permitted = by_name_only.clone().private_addresses(true);
    if tap.run(permitted).check().await.is_ok() {
        let asked = shop.sandbox.request_count();
        assert!(tap.run(by_name_only).check().await.is_err());
        assert_eq!(shop.sandbox.request_count(), asked);
    }
}

/// A network for few requests at one time: those that wait for a place are not taken for requests that the store does not answer, and a run whose sink
/// takes nothing holds up no other.
#[tokio::test(flavor = "multi_thread")]
async fn runs_share_few_places_without_faults_and_a_blocked_one_holds_up_no_other() {
    let network = Network::builder().max_in_flight(2).build().unwrap();
    let tap = Host::builder().network(network).build().unwrap().component(Component::carried()).unwrap();
    let slow = |latency| Shop::with(Options { counts: SMALL, latency: Duration::from_millis(latency), ..Options::default() });
    let (blocked, shop) = (slow(0), slow(50));
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let (taken, mut at_gate) = tokio::sync::mpsc::unbounded_channel();
    let stuck = move |_: &[u8]| {
        // The test may have ended.
        let _ = taken.send(());
        let _ = gate.recv();
        Ok(())
    };
    let waits = tokio::spawn(tap.run(account(&blocked, config(&blocked))).into(stuck));
    at_gate.recv().await.unwrap();
    let run = tap.run(account(&shop, shop.config_with(json!({"request_timeout_seconds": 2}))));
    let ended = tokio::time::timeout(LONGEST, run.into(nowhere)).await.expect("it waits for the other run");
    ended.result.unwrap();
    assert_eq!(ended.summary.unwrap().retries, 0);
    drop(open);
    waits.await.unwrap().result.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_at_the_same_time_do_not_disturb_each_other() {
    let (shop, other) = (Shop::new(SMALL), Shop::new(counts(7, 6, 5, 4)));
    let tap = tap(&shop);
    let one = tap.run(account(&shop, config(&shop)));
    let two = tap.run(account(&other, config(&other)));
    let both = tokio::join!(one.clone().into(Kept::default()), two.into(Kept::default()));
    assert!(both.0.result.is_ok() && both.1.result.is_ok());
    assert!(held(&both.0.sink.messages()) == held(&whole(one).await.messages()));
    assert_eq!(ids(&both.1.sink.messages(), "orders").len(), 7);
}
