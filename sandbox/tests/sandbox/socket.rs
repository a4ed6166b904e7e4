use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tap_bigcommerce_sandbox::{Action, Delivery, Fault, Kind, Options, Quota, Sandbox, Store};

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
async fn an_answer_that_is_kept_is_made_once_and_counted_each_time() {
    let sandbox = Sandbox::start(Options {
        keep_answers: true,
        quota: Some(Quota { requests: 5, window: Duration::from_secs(3600) }),
        ..Options::default()
    })
    .unwrap();
    let (client, path) = (client(), "/v2/orders/111");
    let (_, plain) = send(&client, &sandbox, path, false).await.unwrap();
    let (_, zipped) = send(&client, &sandbox, path, true).await.unwrap();
    sandbox.with_store(|store| store.delete(Kind::ORDERS, 111));
    assert_eq!(send(&client, &sandbox, path, false).await.unwrap().1, plain);
    assert_eq!(send(&client, &sandbox, path, true).await.unwrap().1, zipped);
    assert_eq!(
        send(&client, &sandbox, "/v2/orders/111?page=1", true).await.unwrap().0.status.as_u16(),
        404,
        "it is another request"
    );
    let (head, refused) = send(&client, &sandbox, path, true).await.unwrap();
    assert_eq!(head.status.as_u16(), 429);
    assert_ne!(refused, zipped);
    assert_eq!(sandbox.requests().len(), 6);
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
        () = tokio::time::sleep(Duration::from_secs(60)) => panic!("the stalled request holds up the other one"),
    }
}

#[tokio::test]
async fn requests_that_wait_for_their_answers_are_in_flight_together() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    sandbox.with_store(|store| store.add_fault(Fault::on("/v2", Action::Deliver(Delivery::Stall)).always()));
    let client = client();
    let all = (0..5).map(|_| send(&client, &sandbox, "/v2/orders/111", false));
    tokio::select! {
        answers = futures_util::future::join_all(all) => panic!("a stalled request was answered: {answers:?}"),
        () = async { while sandbox.max_in_flight() < 5 { tokio::time::sleep(Duration::from_millis(1)).await } } => {}
        () = tokio::time::sleep(Duration::from_secs(60)) => panic!("only {} in flight together", sandbox.max_in_flight()),
    }
    assert_eq!(sandbox.max_in_flight(), 5);
}

#[tokio::test]
async fn the_store_can_be_changed_while_it_serves() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let id = sandbox.with_store(|store| store.create(Kind::ORDERS, at(0)));
    let (head, _) = send(&client(), &sandbox, &format!("/v2/orders/{id}"), false).await.unwrap();
    assert_eq!(head.status.as_u16(), 200);
    let url = sandbox.url().to_owned();
    drop(sandbox);
    let gone = client().get(format!("{url}/").parse().unwrap()).await;
    assert!(gone.is_err(), "a dropped sandbox listens no longer");
}

/// Waits until this holds, but not for ever.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect(what);
}

#[tokio::test]
async fn a_connection_can_fall_silent_while_new_ones_work() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    sandbox.with_store(|store| store.add_fault(Fault::on("/v2/coupons", Action::Deliver(Delivery::StallConnection))));
    let client: Http = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    assert!(send(&client, &sandbox, "/v2/orders/111", false).await.is_ok());
    let stalled = send(&client, &sandbox, "/v2/coupons", false);
    let after = async {
        until("the fault hits", || sandbox.with_store(|store| store.faults_fired()) == 1).await;
        send(&client, &sandbox, "/v2/orders/111", false).await
    };
    let elsewhere: Http = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    tokio::select! {
        answer = stalled => panic!("answered: {answer:?}"),
        answer = after => panic!("answered on a silent connection: {answer:?}"),
        () = async {
            until("the fault hits", || sandbox.with_store(|store| store.faults_fired()) == 1).await;
            assert!(send(&elsewhere, &sandbox, "/v2/orders/111", false).await.is_ok());
        } => {}
    }
    assert_eq!((sandbox.connection_count(), sandbox.open_connections()), (2, 2));
    drop(client);
    until("a closed connection is noticed", || (sandbox.open_connections(), sandbox.in_flight()) == (1, 0)).await;
}

#[tokio::test]
async fn a_connection_takes_as_many_requests_as_it_may() {
    for http2 in [false, true] {
        let sandbox = Sandbox::start(Options { requests_per_connection: Some(3), ..Options::default() }).unwrap();
        let client: Http = Client::builder(TokioExecutor::new()).http2_only(http2).build_http();
        for request in 1..=9 {
            assert!(send(&client, &sandbox, "/v2/orders/111", false).await.is_ok());
            // The client learns of it before it sends the next request.
            until("the connection closes", || request % 3 != 0 || sandbox.open_connections() == 0).await;
        }
        assert_eq!(sandbox.connection_count(), 3, "HTTP/2: {http2}");
    }
}

#[cfg(feature = "tls")]
#[test]
fn over_tls_it_says_who_vouches_for_it() {
    let sandbox = Sandbox::serve_tls(Store::new(Options::default())).unwrap();
    assert!(sandbox.url().starts_with("https://127.0.0.1:"));
    assert!(sandbox.ca_pem().is_some_and(|pem| pem.starts_with("-----BEGIN CERTIFICATE-----")));
    assert_eq!(Sandbox::start(Options::default()).unwrap().ca_pem(), None);
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
