//! The collector: which lines it accepts, all of a request or none.

use crate::driver::{holds_no_secret, wait_until};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use tap_bigcommerce_tests::chain::{COLLECTOR_TOKEN, collector, collector_command, full_collector};
use tap_bigcommerce_tests::doors::whole;
use tap_bigcommerce_tests::shop::{Shop, counts};
use tap_bigcommerce_tests::wasmtime::Served;
use tokio::runtime::Handle;

fn shop() -> Shop {
    Shop::new(counts(1, 1, 1, 1))
}

fn bearer() -> String {
    format!("Bearer {COLLECTOR_TOKEN}")
}

fn text(shop: &Shop) -> String {
    std::fs::read_to_string(shop.path("lines/shop.jsonl")).unwrap_or_default()
}

/// The status and the body of an answer to these lines.
async fn post(served: &Served, name: &str, lines: &str) -> (u16, Value) {
    let answer = served.ask("POST", &format!("/lines/{name}"), Some(&bearer()), lines).await;
    let status = answer.status().as_u16();
    if status != 200 {
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    (status, serde_json::from_str(&whole(answer).await.unwrap()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the wasmtime program"]
async fn lines_are_appended_and_counted() {
    let shop = shop();
    let served = collector(&shop);
    assert_eq!(post(&served, "shop", "{\"a\": 1}\n{}\n").await, (200, json!({"lines": 2})));
    assert_eq!(post(&served, "shop", "").await, (200, json!({"lines": 0})));
    assert_eq!(post(&served, "shop", "[]\n").await, (200, json!({"lines": 1})));
    assert_eq!(text(&shop), "{\"a\": 1}\n{}\n[]\n");
    let large = format!("\"{}\"\n", "x".repeat((1 << 20) - 3)).repeat(20);
    assert_eq!(post(&served, "large", &large).await, (200, json!({"lines": 20})));
    assert!(std::fs::read_to_string(shop.path("lines/large.jsonl")).unwrap() == large);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the wasmtime program"]
async fn what_is_refused_changes_nothing() {
    let shop = shop();
    let served = collector(&shop);
    post(&served, "shop", "1\n").await;
    let large = format!("\"{}\"\n", "x".repeat(65 << 20));
    for (method, path, authorization, body, status) in [
        ("GET", "/health", None, "", 200),
        ("POST", "/lines/shop", None, "2\n", 401),
        ("POST", "/lines/shop", Some("Bearer sixteen-bytes-ok"), "2\n", 401),
        ("GET", "/lines/shop", Some(bearer().as_str()), "", 405),
        ("POST", "/", Some(&bearer()), "2\n", 404),
        ("POST", "/lines/", Some(&bearer()), "2\n", 404),
        ("POST", "/lines/..", Some(&bearer()), "2\n", 404),
        ("POST", "/lines/a/b", Some(&bearer()), "2\n", 404),
        ("POST", "/lines/..%2f..%2fshop", Some(&bearer()), "2\n", 404),
        ("POST", "/lines/.locks", Some(&bearer()), "2\n", 404),
        ("POST", "/lines/shop", Some(&bearer()), "2", 400),
        ("POST", "/lines/shop", Some(&bearer()), "2\n{\n", 400),
        ("POST", "/lines/shop", Some(&bearer()), large.as_str(), 413),
    ] {
        let answer = served.ask(method, path, authorization, body).await;
        assert_eq!(answer.status(), status, "{method} {path}");
        let told = whole(answer).await.unwrap();
        let problem: Value = serde_json::from_str(&told).unwrap();
        assert!(status == 200 || problem["status"] == status && problem["detail"].as_str().unwrap().len() > 10, "{told}");
        holds_no_secret(&told);
    }
    assert_eq!(text(&shop), "1\n");
    let names: Vec<_> = std::fs::read_dir(shop.path("lines")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the wasmtime program"]
async fn without_a_token_it_is_closed() {
    let shop = shop();
    for token in ["", "fifteen-bytes-x"] {
        let served = Served::of(collector_command(&shop, token));
        assert_eq!(served.ask("POST", "/lines/shop", Some(&format!("Bearer {token}")), "1\n").await.status(), 503);
    }
    assert_eq!(text(&shop), "");
}

/// Sends a part of a request, and closes the connection.
fn send_part(served: &Served, length: usize, body: &str) {
    let mut stream = TcpStream::connect(served.address).unwrap();
    let head = format!("POST /lines/shop HTTP/1.1\r\nhost: a\r\nauthorization: {}\r\ncontent-length: {length}\r\n\r\n", bearer());
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the wasmtime program"]
async fn a_body_that_is_torn_leaves_no_line() {
    let shop = shop();
    let served = collector(&shop);
    for _ in 0..5 {
        send_part(&served, 1000, "{\"torn\": 1}\n{\"torn\"");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(post(&served, "shop", "1\n").await.0, 200);
    assert_eq!(text(&shop), "1\n");
}

/// The body is large, so that its client is gone while it is appended.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the wasmtime program"]
async fn a_client_that_does_not_wait_for_its_answer_is_no_fault() {
    let shop = shop();
    let served = collector(&shop);
    let large = format!("\"{}\"\n", "x".repeat((1 << 20) - 3)).repeat(16);
    send_part(&served, large.len(), &large);
    wait_until("the whole body", || text(&shop).len() == large.len());
    wait_until("the next turn", || {
        let posted = tokio::task::block_in_place(|| Handle::current().block_on(post(&served, "shop", "1\n")));
        posted.0 == 200
    });
    assert!(text(&shop) == large + "1\n");
    let log = served.log();
    assert!(!log.contains("panicked") && !log.contains("trap"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the wasmtime program"]
async fn requests_at_once_do_not_mix() {
    let shop = shop();
    let served = collector(&shop);
    let batch = |place: usize| format!("\"{}\"\n", place.to_string().repeat(5000)).repeat(300);
    let posts: Vec<_> = (0..8)
        .map(|place| {
            let (address, body) = (served.address, batch(place));
            tokio::spawn(async move {
                let answer = tap_bigcommerce_tests::doors::ask(address, "POST", "/lines/shop", Some(&bearer()), body).await;
                (answer.status().as_u16(), answer.headers().get("retry-after").is_some())
            })
        })
        .collect();
    let mut taken = 0;
    for post in posts {
        match post.await.unwrap() {
            (200, false) => taken += 1,
            answer => assert_eq!(answer, (503, true)),
        }
    }
    let text = text(&shop);
    let lines: Vec<&str> = text.lines().collect();
    assert!(taken > 0 && lines.len() == taken * 300);
    assert!(lines.chunks(300).all(|batch| batch.iter().all(|line| line.len() == 5002 && line == &batch[0])));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the wasmtime program"]
async fn a_full_disk_leaves_what_was_there() {
    let shop = shop();
    let served = full_collector(&shop, 200);
    assert_eq!(post(&served, "shop", &"1\n".repeat(20_000)).await.0, 200);
    let (status, problem) = post(&served, "shop", &"2\n".repeat(40_000)).await;
    assert_eq!((status, &problem["kind"]), (507, &json!("full")), "{problem}");
    assert_eq!(text(&shop), "1\n".repeat(20_000));
    assert_eq!(post(&served, "shop", "3\n").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the wasmtime program"]
async fn a_link_out_of_the_folder_is_not_followed() {
    let shop = shop();
    let served = collector(&shop);
    let outside = shop.file("outside", "as it was\n");
    std::os::unix::fs::symlink(&outside, shop.path("lines/shop.jsonl")).unwrap();
    let (status, problem) = post(&served, "shop", "1\n").await;
    assert_eq!(status, 500, "{problem}");
    assert_eq!(std::fs::read_to_string(outside).unwrap(), "as it was\n");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the wasmtime program"]
async fn a_body_that_stalls_is_not_awaited_for_ever() {
    const LONGEST: Duration = Duration::from_secs(300);
    let shop = shop();
    let served = collector(&shop);
    for (authorization, status) in [(bearer(), "408"), ("Bearer sixteen-bytes-ok".into(), "401")] {
        let mut stream = TcpStream::connect(served.address).unwrap();
        stream.set_read_timeout(Some(LONGEST)).unwrap();
        let head = format!("POST /lines/shop HTTP/1.1\r\nhost: a\r\nauthorization: {authorization}\r\ncontent-length: 9\r\n");
        stream.write_all(format!("{head}connection: close\r\n\r\n1\n").as_bytes()).unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).expect("it answers");
        assert_eq!(String::from_utf8_lossy(&answer), format!("HTTP/1.1 {status}"));
    }
    assert_eq!(text(&shop), "");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the wasmtime program"]
async fn an_early_refusal_reaches_a_client_that_still_sends() {
    let shop = shop();
    let served = collector(&shop);
    let mut stream = TcpStream::connect(served.address).unwrap();
    stream.write_all(b"POST /lines/shop HTTP/1.1\r\nhost: a\r\ncontent-length: 500000\r\nconnection: close\r\n\r\n").unwrap();
    stream.write_all(&vec![b'x'; 500_000]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}
