//! `--report FILE`: a page about a run that has ended, however it ended.

use serde_json::json;
use tap_bigcommerce_sandbox::{Options, Scope};
use tap_bigcommerce_tests::messages::of_stream;
use tap_bigcommerce_tests::shop::{Shop, counts};

const REPORT: [&str; 2] = ["--report", "report.html"];

fn page(shop: &Shop) -> String {
    std::fs::read_to_string(shop.path("report.html")).unwrap()
}

/// What a table row says: the text between its tags.
fn row(page: &str, stream: &str) -> Vec<String> {
    let row = page.split("<tr>").find(|row| row.contains(&format!("<th>{stream}</th>"))).unwrap();
    let row = row.split("</tr>").next().unwrap();
    let cells = row.split('<').filter_map(|piece| Some(piece.split_once('>')?.1.trim().to_owned()));
    cells.filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn a_finished_run_is_told_on_a_page_that_needs_no_network() {
    let shop = Shop::new(counts(12, 5, 3, 2));
    shop.sandbox.with_store(|store| store.quirks.unannounced_fields = true);
    let ended = shop.run(REPORT).ok();
    let page = page(&shop);
    assert!(page.contains("tap-bigcommerce: complete") && page.contains("</html>"), "{page}");
    assert_eq!(row(&page, "orders"), ["orders", "12", "0", "0", "complete"]);
    assert_eq!(row(&page, "coupons"), ["coupons", "2", "0", "0", "complete"]);
    assert!(page.contains(&format!("<dd>{}</dd>", shop.sandbox.request_count())), "the requests are counted: {page}");
    assert!(page.contains("Where the time went") && page.contains("aria-label=\"time: "), "{page}");
    assert!(page.contains("<svg") && page.contains(" requests</title>"), "{page}");
    assert!(page.contains("sandbox_unannounced"), "warnings are told: {page}");
    for loading in ["<script", "src=", "href=", "url(", "@import", "http://", "https://"] {
        assert!(!page.contains(loading), "{loading} is in the page");
    }
    let messages = ended.messages();
    let customers = of_stream(&messages, "customers");
    assert_eq!(customers.len(), 5);
    for customer in customers.iter().map(|message| message.tree()) {
        assert!(!page.contains(customer["email"].as_str().unwrap()), "a customer's address is in the page");
    }
    assert!(!page.contains(&shop.sandbox.access_token()));
}

#[test]
fn a_run_that_left_a_stream_says_which_and_why() {
    let options = Options { counts: counts(2, 2, 2, 2), missing_scopes: [Scope::Marketing].into(), ..Options::default() };
    let shop = Shop::with(options);
    shop.run(REPORT).told(6, &["coupons"]);
    let page = page(&shop);
    assert!(page.contains("tap-bigcommerce: not complete"), "{page}");
    assert!(row(&page, "coupons")[4].contains("store_v2_marketing_read_only"), "{page}");
    assert_eq!(row(&page, "orders")[4], "complete");
}

#[test]
fn a_run_that_failed_as_a_whole_is_told_too() {
    let shop = Shop::new(counts(1, 1, 1, 1));
    shop.file("config.json", &shop.config_with(json!({"access_token": "not-this-stores-token"})));
    shop.run(REPORT).told(5, &["access_token"]);
    let page = page(&shop);
    assert!(page.contains("Where the time went"), "{page}");
    assert!(page.contains("tap-bigcommerce: failed") && page.contains("refuses the access token"), "{page}");
    assert!(page.contains("No stream was begun") && !page.contains("not-this-stores-token"), "{page}");
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_the_run() {
    let shop = Shop::new(counts(1, 1, 1, 1));
    for file in ["no/such/folder/report.html", "."] {
        shop.run(["--report", file]).told(10, &["report", file, "--report"]);
    }
    assert_eq!(shop.sandbox.request_count(), 0);
}

#[test]
fn an_older_report_is_replaced_and_nothing_else_is_left() {
    let shop = Shop::new(counts(1, 1, 1, 1));
    shop.file("report.html", "older");
    shop.run(REPORT).ok();
    assert!(page(&shop).starts_with("<!DOCTYPE html>"));
    let mut files: Vec<String> =
        std::fs::read_dir(shop.path("")).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, ["config.json", "report.html"]);
}
