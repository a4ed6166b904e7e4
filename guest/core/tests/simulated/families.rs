//! What is special about a family of streams: requests for some records together, small lists by page number, lists below records.

use crate::world::{Run, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tap_bigcommerce_core::error::Kind as Failure;
use tap_bigcommerce_core::plan::Request;
use tap_bigcommerce_sandbox::{Action, Counts, Fault, Kind, Quirks};

const SMALL: Counts = Counts::of([
    (Kind::ORDERS, 30),
    (Kind::CUSTOMERS, 120),
    (Kind::PRODUCTS, 120),
    (Kind::PRICE_LISTS, 25),
    (Kind::CATEGORIES, 90),
    (Kind::BRANDS, 20),
]);

fn run(world: &World, select: &str) -> Run {
    let request = Request { select: Some(vec![select.to_owned()]), ..world.request(None) };
    world.run_with(request, None).ok()
}

fn asked(world: &World, part: &str) -> usize {
    world.store.borrow().requests().iter().filter(|seen| seen.target.contains(part)).count()
}

/// How many rows a stream has in the store.
fn rows(world: &World, stream: &str) -> usize {
    world.store.borrow().truth(stream).unwrap().len()
}

#[test]
fn products_with_options_are_listed_first_and_read_ten_at_a_time() {
    let world = World::new(SMALL);
    let plain = run(&world, "products");
    assert_eq!(
        (plain.records("products").len(), asked(&world, "/catalog/products?")),
        (120, 3),
        "a page, its end, and what confirms it"
    );
    assert!(plain.records("products").iter().all(|product| product.get("options").is_none()));
    world.store.borrow_mut().clear_requests();
    let heavy = run(&world, "products.options,products.name");
    assert_eq!((asked(&world, "include_fields=date_modified"), asked(&world, "include=options")), (2, 12));
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
    let world = World::new(SMALL);
    let id = world.store.borrow().ids(Kind::PRODUCTS).nth(17).unwrap();
    let shows_it = move |request: &tap_bigcommerce_sandbox::Request| {
        let ids = request.query.split('&').find_map(|part| part.strip_prefix("id:in=")).unwrap_or_default().replace("%2C", ",");
        ids.split(',').any(|asked| asked == id.to_string())
    };
    world.store.borrow_mut().add_fault(Fault::when(shows_it, Action::status(500)).always());
    let run = run(&world, "products.options");
    assert_eq!((run.verdict(), run.aside("products")), (Some(Failure::SetAside), json!([id])));
    assert_eq!(run.records("products").len(), 119);
}

#[test]
fn variants_and_addresses_are_asked_for_some_records_at_a_time() {
    let world = World::new(SMALL);
    for (stream, path) in [
        ("product_variants", "/catalog/variants?"),
        ("customer_addresses", "/customers/addresses?"),
        ("product_channel_assignments", "/channel-assignments?"),
    ] {
        world.store.borrow_mut().clear_requests();
        let run = run(&world, stream);
        assert_eq!(run.records(stream).len(), rows(&world, stream), "{stream}");
        assert!(asked(&world, path) < 40, "{stream}: {} requests", asked(&world, path));
        let by_date = |target: &str| target.contains(path) && target.contains("date");
        assert!(!world.store.borrow().requests().iter().any(|seen| by_date(&seen.target)), "ids were chosen by it");
    }
}

/// How many values a filter takes is not documented, and a store that heeds fewer than it is given does not say so.
#[test]
fn a_store_that_heeds_fewer_ids_than_it_is_given_loses_nothing() {
    for most in [1, 7, 10, 49] {
        for stream in ["product_variants", "customer_addresses", "product_channel_assignments", "customers", "products.options"] {
            let world = World::new(SMALL);
            world.store.borrow_mut().quirks = Quirks { most_values: Some(most), ..Quirks::default() };
            let run = run(&world, stream);
            let name = stream.split('.').next().unwrap();
            assert_eq!(
                (run.verdict(), run.records(name).len()),
                (None, rows(&world, name)),
                "{stream} by {most}: {:?}",
                run.warnings()
            );
        }
    }
}

#[test]
fn a_record_with_more_rows_than_a_page_is_read_to_its_end() {
    let world = World::new(SMALL);
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
    let run = run(&world, "product_variants");
    let ids: BTreeSet<u64> = run.ids("product_variants").into_iter().collect();
    assert_eq!((run.verdict(), ids.len()), (None, rows(&world, "product_variants")));
}

#[test]
fn a_small_list_that_loses_rows_while_it_is_read_loses_no_other() {
    let mut world = World::new(SMALL);
    world.config.insert("page_size".into(), json!(10));
    let ids: Vec<u64> = world.store.borrow().ids(Kind::CATEGORIES).collect();
    let gone = [ids[0], ids[3], ids[12]];
    let mut pages = 0;
    world.store.borrow_mut().on_request(move |request, store| {
        if request.path.ends_with("/categories") {
            pages += 1;
            if let 2..=4 = pages {
                store.delete(Kind::CATEGORIES, gone[pages - 2]);
            }
        }
    });
    let run = run(&world, "categories");
    let came: BTreeSet<u64> =
        run.records("categories").iter().map(|category| category["category_id"].as_u64().unwrap()).collect();
    assert_eq!(run.verdict(), None, "{:?}", run.warnings());
    assert!(ids.iter().all(|id| came.contains(id) || gone.contains(id)), "one row after the other moves up");
    assert_eq!(run.records("categories").len(), came.len(), "each comes once");
}

#[test]
fn a_small_list_that_never_holds_still_fails_and_says_so() {
    let mut world = World::new(SMALL);
    world.config.insert("page_size".into(), json!(10));
    let at = world.now();
    world.store.borrow_mut().on_request(move |request, store| {
        if request.path.ends_with("/categories") {
            store.create(Kind::CATEGORIES, at);
        }
    });
    let run = run(&world, "categories,brands");
    assert_eq!(run.verdict(), Some(Failure::Api));
    assert!(run.warnings().iter().any(|warning| warning.contains("has changed each of the 10 times")), "{:?}", run.warnings());
    assert_eq!(run.records("brands").len(), 20);
}

#[test]
fn lists_below_records_are_read_ten_at_a_time_and_no_more() {
    let mut world = World::new(SMALL);
    world.config.insert("page_size".into(), json!(10));
    let run = run(&world, "price_list_records");
    assert_eq!(run.records("price_list_records").len(), rows(&world, "price_list_records"));
    let store = world.store.borrow();
    let seen: Vec<_> = store.requests().iter().filter(|seen| seen.target.contains("/records?")).collect();
    let at_once = |at| seen.iter().filter(|seen| seen.at == at).count();
    assert_eq!(seen.iter().map(|seen| at_once(seen.at)).max(), Some(10));
}

#[test]
fn a_list_that_the_plan_does_not_have_fails_with_a_sentence_and_alone() {
    let world = World::new(SMALL);
    world.store.borrow_mut().add_fault(Fault::on("/pricelists", Action::NotFound).always());
    let run = run(&world, "price_lists,price_list_records,brands");
    assert_eq!(run.verdict(), Some(Failure::Api));
    assert!(run.warnings().iter().any(|warning| warning.contains("the plan of the store has it")), "{:?}", run.warnings());
    let streams = &run.result.as_ref().unwrap().streams;
    assert_eq!(streams.iter().map(|stream| stream.failure.is_none()).collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn channels_restrict_orders_customers_and_products() {
    let channel =
        |value: &Value, id: u64| value.as_u64() == Some(id) || value.as_array().is_some_and(|ids| ids.contains(&json!(id)));
    for (setting, ids) in [(json!(664_179), vec![664_179]), (json!("1, 664179"), vec![1, 664_179]), (json!([1]), vec![1])] {
        let mut world = World::new(SMALL.with(Kind::ORDERS, 60));
        world.config.insert("channel_id".into(), setting.clone());
        let run = run(&world, "orders.id,orders.channel_id,customers.channel_ids,customers.origin_channel_id,products.channels");
        let due = |kind: Kind, field: &str| -> BTreeSet<u64> {
            let store = world.store.borrow();
            let is_due = |id: &u64| {
                let record = store.record(kind, *id).unwrap();
                let value = record.fields.get(field).filter(|value| !value.is_null()).or(record.fields.get("origin_channel_id"));
                let value = value.or(record.parts.get(field)).cloned().unwrap_or_default();
                ids.iter().any(|id| channel(&value, *id))
            };
            store.ids(kind).filter(is_due).collect()
        };
        for (stream, kind, field) in [
            ("orders", Kind::ORDERS, "channel_id"),
            ("customers", Kind::CUSTOMERS, "channel_ids"),
            ("products", Kind::PRODUCTS, "channels"),
        ] {
            let came: BTreeSet<u64> = run.ids(stream).into_iter().collect();
            assert_eq!(came, due(kind, field), "{stream} of {setting}");
        }
        assert_eq!(run.verdict(), None);
    }
    let mut world = World::new(SMALL);
    world.config.insert("channel_id".into(), json!("web"));
    assert_eq!(world.run(None).failure().kind, Failure::Config);
}

#[test]
fn channels_that_the_last_run_left_out_are_read_from_their_start() {
    let mut world = World::new(SMALL.with(Kind::ORDERS, 60));
    let select = |world: &World, state: Option<&Value>| {
        let request = Request { select: Some(vec!["orders.channel_id".to_owned()]), ..world.request(state) };
        world.run_with(request, None).ok()
    };
    world.config.insert("channel_id".into(), json!(1));
    let one = select(&world, None);
    let again = select(&world, Some(one.state()));
    assert!(again.ids("orders").len() < one.ids("orders").len(), "the same channel resumes at its bookmark");
    for wider in [json!("1,664179"), json!("")] {
        world.config.insert("channel_id".into(), wider.clone());
        let more = select(&world, Some(one.state()));
        let due = |id: &u64| {
            let channel = world.store.borrow().record(Kind::ORDERS, *id).unwrap().fields["channel_id"].clone();
            wider == json!("") || [1, 664_179].iter().any(|known| channel == json!(known))
        };
        let due: BTreeSet<u64> = world.store.borrow().ids(Kind::ORDERS).filter(due).collect();
        assert_eq!(more.ids("orders").into_iter().collect::<BTreeSet<u64>>(), due, "{wider}");
        assert!(more.warnings().iter().any(|warning| warning.contains("channel_id")), "{:?}", more.warnings());
        // A part of what is known needs no new start.
        world.config.insert("channel_id".into(), json!(1));
        assert!(select(&world, Some(more.state())).ids("orders").len() < one.ids("orders").len());
    }
}

#[test]
fn runs_of_one_record_come_to_an_end_below_records_too() {
    let world = World::new(SMALL.with(Kind::PRICE_LISTS, 3));
    let (mut state, mut came, mut runs) = (None::<Value>, BTreeSet::new(), 0);
    loop {
        let select = Some(vec!["price_list_records".to_owned()]);
        let run = world.run_with(Request { select, max_records: Some(1), ..world.request(state.as_ref()) }, None).ok();
        came.extend(run.records("price_list_records").into_iter().map(|record| {
            let part = |name: &str| record[name].to_string();
            (part("price_list_id"), part("variant_id"), part("currency"))
        }));
        runs += 1;
        assert!(runs < 200, "runs with a limit do not come to an end: {:?}", run.state());
        if run.result.as_ref().unwrap().complete {
            break;
        }
        state = Some(run.state().clone());
    }
    assert_eq!(came.len(), rows(&world, "price_list_records"));
}

#[test]
fn a_product_that_its_batch_leaves_out_and_that_fails_alone_is_set_aside() {
    let world = World::new(SMALL);
    let id = world.store.borrow().ids(Kind::PRODUCTS).nth(17).unwrap();
    let alone =
        move |request: &tap_bigcommerce_sandbox::Request| request.query.split('&').any(|part| part == format!("id:in={id}"));
    let batch = move |request: &tap_bigcommerce_sandbox::Request| {
        let ids = request.query.split('&').find_map(|part| part.strip_prefix("id:in=")).unwrap_or_default().replace("%2C", ",");
        ids.contains(',') && ids.split(',').any(|asked| asked == id.to_string())
    };
    world.store.borrow_mut().add_fault(Fault::when(alone, Action::status(500)).always());
    world.store.borrow_mut().add_fault(Fault::when(batch, Action::EmptyPage).always());
    let run = run(&world, "products.options");
    assert_eq!((run.verdict(), run.aside("products")), (Some(Failure::SetAside), json!([id])), "{:?}", run.warnings());
    assert_eq!(run.records("products").len(), 119);
}

#[test]
fn a_variant_that_is_deleted_between_two_pages_hides_no_other() {
    let mut world = World::new(SMALL);
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
    let run = run(&world, "product_variants");
    let came: BTreeSet<u64> = run.ids("product_variants").into_iter().collect();
    for variant in variants(&world, id) {
        assert!(came.contains(&variant["id"].as_u64().unwrap()), "{variant} has not come");
    }
    assert!(asked(&world, "page=2") > 0 && run.verdict().is_none(), "{:?}", run.warnings());
}

#[test]
fn a_row_whose_key_has_a_null_sets_its_record_aside() {
    let world = World::new(SMALL);
    let id = world.store.borrow().ids(Kind::PRODUCTS).nth(5).unwrap();
    let at = world.now() - chrono::TimeDelta::days(1);
    world.store.borrow_mut().edit(Kind::PRODUCTS, id, at, |product| {
        product.parts.insert("channel_assignments".into(), json!([{ "product_id": id, "channel_id": null }]));
    });
    let run = run(&world, "product_channel_assignments");
    assert_eq!(
        (run.verdict(), run.aside("product_channel_assignments")),
        (Some(Failure::SetAside), json!([id])),
        "{:?}",
        run.warnings()
    );
    assert_eq!(run.records("product_channel_assignments").len(), rows(&world, "product_channel_assignments") - 1);
}

#[test]
fn a_record_whose_key_cannot_be_read_ends_no_stream() {
    let world = World::new(SMALL.with(Kind::PRICE_LISTS, 6));
    let list = world.store.borrow().ids(Kind::PRICE_LISTS).nth(2).unwrap();
    let set = |currency: Value, at| {
        world.store.borrow_mut().edit(Kind::PRICE_LISTS, list, at, |list| {
            let records = list.parts["records"].as_array_mut().unwrap();
            records[0]["currency"] = currency;
        });
    };
    let at = world.now() - chrono::TimeDelta::days(100);
    set(Value::Null, at);
    let of_store = rows(&world, "price_list_records");
    let run = |state: Option<&Value>| {
        let request = Request { select: Some(vec!["price_list_records".to_owned()]), ..world.request(state) };
        world.run_with(request, None).ok()
    };
    let first = run(None);
    assert_eq!((first.verdict(), first.records("price_list_records").len()), (Some(Failure::SetAside), of_store - 1));
    assert!(first.warnings().iter().any(|warning| warning.contains("currency (none)")), "{:?}", first.warnings());
    let second = run(Some(first.state()));
    assert_eq!(second.verdict(), Some(Failure::SetAside), "it is still there, and still cannot be written");
    assert_eq!(second.aside("price_list_records").as_array().map(Vec::len), Some(1));
    set(json!("chf"), at);
    let third = run(Some(second.state()));
    assert_eq!((third.verdict(), third.aside("price_list_records")), (None, json!([])));
    assert!(third.records("price_list_records").iter().any(|record| record["currency"] == "chf"), "its date did not change");
}

#[test]
fn a_category_without_an_id_keeps_no_other_one_from_coming() {
    let world = World::new(SMALL);
    let page = json!({
        "data": [{"category_id": 5, "name": "a"}, {"category_id": null, "name": "b"}, {"category_id": 7, "name": "c"}],
        "meta": {"pagination": {"total": 3, "count": 3, "per_page": 250, "current_page": 1, "total_pages": 1}},
    });
    let action = Action::Status { code: 200, body: Some(page.to_string().into_bytes()), headers: Vec::new() };
    world.store.borrow_mut().add_fault(Fault::on("/categories", action).always());
    let run = run(&world, "categories");
    let names: Vec<&Value> = run.records("categories").iter().map(|category| &category["name"]).collect();
    assert_eq!((run.verdict(), names), (Some(Failure::SetAside), vec![&json!("a"), &json!("c")]), "{:?}", run.warnings());
}

#[test]
fn refunds_that_are_made_while_they_are_read_are_left_to_the_next_run() {
    let mut world = World::new(SMALL.with(Kind::REFUNDS, 45));
    world.config.insert("page_size".into(), json!(10));
    let ids: BTreeSet<u64> = world.store.borrow().ids(Kind::REFUNDS).collect();
    let mut at = world.now();
    world.store.borrow_mut().on_request(move |request, store| {
        if request.path.ends_with("/refunds") {
            at += chrono::TimeDelta::seconds(5);
            store.create(Kind::REFUNDS, at);
        }
    });
    let run = run(&world, "refunds");
    assert_eq!(run.verdict(), None, "{:?}", run.warnings());
    let came: BTreeSet<u64> = run.ids("refunds").into_iter().collect();
    assert!(ids.is_subset(&came));
    assert!(asked(&world, "/refunds?") < 25, "{} requests", asked(&world, "/refunds?"));
}

#[test]
fn a_resumed_list_by_page_number_believes_no_empty_page_that_contradicts_itself() {
    let mut world = World::new(SMALL);
    world.config.insert("page_size".into(), json!(10));
    let select = Some(vec!["categories".to_owned()]);
    let first = Request { select: select.clone(), max_records: Some(30), ..world.request(None) };
    let first = world.run_with(first, None).ok();
    world.store.borrow_mut().add_fault(Fault::on("page=4", Action::EmptyPage).times(2));
    let second = world.run_with(Request { select, ..world.request(Some(first.state())) }, None).ok();
    let id = |record: &&Value| record["category_id"].as_u64().unwrap();
    let came: BTreeSet<u64> =
        [&first, &second].iter().flat_map(|run| run.records("categories")).map(|record| id(&record)).collect();
    assert_eq!((second.verdict(), came.len()), (None, 90), "{:?}", second.warnings());
}

#[test]
fn a_price_list_without_a_list_of_records_is_passed_with_a_warning() {
    let world = World::new(SMALL);
    let lists: Vec<u64> = world.store.borrow().ids(Kind::PRICE_LISTS).collect();
    for id in [lists[0], lists[17]] {
        world.store.borrow_mut().add_fault(Fault::on(&format!("/pricelists/{id}/records"), Action::NotFound).always());
    }
    let run = run(&world, "price_list_records");
    assert_eq!(run.verdict(), None, "{:?}", run.warnings());
    let came: BTreeSet<u64> =
        run.records("price_list_records").iter().map(|record| record["price_list_id"].as_u64().unwrap()).collect();
    assert!(!came.contains(&lists[0]) && came.contains(&lists[1]) && came.contains(&lists[24]));
    let warned = run.warnings().iter().filter(|warning| warning.contains("has no list (status 404)")).count();
    assert_eq!(warned, 2, "{:?}", run.warnings());
}

#[test]
fn a_store_that_knows_one_page_of_a_list_loses_no_record_for_it() {
    let mut world = World::new(SMALL);
    world.config.insert("page_size".into(), json!(10));
    let id = world.store.borrow().ids(Kind::ORDERS).nth(5).unwrap();
    let at = world.now() - chrono::TimeDelta::days(1);
    world.store.borrow_mut().edit(Kind::ORDERS, id, at, |order| {
        let payments = (0..10_u64).map(|place| json!({"id": 7_000_000 + place, "order_id": id.to_string()}));
        order.parts.insert("transactions".into(), payments.collect());
    });
    world.store.borrow_mut().add_fault(Fault::on("/transactions", Action::DuplicatePage).always());
    let run = run(&world, "transactions");
    let came =
        run.records("transactions").iter().filter(|row| row["order_id"].to_string().trim_matches('"') == id.to_string()).count();
    assert_eq!((run.verdict(), came), (None, 10), "{:?}", run.warnings());
}

#[test]
fn an_end_date_says_nothing_of_what_is_read_by_the_ids_of_records() {
    let mut world = World::new(SMALL);
    world.config.insert("end_date".into(), json!("2015-01-01T00:00:00Z"));
    let whole = |stream: &str| {
        json!({
            "stream": stream, "tap_stream_id": stream, "replication_method": "FULL_TABLE", "schema": {"type": "object", "properties": {}},
            "metadata": [{"breadcrumb": [], "metadata": {"selected": true}}],
        })
    };
    let catalog = json!({"streams": [whole("customers"), whole("customer_addresses")]}).to_string();
    let together = world.run_with(Request { catalog: Some(catalog), ..world.request(None) }, None).ok();
    assert_eq!(together.records("customer_addresses").len(), rows(&world, "customer_addresses"));
    for stream in ["product_variants", "customer_addresses", "product_channel_assignments"] {
        assert_eq!(run(&world, stream).records(stream).len(), rows(&world, stream), "{stream}");
    }
}

#[test]
fn a_price_list_whose_records_are_never_served_holds_up_no_other() {
    let stalls = Action::Deliver(tap_bigcommerce_sandbox::Delivery::Stall);
    for (place, action) in [(0, Action::status(500)), (17, Action::status(500)), (17, stalls)] {
        let world = World::new(SMALL);
        let list = world.store.borrow().ids(Kind::PRICE_LISTS).nth(place).unwrap();
        world.store.borrow_mut().add_fault(Fault::on(&format!("/pricelists/{list}/records"), action).always());
        let run = |state: Option<&Value>| {
            let request = Request { select: Some(vec!["price_list_records".to_owned()]), ..world.request(state) };
            world.run_with(request, None).ok()
        };
        let first = run(None);
        assert_eq!(first.verdict(), Some(Failure::SetAside), "{:?}", first.warnings());
        world.store.borrow_mut().clear_faults();
        let second = run(Some(first.state()));
        assert_eq!((second.verdict(), second.aside("price_list_records")), (None, json!([])));
        let key = |record: &&Value| format!("{} {} {}", record["price_list_id"], record["variant_id"], record["currency"]);
        let came: BTreeSet<String> =
            [&first, &second].iter().flat_map(|run| run.records("price_list_records")).map(|record| key(&record)).collect();
        assert_eq!(came.len(), rows(&world, "price_list_records"));
    }
}

#[test]
fn totals_of_a_page_or_of_more_than_the_list_shows_end_no_small_list() {
    for (stream, path) in [("categories", "/v3/catalog/trees/categories"), ("refunds", "/v3/orders/payment_actions/refunds")] {
        let mut world = World::new(SMALL.with(Kind::REFUNDS, 50));
        world.config.insert("page_size".into(), json!(10));
        world.store.borrow_mut().quirks.odd_answers.insert(path.into(), [tap_bigcommerce_sandbox::OddAnswer::PageTotals].into());
        let run = run(&world, stream);
        assert_eq!((run.verdict(), run.records(stream).len()), (None, rows(&world, stream)), "{stream}: {:?}", run.warnings());
    }
    let world = World::new(SMALL);
    for (page, data) in [(1, json!([{"category_id": 5, "name": "a"}, {"category_id": 7, "name": "c"}])), (2, json!([]))] {
        let body = json!({"data": data, "meta": {"pagination": {"total": 3, "count": 2, "per_page": 250, "current_page": page}}});
        let action = Action::Status { code: 200, body: Some(body.to_string().into_bytes()), headers: Vec::new() };
        let is_it = move |request: &tap_bigcommerce_sandbox::Request| {
            request.path.ends_with("/categories") && request.query.contains("page=2") == (page == 2)
        };
        world.store.borrow_mut().add_fault(Fault::when(is_it, action).always());
    }
    let run = run(&world, "categories");
    assert_eq!((run.verdict(), run.records("categories").len()), (None, 2), "{:?}", run.warnings());
    assert!(run.warnings().iter().any(|warning| warning.contains("shorter than it says")), "{:?}", run.warnings());
}

#[test]
fn what_no_record_has_is_not_asked_for_record_by_record() {
    let world = World::new(SMALL);
    let ids: Vec<u64> = world.store.borrow().ids(Kind::PRODUCTS).collect();
    let at = world.now() - chrono::TimeDelta::days(1);
    for id in ids {
        world.store.borrow_mut().edit(Kind::PRODUCTS, id, at, |product| {
            product.parts.insert("channel_assignments".into(), json!([]));
        });
    }
    let run = run(&world, "product_channel_assignments");
    assert_eq!((run.verdict(), run.records("product_channel_assignments").len()), (None, 0));
    assert!(asked(&world, "/channel-assignments?") < 12, "{}", asked(&world, "/channel-assignments?"));
}

#[test]
fn a_full_page_of_customers_that_says_nothing_more_ends_no_walk() {
    let mut world = World::new(SMALL);
    world.config.insert("page_size".into(), json!(50));
    world
        .store
        .borrow_mut()
        .quirks
        .odd_answers
        .insert("/v3/customers".into(), [tap_bigcommerce_sandbox::OddAnswer::MetaAsList].into());
    let run = run(&world, "customers");
    assert_eq!(run.verdict(), Some(Failure::Api));
    assert!(run.warnings().iter().any(|warning| warning.contains("neither how to continue")), "{:?}", run.warnings());
}

#[test]
fn a_list_inside_a_record_that_does_not_end_is_set_aside() {
    let world = World::new(SMALL);
    let id = world.store.borrow().ids(Kind::ORDERS).nth(5).unwrap();
    let at = world.now() - chrono::TimeDelta::days(1);
    world.store.borrow_mut().edit(Kind::ORDERS, id, at, |order| {
        let payments = (0..100_300_u64).map(|place| json!({"id": 9_000_000 + place, "order_id": id.to_string()}));
        order.parts.insert("transactions".into(), payments.collect());
    });
    let run = run(&world, "transactions");
    assert_eq!((run.verdict(), run.aside("transactions")), (Some(Failure::SetAside), json!([id])), "{:?}", run.warnings());
}

#[test]
fn a_refused_page_behind_the_end_of_a_batch_costs_no_row() {
    for status in [400, 404, 422, 500] {
        let world = World::new(SMALL);
        let is_behind = |request: &tap_bigcommerce_sandbox::Request| {
            request.query.contains("page=2")
                && ["/variants", "/channel-assignments", "/addresses"].iter().any(|path| request.path.ends_with(path))
        };
        world.store.borrow_mut().add_fault(Fault::when(is_behind, Action::status(status)).always());
        for stream in ["product_channel_assignments", "product_variants", "customer_addresses"] {
            let run = run(&world, stream);
            assert_eq!(
                (run.verdict(), run.records(stream).len()),
                (None, rows(&world, stream)),
                "{stream} by {status}: {:?}",
                run.warnings()
            );
        }
    }
}

#[test]
fn limited_runs_come_to_the_end_of_a_list_by_page_number() {
    for most in [11, 29, 30, 31, 89, 90] {
        let mut world = World::new(SMALL);
        world.config.insert("page_size".into(), json!(10));
        let (mut state, mut came) = (None::<Value>, BTreeSet::new());
        for runs in 0.. {
            assert!(runs < 30, "runs of {most} records do not come to an end: {state:?}");
            let select = Some(vec!["categories".to_owned()]);
            let run = world.run_with(Request { select, max_records: Some(most), ..world.request(state.as_ref()) }, None).ok();
            came.extend(run.records("categories").iter().map(|category| category["category_id"].to_string()));
            if run.result.as_ref().unwrap().complete {
                break;
            }
            state = Some(run.state().clone());
        }
        assert_eq!(came.len(), 90);
    }
}
