//! Bad config, catalog and state: each its exit code and one sentence for a person.

use serde_json::json;
use tap_bigcommerce_tests::program::{Ended, program, run};
use tap_bigcommerce_tests::shop::{Shop, counts};

fn shop() -> Shop {
    Shop::new(counts(1, 1, 1, 1))
}

/// A run whose only config is this text.
fn with_config(text: &str) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    std::fs::write(&file, text).unwrap();
    run(program(["--config".as_ref(), file.as_os_str()]))
}

#[test]
fn every_missing_setting_is_named() {
    with_config("{}").told(2, &["missing: access_token, store_hash"]);
    with_config(r#"{"client_id": "c", "access_token": "", "store_hash": null}"#).told(2, &["missing: access_token, store_hash"]);
    run(program([] as [&str; 0])).told(2, &["--config FILE", "--sandbox"]);
}

#[test]
fn every_wrong_setting_is_named_at_once() {
    let config = json!({
        "client_id": 7, "access_token": ["secret-in-a-list"], "store_hash": "../UP", "start_date": "soon", "end_date": 5, "api_url": "ftp://x",
        "user_agent": "\n", "page_size": "many", "max_concurrency": 0, "request_timeout_seconds": -1, "lookback_seconds": 1.5,
        "child_refresh_days": 366, "strict": 7,
    });
    let keys: Vec<&str> = config.as_object().unwrap().keys().map(String::as_str).filter(|key| *key != "user_agent").collect();
    let ended = with_config(&config.to_string()).told(2, &keys);
    assert!(!ended.stderr.contains("secret-in-a-list"));
}

#[test]
fn a_config_that_cannot_be_read_is_told_from_one_that_is_wrong() {
    with_config("{\"access_token\": \"hush-hush\",\n}").told(2, &["config.json", "JSON object", "line 2"]);
    with_config("[]").told(2, &["config.json", "JSON object"]);
    with_config("").told(2, &["config.json"]);
    run(program(["--config", "nowhere.json"])).told(2, &["nowhere.json", "does not exist"]);
    run(program(["--config", "."])).told(2, &["is a folder"]);
    assert!(!with_config("{\"access_token\": \"hush-hush\",\n}").stderr.contains("hush"));
}

#[test]
fn questions_need_a_terminal() {
    run(program(["--init"])).told(2, &["--init", "terminal"]);
    run(program(["--init", "--config", "ENV"])).told(2, &["--config FILE"]);
}

#[cfg(unix)]
#[test]
fn a_config_with_the_token_that_others_can_read_is_worth_one_warning() {
    use std::os::unix::fs::PermissionsExt;
    let shop = shop();
    let warned = |mode: u32| {
        std::fs::set_permissions(shop.path("config.json"), std::fs::Permissions::from_mode(mode)).unwrap();
        let ended = shop.run([]).ok();
        ended.warnings().iter().filter(|warning| warning.contains("chmod 600 config.json")).count()
    };
    assert_eq!([0o644, 0o640, 0o600].map(warned), [1, 1, 0]);
}

#[test]
fn an_address_that_must_not_be_is_refused_before_any_request() {
    for url in ["http://example.com", "https://user:pass@example.com", "https://example.com/?x", "http://127.0.0.1:1/path?q#f"] {
        let config = json!({"client_id": "c", "access_token": "t", "store_hash": "abc", "api_url": url});
        let ended = with_config(&config.to_string()).told(2, &["api_url"]);
        assert!(!ended.stderr.contains("user:pass"), "{}", ended.stderr);
    }
}

#[test]
fn a_wrong_command_line_shows_its_fault() {
    for (line, word) in [
        (&["--nonsense"][..], "--nonsense"),
        (&["--output", "duckdb:x"], "sqlite:FILE"),
        (&["--discover", "--check"], "--check"),
        (&["--config"], "--config"),
        (&["words"], "words"),
    ] {
        let ended = run(program(line));
        assert_eq!(ended.code, Some(2), "{line:?}");
        assert!(ended.stderr.contains(word) && ended.stdout.is_empty(), "{}", ended.stderr);
    }
}

#[test]
fn a_catalog_that_cannot_be_used_is_a_catalog_error() {
    let shop = shop();
    let with = |text: &str| {
        shop.file("catalog.json", text);
        shop.run(["--catalog", "catalog.json"])
    };
    with("{\n\"streams\": [,]}").told(3, &["catalog.json", "JSON object", "line 2"]);
    with("[]").told(3, &["catalog"]);
    with("{}").told(3, &["streams", "--discover"]);
    let unknown =
        json!({"streams": [{"stream": "no_such_stream", "metadata": [{"breadcrumb": [], "metadata": {"selected": true}}]}]});
    with(&unknown.to_string()).told(
        3,
        &["no_such_stream", "orders, order_products,", "customers, customer_addresses, customer_ids, products,", "coupons"],
    );
    shop.run(["--catalog", "nowhere.json"]).told(3, &["nowhere.json", "does not exist"]);
    assert_eq!(shop.sandbox.request_count(), 0, "no request is made for a run that cannot start");
}

#[test]
fn a_state_that_cannot_be_used_is_a_state_error() {
    let shop = shop();
    let with = |text: &str| {
        shop.file("state.json", text);
        shop.run(["--state", "state.json"])
    };
    with("{\"bookmarks\": ").told(4, &["state.json", "JSON object"]);
    with("[]").told(4, &["state"]);
    with(r#"{"bookmarks": []}"#).told(4, &["bookmarks"]);
    with(r#"{"bookmarks": {"orders": {"date_modified": "soon"}}}"#).told(4, &["orders"]);
    shop.run(["--state", "nowhere.json"]).told(4, &["nowhere.json", "does not exist"]);
    assert_eq!(shop.sandbox.request_count(), 0);
    with(r#"{"bookmarks": {"orders": {"date_modified": "2999-01-01T00:00:00Z"}}}"#).told(4, &["orders"]);
}

#[test]
fn a_stream_to_refresh_that_is_none_is_named() {
    shop().run(["--full-refresh", "order"]).told(2, &["\"order\"", "orders"]);
}

#[test]
fn bad_input_leaves_no_file_behind() {
    let shop = shop();
    shop.file("config.json", "{}");
    shop.run(["--output", "sqlite:shop.db"]).told(2, &["missing"]);
    assert!(!shop.path("shop.db").exists());
}
