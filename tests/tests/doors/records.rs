//! Every record of a full sync, held against its schema and against the store.

use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;
use tap_bigcommerce_sandbox::{Counts, Kind};
use tap_bigcommerce_tests::messages::{Fields, Message, ids, last_state, of_stream};
use tap_bigcommerce_tests::shop::Shop;

struct Full {
    shop: Shop,
    messages: Vec<Message>,
    log: String,
}

static FULL: LazyLock<Full> = LazyLock::new(|| {
    let shop = Shop::new(Counts::default());
    let catalog = with_everything(&shop);
    shop.file("catalog.json", &catalog.to_string());
    let ended = shop.run(["--catalog", "catalog.json"]).ok();
    Full { messages: ended.messages(), log: ended.stderr, shop }
});

/// The discovered catalog, with what is off by default selected too.
fn with_everything(shop: &Shop) -> Value {
    let mut catalog: Value = serde_json::from_str(&shop.run(["--discover"]).ok().stdout).unwrap();
    for stream in catalog["streams"].as_array_mut().unwrap() {
        for item in stream["metadata"].as_array_mut().unwrap() {
            item["metadata"]["selected"] = Value::Bool(true);
        }
    }
    catalog
}

#[test]
fn every_record_validates_against_its_schema() {
    let mut schemas = HashMap::new();
    let mut valid: HashMap<&str, usize> = HashMap::new();
    for message in &FULL.messages {
        match message.kind.as_str() {
            "SCHEMA" => {
                let schema = message.schema.as_ref().unwrap();
                let validator = jsonschema::options().should_validate_formats(true).build(schema).unwrap();
                assert!(schemas.insert(message.stream.as_str(), validator).is_none(), "{} has two schemas", message.stream);
                let is_never_null = |key: &String| schema["properties"][key]["type"].is_string();
                assert!(
                    !message.key_properties.is_empty() && message.key_properties.iter().all(is_never_null),
                    "{}",
                    message.stream
                );
                assert!(message.bookmark_properties.iter().all(|key| schema["properties"].get(key).is_some()));
            }
            "RECORD" => {
                let validator = schemas.get(message.stream.as_str()).expect("the SCHEMA comes before the first RECORD");
                let record = message.tree();
                let faults: Vec<String> =
                    validator.iter_errors(&record).map(|fault| format!("{}: {fault}", fault.instance_path)).collect();
                assert!(faults.is_empty(), "{} {}: {faults:?}", message.stream, record["id"]);
                *valid.entry(&message.stream).or_default() += 1;
            }
            _ => {}
        }
    }
    for stream in ["orders", "order_products", "customers", "products", "coupons"] {
        assert!(valid[stream] > 0, "{stream}");
    }
}

/// A check that cannot fail would be worth nothing: the validator has to see types and formats.
#[test]
fn the_validator_sees_what_does_not_fit() {
    let schema = FULL.messages.iter().find(|message| message.kind == "SCHEMA" && message.stream == "orders").unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(schema.schema.as_ref().unwrap()).unwrap();
    let good = of_stream(&FULL.messages, "orders")[0].tree();
    assert!(validator.is_valid(&good));
    for (field, wrong) in [("id", "7"), ("date_modified", "Tue, 01 Jan 2024 00:00:00 +0000"), ("total_inc_tax", "3.20")] {
        let mut bad = good.clone();
        bad[field] = wrong.into();
        assert!(!validator.is_valid(&bad), "{field}");
    }
}

#[test]
fn every_record_of_the_store_comes_once() {
    let all = |kind| FULL.shop.sandbox.with_store(|store| store.ids(kind).collect::<Vec<u64>>());
    for (stream, kind) in
        [("orders", Kind::ORDERS), ("customers", Kind::CUSTOMERS), ("products", Kind::PRODUCTS), ("coupons", Kind::COUPONS)]
    {
        let mut came = ids(&FULL.messages, stream);
        // Archived orders come last.
        came.sort_unstable();
        assert_eq!(came, all(kind), "{stream}");
    }
    let lines = ids(&FULL.messages, "order_products");
    assert_eq!(lines.iter().collect::<HashSet<_>>().len(), lines.len(), "a line item comes once");
    assert!(last_state(&FULL.messages)["bookmarks"]["orders"].get("walk").is_none());
    assert!(FULL.log.contains("METRIC"), "metrics are in the log");
    let dated = |message: &&Message| message.kind == "RECORD" && message.time_extracted.is_none();
    assert_eq!(FULL.messages.iter().filter(dated).count(), 0, "each record says when it was read");
}

