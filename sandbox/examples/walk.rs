//! Walks a large store without a socket in between, as a tap reads it, and prints what each list took:
//! `cargo run --release -p tap-bigcommerce-sandbox --example walk -- 100000`

use std::time::Instant;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tap_bigcommerce_sandbox::{Counts, Kind, Options, Request, Store};

struct Walk {
    store: Store,
    requests: u64,
}

impl Walk {
    /// The rows and the `meta` that a list answers with; a list that is over has none.
    fn ask(&mut self, target: &str) -> (Vec<Value>, Value) {
        self.requests += 1;
        let request = Request::get(&format!("/stores/sandbox{target}")).with_header("X-Auth-Token", "sandbox-access-token");
        let response = self.store.respond(&request, DateTime::<Utc>::UNIX_EPOCH);
        assert!(matches!(response.status, 200 | 204), "{target}: {}", response.status);
        match response.value() {
            Some(Value::Array(rows)) => (rows, Value::Null),
            Some(Value::Object(mut body)) => match body.remove("data") {
                Some(Value::Array(rows)) => (rows, body.remove("meta").unwrap_or_default()),
                _ => (Vec::new(), Value::Object(body)),
            },
            _ => (Vec::new(), Value::Null),
        }
    }

    /// Reads a list whose pages follow from the last row or the cursor of the page before.
    fn list(&mut self, name: &str, target: impl Fn(u64, &str) -> String) {
        let (begun, before, mut rows, mut last, mut cursor) = (Instant::now(), self.requests, 0, 0, String::new());
        loop {
            let (page, meta) = self.ask(&target(last, &cursor));
            let Some(id) = page.last().and_then(|row| row["id"].as_u64()) else { break };
            rows += page.len();
            last = id;
            meta["cursor_pagination"]["end_cursor"].as_str().unwrap_or_default().clone_into(&mut cursor);
        }
        self.say(name, rows, before, begun);
    }

    /// Reads a list by page numbers.
    fn pages(&mut self, name: &str, path: &str) {
        let (begun, before, mut rows) = (Instant::now(), self.requests, 0);
        for number in 1.. {
            let page = self.ask(&format!("{path}?limit=250&page={number}")).0.len();
            rows += page;
            if page == 0 {
                break;
            }
        }
        self.say(name, rows, before, begun);
    }

    /// Reads every order's three lists.
    fn children(&mut self) {
        let (begun, before, mut rows) = (Instant::now(), self.requests, 0);
        let ids: Vec<u64> = self.store.ids(Kind::ORDERS).collect();
        for id in ids {
            for list in ["products", "coupons", "shipping_addresses"] {
                rows += self.ask(&format!("/v2/orders/{id}/{list}?limit=250")).0.len();
            }
        }
        self.say("order lists", rows, before, begun);
    }

    fn say(&self, name: &str, rows: usize, before: u64, begun: Instant) {
        let (requests, took) = (self.requests - before, begun.elapsed());
        println!("{name:20} {rows:8} rows {requests:8} requests {:8.1} s", took.as_secs_f64());
    }
}

fn main() {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let begun = Instant::now();
    let counts =
        Counts::of([(Kind::ORDERS, count), (Kind::CUSTOMERS, count), (Kind::PRODUCTS, count / 10), (Kind::COUPONS, count)]);
    let mut walk = Walk { store: Store::new(Options { counts, quota: None, ..Options::default() }), requests: 0 };
    println!("{:20} {:8.1} s", "the store", begun.elapsed().as_secs_f64());
    walk.list("orders", |last, _| format!("/v2/orders?limit=250&sort=id:asc&min_id={}", last + 1));
    walk.list("coupons", |last, _| format!("/v2/coupons?limit=250&min_id={}", last + 1));
    walk.list("products", |last, _| format!("/v3/catalog/products?limit=250&sort=id&id:greater={last}"));
    walk.list("customers", |_, cursor| match cursor {
        "" => "/v3/customers?limit=250".to_owned(),
        cursor => format!("/v3/customers?limit=250&after={cursor}"),
    });
    walk.children();
    walk.pages("addresses", "/v3/customers/addresses");
    walk.pages("variants", "/v3/catalog/variants");
    memory();
}

/// Prints the peak memory of the process, where the system reports it.
fn memory() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS")).for_each(|line| println!("{line}"));
}
