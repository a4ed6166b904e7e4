use std::collections::BTreeSet;

use serde_json::Value;
use tap_bigcommerce_sandbox::{Counts, Kind, Options, Record, Store};

use crate::support::{ask, at, store};

const KINDS: [Kind; 4] = [Kind::ORDERS, Kind::CUSTOMERS, Kind::PRODUCTS, Kind::COUPONS];

fn records(store: &Store, kind: Kind) -> Vec<Record> {
    store.ids(kind).map(|id| store.record(kind, id).unwrap()).collect()
}

fn of(seed: u64, counts: Counts) -> Store {
    Store::new(Options { seed, counts, ..Options::default() })
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let (one, two, other) = (&mut store(), &mut store(), &mut of(8, Counts::default()));
    for target in ["/v2/orders?limit=250&include=fees", "/v3/customers?limit=250&include=addresses", "/v2/coupons"] {
        let answer = ask(one, target);
        assert_eq!(answer, ask(two, target));
        assert!(answer.body != ask(other, target).body, "{target} does not depend on the seed");
    }
    assert_eq!(records(one, Kind::PRODUCTS), records(two, Kind::PRODUCTS));
}

#[test]
fn growing_one_kind_leaves_the_others() {
    let counts = Counts::of([(Kind::ORDERS, 60), (Kind::CUSTOMERS, 60), (Kind::PRODUCTS, 60), (Kind::COUPONS, 20)]);
    let small = of(7, counts);
    for grown in KINDS {
        let counts = counts.with(grown, counts.get(grown) + 10);
        let large = of(7, counts);
        for kind in KINDS.into_iter().filter(|kind| *kind != grown) {
            assert_eq!(records(&small, kind), records(&large, kind), "{grown:?} changes {kind:?}");
        }
        assert_eq!(small.ids(grown).count() + 10, large.ids(grown).count());
    }
}

#[test]
fn all_dates_are_past_and_in_order() {
    let store = store();
    for kind in KINDS {
        let seconds: Vec<_> = store.ids(kind).map(|id| store.date_modified(kind, id).unwrap()).collect();
        assert!(seconds.iter().all(|date| *date < at(0) && *date >= at(-1641 * 86_400)), "{kind:?}");
        let different: BTreeSet<_> = seconds.iter().collect();
        assert!(different.len() < seconds.len(), "some {kind:?} share a second");
    }
    for order in records(&store, Kind::ORDERS) {
        let date = |name: &str| chrono::DateTime::parse_from_rfc2822(order.fields[name].as_str().unwrap()).unwrap();
        assert!(date("date_created") <= date("date_modified"));
    }
}

/// The shapes that a field has, or a field of a part.
fn shapes(records: &[Record], part: Option<&str>, field: &str) -> BTreeSet<String> {
    let mut shapes = BTreeSet::new();
    for record in records {
        let rows: Vec<&Value> = match part {
            None => record.fields.get(field).into_iter().collect(),
            Some(part) => record.parts[part].as_array().unwrap().iter().filter_map(|row| row.get(field)).collect(),
        };
        shapes.extend(rows.into_iter().map(|value| {
            match value {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::Number(_) => "number",
                Value::String(text) if text.is_empty() => "empty",
                Value::String(_) => "text",
                Value::Array(values) if values.is_empty() => "empty array",
                Value::Array(_) => "array",
                Value::Object(fields) if fields.is_empty() => "empty object",
                Value::Object(_) => "object",
            }
            .to_owned()
        }));
    }
    shapes
}

#[test]
fn the_wire_quirks_are_there() {
    let store = store();
    let (orders, customers) = (records(&store, Kind::ORDERS), records(&store, Kind::CUSTOMERS));
    let (products, coupons) = (records(&store, Kind::PRODUCTS), records(&store, Kind::COUPONS));
    type Case<'a> = (&'a [Record], Option<&'a str>, &'a str, &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (&orders, None, "date_shipped", &["empty", "text"]),
        (&orders, None, "payment_provider_id", &["empty", "null", "number", "text"]),
        (&orders, None, "external_id", &["null", "text"]),
        (&orders, None, "items_total", &["number", "text"]),
        (&orders, None, "order_is_digital", &["boolean", "text"]),
        (&orders, None, "sandbox_unannounced", &["object"]),
        (&orders, Some("products"), "external_id", &["null", "number", "text"]),
        (&orders, Some("products"), "weight", &["number", "text"]),
        (&orders, Some("products"), "base_wrapping_cost", &["number", "text"]),
        (&orders, Some("products"), "gift_certificate_id", &["null", "number"]),
        (&orders, Some("products"), "event_date", &["null", "text"]),
        (&orders, Some("products"), "product_options", &["array", "empty array"]),
        (&orders, Some("coupons"), "amount", &["number", "text"]),
        (&orders, Some("coupons"), "code", &["null", "text"]),
        (&orders, Some("coupons"), "discount", &["number", "text"]),
        (&orders, Some("fees"), "cost_tax", &["number", "text"]),
        (&customers, Some("form_fields"), "value", &["array", "empty", "number", "text"]),
        (&customers, None, "channel_ids", &["array", "null"]),
        (&products, None, "base_variant_id", &["null", "number"]),
        (&products, None, "date_last_imported", &["empty", "null", "text"]),
        (&products, Some("modifiers"), "config", &["empty array", "empty object", "object"]),
        (&coupons, None, "restricted_to", &["empty array", "empty object", "object"]),
        (&coupons, None, "shipping_methods", &["array", "null"]),
        (&coupons, None, "expires", &["empty", "text"]),
    ];
    for (records, part, field, wanted) in cases {
        assert_eq!(shapes(records, *part, field).into_iter().collect::<Vec<_>>(), *wanted, "{part:?} {field}");
    }
    let lines: BTreeSet<usize> = orders.iter().map(|order| order.parts["products"].as_array().unwrap().len()).collect();
    assert!([0, 1, 5, 50, 51, 250, 251, 300].iter().all(|count| lines.contains(count)), "{lines:?}");
    let addresses = orders.iter().map(|order| order.parts["shipping_addresses"].as_array().unwrap().len());
    assert!(addresses.max() > Some(10));
    let variants: BTreeSet<usize> = products.iter().map(|product| product.parts["variants"].as_array().unwrap().len()).collect();
    assert!(variants.contains(&1) && variants.contains(&30));
    assert!(products.iter().any(|product| product.fields["inventory_level"].as_u64() == Some(9_007_199_254_740_993)));
}

#[test]
fn a_large_store_is_cheap_to_build() {
    let counts = Counts::default().with(Kind::ORDERS, 100_000);
    let store = of(7, counts);
    let last = store.ids(Kind::ORDERS).last().unwrap();
    assert_eq!(store.record(Kind::ORDERS, last).unwrap().fields["id"], last);
}