#[test]
fn nested_lists_are_whole() {
    for (stream, kind, parts) in [
        ("orders", Kind::ORDERS, &["products", "coupons", "shipping_addresses"][..]),
        ("customers", Kind::CUSTOMERS, &["addresses", "attributes", "form_fields"]),
        ("products", Kind::PRODUCTS, &["variants", "images", "options", "modifiers", "custom_fields"]),
    ] {
        let mut longest = 0;
        for record in of_stream(&FULL.messages, stream) {
            let record = record.tree();
            let whole = FULL.shop.sandbox.with_store(|store| store.record(kind, record["id"].as_u64().unwrap())).unwrap();
            for part in parts {
                let wanted = whole.parts.get(*part).and_then(Value::as_array).map_or(0, Vec::len);
                assert_eq!(record[part].as_array().map_or(0, Vec::len), wanted, "{stream} {} {part}", record["id"]);
                longest = longest.max(wanted);
            }
        }
        assert!(longest > 10, "{stream}: no list is longer than the API embeds, so nothing was tested");
    }
}

/// How often the digits of the record's numbers were compared with those that the store sent. They must be the same, text by text.
fn same_digits(stream: &str, fields: &Fields, sent: &serde_json::Map<String, Value>) -> usize {
    let mut compared = 0;
    for (name, value) in sent {
        let (Some(written), Some(digits)) = (fields.get(name), digits(value)) else { continue };
        if written.get().starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            assert_eq!(written.get(), digits, "{stream}.{name}");
            compared += 1;
        }
    }
    compared
}

/// The text of a number, or of a number in text.
fn digits(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if text.parse::<f64>().is_ok() => Some(text.clone()),
        _ => None,
    }
}

#[test]
fn numbers_keep_the_digits_that_the_store_sent() {
    for (stream, kind) in [("orders", Kind::ORDERS), ("products", Kind::PRODUCTS), ("coupons", Kind::COUPONS)] {
        let records = of_stream(&FULL.messages, stream);
        let mut compared = 0;
        for record in &records {
            let sent = FULL.shop.sandbox.with_store(|store| store.record(kind, record.id())).unwrap();
            compared += same_digits(stream, &record.fields(), &sent.fields);
        }
        assert!(compared > 2 * records.len(), "{stream}: only {compared} numbers were compared");
    }
    let order = of_stream(&FULL.messages, "orders")[0].fields();
    assert!(order["total_inc_tax"].get().ends_with("00"), "money of API v2 has four decimals: {}", order["total_inc_tax"]);
}

#[test]
fn integers_beyond_a_floats_reach_and_long_decimals_survive() {
    let shop = Shop::new(tap_bigcommerce_tests::shop::counts(3, 0, 0, 0));
    let (integer, decimal) = ("9007199254740993", "12345678901234567.8901");
    shop.sandbox.with_store(|store| {
        let id = store.ids(Kind::ORDERS).next().unwrap();
        let at = store.date_modified(Kind::ORDERS, id).unwrap();
        store.edit(Kind::ORDERS, id, at, |order| {
            order.fields.insert("customer_id".into(), Value::from(9_007_199_254_740_993_u64));
            order.fields.insert("total_inc_tax".into(), Value::from(decimal));
        });
    });
    let messages = shop.run([]).ok().messages();
    let order = of_stream(&messages, "orders")[0].fields();
    assert_eq!((order["customer_id"].get(), order["total_inc_tax"].get()), (integer, decimal));
}
