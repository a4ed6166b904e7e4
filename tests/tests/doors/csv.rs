//! The folder of CSV files: it holds the whole store, each value as the messages have it.

use serde_json::{Value, json};
use std::time::Duration;
use tap_bigcommerce_sandbox::{Counts, Kind};
use tap_bigcommerce_tests::messages::{Message, of_stream};
use tap_bigcommerce_tests::shop::{Shop, counts};

const TO_ROWS: [&str; 2] = ["--output", "csv:rows"];
const STREAMS: [&str; 5] = ["orders", "order_products", "customers", "products", "coupons"];
const SMALL: Counts = counts(5, 5, 5, 5);

fn file(shop: &Shop, stream: &str) -> String {
    std::fs::read_to_string(shop.path(&format!("rows/{stream}.csv"))).unwrap()
}

/// The columns that a stream's SCHEMA announces.
fn columns(messages: &[Message], stream: &str) -> Vec<String> {
    let schema = messages.iter().find(|message| message.kind == "SCHEMA" && message.stream == stream).unwrap();
    schema.schema.as_ref().unwrap()["properties"].as_object().unwrap().keys().cloned().collect()
}

/// A text as RFC 4180 has it.
fn field(text: &str) -> String {
    match text.contains(['"', ',', '\r', '\n']) || text.is_empty() {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

fn row(columns: &[String], record: &Message) -> String {
    let (fields, tree) = (record.fields(), record.tree());
    let value = |name: &String| match &tree[name] {
        Value::Null => String::new(),
        Value::String(text) => field(text),
        _ => field(fields[name].get()),
    };
    columns.iter().map(value).collect::<Vec<_>>().join(",") + "\r\n"
}

#[test]
fn the_files_hold_every_record_as_the_messages_do() {
    let shop = Shop::new(counts(60, 40, 30, 12));
    let ended = shop.run(TO_ROWS).ok();
    assert_eq!(ended.stdout, "", "messages go to the folder alone");
    let messages = shop.run([]).ok().messages();
    for stream in STREAMS {
        let columns = columns(&messages, stream);
        let header = columns.iter().map(|name| field(name)).collect::<Vec<_>>().join(",") + "\r\n";
        let rows: String = of_stream(&messages, stream).into_iter().map(|record| row(&columns, record)).collect();
        assert!(!rows.is_empty() && file(&shop, stream) == header + &rows, "{stream}");
    }
    let state: Value = serde_json::from_slice(&std::fs::read(shop.path("rows/state.json")).unwrap()).unwrap();
    assert_eq!(state["state"], *messages.last().unwrap().value.as_ref().unwrap());
}

#[test]
fn a_field_that_is_selected_later_becomes_the_last_column() {
    let shop = Shop::new(SMALL);
    shop.run(["--output", "csv:rows", "--select", "coupons.id,coupons.code"]).ok();
    let before = file(&shop, "coupons");
    shop.run(["--output", "csv:rows", "--select", "coupons.id,coupons.name,coupons.code"]).ok();
    let after = file(&shop, "coupons");
    let old: Vec<String> = before.lines().map(|line| format!("{line},")).collect();
    assert_eq!(after.lines().next(), Some("id,code,name"));
    assert_eq!(after.lines().take(old.len()).skip(1).collect::<Vec<_>>(), &old[1..], "rows from before have no name");
    let new: Vec<&str> = after.lines().skip(old.len()).collect();
    assert!(!new.is_empty() && new.iter().all(|line| !line.ends_with(',')), "{new:?}");
}

#[test]
fn another_output_in_the_same_folder_is_refused_and_nothing_is_touched() {
    let shop = Shop::new(SMALL);
    shop.run(TO_ROWS).ok();
    let before = (file(&shop, "orders"), shop.sandbox.request_count());
    for (output, words) in [("jsonl:rows", "jsonl output"), ("jsonl-per-run:rows", "jsonl-per-run output")] {
        shop.run(["--output", output]).told(10, &["state.json", words, "another folder"]);
    }
    assert!((file(&shop, "orders"), shop.sandbox.request_count()) == before);
}

#[test]
fn files_of_a_run_may_be_moved_away_and_the_next_run_writes_what_is_new() {
    let shop = Shop::new(counts(20, 10, 5, 5));
    let to_files = ["--output", "jsonl-per-run:lines", "--select", "orders"];
    shop.run(to_files).ok();
    let away = |name: &str| {
        std::fs::create_dir(shop.path(name)).unwrap();
        let entries = std::fs::read_dir(shop.path("lines")).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
        files.iter().for_each(|path| std::fs::rename(path, shop.path(name).join(path.file_name().unwrap())).unwrap());
        files
            .iter()
            .map(|path| std::fs::read_to_string(shop.path(name).join(path.file_name().unwrap())).unwrap())
            .collect::<String>()
    };
    let first = away("first");
    assert_eq!(first.lines().count(), 20);
    let id = shop.sandbox.with_store(|store| {
        let id = store.ids(Kind::ORDERS).nth(4).unwrap();
        let newest = store.ids(Kind::ORDERS).filter_map(|id| store.date_modified(Kind::ORDERS, id)).max().unwrap();
        store.edit(Kind::ORDERS, id, newest + Duration::from_secs(5), |order| {
            order.fields.insert("staff_notes".into(), json!("leave at the door"));
        });
        id
    });
    shop.run(to_files).ok();
    let second = away("second");
    let orders: Vec<Value> = second.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(orders.len() < 20, "what was moved away is not read again");
    assert!(orders.iter().any(|order| order["id"] == id && order["staff_notes"] == "leave at the door"), "{second}");
}
