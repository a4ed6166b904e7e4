//! A store that refuses, fails or is not there: each its exit code and one sentence, and what was read stays good.

use serde_json::json;
use std::time::Duration;
use tap_bigcommerce_sandbox::{Action, Counts, Fault, Options, Quota, Scope};
use tap_bigcommerce_tests::messages::{ids, last_state};
use tap_bigcommerce_tests::shop::{Shop, counts};

const SMALL: Counts = counts(5, 5, 5, 5);

fn without_scope(scope: Scope) -> Shop {
    Shop::with(Options { counts: SMALL, missing_scopes: [scope].into(), ..Options::default() })
}

#[test]
fn a_refused_token_is_told_at_once() {
    let shop = Shop::new(SMALL);
    shop.file("config.json", &shop.config_with(json!({"access_token": "not-this-stores-token"})));
    for args in [&[][..], &["--check"], &["--output", "sqlite:shop.db"]] {
        let ended = shop.run(args.iter().copied()).told(5, &["access_token", "store_hash"]);
        assert!(!format!("{ended:?}").contains("not-this-stores-token"));
        assert!(!ended.stdout.contains("RECORD"));
    }
    assert!(shop.sandbox.requests().iter().all(|seen| seen.status == 401));
    assert_eq!(shop.sandbox.request_count(), 3, "a refusal is final");
}

#[test]
fn one_missing_scope_does_not_stop_the_other_streams() {
    let shop = without_scope(Scope::Customers);
    let ended = shop.run([]).told(6, &["customers", "store_v2_customers_read_only"]);
    let messages = ended.messages();
    for stream in ["orders", "products", "coupons"] {
        assert_eq!(ids(&messages, stream).len(), 5, "{stream}");
    }
    assert!(ids(&messages, "customers").is_empty());
    let state = last_state(&messages);
    assert!(state["bookmarks"]["products"]["date_modified"].is_string() && state["bookmarks"].get("customers").is_none());
    // With the scope the next run has what is missing.
    shop.sandbox.with_store(|store| store.configure(|options| options.missing_scopes.clear()));
    assert_eq!(ids(&shop.resume(state).ok().messages(), "customers").len(), 5);
}

#[test]
fn check_says_which_streams_can_be_read() {
    let shop = Shop::new(SMALL);
    let report: serde_json::Value = serde_json::from_str(&shop.run(["--check"]).ok().stdout).unwrap();
    let streams = report["streams"].as_array().unwrap();
    let catalog: serde_json::Value = serde_json::from_str(&shop.run(["--discover"]).ok().stdout).unwrap();
    let names = |list: &[serde_json::Value]| list.iter().map(|stream| stream["stream"].clone()).collect::<Vec<_>>();
    assert_eq!(names(streams), names(catalog["streams"].as_array().unwrap()));
    assert!(streams.iter().all(|stream| stream["readable"] == true), "{report:#}");

    let ended = without_scope(Scope::Marketing).run(["--check"]).told(6, &["coupons", "store_v2_marketing_read_only"]);
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let readable =
        |name| report["streams"].as_array().unwrap().iter().find(|stream| stream["stream"] == name).unwrap()["readable"].clone();
    assert_eq!((readable("orders"), readable("coupons")), (json!(true), json!(false)));
}

