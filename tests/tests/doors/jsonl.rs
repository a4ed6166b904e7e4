//! The folder of JSON lines: it holds the whole store, and the last line of an id is right. Killed runs are in `crash.rs`.

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;
use tap_bigcommerce::sinks::JsonlSink;
use tap_bigcommerce_sandbox::{Counts, Kind, Options};
use tap_bigcommerce_tests::messages::of_stream;
use tap_bigcommerce_tests::shop::{Shop, counts};

const TO_LINES: [&str; 2] = ["--output", "jsonl:lines"];
const STREAMS: [&str; 5] = ["orders", "order_products", "customers", "products", "coupons"];
const SMALL: Counts = counts(5, 5, 5, 5);

/// The text of each stream's file in a folder of the shop's.
fn files(shop: &Shop, folder: &str) -> BTreeMap<&'static str, String> {
    let read = |stream| (stream, std::fs::read_to_string(shop.path(&format!("{folder}/{stream}.jsonl"))).unwrap());
    STREAMS.into_iter().map(read).collect()
}

/// What the folder's `state.json` holds.
fn held(shop: &Shop, folder: &str) -> Value {
    serde_json::from_slice(&std::fs::read(shop.path(&format!("{folder}/state.json"))).unwrap()).unwrap()
}

fn append(shop: &Shop, file: &str, text: &str) {
    let mut file = std::fs::File::options().append(true).open(shop.path(file)).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn the_folder_holds_every_record_as_the_messages_do() {
    let shop = Shop::new(counts(60, 40, 30, 12));
    let ended = shop.run(TO_LINES).ok();
    assert_eq!(ended.stdout, "", "messages go to the folder alone");
    let messages = shop.run([]).ok().messages();
    for (stream, text) in files(&shop, "lines") {
        let records = of_stream(&messages, stream);
        assert!(!records.is_empty() && text.ends_with('\n'), "{stream}");
        assert_eq!(text.lines().count(), records.len(), "{stream}");
        for (line, record) in text.lines().zip(records) {
            assert_eq!(line, record.record(), "{stream}");
        }
    }
    let state = &held(&shop, "lines")["state"];
    assert_eq!(state, messages.last().unwrap().value.as_ref().unwrap());
}

#[test]
fn a_second_run_adds_what_it_reads_and_the_last_line_of_an_id_is_right() {
    let shop = Shop::new(counts(20, 10, 5, 5));
    shop.run(TO_LINES).ok();
    let before = files(&shop, "lines");
    let id = shop.sandbox.with_store(|store| {
        let id = store.ids(Kind::COUPONS).nth(2).unwrap();
        let newest = store.ids(Kind::ORDERS).filter_map(|id| store.date_modified(Kind::ORDERS, id)).max().unwrap();
        store.edit(Kind::COUPONS, id, newest + Duration::from_secs(5), |coupon| {
            coupon.fields.insert("name".into(), "another name".into());
        });
        id
    });
    let read = shop.run(["--output", "jsonl:lines"]).ok();
    assert_eq!(read.stdout, "");
    let after = files(&shop, "lines");
    assert!(after.iter().all(|(stream, text)| text.starts_with(&before[stream])), "no line is taken away");
    assert_eq!(after["coupons"].lines().count(), 10, "coupons are read whole each time");
    let of_coupon = |line: &str| serde_json::from_str(line).ok().filter(|coupon: &Value| coupon["id"] == id);
    assert_eq!(after["coupons"].lines().rev().find_map(of_coupon).unwrap()["name"], "another name");
}

#[test]
fn a_torn_line_is_removed_and_reported() {
    let shop = Shop::new(SMALL);
    let told = "its last state";
    assert!(!shop.run(TO_LINES).ok().stderr.contains(told));
    let whole = files(&shop, "lines");
    append(&shop, "lines/orders.jsonl", "{\"id\":99}\n{\"id\":100,\"sta");
    let ended = shop.run(TO_LINES).ok();
    let lines: Vec<&str> = ended.stderr.lines().filter(|line| line.contains(told)).collect();
    assert!(matches!(lines[..], [line] if line.starts_with("INFO ") && line.contains("orders.jsonl")), "{}", ended.stderr);
    let after = files(&shop, "lines");
    let rest = after["orders"].strip_prefix(&whole["orders"]).unwrap();
    assert!(rest.lines().all(|line| serde_json::from_str::<Value>(line).is_ok_and(|order| order["id"] != 99)), "{rest}");
    assert!(!shop.run(TO_LINES).ok().stderr.contains(told));
}

#[test]
fn another_stores_folder_is_refused_and_not_touched() {
    let shop = Shop::new(SMALL);
    let options = Options { counts: SMALL, store_hash: "other".into(), seed: 8, ..Options::default() };
    let other = Shop::with(options);
    shop.run(TO_LINES).ok();
    let before = (files(&shop, "lines"), held(&shop, "lines"));
    let output = format!("jsonl:{}", shop.path("lines").display());
    other.run(["--output", &output]).told(10, &["lines", "stores/sandbox", "stores/other", "another folder"]);
    assert_eq!(other.sandbox.request_count(), 0);
    assert!((files(&shop, "lines"), held(&shop, "lines")) == before);
}

#[test]
fn a_state_next_to_it_is_refused_and_no_folder_is_made() {
    let shop = Shop::new(SMALL);
    shop.file("state.json", "{}");
    shop.run(["--output", "jsonl:lines", "--state", "state.json"]).told(4, &["its own state", "leave --state out"]);
    assert!(!shop.path("lines").exists());
}

#[test]
fn a_folder_that_cannot_be_one_is_named_before_the_store_is_asked() {
    let shop = Shop::new(SMALL);
    for folder in ["mine", "taken", "foreign"] {
        std::fs::create_dir(shop.path(folder)).unwrap();
    }
    shop.file("mine/orders.jsonl", "mine\n");
    shop.file("foreign/state.json", r#"{"bookmarks":{}}"#);
    std::fs::create_dir(shop.path("taken/orders.jsonl")).unwrap();
    for (folder, words) in [
        ("config.json", "is a file, not a folder"),
        ("config.json/below", "cannot be created"),
        ("mine", "already exists"),
        ("taken", "orders.jsonl"),
        ("foreign", "not written by this tap"),
    ] {
        shop.run(["--output", &format!("jsonl:{folder}")]).told(10, &[folder, words]);
    }
    assert_eq!(std::fs::read_to_string(shop.path("mine/orders.jsonl")).unwrap(), "mine\n");
    assert_eq!(shop.sandbox.request_count(), 0);
}

#[test]
#[cfg(unix)]
fn a_read_only_folder_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let shop = Shop::new(SMALL);
    shop.run(TO_LINES).ok();
    let asked = shop.sandbox.request_count();
    let mode = |mode| std::fs::set_permissions(shop.path("lines"), std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    let ended = shop.run(TO_LINES);
    mode(0o755);
    ended.told(10, &["lines", "is read-only", "another folder"]);
    assert_eq!(shop.sandbox.request_count(), asked);
}

#[test]
fn a_folder_in_use_is_told() {
    let shop = Shop::new(SMALL);
    let running = JsonlSink::open(&shop.path("lines"), "sandbox/stores/sandbox").unwrap();
    shop.run(TO_LINES).told(10, &["lines", "in use by another run"]);
    drop(running);
    shop.run(TO_LINES).ok();
}

#[test]
fn a_file_that_is_gone_is_missed() {
    let shop = Shop::new(SMALL);
    shop.run(TO_LINES).ok();
    std::fs::remove_file(shop.path("lines/customers.jsonl")).unwrap();
    shop.run(TO_LINES).told(10, &["customers.jsonl", "is missing", "a new folder"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_fills_up_loses_nothing() {
    use tap_bigcommerce_tests::program::{limited, run};
    let shop = Shop::new(counts(40, 30, 20, 10));
    shop.run(["--output", "jsonl:whole"]).ok();
    let whole = files(&shop, "whole");
    let largest = whole.values().map(String::len).max().unwrap();
    let blocks = u32::try_from(largest / 512 / 2).unwrap();
    run(limited(&shop.tap(TO_LINES), blocks)).told(10, &["lines/", "largest file size", "run again"]);
    shop.run(TO_LINES).ok();
    assert!(files(&shop, "lines") == whole);
}
