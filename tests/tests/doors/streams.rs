//! Every stream, through the program and through the command interface, held against the store.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use tap_bigcommerce_sandbox::{Counts, Kind};
use tap_bigcommerce_tests::doors::command;
use tap_bigcommerce_tests::messages::{Message, last_state, messages, of_stream};
use tap_bigcommerce_tests::shop::Shop;
use tap_bigcommerce_tests::tables;

/// A few of everything, and more of what has pages.
fn small() -> Counts {
    let many = [(Kind::ORDERS, 30), (Kind::CUSTOMERS, 60), (Kind::PRODUCTS, 40), (Kind::REFUNDS, 20), (Kind::CATEGORIES, 20)];
    let few = Kind::ALL.iter().fold(Counts::default(), |counts, kind| counts.with(*kind, 12));
    many.into_iter().fold(few, |counts, (kind, count)| counts.with(kind, count))
}

/// The streams and their keys, from the catalog.
fn catalog(shop: &Shop) -> BTreeMap<String, Vec<String>> {
    let catalog: Value = serde_json::from_str(&shop.run(["--discover"]).ok().stdout).unwrap();
    let texts = |list: &Value| list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    let streams = catalog["streams"].as_array().unwrap().iter();
    streams.map(|stream| (stream["stream"].as_str().unwrap().to_owned(), texts(&stream["key_properties"]))).collect()
}

fn key(names: &[String], record: &Map<String, Value>) -> String {
    let part =
        |name: &String| record.get(name).filter(|value| !value.is_null()).unwrap_or_else(|| panic!("no {name} in {record:?}"));
    // Some ids come as text.
    names.iter().map(|name| part(name).to_string().trim_matches('"').to_owned()).collect::<Vec<_>>().join(" ")
}

/// Whether a value is what the store sent: text as text, numbers by their size, since the store sends some numbers as text and some
/// texts as numbers, and likewise what is true or false.
fn is_same(came: &Value, sent: &Value) -> bool {
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    match (came, sent) {
        (Value::String(came), Value::String(sent)) => came == sent,
        (Value::Bool(came), Value::String(sent)) => [came.to_string(), u8::from(*came).to_string()].contains(sent),
        (Value::Bool(came), Value::Number(sent)) => sent.as_u64() == Some((*came).into()),
        (Value::Number(_), _) | (_, Value::Number(_)) => number(came) == number(sent),
        _ => came == sent,
    }
}

/// Holds what came against the store; reports how many values were compared. Lists, objects and times are compared by the core's own tests.
fn compare(shop: &Shop, streams: &BTreeMap<String, Vec<String>>, messages: &[Message]) -> usize {
    let mut compared = 0;
    let fields: BTreeMap<&str, BTreeSet<String>> = messages
        .iter()
        .filter_map(|message| Some((message.stream.as_str(), message.schema.as_ref()?["properties"].as_object()?)))
        .map(|(stream, properties)| (stream, properties.keys().cloned().collect()))
        .collect();
    for (stream, names) in streams {
        let truth = shop.sandbox.with_store(|store| store.truth(stream)).unwrap_or_else(|| panic!("the store has no {stream}"));
        let records: Vec<Value> = of_stream(messages, stream).into_iter().map(Message::tree).collect();
        let came: BTreeMap<String, &Map<String, Value>> =
            records.iter().filter_map(Value::as_object).map(|record| (key(names, record), record)).collect();
        assert_eq!((records.len(), came.len()), (truth.len(), truth.len()), "{stream}: each record once");
        for truth in truth {
            let mut row = truth.row;
            for name in names.iter().filter(|name| !row.contains_key(*name)).cloned().collect::<Vec<_>>() {
                let inside = row.get("identity").and_then(|identity| identity.get(&name)).cloned();
                let of_record = truth.of.filter(|_| stream != "customer_form_field_values").map(|(_, id)| Value::from(id));
                row.insert(name, inside.or(of_record).unwrap_or_else(|| 0.into()));
            }
            let record = came.get(&key(names, &row)).unwrap_or_else(|| panic!("{stream}: {row:?} has not come"));
            for (name, sent) in row.iter().filter(|(name, _)| fields[stream.as_str()].contains(*name)) {
                let came = record.get(name).unwrap_or_else(|| panic!("{stream}.{name} is missing from a record"));
                let is_nothing = sent.is_null() || sent.as_str().is_some_and(str::is_empty);
                assert!(is_nothing || !came.is_null(), "{stream}.{name}: null instead of {sent}");
                let is_date = name.contains("date") || name.ends_with("_at") || name == "created" || name == "expires";
                let is_plain = !is_nothing && (sent.is_number() || sent.is_string()) && !is_date;
                assert!(!is_plain || is_same(came, sent), "{stream}.{name}: {came} instead of {sent}");
                compared += 1;
            }
        }
    }
    compared
}

#[tokio::test(flavor = "multi_thread")]
async fn every_stream_comes_through_program_and_command_as_the_store_has_it() {
    let shop = Shop::new(small());
    let streams = catalog(&shop);
    assert!(streams.len() >= 68, "{streams:?}");
    let by_program = shop.run(["--select", "*"]).ok().messages();
    let said = command(&shop.path(""), &["--config", "config.json", "--select", "*"], &[]).await;
    let by_command = messages(&said.stdout);
    for messages in [&by_program, &by_command] {
        let read: BTreeSet<&str> =
            messages.iter().filter(|message| message.kind == "SCHEMA").map(|message| message.stream.as_str()).collect();
        assert_eq!(read, streams.keys().map(String::as_str).collect());
        let compared = compare(&shop, &streams, messages);
        assert!(compared > 5_000, "only {compared} values were compared");
        assert!(last_state(messages)["currently_syncing"].is_null());
    }
    let records = |messages: &[Message], stream: &str| -> BTreeSet<String> {
        of_stream(messages, stream).into_iter().map(|message| message.record().to_owned()).collect()
    };
    for stream in streams.keys() {
        assert!(records(&by_program, stream) == records(&by_command, stream), "{stream}: both interfaces bring the same");
    }
}

#[test]
fn every_stream_fits_a_database_and_comes_only_once_in_two_runs() {
    let shop = Shop::new(small());
    let streams = catalog(&shop);
    for _ in 0..2 {
        shop.run(["--select", "*", "--output", "sqlite:shop.db"]).ok();
    }
    let file = tables::open(&shop.path("shop.db"));
    for stream in streams.keys() {
        let rows = tables::rows(&file, stream).len();
        let due = shop.sandbox.with_store(|store| store.truth(stream)).unwrap().len();
        assert_eq!(rows, due, "{stream}");
    }
}