#[test]
fn check_as_text_is_a_table_with_what_a_first_run_costs() {
    let quota = Some(Quota { requests: 100, window: Duration::from_secs(30) });
    let options =
        Options { counts: counts(300, 5, 5, 5), missing_scopes: [Scope::Marketing].into(), quota, ..Options::default() };
    let shop = Shop::with(options);
    let table = |more: &[&'static str]| {
        let args = ["--check", "--format", "text"].into_iter().chain(more.iter().copied());
        shop.run(args).told(6, &["coupons"]).stdout
    };
    let row = |text: &str, stream: &str| -> Vec<String> {
        let line = text.lines().find(|line| line.starts_with(&format!("{stream} "))).unwrap();
        line.split("  ").map(|cell| cell.trim().to_owned()).filter(|cell| !cell.is_empty()).collect()
    };
    let text = table(&[]);
    // Two pages, the list's end and what confirms it, the same of archived orders, and three lists for each order; 100 of them in 30 s.
    assert_eq!(row(&text, "orders"), ["orders", "300", "≥ 906", "4.5 min", "3 per record of orders"]);
    assert_eq!(row(&text, "order_products"), ["order_products", "0", "with orders"]);
    assert_eq!(row(&text, "coupons"), ["coupons", "NO", "needs store_v2_marketing_read_only"]);
    assert!(text.contains("100 requests in 30 s"), "{text}");
    // What is selected decides what it costs.
    let text = table(&["--select", "order_shipments,order_pickups"]);
    assert_eq!(row(&text, "orders"), ["orders", "300", "not selected"]);
    assert_eq!(row(&text, "order_shipments"), ["order_shipments", "≥ 306", "1.5 min", "1 per record of orders"]);
    assert_eq!(row(&text, "order_pickups"), ["order_pickups", "≥ 6", "2 s", "1 per 50 records of orders"]);
    // Without their lists orders cost their pages alone.
    let metadata = json!([{"breadcrumb": [], "metadata": {"selected": true}},
        {"breadcrumb": ["properties", "products"], "metadata": {"selected": false}},
        {"breadcrumb": ["properties", "coupons"], "metadata": {"selected": false}},
        {"breadcrumb": ["properties", "shipping_addresses"], "metadata": {"selected": false}}]);
    shop.file("catalog.json", &json!({"streams": [{"stream": "orders", "metadata": metadata}]}).to_string());
    let text = table(&["--catalog", "catalog.json"]);
    assert_eq!(row(&text, "orders")[1..], ["300", "≥ 6", "2 s"]);
    assert_eq!(row(&text, "customers")[2], "not selected");
}

#[test]
fn check_counts_what_a_first_run_would_read_and_tells_the_quota() {
    let shop = Shop::new(counts(30, 5, 5, 5));
    let report = |shop: &Shop| -> serde_json::Value { serde_json::from_str(&shop.run(["--check"]).ok().stdout).unwrap() };
    let records = |report: &serde_json::Value, name: &str| {
        report["streams"].as_array().unwrap().iter().find(|stream| stream["stream"] == name).unwrap()["records"].clone()
    };
    let all = report(&shop);
    assert_eq!((records(&all, "orders"), records(&all, "products")), (json!(30), json!(5)));
    assert_eq!(all["quota"], json!({"requests": 20_000, "window_ms": 30_000}));
    shop.file("config.json", &shop.config_with(json!({"start_date": "2999-01-01"})));
    let none = report(&shop);
    assert_eq!((records(&none, "orders"), records(&none, "customers")), (json!(0), json!(0)), "{none:#}");
    assert_eq!(records(&none, "products"), 5, "a first run takes all products");
    assert!(report(&Shop::with(Options { counts: SMALL, quota: None, ..Options::default() }))["quota"].is_null());
}

#[test]
fn a_store_that_contradicts_itself_is_an_api_error() {
    let shop = Shop::new(SMALL);
    shop.sandbox.with_store(|store| store.add_fault(Fault::on("/v2/coupons?", Action::EmptyPage).always()));
    let ended = shop.run([]).told(9, &["coupons"]);
    assert_eq!(ids(&ended.messages(), "products").len(), 5, "the other streams are read");
}

#[test]
fn a_refusal_in_html_is_an_api_error_in_one_line() {
    let shop = Shop::new(SMALL);
    let page = format!("<html>\n<body>\x1b[31mno{}</body></html>", " really".repeat(200));
    let headers = vec![("Content-Type".to_owned(), "text/html".to_owned())];
    let refusal = Action::Status { code: 400, body: Some(page.into_bytes()), headers };
    shop.sandbox.with_store(|store| store.add_fault(Fault::on("/v3/customers?", refusal).always()));
    let ended = shop.run([]).told(9, &["customers", "400"]);
    let last = ended.stderr.lines().last().unwrap();
    assert!(last.len() < 500 && !last.contains('\x1b'), "{last}");
}
