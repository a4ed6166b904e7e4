//! A store that refuses, fails or is not there: each its exit code and one sentence, and what was read stays good.

use serde_json::json;
use tap_bigcommerce_sandbox::{Action, Counts, Fault, Options, Scope};
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
    assert!(streams.len() == 5 && streams.iter().all(|stream| stream["readable"] == true), "{report:#}");

    let ended = without_scope(Scope::Marketing).run(["--check"]).told(6, &["coupons", "store_v2_marketing_read_only"]);
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let readable =
        |name| report["streams"].as_array().unwrap().iter().find(|stream| stream["stream"] == name).unwrap()["readable"].clone();
    assert_eq!((readable("orders"), readable("coupons")), (json!(true), json!(false)));
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
