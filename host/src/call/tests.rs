use super::*;
use crate::account::Account;
use crate::component::Component;
use crate::host::Host;
use crate::http::tests::{Server, answer};
use crate::stop::Stop;
use crate::tap::{Selection, Tap};
use crate::ticker::TICK;
use std::sync::{Arc, Mutex};

const ORIGIN: &str = "https://api.bigcommerce.com";

fn tap() -> Tap {
    Host::builder().build().unwrap().component(Component::carried()).unwrap()
}

fn run(origin: &str) -> Run {
    let config = format!(r#"{{"client_id": "c", "access_token": "a-t0ken-", "store_hash": "abc", "api_url": "{origin}"}}"#);
    tap().run(Account::new(config).allowed_origins([origin]).private_addresses(true))
}

fn nowhere(_: &[u8]) -> std::result::Result<(), SinkError> {
    Ok(())
}

async fn fails(run: Run) -> Failure {
    run.into(nowhere).await.result.unwrap_err()
}

#[tokio::test]
async fn the_component_answers_without_a_network() {
    let tap = tap();
    assert!(tap.about().await.unwrap().contains("tap-bigcommerce"));
    let catalog = tap.discover("{}", &Selection::default()).await.unwrap();
    let catalog: serde_json::Value = serde_json::from_str(&catalog).unwrap();
    assert_eq!(catalog["streams"][0]["tap_stream_id"], "orders");
    assert_eq!(tap.discover("[]", &Selection::default()).await.unwrap_err().kind, Kind::Config);
    let wrong = Selection { select: Some(vec!["wishlist".into()]), ..Selection::default() };
    assert_eq!(tap.discover("{}", &wrong).await.unwrap_err().kind, Kind::Catalog);
}

#[tokio::test]
async fn a_plan_tells_what_a_run_reads_and_what_is_wrong_with_it() {
    let plan = run(ORIGIN).select(["order_products", "coupons.id"]).plan().await.unwrap();
    assert_eq!(plan.streams, ["order_products", "coupons"]);
    assert_eq!(plan.schemas.len(), 2);
    assert!(plan.schemas[1].starts_with(r#"{"type":"SCHEMA","stream":"coupons""#) && plan.warnings.is_empty(), "{plan:?}");
    for (wrong, kind) in [
        (run(ORIGIN).catalog("{"), Kind::Catalog),
        (run(ORIGIN).exclude(["wishlist"]), Kind::Catalog),
        (run(ORIGIN).state("[]".to_owned()), Kind::State),
        (run(ORIGIN).full_refresh(["wishlist"]), Kind::Config),
    ] {
        assert_eq!(wrong.plan().await.unwrap_err().kind, kind);
    }
}

#[tokio::test]
async fn a_config_that_leads_elsewhere_is_refused() {
    let tap = tap();
    let elsewhere = r#"{"access_token": "a-t0ken-", "store_hash": "abc", "api_url": "https://example.com"}"#;
    assert_eq!(fails(tap.run(Account::new(elsewhere))).await.kind, Kind::Config);
    assert_eq!(tap.run(Account::new("{}")).check().await.unwrap_err().kind, Kind::Config);
    let failure = fails(tap.run(Account::new("{}"))).await;
    assert!(["access_token", "store_hash"].iter().all(|key| failure.message.contains(key)), "{failure}");
}

#[tokio::test]
async fn a_component_without_memory_left_fails_in_a_sentence() {
    let mut endless = b"[".to_vec();
    endless.resize(16 << 20, b' ');
    let server = Server::start(answer("content-type: application/json\r\n", &endless)).await;
    let failure = fails(run(&server.origin).limits(Limits { memory: 4 << 20, ..Limits::default() })).await;
    assert_eq!(failure.kind, Kind::Component);
    assert!(failure.message.contains("ran out of its 4 MiB of memory"), "{failure}");
}

#[tokio::test]
async fn a_failing_sink_ends_the_run_with_its_own_words_and_comes_back() {
    let server = Server::start(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    let mut lines = 0;
    let sink = move |_: &[u8]| {
        lines += 1;
        if lines == 1 { Err(SinkError::new("the cellar is flooded")) } else { Ok(()) }
    };
    let mut ended = run(&server.origin).state(r#"{"bookmarks":{}}"#.to_owned()).into(sink).await;
    let failure = ended.result.unwrap_err();
    assert_eq!((failure.kind, failure.message.as_str()), (Kind::Sink, "the cellar is flooded"));
    assert_eq!(ended.state.as_deref(), Some(r#"{"bookmarks":{}}"#));
    assert!((ended.sink)(b"{}").is_ok(), "it has counted its lines");
}

#[tokio::test]
async fn a_token_that_the_store_repeats_is_told_to_nobody() {
    let log = Arc::new(Mutex::new(String::new()));
    let mut told = String::new();
    for status in ["401 Unauthorized", "403 Forbidden", "400 Bad Request"] {
        let body = r#"{"title": "the token a-t0ken- may not"}"#;
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        let server = Server::start((head + body).into_bytes()).await;
        let seen = log.clone();
        let run = run(&server.origin).on_event(move |event| seen.lock().unwrap().push_str(&format!("{event:?}\n")));
        told += &format!("{run:?} {:?}\n", run.check().await);
        let ended = run.clone().into(nowhere).await;
        told += &format!("{:?} {:?}\n", ended.summary, ended.result);
        // A sink's sentence may hold a piece of a message.
        let failure = run.into(|_: &[u8]| Err(SinkError::new("a message with a-t0ken-"))).await.result.unwrap_err();
        assert_eq!(failure.message, "a message with ***");
    }
    told += &log.lock().unwrap();
    assert!(!told.contains("t0ken") && told.contains("the token *** may not"), "{told}");
}

#[tokio::test]
async fn a_stop_or_a_deadline_ends_a_run_that_waits() {
    for by_deadline in [false, true] {
        let silent = Server::start(Vec::new()).await;
        let (stop, progress, lines) = (Stop::new(), Progress::default(), Arc::new(Mutex::new(Vec::new())));
        let seen = lines.clone();
        let keep = move |line: &[u8]| {
            seen.lock().unwrap().push(String::from_utf8_lossy(line).into_owned());
            Ok(())
        };
        let limits = Limits { deadline: by_deadline.then_some(TICK * 50), ..Limits::default() };
        let run = run(&silent.origin).stop(&stop).progress(&progress).limits(limits).into(keep);
        let ask = async {
            while !by_deadline && progress.snapshot().in_flight == 0 {
                tokio::time::sleep(TICK).await;
            }
            if !by_deadline {
                stop.request();
            }
        };
        let (ended, ()) = tokio::join!(run, ask);
        assert_eq!(ended.result.unwrap_err().kind, Kind::Cancelled);
        assert!(lines.lock().unwrap().last().unwrap().contains("STATE"));
        assert!(ended.state.is_some() && !(by_deadline && stop.is_requested()));
    }
}
