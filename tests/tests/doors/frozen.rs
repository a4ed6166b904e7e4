//! Files that version 0.1.0 wrote: a run continues with them and nothing in them is lost.
//! Core's `frozen.rs` does the same with its states.

use rusqlite::types::Value as Sql;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tap_bigcommerce_sandbox::{Counts, Kind};
use tap_bigcommerce_tests::shop::Shop;
use tap_bigcommerce_tests::tables;

/// What 0.1.0 was told to read, from a store of twelve orders.
const SELECT: &str = "orders.id,orders.status,order_products.id,order_products.name,coupons.id,coupons.code";
const ORDERS: u64 = 12;
const LINES: [&str; 3] = ["orders", "order_products", "coupons"];

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/0.1.0").join(name)
}

fn shop() -> Shop {
    Shop::new(Counts::default().with(Kind::ORDERS, ORDERS))
}

/// Bookmarks as this version writes them: none is behind the old one.
fn assert_continues(before: &Value, after: &Value) {
    for (stream, key) in [("orders", "date_modified"), ("order_products", "order_date_modified")] {
        let bookmark = |state: &Value| state["bookmarks"][stream][key].as_str().unwrap().to_owned();
        assert!(bookmark(after) >= bookmark(before), "{stream}: {after}");
    }
}

#[test]
fn a_run_continues_with_an_sqlite_file_of_the_first_version() {
    let shop = shop();
    let file = shop.path("shop.sqlite");
    std::fs::copy(data("shop.sqlite"), &file).unwrap();
    let before = tables::dump(&file);
    let ended = shop.run(["--select", SELECT, "--output", "sqlite:shop.sqlite"]).ok();
    let after = tables::dump(&file);
    for table in LINES {
        let ids = |rows: &[tables::Row]| rows.iter().map(|row| row[0].clone()).collect::<Vec<Sql>>();
        assert!(!before[table].is_empty());
        assert_eq!(ids(&before[table]), ids(&after[table]), "{table}: each row once, none lost");
    }
    let state = |held: &Sql| if let Sql::Text(text) = held { serde_json::from_str(text).unwrap() } else { panic!("{held:?}") };
    assert_continues(&state(&before["_tap_state"][0][1]), &state(&after["_tap_state"][0][1]));
    assert!(!ended.stderr.contains("starts over"), "{}", ended.stderr);
    assert!(!shop.was_asked("min_id=0"), "orders are not read from the start");
}

#[test]
fn a_run_continues_with_a_folder_of_json_lines_of_the_first_version() {
    let shop = shop();
    let folder = shop.path("lines");
    std::fs::create_dir(&folder).unwrap();
    for entry in std::fs::read_dir(data("lines")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    let read = |stream: &str| std::fs::read_to_string(folder.join(format!("{stream}.jsonl"))).unwrap();
    let held = || -> Value { serde_json::from_slice(&std::fs::read(folder.join("state.json")).unwrap()).unwrap() };
    let (before, state) = (LINES.map(read), held());
    shop.run(["--select", SELECT, "--output", "jsonl:lines"]).ok();
    for (stream, before) in LINES.iter().zip(before) {
        assert!(read(stream).starts_with(&before), "{stream}: what was there stays");
    }
    assert_eq!(read("orders").lines().count() as u64, ORDERS + 1, "the last order comes again, no other");
    assert_continues(&state["state"], &held()["state"]);
}
