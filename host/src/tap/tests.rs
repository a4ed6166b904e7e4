use super::*;
use crate::http::tests::{Server, answer};
use std::sync::Mutex;

fn tap(origin: &str) -> TapBuilder {
    Tap::builder().cache(false).allowed_origins([origin]).private_addresses(true)
}

fn request(api_url: &str) -> SyncRequest {
    let config = format!(r#"{{"client_id": "c", "access_token": "t0ken", "store_hash": "abc", "api_url": "{api_url}"}}"#);
    SyncRequest { config, ..SyncRequest::default() }
}

fn nowhere() -> Box<dyn Sink> {
    Box::new(|_: &[u8]| Ok(()))
}

async fn fails(tap: &Tap, request: SyncRequest) -> Failure {
    tap.sync(request, nowhere(), &Stop::new()).await.unwrap_err()
}

#[tokio::test]
async fn the_component_answers_without_a_network() {
    let tap = tap(DEFAULT_ORIGIN).build().unwrap();
    assert!(tap.about().await.unwrap().contains("tap-bigcommerce"));
    let catalog: serde_json::Value = serde_json::from_str(&tap.discover("{}").await.unwrap()).unwrap();
    assert_eq!(catalog["streams"][0]["tap_stream_id"], "orders");
    assert_eq!(tap.discover("[]").await.unwrap_err().kind, Kind::Config);
}

#[tokio::test]
async fn a_config_that_leads_elsewhere_is_refused() {
    let tap = Tap::builder().cache(false).build().unwrap();
    assert_eq!(fails(&tap, request("https://example.com")).await.kind, Kind::Config);
    assert_eq!(tap.check("{}").await.unwrap_err().kind, Kind::Config);
    let failure = fails(&tap, SyncRequest { config: "{}".into(), ..SyncRequest::default() }).await;
    assert!(["access_token", "store_hash"].iter().all(|key| failure.message.contains(key)), "{failure}");
}

#[test]
fn what_is_no_component_is_refused() {
    for bytes in [b"".as_slice(), b"\0asm\x01\0\0\0", b"text"] {
        let failure = Tap::builder().cache(false).component(bytes).build().err().unwrap();
        assert_eq!(failure.kind, Kind::Config);
        assert!(failure.message.contains("component cannot be used"), "{failure}");
    }
    assert_eq!(Tap::builder().allowed_origins(["http://example.com"]).build().err().unwrap().kind, Kind::Config);
}

#[tokio::test]
async fn a_component_without_memory_left_fails_in_a_sentence() {
    let mut endless = b"[".to_vec();
    endless.resize(16 << 20, b' ');
    let server = Server::start(answer("content-type: application/json\r\n", &endless)).await;
    let tap = tap(&server.origin).memory_limit(4 << 20).build().unwrap();
    let failure = fails(&tap, request(&server.origin)).await;
    assert_eq!(failure.kind, Kind::Api);
    assert!(failure.message.contains("ran out of its 4 MiB of memory"), "{failure}");
}

#[tokio::test]
async fn a_failing_sink_ends_the_run_with_its_own_words() {
    let server = Server::start(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    let sink = |_: &[u8]| Err(SinkError::new("the cellar is flooded"));
    let tap = tap(&server.origin).build().unwrap();
    let failure = tap.sync(request(&server.origin), Box::new(sink), &Stop::new()).await.unwrap_err();
    assert_eq!((failure.kind, failure.message.as_str()), (Kind::Sink, "the cellar is flooded"));
}

#[tokio::test]
async fn a_token_that_the_store_repeats_is_told_to_nobody() {
    let mut servers = Vec::new();
    for status in ["401 Unauthorized", "403 Forbidden", "400 Bad Request"] {
        let body = r#"{"title": "the token t0ken may not"}"#;
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        servers.push(Server::start((head + body).into_bytes()).await);
    }
    let origins: Vec<String> = servers.iter().map(|server| server.origin.clone()).collect();
    let log = Arc::new(Mutex::new(String::new()));
    let seen = log.clone();
    let tap = tap(DEFAULT_ORIGIN).allowed_origins(&origins).on_log(move |line| seen.lock().unwrap().push_str(line));
    let tap = tap.build().unwrap();
    let mut told = String::new();
    for origin in &origins {
        let request = request(origin);
        told += &format!("{:?}\n", tap.check(&request.config).await);
        told += &format!("{:?}\n", tap.sync(request, nowhere(), &Stop::new()).await);
    }
    told += &log.lock().unwrap();
    assert!(!told.contains("t0ken") && told.contains("the token *** may not"), "{told}");
    // A sink's sentence may hold a piece of a message.
    let sink = |_: &[u8]| Err(SinkError::new("a message with t0ken"));
    let failure = tap.sync(request(&origins[0]), Box::new(sink), &Stop::new()).await.unwrap_err();
    assert_eq!(failure.message, "a message with ***");
}

#[tokio::test]
async fn a_stop_ends_a_run_that_waits() {
    let silent = Server::start(Vec::new()).await;
    let tap = tap(&silent.origin).build().unwrap();
    let stop = Stop::new();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = lines.clone();
    let keep = move |line: &[u8]| {
        seen.lock().unwrap().push(String::from_utf8_lossy(line).into_owned());
        Ok(())
    };
    let request = request(&silent.origin);
    let progress = request.progress.clone();
    let run = tap.sync(request, Box::new(keep), &stop);
    let ask = async {
        while progress.snapshot().in_flight == 0 {
            tokio::time::sleep(TICK).await;
        }
        stop.request();
    };
    let (ended, ()) = tokio::join!(run, ask);
    assert_eq!(ended.unwrap_err().kind, Kind::Cancelled);
    assert!(lines.lock().unwrap().last().unwrap().contains("STATE"));
}
