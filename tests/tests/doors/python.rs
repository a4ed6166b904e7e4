//! Config, catalog and state of the Python tap-bigcommerce work unchanged.

use chrono::DateTime;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tap_bigcommerce_sandbox::{Counts, Kind};
use tap_bigcommerce_tests::messages::{Message, ids, last_state, of_stream};
use tap_bigcommerce_tests::program::Ended;
use tap_bigcommerce_tests::shop::{Shop, counts};

const CATALOG: &str = include_str!("../fixtures/python_catalog.json");
const STATE: &str = include_str!("../fixtures/python_state.json");
const STORE: Counts = counts(80, 60, 40, 12);

fn run(shop: &Shop) -> Ended {
    let config = json!({"start_date": "2017-01-01T00:00:00Z", "sync_full_table_every": 24});
    shop.file("config.json", &shop.config_with(config));
    shop.file("catalog.json", CATALOG);
    shop.file("state.json", STATE);
    shop.run(["--catalog", "catalog.json", "--state", "state.json"]).ok()
}

/// The ids of the records that were modified at or after the stream's bookmark.
fn since_bookmark(shop: &Shop, stream: &str, kind: Kind) -> Vec<u64> {
    let state: Value = serde_json::from_str(STATE).unwrap();
    let bookmark = DateTime::parse_from_rfc3339(state["bookmarks"][stream]["date_modified"].as_str().unwrap()).unwrap();
    shop.sandbox.with_store(|store| {
        store.ids(kind).filter(|id| store.date_modified(kind, *id).is_some_and(|date| date >= bookmark)).collect()
    })
}

#[test]
fn each_stream_resumes_from_its_bookmark() {
    let shop = Shop::new(STORE);
    let messages = run(&shop).messages();
    for (stream, kind) in [("orders", Kind::ORDERS), ("customers", Kind::CUSTOMERS), ("products", Kind::PRODUCTS)] {
        let wanted = since_bookmark(&shop, stream, kind);
        let mut came = ids(&messages, stream);
        // Archived orders come last.
        came.sort_unstable();
        assert_eq!(came, wanted, "{stream}");
        let all = shop.sandbox.with_store(|store| store.ids(kind).count());
        assert!(!wanted.is_empty() && wanted.len() < all, "{stream}: the bookmark tests nothing");
    }
    assert_eq!(ids(&messages, "coupons").len(), 12, "coupons are read whole, whatever was asked");
}

#[test]
fn what_the_catalog_selects_is_what_comes() {
    let messages = run(&Shop::new(STORE)).messages();
    let fields = |message: &Message| message.fields().into_keys().collect::<BTreeSet<String>>();
    let catalog: Value = serde_json::from_str(CATALOG).unwrap();
    for stream in catalog["streams"].as_array().unwrap() {
        let name = stream["stream"].as_str().unwrap();
        let selected = |field: &&String| {
            let breadcrumb = json!(["properties", field]);
            let of_field = |item: &&Value| item["breadcrumb"] == breadcrumb;
            let metadata = &stream["metadata"].as_array().unwrap().iter().find(of_field).unwrap()["metadata"];
            metadata["selected"] == true || metadata["inclusion"] == "automatic"
        };
        let wanted: BTreeSet<String> =
            stream["schema"]["properties"].as_object().unwrap().keys().filter(selected).cloned().collect();
        let schema = messages.iter().find(|message| message.kind == "SCHEMA" && message.stream == name).unwrap();
        let announced: BTreeSet<String> =
            schema.schema.as_ref().unwrap()["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(announced, wanted, "{name}: the SCHEMA");
        for record in of_stream(&messages, name) {
            assert!(fields(record).is_subset(&wanted), "{name} {}", record.id());
        }
    }
    assert!(of_stream(&messages, "order_products").is_empty(), "a stream that the catalog does not know is not read");
}

#[test]
fn the_new_state_keeps_what_was_in_the_old_one() {
    let messages = run(&Shop::new(STORE)).messages();
    let (old, new): (Value, &Value) = (serde_json::from_str(STATE).unwrap(), last_state(&messages));
    assert_eq!(new["bookmarks"]["coupons"]["id"], old["bookmarks"]["coupons"]["id"], "the Python tap could resume from it");
    for stream in ["orders", "customers", "products"] {
        let date =
            |state: &Value| DateTime::parse_from_rfc3339(state["bookmarks"][stream]["date_modified"].as_str().unwrap()).unwrap();
        assert!(date(new) > date(&old), "{stream}");
    }
}

#[test]
fn what_has_no_effect_any_more_is_a_warning() {
    let ended = run(&Shop::new(STORE));
    for word in ["sync_full_table_every", "INCREMENTAL"] {
        assert!(ended.warnings().iter().any(|warning| warning.contains(word)), "{word}: {}", ended.stderr);
    }
}
