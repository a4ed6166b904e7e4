//! The edge door: what it lets in.

use serde_json::{Value, json};
use tap_bigcommerce_tests::doors::{Answer, Edge, whole};
use tap_bigcommerce_tests::messages::{ids, last_state, messages};
use tap_bigcommerce_tests::program::LONGEST;
use tap_bigcommerce_tests::runs::{BEARER, EDGE_TOKEN as TOKEN, edge_variables};
use tap_bigcommerce_tests::shop::{Shop, counts};

/// The door with the shop's settings in its environment, and this token.
pub(crate) async fn open(shop: &Shop, token: Option<&str>) -> Edge {
    Edge::open(edge_variables(shop, &json!({}), token)).await
}

fn shop() -> Shop {
    Shop::new(counts(8, 6, 5, 4))
}

/// The kind of a refusal, which is a problem as RFC 9457 has it.
pub(crate) async fn refused(answer: Answer, status: u16) -> String {
    assert_eq!(answer.status(), status);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let body: Value = serde_json::from_str(&whole(answer).await.unwrap()).unwrap();
    assert_eq!((&body["type"], &body["status"]), (&json!("about:blank"), &json!(status)));
    assert!(body["detail"].as_str().unwrap().len() > 10 && !body["title"].as_str().unwrap().is_empty(), "{body}");
    body["kind"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_open_to_all() {
    let shop = shop();
    for token in [None, Some(TOKEN)] {
        let edge = open(&shop, token).await;
        let answer = edge.ask("GET", "/health", None, "").await;
        assert_eq!(answer.status(), 200);
        assert_eq!(whole(answer).await.unwrap(), r#"{"status":"ok"}"#);
    }
    assert_eq!(shop.sandbox.request_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_of_its_own_the_door_is_closed() {
    let shop = shop();
    for token in [None, Some(""), Some("fifteen-bytes-x")] {
        let edge = open(&shop, token).await;
        for (method, path) in [("POST", "/sync"), ("GET", "/discover"), ("GET", "/about")] {
            let bearer = format!("Bearer {}", token.unwrap_or_default());
            for authorization in [None, Some("Bearer "), Some(bearer.as_str())] {
                assert_eq!(refused(edge.ask(method, path, authorization, "{}").await, 503).await, "closed");
            }
        }
    }
    assert_eq!(shop.sandbox.request_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_bearer_opens_and_nothing_else_does() {
    let shop = shop();
    let edge = open(&shop, Some(TOKEN)).await;
    for (method, path) in [("POST", "/sync"), ("GET", "/discover"), ("GET", "/about")] {
        for wrong in [
            None,
            Some(""),
            Some("Bearer"),
            Some("Bearer "),
            Some(TOKEN),
            Some("Bearer sixteen-bytes-oK"),
            Some("Basic sixteen-bytes-ok"),
            Some("Bearer sixteen-bytes-ok0"),
        ] {
            assert_eq!(refused(edge.ask(method, path, wrong, "{}").await, 401).await, "unauthorized", "{wrong:?}");
        }
    }
    assert_eq!(shop.sandbox.request_count(), 0);
    assert_eq!(edge.ask("GET", "/about", Some(BEARER), "").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_and_paths_are_refused() {
    let shop = shop();
    let edge = open(&shop, Some(TOKEN)).await;
    for (method, path, allowed) in
        [("GET", "/sync", "POST"), ("PUT", "/sync", "POST"), ("POST", "/about", "GET"), ("DELETE", "/discover", "GET")]
    {
        let answer = edge.ask(method, path, Some(BEARER), "{}").await;
        assert_eq!(answer.headers()["allow"], allowed);
        assert_eq!(refused(answer, 405).await, "method");
    }
    for path in ["/", "/sync/", "/healthy", "/stores/sandbox/v2/orders", "/../sync"] {
        assert_eq!(refused(edge.ask("GET", path, Some(BEARER), "").await, 404).await, "not-found");
    }
    assert_eq!(edge.ask("GET", "/about?x=y", Some(BEARER), "").await.status(), 200);
    assert_eq!(shop.sandbox.request_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_holds_what_it_may_and_nothing_else() {
    let shop = shop();
    let edge = open(&shop, Some(TOKEN)).await;
    let bomb = format!(r#"{{"state": {}"#, "[".repeat(1 << 20));
    let nested = |key, open: &str, close: &str| format!(r#"{{"{key}": {}1{}}}"#, open.repeat(200_000), close.repeat(200_000));
    for (body, kind) in [
        (json!({"select": ["orders"], "config": {"api_url": "http://127.0.0.1:1"}}).to_string(), "body"),
        (json!({"access_token": "x"}).to_string(), "body"),
        (json!({"max_records": -1}).to_string(), "body"),
        (json!({"select": "orders"}).to_string(), "body"),
        (json!({"select": ["orders"], "catalog": {"streams": []}}).to_string(), "body"),
        (json!(["orders"]).to_string(), "body"),
        ("not JSON".to_owned(), "body"),
        (bomb, "body"),
        (nested("state", "[", "]"), "body"),
        (nested("catalog", "{\"streams\":", "}"), "body"),
        (nested("select", "[", "]"), "body"),
        (json!({"select": ["no_such_stream"]}).to_string(), "catalog"),
        (json!({"catalog": {"streams": 3}}).to_string(), "catalog"),
        (json!({"state": {"bookmarks": []}}).to_string(), "state"),
    ] {
        let start: String = body.chars().take(60).collect();
        assert_eq!(refused(edge.ask("POST", "/sync", Some(BEARER), body).await, 400).await, kind, "{start}");
    }
    assert_eq!(shop.sandbox.request_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_in_a_body_is_told_by_its_name() {
    let shop = shop();
    let edge = open(&shop, Some(TOKEN)).await;
    for (body, words) in [
        (json!({"max_records": -1}), "max_records must be a whole number"),
        (json!({"max_seconds": "20"}), "max_seconds must be a whole number"),
        (json!({"select": "orders"}), "select must be a list of rules"),
        (json!({"state": 3}), "state must be a JSON object"),
        (json!({"access_token": "s3cret"}), "may not have the key \"access_token\""),
    ] {
        let answer = edge.ask("POST", "/sync", Some(BEARER), body.to_string()).await;
        let told = whole(answer).await.unwrap();
        let detail: Value = serde_json::from_str(&told).unwrap();
        assert!(detail["detail"].as_str().unwrap().contains(words) && !told.contains("s3cret"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stalls_is_not_awaited_for_ever() {
    let shop = shop();
    let edge = open(&shop, Some(TOKEN)).await;
    let request = format!("POST /sync HTTP/1.1\r\nhost: edge\r\nauthorization: {BEARER}\r\ncontent-length: 100\r\n\r\n{{");
    let told = tokio::time::timeout(LONGEST, edge.stall(request.as_bytes(), "has come for")).await.expect("it answers");
    assert!(told.starts_with("HTTP/1.1 408 ") && told.contains("application/problem+json"), "{told}");
    assert_eq!(shop.sandbox.request_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_has_eight_mebibytes_at_most() {
    let shop = shop();
    let edge = open(&shop, Some(TOKEN)).await;
    let padded = |size: usize| {
        let body = r#"{"select": ["coupons"]}"#;
        body.to_owned() + &" ".repeat(size - body.len())
    };
    assert_eq!(refused(edge.ask("POST", "/sync", Some(BEARER), padded((8 << 20) + 1)).await, 413).await, "body");
    let answer = edge.ask("POST", "/sync", Some(BEARER), padded(8 << 20)).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(ids(&messages(&whole(answer).await.unwrap()), "coupons").len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_and_about_are_those_of_the_host() {
    let shop = shop();
    let edge = open(&shop, Some(TOKEN)).await;
    for (path, args) in [("/discover", &["--discover"][..]), ("/about", &["--about", "--format", "json"])] {
        let answer = edge.ask("GET", path, Some(BEARER), "").await;
        assert_eq!((answer.status().as_u16(), &answer.headers()["content-type"]), (200, &"application/json".parse().unwrap()));
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let mut of_host = read(&shop.run(args.iter().copied()).ok().stdout);
        // Which component it is only its host can tell.
        of_host.as_object_mut().unwrap().remove("component");
        assert_eq!(read(&whole(answer).await.unwrap()), of_host);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_body_reads_everything() {
    let shop = shop();
    let edge = open(&shop, Some(TOKEN)).await;
    for body in ["", "{}"] {
        let messages = messages(&whole(edge.ask("POST", "/sync", Some(BEARER), body).await).await.unwrap());
        assert_eq!((ids(&messages, "orders").len(), ids(&messages, "coupons").len()), (8, 4));
        last_state(&messages);
    }
}
