//! What a target must hold of a store.

use crate::shop::Shop;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tap_bigcommerce_sandbox::{Kind, Record};

/// What a target holds: each stream's records by their id.
pub type Held = BTreeMap<(String, u64), Value>;

/// The streams that are lists of the store's, and the lists inside their records, as they are selected by default.
const STREAMS: [(&str, Kind, &[&str]); 4] = [
    ("orders", Kind::ORDERS, &["products", "coupons", "shipping_addresses"]),
    ("customers", Kind::CUSTOMERS, &["addresses", "attributes", "form_fields"]),
    ("products", Kind::PRODUCTS, &["variants", "images", "custom_fields"]),
    ("coupons", Kind::COUPONS, &[]),
];

/// Compares what a target holds with the store: every record is there, no other one is, and the lists inside are complete.
pub fn is_whole(shop: &Shop, held: &Held, what: &str) {
    let mut lines = BTreeSet::new();
    for (stream, kind, parts) in STREAMS {
        let stored: Vec<Record> =
            shop.sandbox.with_store(|store| store.ids(kind).filter_map(|id| store.record(kind, id)).collect());
        assert_eq!(ids_held(held, stream), stored.iter().map(|record| id(&record.fields["id"])).collect(), "{what}: {stream}");
        for record in &stored {
            let of_record = id(&record.fields["id"]);
            let came = &held[&(stream.to_owned(), of_record)];
            for part in parts {
                let wanted = ids_of(record.parts.get(*part));
                assert_eq!(ids_of(came.get(*part)), wanted, "{what}: {part} of {stream} {of_record}");
                if kind == Kind::ORDERS && *part == "products" {
                    lines.extend(wanted.into_iter().flatten());
                }
            }
        }
    }
    assert_eq!(ids_held(held, "order_products"), lines, "{what}: order_products");
}

fn ids_held(held: &Held, stream: &str) -> BTreeSet<u64> {
    held.keys().filter(|(name, _)| name == stream).map(|(_, id)| *id).collect()
}

/// The ids in a list, in order; none for a row without one.
fn ids_of(list: Option<&Value>) -> Vec<Option<u64>> {
    let rows = list.and_then(Value::as_array).into_iter().flatten();
    let mut ids: Vec<Option<u64>> = rows.map(|row| row["id"].as_u64()).collect();
    ids.sort_unstable();
    ids
}

fn id(value: &Value) -> u64 {
    value.as_u64().expect("a record has an id")
}
