//! The edge door, open for many stores: each request brings its store's settings along.

use crate::edge::refused;
use serde_json::{Value, json};
use tap_bigcommerce_tests::doors::{Edge, whole};
use tap_bigcommerce_tests::messages::{ids, messages};
use tap_bigcommerce_tests::runs::{BEARER, EDGE_TOKEN, edge_variables};
use tap_bigcommerce_tests::shop::{Shop, counts};

/// A token of the environment's own account, which no store here takes.
const OPERATORS: &str = "0perators-t0ken-in-the-environment";
/// A token that is wrong, from a body.
const WRONG: &str = "a-wr0ng-t0ken-from-a-body";

/// The door, with this value of the switch. Its environment has the store's address, and an account that must not be used.
async fn open(shop: &Shop, switch: &str) -> Edge {
    let own = json!({"access_token": OPERATORS, "store_hash": "operators", "client_id": "0perators-client", "channel_id": "999", "edge_config": switch});
    Edge::open(edge_variables(shop, &own, Some(EDGE_TOKEN))).await
}

/// The settings of the shop's store, with these changes.
fn store(shop: &Shop, changes: Value) -> Value {
    let mut config = shop.config();
    config.remove("api_url");
    config.extend(changes.as_object().cloned().unwrap_or_default());
    config.retain(|_, value| !value.is_null());
    Value::Object(config)
}

fn shop() -> Shop {
    Shop::new(counts(8, 6, 5, 4))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_comes_with_its_request_and_its_token_is_in_no_output() {
    let shop = shop();
    let edge = open(&shop, "body").await;
    let body = json!({"config": store(&shop, json!({"page_size": 10})), "select": ["coupons"]});
    for _ in 0..2 {
        let answer = edge.ask("POST", "/sync", Some(BEARER), body.to_string()).await;
        assert_eq!(answer.status(), 200);
        let text = whole(answer).await.unwrap();
        assert_eq!(ids(&messages(&text), "coupons").len(), 4);
        assert!(!text.contains(&shop.sandbox.access_token()));
    }
    let wrong = json!({"config": store(&shop, json!({"access_token": WRONG})), "select": ["coupons"]});
    let answer = edge.ask("POST", "/sync", Some(BEARER), wrong.to_string()).await;
    assert_eq!(answer.status(), 502);
    let told = whole(answer).await.unwrap();
    assert!(told.contains("unauthorized"), "{told}");
    let log = edge.log();
    for secret in [shop.sandbox.access_token().as_str(), WRONG, OPERATORS] {
        assert!(!told.contains(secret) && !log.contains(secret), "{told}{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_names_its_store_only_where_the_operator_says_so() {
    let shop = shop();
    for switch in ["", "1", "true", "Body"] {
        let edge = open(&shop, switch).await;
        let body = json!({"config": store(&shop, json!({}))});
        let answer = edge.ask("POST", "/sync", Some(BEARER), body.to_string()).await;
        assert_eq!(refused(answer, 400).await, "body", "{switch:?}");
    }
    let edge = open(&shop, "body").await;
    let body = json!({"config": store(&shop, json!({}))}).to_string();
    assert_eq!(refused(edge.ask("POST", "/sync", Some("Bearer sixteen-bytes-oK"), body).await, 401).await, "unauthorized");
    assert_eq!(shop.sandbox.request_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_from_a_body_gets_nothing_of_the_environments_account() {
    let shop = shop();
    let edge = open(&shop, "body").await;
    for (config, missing) in [
        (Value::Null, "access_token, store_hash"),
        (json!({}), "access_token, store_hash"),
        (store(&shop, json!({"access_token": null})), "access_token"),
        (store(&shop, json!({"store_hash": null})), "store_hash"),
    ] {
        let answer = edge.ask("POST", "/sync", Some(BEARER), json!({"config": config}).to_string()).await;
        assert_eq!(answer.status(), 400);
        let told: Value = serde_json::from_str(&whole(answer).await.unwrap()).unwrap();
        assert_eq!(told["kind"], "config");
        assert!(told["detail"].as_str().unwrap().ends_with(&format!("missing: {missing}")), "{told}");
    }
    assert_eq!(shop.sandbox.request_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_does_not_decide_where_requests_go() {
    let shop = shop();
    let other = Shop::new(counts(1, 1, 1, 1));
    let edge = open(&shop, "body").await;
    for config in [store(&shop, json!({"api_url": other.sandbox.url()})), json!("text"), json!([])] {
        let answer = edge.ask("POST", "/sync", Some(BEARER), json!({"config": config}).to_string()).await;
        assert_eq!(refused(answer, 400).await, "body", "{config}");
    }
    assert_eq!((shop.sandbox.request_count(), other.sandbox.request_count()), (0, 0));
}
