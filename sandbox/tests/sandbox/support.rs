//! Short ways to ask a store.

use chrono::{DateTime, Utc};
use serde_json::Value;
use tap_bigcommerce_sandbox::{Options, Request, Response, Store};

/// A store whose lists hold everything, archived orders too.
pub(crate) fn store() -> Store {
    let mut store = Store::new(Options::default());
    store.quirks.archived_listed = true;
    store
}

/// 2025-07-01 and so many seconds.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_751_328_000 + seconds, 0).unwrap()
}

pub(crate) fn request(target: &str) -> Request {
    Request::get(&format!("/stores/sandbox{target}")).with_header("x-auth-token", "sandbox-access-token")
}

pub(crate) fn ask(store: &mut Store, target: &str) -> Response {
    store.respond(&request(target), at(0))
}

/// The body of an answer that must be a 200.
pub(crate) fn get(store: &mut Store, target: &str) -> Value {
    let response = ask(store, target);
    assert_eq!(response.status, 200, "{target}: {}", String::from_utf8_lossy(&response.body));
    response.value().unwrap()
}

/// The rows of a list of either version; a 204 has none.
pub(crate) fn rows(store: &mut Store, target: &str) -> Vec<Value> {
    let response = ask(store, target);
    if response.status == 204 {
        assert!(response.body.is_empty());
        return Vec::new();
    }
    assert_eq!(response.status, 200, "{target}: {}", String::from_utf8_lossy(&response.body));
    let body = response.value().unwrap();
    body.get("data").unwrap_or(&body).as_array().unwrap().clone()
}

pub(crate) fn ids(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

/// The status and the body of an answer that must not be a 200.
pub(crate) fn refused(store: &mut Store, target: &str) -> (u16, Value) {
    let response = ask(store, target);
    assert_ne!(response.status, 200, "{target}");
    (response.status, response.value().unwrap())
}
