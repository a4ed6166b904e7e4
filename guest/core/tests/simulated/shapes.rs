//! Undocumented forms that stores send: they give the same records, and what is lost is named.

use crate::world::{Run, World};
use serde_json::{Value, json};
use tap_bigcommerce_core::discover;
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_sandbox::{Counts, Kind, OddAnswer, OddByte, OddField, Quirks};

const SMALL: Counts = Counts::of([(Kind::ORDERS, 30), (Kind::CUSTOMERS, 30), (Kind::PRODUCTS, 25), (Kind::COUPONS, 8)]);

/// A run over everything there is, optional fields included.
fn run(world: &World) -> Run {
    let mut catalog = discover::catalog();
    for item in
        catalog["streams"].as_array_mut().unwrap().iter_mut().flat_map(|stream| stream["metadata"].as_array_mut().unwrap())
    {
        item["metadata"]["selected"] = json!(true);
    }
    world.run_with(Inputs { catalog: Some(catalog.to_string()), ..world.inputs(None) }, None).ok()
}

fn records(run: &Run) -> Vec<(String, Value)> {
    let records = run.messages.iter().filter(|message| message["type"] == "RECORD");
    records.map(|message| (message["stream"].as_str().unwrap().to_owned(), message["record"].clone())).collect()
}

/// What a run brings from a store with these quirks, and its warnings.
fn odd(quirks: Quirks) -> (Vec<(String, Value)>, Vec<String>) {
    let mut world = World::new(SMALL);
    world.config.insert("strict".into(), json!(true));
    world.store.borrow_mut().quirks = quirks;
    let ran = run(&world);
    (records(&ran), ran.warnings().iter().map(|warning| (*warning).to_owned()).collect())
}

fn field(name: &str, odd: OddField) -> Quirks {
    Quirks { odd_fields: [(name.to_owned(), odd)].into(), ..Quirks::default() }
}

/// Compares what an odd store brings with what a plain one does, after `change` has taken from both what cannot be the same.
fn same(quirks: Quirks, change: impl Fn(&mut Value)) {
    let name = format!("{quirks:?}");
    let (mut plain, plain_warnings) = odd(Quirks::default());
    let (mut odd, warnings) = odd(quirks);
    plain.iter_mut().chain(&mut odd).for_each(|(_, record)| change(record));
    assert_eq!(odd.len(), plain.len(), "{name}");
    for (odd, plain) in odd.iter().zip(&plain) {
        assert_eq!(odd, plain, "{name}");
    }
    assert_eq!(warnings, plain_warnings, "{name}");
}

#[test]
fn lists_in_the_form_of_a_php_array_with_a_gap_are_lists() {
    for list in ["fees", "products", "coupons", "addresses", "attributes", "variants", "images", "options", "product_options"] {
        same(field(list, OddField::NumberedObject), |_| ());
    }
    for endpoint in [
        "/v2/orders",
        "/v2/orders/{id}/products",
        "/v3/customers",
        "/v3/catalog/products",
        "/v2/coupons",
        "/v3/customers/addresses",
    ] {
        let answers = [(endpoint.to_owned(), [OddAnswer::NumberedRows, OddAnswer::ByteOrderMark].into())].into();
        same(Quirks { odd_answers: answers, ..Quirks::default() }, |_| ());
    }
}

#[test]
fn a_link_and_an_empty_object_are_nothing_and_a_padded_name_is_the_name() {
    same(field("fees", OddField::Link), |record| {
        if let Some(fees) = record.get_mut("fees") {
            *fees = json!([]);
        }
    });
    let (odd, _) = odd(field("external_merchant_id", OddField::EmptyObject));
    assert!(odd.iter().filter(|(stream, _)| stream == "orders").all(|(_, order)| order["external_merchant_id"].is_null()));
    same(field("is_bundled_product", OddField::SpaceAfterName), |_| ());
    same(field("date_modified", OddField::SpaceAfterName), |_| ());
    same(field("id", OddField::SpaceAfterName), |_| ());
}

#[test]
fn fees_that_are_asked_for_are_read_in_each_documented_form() {
    let fees = |quirks: Quirks| {
        let world = World::new(Counts::of([(Kind::ORDERS, 120)]));
        world.store.borrow_mut().quirks = quirks;
        let run = world.select("order_fees");
        assert_eq!((run.verdict(), run.warnings().len()), (None, 0), "{:?}", run.warnings());
        run.records("order_fees").iter().map(|fee| (*fee).clone()).collect::<Vec<Value>>()
    };
    let plain = fees(Quirks::default());
    assert!(plain.len() > 2, "too few to show anything");
    for form in [OddAnswer::Named("fees"), OddAnswer::RowAlone] {
        let odd_answers = [("/v2/orders/{id}/fees".to_owned(), [form].into())].into();
        assert_eq!(fees(Quirks { odd_answers, ..field("fees", OddField::Link) }), plain, "{form:?}");
    }
}

#[test]
fn bad_bytes_cost_a_character_and_no_record() {
    for (odd, shown) in [
        (OddByte::InvalidUtf8, "Caf\u{fffd}!"),
        (OddByte::ControlCharacter, "Caf\u{b}!"),
        (OddByte::LoneSurrogate, "Caf\u{fffd}!"),
    ] {
        let world = World::new(SMALL);
        let text = format!("Caf{}!", odd.mark());
        let places = [
            (Kind::ORDERS, "staff_notes", "orders"),
            (Kind::CUSTOMERS, "notes", "customers"),
            (Kind::PRODUCTS, "name", "products"),
        ];
        for (kind, field, _) in places {
            let mut store = world.store.borrow_mut();
            let id = store.ids(kind).nth(7).unwrap();
            let at = store.date_modified(kind, id).unwrap();
            store.edit(kind, id, at, |record| drop(record.fields.insert(field.to_owned(), text.clone().into())));
        }
        let ran = run(&world);
        for (kind, field, stream) in places {
            let ids: Vec<u64> = world.store.borrow().ids(kind).collect();
            assert_eq!(ran.ids(stream), ids, "{odd:?}");
            assert_eq!(ran.records(stream)[7][field], shown, "{odd:?}");
        }
    }
}

#[test]
fn a_list_of_lines_that_the_store_cuts_is_named_by_its_order() {
    let world = World::new(SMALL);
    let id = world.store.borrow().ids(Kind::ORDERS).next().unwrap();
    let now = world.now();
    world.store.borrow_mut().add_lines(id, 60, now - chrono::TimeDelta::days(1));
    world.store.borrow_mut().quirks.consignment_lines = Some(50);
    let ran = run(&world);
    let named = format!("orders: record {id}: the store has cut a list inside consignments.shipping short");
    assert_eq!(ran.warnings().iter().filter(|warning| warning.starts_with(&named)).count(), 1, "{:?}", ran.warnings());
    assert!(!ran.warnings().concat().contains("__warning__"));
    assert!(ran.records("orders").iter().any(|order| order["id"] == id && order["products"].as_array().unwrap().len() > 50));
}
