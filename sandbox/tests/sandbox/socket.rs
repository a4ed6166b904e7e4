use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tap_bigcommerce_sandbox::{Action, Delivery, Fault, Kind, Options, Sandbox, Store};

use crate::support::{at, request};

type Http = Client<HttpConnector, Empty<Bytes>>;

fn client() -> Http {
    Client::builder(TokioExecutor::new()).build_http()
}

async fn send(client: &Http, sandbox: &Sandbox, path: &str, gzip: bool) -> Result<(hyper::http::response::Parts, Bytes), String> {
    let mut request = hyper::Request::get(format!("{}/stores/{}{path}", sandbox.url(), sandbox.store_hash()))
        .header("X-Auth-Token", sandbox.access_token());
    if gzip {
        request = request.header("Accept-Encoding", "br, gzip");
    }
    let response = client.request(request.body(Empty::new()).unwrap()).await.map_err(|error| error.to_string())?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?;
    Ok((head, body.to_bytes()))
}

#[tokio::test]
async fn the_shell_gives_what_the_core_gives() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let client = client();
    let expected = Store::new(Options::default()).respond(&request("/v2/orders?limit=250"), at(0)).body;
    let (head, plain) = send(&client, &sandbox, "/v2/orders?limit=250", false).await.unwrap();
    assert_eq!((head.status.as_u16(), head.headers.get("content-encoding")), (200, None));
    assert_eq!(plain, expected);
    assert!(head.headers.contains_key("date") && head.headers.contains_key("x-rate-limit-requests-left"));
    let (head, zipped) = send(&client, &sandbox, "/v2/orders?limit=250", true).await.unwrap();
    assert_eq!(head.headers["content-encoding"], "gzip");
    assert!(zipped.len() * 3 < plain.len());
    let mut text = Vec::new();
    GzDecoder::new(zipped.as_ref()).read_to_end(&mut text).unwrap();
    assert_eq!(text, expected);
    let (head, empty) = send(&client, &sandbox, "/v2/orders?page=99", true).await.unwrap();
    assert_eq!((head.status.as_u16(), empty.len(), head.headers.get("content-encoding")), (204, 0, None));
    assert_eq!((sandbox.request_count(), sandbox.connection_count()), (3, 1), "the connection is kept");
    let seen = sandbox.requests();
    assert_eq!((seen[0].target.as_str(), seen[0].has_token), ("/stores/sandbox/v2/orders?limit=250", true));
}

#[tokio::test]
async fn http2_is_spoken_to_those_who_start_with_it() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let client: Http = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let (head, body) = send(&client, &sandbox, "/v2/orders/111", true).await.unwrap();
    assert_eq!((head.version, head.status.as_u16()), (hyper::Version::HTTP_2, 200));
    assert!(!body.is_empty());
    sandbox.with_store(|store| store.add_fault(Fault::on("/v2", Action::Deliver(Delivery::ResetMidBody))));
    assert!(send(&client, &sandbox, "/v2/orders/111", false).await.is_err());
    assert!(send(&client, &sandbox, "/v2/orders?page=99", false).await.is_ok());
}

#[tokio::test]
async fn answers_break_as_told_and_the_next_one_is_whole() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    for delivery in [Delivery::ResetMidBody, Delivery::WrongContentLength, Delivery::CloseBeforeAnswer] {
        let client = client();
        sandbox.with_store(|store| store.add_fault(Fault::on("/v2", Action::Deliver(delivery))));
        assert!(send(&client, &sandbox, "/v2/orders/111", false).await.is_err(), "{delivery:?}");
        assert!(send(&client, &sandbox, "/v2/orders/111", false).await.is_ok(), "after {delivery:?}");
    }
    let client = client();
    let (_, whole) = send(&client, &sandbox, "/v2/orders/111", false).await.unwrap();
    let slow = Delivery::Drip { bytes: 500, every: Duration::from_millis(1) };
    sandbox.with_store(|store| store.add_fault(Fault::on("/v2", Action::Deliver(slow))));
    assert_eq!(send(&client, &sandbox, "/v2/orders/111", false).await.unwrap().1, whole);
    sandbox.with_store(|store| store.add_fault(Fault::on("/v2", Action::Deliver(Delivery::Stall))));
    let stalled = send(&client, &sandbox, "/v2/orders/111", false);
    let other = send(&client, &sandbox, "/v2/coupons", false);
    tokio::select! {
        answer = stalled => panic!("a stalled request was answered: {answer:?}"),
        // Started second, polled until it is done: by then the fault has hit the first.
        _ = async { while sandbox.request_count() < 9 { tokio::task::yield_now().await } other.await.unwrap() } => {}
    }
}

#[tokio::test]
async fn requests_overlap_under_latency() {
    let sandbox = Sandbox::start(Options { latency: Duration::from_millis(200), ..Options::default() }).unwrap();
    let client = client();
    let all = (0..5).map(|_| send(&client, &sandbox, "/v2/orders/111", false));
    assert!(futures_util::future::join_all(all).await.iter().all(Result::is_ok));
    assert!((2..=5).contains(&sandbox.max_in_flight()), "{}", sandbox.max_in_flight());
}

#[tokio::test]
async fn the_store_can_be_changed_while_it_serves() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let id = sandbox.with_store(|store| store.create(Kind::Order, at(0)));
    let (head, _) = send(&client(), &sandbox, &format!("/v2/orders/{id}"), false).await.unwrap();
    assert_eq!(head.status.as_u16(), 200);
    let url = sandbox.url().to_owned();
    drop(sandbox);
    let gone = client().get(format!("{url}/").parse().unwrap()).await;
    assert!(gone.is_err(), "a dropped sandbox listens no longer");
}

#[tokio::test]
async fn a_success_without_a_body_is_one_on_the_wire() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    sandbox.with_store(|store| store.add_fault(Fault::on("/coupons", Action::NoBody).always()));
    for gzip in [true, false] {
        let (head, body) = send(&client(), &sandbox, "/v2/orders/111/coupons", gzip).await.unwrap();
        assert_eq!((head.status.as_u16(), body.len()), (200, 0));
        assert_eq!(
            (&head.headers["content-encoding"], &head.headers["transfer-encoding"]),
            (&"gzip".parse().unwrap(), &"chunked".parse().unwrap())
        );
    }
}
