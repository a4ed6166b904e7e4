//! Requests for some records together: each of them is accounted for.

use crate::world::{FAMILIES, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tap_bigcommerce_core::error::Kind as Failure;
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_sandbox::{Action, Fault, Kind, Quirks, Request};

#[test]
fn products_with_options_are_listed_first_and_read_ten_at_a_time() {
    let world = World::new(FAMILIES);
    let plain = world.select("products");
    assert_eq!(
        (plain.records("products").len(), world.asked("/catalog/products?")),
        (120, 3),
        "a page, its end, and what confirms it"
    );
    assert!(plain.records("products").iter().all(|product| product.get("options").is_none()));
    world.store.borrow_mut().clear_requests();
    let heavy = world.select("products.options,products.name");
    assert_eq!((world.asked("include_fields=date_modified"), world.asked("include=options")), (2, 12));
    let store = world.store.borrow();
    for product in heavy.records("products") {
        let whole = store.record(Kind::PRODUCTS, product["id"].as_u64().unwrap()).unwrap();
        assert_eq!(product["options"].as_array().map(Vec::len), whole.parts["options"].as_array().map(Vec::len));
        assert_eq!(product["name"], whole.fields["name"]);
    }
    assert_eq!(heavy.records("products").len(), 120);
}

#[test]
fn a_product_that_cannot_be_read_with_its_options_is_set_aside_alone() {
    let world = World::new(FAMILIES);
    let id = world.store.borrow().ids(Kind::PRODUCTS).nth(17).unwrap();
    let shows_it = move |request: &Request| {
        let ids = request.query.split('&').find_map(|part| part.strip_prefix("id:in=")).unwrap_or_default().replace("%2C", ",");
        ids.split(',').any(|asked| asked == id.to_string())
    };
    world.store.borrow_mut().add_fault(Fault::when(shows_it, Action::status(500)).always());
    let run = world.select("products.options");
    assert_eq!((run.verdict(), run.aside("products")), (Some(Failure::SetAside), json!([id])));
    assert_eq!(run.records("products").len(), 119);
}

#[test]
fn variants_and_addresses_are_asked_for_some_records_at_a_time() {
    let world = World::new(FAMILIES);
    for (stream, path) in [
        ("product_variants", "/catalog/variants?"),
        ("customer_addresses", "/customers/addresses?"),
        ("product_channel_assignments", "/channel-assignments?"),
    ] {
        world.store.borrow_mut().clear_requests();
        let run = world.select(stream);
        assert_eq!(run.records(stream).len(), world.rows(stream), "{stream}");
        assert!(world.asked(path) < 40, "{stream}: {} requests", world.asked(path));
        let by_date = |target: &str| target.contains(path) && target.contains("date");
        assert!(!world.store.borrow().requests().iter().any(|seen| by_date(&seen.target)), "ids were chosen by it");
    }
}

/// How many values a filter takes is not documented, and a store that heeds fewer than it is given does not say so.

#[test]
fn a_store_that_heeds_fewer_ids_than_it_is_given_loses_nothing() {
    for most in [1, 7, 10, 49] {
        for stream in ["product_variants", "customer_addresses", "product_channel_assignments", "customers", "products.options"] {
            let world = World::new(FAMILIES);
            world.store.borrow_mut().quirks = Quirks { most_values: Some(most), ..Quirks::default() };
            let run = world.select(stream);
            let name = stream.split('.').next().unwrap();
            assert_eq!(
                (run.verdict(), run.records(name).len()),
                (None, world.rows(name)),
                "{stream} by {most}: {:?}",
                run.warnings()
            );
        }
    }
}

#[test]
fn a_record_with_more_rows_than_a_page_is_read_to_its_end() {
    let world = World::new(FAMILIES);
    let id = world.store.borrow().ids(Kind::PRODUCTS).nth(5).unwrap();
    let at = world.now() - chrono::TimeDelta::days(1);
    world.store.borrow_mut().edit(Kind::PRODUCTS, id, at, |product| {
        let variant = product.parts["variants"][0].clone();
        let variant = |place: u64| {
            let mut variant = variant.clone();
            variant["id"] = json!(7_000_000 + place);
            variant
        };
        product.parts.insert("variants".into(), (0..1_100).map(variant).collect());
    });
    let run = world.select("product_variants");
    let ids: BTreeSet<u64> = run.ids("product_variants").into_iter().collect();
    assert_eq!((run.verdict(), ids.len()), (None, world.rows("product_variants")));
}

#[test]
fn a_product_that_its_batch_leaves_out_and_that_fails_alone_is_set_aside() {
    let world = World::new(FAMILIES);
    let id = world.store.borrow().ids(Kind::PRODUCTS).nth(17).unwrap();
    let alone = move |request: &Request| request.query.split('&').any(|part| part == format!("id:in={id}"));
    let batch = move |request: &Request| {
        let ids = request.query.split('&').find_map(|part| part.strip_prefix("id:in=")).unwrap_or_default().replace("%2C", ",");
        ids.contains(',') && ids.split(',').any(|asked| asked == id.to_string())
    };
    world.store.borrow_mut().add_fault(Fault::when(alone, Action::status(500)).always());
    world.store.borrow_mut().add_fault(Fault::when(batch, Action::EmptyPage).always());
    let run = world.select("products.options");
    assert_eq!((run.verdict(), run.aside("products")), (Some(Failure::SetAside), json!([id])), "{:?}", run.warnings());
    assert_eq!(run.records("products").len(), 119);
}

#[test]
fn a_variant_that_is_deleted_between_two_pages_hides_no_other() {
    let mut world = World::new(FAMILIES);
    world.config.insert("page_size".into(), json!(10));
    let variants = |world: &World, id: u64| -> Vec<Value> {
        world.store.borrow().record(Kind::PRODUCTS, id).unwrap().parts["variants"].as_array().unwrap().clone()
    };
    let id = world.store.borrow().ids(Kind::PRODUCTS).nth(3).unwrap();
    let (mut is_done, at) = (false, world.now());
    let one = variants(&world, id)[0].clone();
    let many = (0..25_u64).map(|number| {
        let mut variant = one.clone();
        variant["id"] = json!(900_000 + number);
        variant
    });
    let many: Value = many.collect();
    world.store.borrow_mut().edit(Kind::PRODUCTS, id, at, |product| drop(product.parts.insert("variants".into(), many)));
    world.store.borrow_mut().on_request(move |request, store| {
        let is_second = request.path.contains("variants") && request.query.contains("page=2");
        if is_second && request.query.split('&').any(|part| part == format!("product_id:in={id}")) && !is_done {
            is_done = true;
            store.edit(Kind::PRODUCTS, id, at, |product| {
                product.parts["variants"].as_array_mut().unwrap().remove(0);
            });
        }
    });
    let run = world.select("product_variants");
    let came: BTreeSet<u64> = run.ids("product_variants").into_iter().collect();
    for variant in variants(&world, id) {
        assert!(came.contains(&variant["id"].as_u64().unwrap()), "{variant} has not come");
    }
    assert!(world.asked("page=2") > 0 && run.verdict().is_none(), "{:?}", run.warnings());
}

#[test]
fn a_row_whose_key_has_a_null_sets_its_record_aside() {
    let world = World::new(FAMILIES);
    let id = world.store.borrow().ids(Kind::PRODUCTS).nth(5).unwrap();
    let at = world.now() - chrono::TimeDelta::days(1);
    world.store.borrow_mut().edit(Kind::PRODUCTS, id, at, |product| {
        product.parts.insert("channel_assignments".into(), json!([{ "product_id": id, "channel_id": null }]));
    });
    let run = world.select("product_channel_assignments");
    assert_eq!(
        (run.verdict(), run.aside("product_channel_assignments")),
        (Some(Failure::SetAside), json!([id])),
        "{:?}",
        run.warnings()
    );
    assert_eq!(run.records("product_channel_assignments").len(), world.rows("product_channel_assignments") - 1);
}

#[test]
fn what_no_record_has_is_not_asked_for_record_by_record() {
    let world = World::new(FAMILIES);
    let ids: Vec<u64> = world.store.borrow().ids(Kind::PRODUCTS).collect();
    let at = world.now() - chrono::TimeDelta::days(1);
    for id in ids {
        world.store.borrow_mut().edit(Kind::PRODUCTS, id, at, |product| {
            product.parts.insert("channel_assignments".into(), json!([]));
        });
    }
    let run = world.select("product_channel_assignments");
    assert_eq!((run.verdict(), run.records("product_channel_assignments").len()), (None, 0));
    assert!(world.asked("/channel-assignments?") < 12, "{}", world.asked("/channel-assignments?"));
}

#[test]
fn a_refused_page_behind_the_end_of_a_batch_costs_no_row() {
    for status in [400, 404, 422, 500] {
        let world = World::new(FAMILIES);
        let is_behind = |request: &Request| {
            request.query.contains("page=2")
                && ["/variants", "/channel-assignments", "/addresses"].iter().any(|path| request.path.ends_with(path))
        };
        world.store.borrow_mut().add_fault(Fault::when(is_behind, Action::status(status)).always());
        for stream in ["product_channel_assignments", "product_variants", "customer_addresses"] {
            let run = world.select(stream);
            assert_eq!(
                (run.verdict(), run.records(stream).len()),
                (None, world.rows(stream)),
                "{stream} by {status}: {:?}",
                run.warnings()
            );
        }
    }
}

#[test]
fn an_end_date_says_nothing_of_what_is_read_by_the_ids_of_records() {
    let mut world = World::new(FAMILIES);
    world.config.insert("end_date".into(), json!("2015-01-01T00:00:00Z"));
    let whole = |stream: &str| {
        json!({
            "stream": stream, "tap_stream_id": stream, "replication_method": "FULL_TABLE", "schema": {"type": "object", "properties": {}},
            "metadata": [{"breadcrumb": [], "metadata": {"selected": true}}],
        })
    };
    let catalog = json!({"streams": [whole("customers"), whole("customer_addresses")]}).to_string();
    let together = world.run_with(Inputs { catalog: Some(catalog), ..world.inputs(None) }, None).ok();
    assert_eq!(together.records("customer_addresses").len(), world.rows("customer_addresses"));
    for stream in ["product_variants", "customer_addresses", "product_channel_assignments"] {
        assert_eq!(world.select(stream).records(stream).len(), world.rows(stream), "{stream}");
    }
}

#[test]
fn a_product_that_nobody_can_look_up_is_set_aside_and_not_taken_for_deleted() {
    let world = World::new(FAMILIES);
    let id = world.store.borrow().ids(Kind::PRODUCTS).nth(17).unwrap();
    let asks_for_it = move |request: &Request| {
        request.query.split('&').any(|part| part == format!("id:in={id}")) && request.path.ends_with("/products")
    };
    let is_whole = |request: &Request| request.query.contains("include=options");
    let is_batch = move |request: &Request| request.query.contains("%2C") || request.query.contains(',');
    let mut store = world.store.borrow_mut();
    // The list shows the record, but its batch and its own request come back empty, and the request that would tell whether it is
    // gone fails.
    store.add_fault(
        Fault::when(move |request| is_whole(request) && is_batch(request) && request.query.contains("id:in="), Action::EmptyPage)
            .always(),
    );
    store.add_fault(Fault::when(move |request| is_whole(request) && asks_for_it(request), Action::EmptyPage).always());
    store.add_fault(Fault::when(asks_for_it, Action::status(500)).always());
    drop(store);
    let run = world.select("products.options");
    assert_eq!((run.verdict(), run.aside("products")), (Some(Failure::SetAside), json!([id])), "{:?}", run.warnings());
    assert_eq!(run.records("products").len(), 119);
}
