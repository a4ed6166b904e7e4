//! What is selected is what is read, and what is asked of the store.

use crate::world::World;
use serde_json::{Value, json};
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_core::{discover, error::Kind};
use tap_bigcommerce_sandbox::{Counts, Kind as Records};

const SMALL: Counts =
    Counts::of([(Records::ORDERS, 20), (Records::CUSTOMERS, 15), (Records::PRODUCTS, 12), (Records::COUPONS, 8)]);

/// The discovered catalog with some fields deselected: `orders`, or `orders.products.sku`.
fn without(fields: &[&str]) -> Value {
    let mut catalog = discover::catalog();
    for stream in catalog["streams"].as_array_mut().unwrap() {
        let name = stream["stream"].as_str().unwrap().to_owned();
        for item in stream["metadata"].as_array_mut().unwrap() {
            let steps: Vec<&str> = item["breadcrumb"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            let path = steps
                .iter()
                .filter(|step| !matches!(**step, "properties" | "items"))
                .fold(name.clone(), |path, step| path + "." + step);
            if fields.contains(&path.as_str()) {
                item["metadata"]["selected"] = json!(false);
            }
        }
    }
    catalog
}

#[test]
fn a_run_says_once_that_variants_have_no_date_of_their_own() {
    let world = World::new(SMALL);
    let said = |select: &str, state: Option<&Value>| -> Vec<String> {
        let run = world.select_from(select, state);
        let is_it = |text: &&String| text.contains("has no modification date for variants");
        run.log.iter().map(|(_, text)| text).filter(is_it).cloned().collect()
    };
    let first = world.select("products");
    let state = Some(first.state());
    for state in [None, state] {
        let notice = said("products", state);
        assert!(notice.len() == 1 && notice[0].starts_with("products: "), "{notice:?}");
        assert!(notice[0].contains("product_variants") && notice[0].contains("--full-refresh products"), "{notice:?}");
    }
    assert_eq!(said("products.name", state), [""; 0], "variants are not selected");
    assert_eq!(said("products,product_variants", state), [""; 0], "all of them come");
}

#[test]
fn the_ids_of_products_and_customers_cost_a_request_for_each_page_and_cause_no_warning() {
    let mut world = World::new(SMALL.with(Records::PRODUCTS, 120).with(Records::CUSTOMERS, 120));
    world.config.insert("page_size".into(), json!(50));
    for stream in ["product_ids", "customer_ids"] {
        world.store.borrow_mut().clear_requests();
        let run = world.select(stream);
        assert_eq!(run.ids(stream).len(), 120, "{stream}");
        assert!(run.warnings().is_empty(), "{stream}: {:?}", run.warnings());
        let names = |record: &Value| record.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert!(run.records(stream).iter().all(|record| names(record) == ["id", "date_created", "date_modified"]), "{stream}");
        // Three pages, and what confirms the list's end.
        let requests = world.store.borrow().requests().len();
        assert!((4..=7).contains(&requests) && world.asked("include=") == 0, "{stream}: {requests} requests");
    }
}

fn run(world: &World, catalog: &Value) -> crate::world::Run {
    world.run_with(Inputs { catalog: Some(catalog.to_string()), ..world.inputs(None) }, None)
}

#[test]
fn deselected_fields_leave_record_and_schema_and_keys_stay() {
    let world = World::new(SMALL);
    let run = run(&world, &without(&["orders.id", "orders.date_modified", "orders.status", "orders.products.sku"])).ok();
    let schema = run.messages.iter().find(|message| message["type"] == "SCHEMA" && message["stream"] == "orders").unwrap();
    let properties = &schema["schema"]["properties"];
    assert!(properties.get("status").is_none() && properties["products"]["items"]["properties"].get("sku").is_none());
    assert_eq!(schema["key_properties"], json!(["id"]));
    assert_eq!(schema["bookmark_properties"], json!(["date_modified"]));
    for order in run.records("orders") {
        assert!(order.get("status").is_none() && order["id"].is_u64() && order["date_modified"].is_string());
        assert!(order["products"].as_array().unwrap().iter().all(|line| line.get("sku").is_none() && line["id"].is_u64()));
    }
}

#[test]
fn parts_are_fetched_only_where_they_are_selected() {
    let world = World::new(SMALL);
    run(&world, &without(&["orders.products", "orders.coupons", "orders.shipping_addresses", "order_products"])).ok();
    let asked = |part: &str| world.store.borrow().requests().iter().any(|seen| seen.target.contains(part));
    assert!(asked("/v2/orders?") && asked("/catalog/products?") && asked("/v2/coupons?"));
    let of_orders =
        |seen: &tap_bigcommerce_sandbox::Seen| seen.target.contains("/v2/orders/") && !seen.target.contains("/v2/orders/count");
    assert!(!world.store.borrow().requests().iter().any(of_orders));

    let world = World::new(SMALL);
    let lines_alone = run(&world, &without(&["orders", "customers", "products", "coupons"])).ok();
    assert!(lines_alone.records("orders").is_empty() && !lines_alone.records("order_products").is_empty());
    assert!(!world.store.borrow().requests().iter().any(|seen| seen.target.contains("shipping_addresses")));
}

#[test]
fn one_walk_serves_an_order_and_its_lines() {
    let world = World::new(SMALL);
    run(&world, &without(&["customers", "products", "coupons"])).ok();
    let seen = world.store.borrow();
    let lists = seen.requests().iter().filter(|seen| seen.target.contains("/v2/orders?")).count();
    let lines = seen.requests().iter().filter(|seen| seen.target.contains("/products?")).count();
    assert!(lists <= 6, "the highest id, the page, and one behind it; the same for archived orders: {lists} lists of orders");
    assert!(lines < 2 * 20, "{lines} lists of lines");
}

#[test]
fn products_are_asked_only_for_the_nested_lists_that_are_selected() {
    let world = World::new(SMALL);
    run(&world, &without(&["products.options", "products.modifiers", "products.reviews"])).ok();
    let store = world.store.borrow();
    let asked = store
        .requests()
        .iter()
        .find(|seen| {
            seen.target.contains("/catalog/products?include=") || seen.target.contains("/catalog/products?sort=id&direction=asc")
        })
        .unwrap();
    assert!(
        asked.target.contains("variants") && !asked.target.contains("options") && !asked.target.contains("reviews"),
        "{}",
        asked.target
    );
}

#[test]
fn a_catalog_that_asks_incremental_for_coupons_is_accepted_with_a_warning() {
    let world = World::new(SMALL);
    let catalog = json!({"streams": [{"tap_stream_id": "coupons", "stream": "coupons", "replication_key": "id",
        "schema": {"properties": {"id": {"type": "integer"}, "code": {"type": "string"}}},
        "metadata": [{"breadcrumb": [], "metadata": {"selected": true, "forced-replication-method": "INCREMENTAL"}}]}]});
    let run = run(&world, &catalog).ok();
    assert_eq!(run.records("coupons").len(), 8);
    assert!(
        run.records("coupons").iter().all(|coupon| coupon.as_object().unwrap().len() == 2),
        "fields beyond the catalog's are left out"
    );
    assert!(run.warnings().iter().any(|warning| warning.contains("INCREMENTAL")));
}

#[test]
fn an_unknown_stream_is_a_catalog_error_and_an_unselected_one_is_nothing() {
    let world = World::new(SMALL);
    let catalog = |selected: bool| json!({"streams": [{"stream": "gift_registries", "metadata": [{"breadcrumb": [], "metadata": {"selected": selected}}]}]});
    let failed = run(&world, &catalog(true));
    assert_eq!(failed.failure().kind, Kind::Catalog);
    assert!(failed.failure().message.contains("gift_registries") && failed.failure().message.contains("order_products"));
    let empty = run(&world, &catalog(false)).ok();
    assert!(empty.warnings().iter().any(|warning| warning.contains("no stream is selected")));
    assert_eq!(empty.messages.len(), 1, "a STATE is always written");
}

#[test]
fn newly_selected_fields_are_not_backfilled_and_the_user_is_told_once() {
    let world = World::new(SMALL);
    let first = run(&world, &without(&["orders.status"])).ok();
    let request = |state: &Value| Inputs { catalog: Some(without(&[]).to_string()), ..world.inputs(Some(state)) };
    let second = world.run_with(request(first.state()), None).ok();
    assert!(second.warnings().iter().any(|warning| warning.contains("--full-refresh orders")), "{:?}", second.warnings());
    let third = world.run_with(request(second.state()), None).ok();
    assert!(!third.warnings().iter().any(|warning| warning.contains("--full-refresh")));
}

#[test]
fn a_stream_that_the_catalog_wants_whole_is_read_whole_in_each_run() {
    let mut world = World::new(SMALL);
    world.config.insert("start_date".into(), "2100-01-01".into());
    let catalog = |whole: &[&str]| {
        let mut catalog = without(&["orders", "order_products", "coupons"]);
        for stream in catalog["streams"].as_array_mut().unwrap() {
            if whole.iter().any(|name| stream["stream"] == *name) {
                stream["metadata"][0]["metadata"]["replication-method"] = json!("FULL_TABLE");
            }
        }
        catalog
    };
    let with = |world: &World, whole: &[&str], state: Option<&Value>| {
        let request = Inputs { catalog: Some(catalog(whole).to_string()), ..world.inputs(state) };
        world.run_with(request, None).ok()
    };
    // A start date that far ahead is an error where it is heeded.
    let first = with(&world, &["customers"], None);
    world.config.shift_remove("start_date");
    for (whole, counts) in [(&["customers"][..], (15, 0)), (&["customers", "products"], (15, 12)), (&[], (0, 0))] {
        let run = with(&world, whole, Some(first.state()));
        let few = |count: usize, of: usize| if count == 0 { of < 12 } else { of == count };
        let (customers, products) = (run.records("customers").len(), run.records("products").len());
        assert!(few(counts.0, customers) && few(counts.1, products), "{whole:?}: {customers} customers, {products} products");
        assert!(
            run.state()["bookmarks"]["customers"]["date_modified"].is_string(),
            "a later run without it goes by its bookmark"
        );
    }
}

#[test]
fn a_field_inside_an_object_that_is_off_by_default_brings_the_object_with_it() {
    let world = World::new(SMALL);
    let mut catalog = without(&["order_products", "customers", "products", "coupons"]);
    let metadata = catalog["streams"][0]["metadata"].as_array_mut().unwrap();
    for item in
        metadata.iter_mut().filter(|item| item["breadcrumb"].to_string().contains("pickups\",\"items\",\"properties\",\"id"))
    {
        item["metadata"]["selected"] = json!("yes");
    }
    let ran = run(&world, &catalog).ok();
    let schema = &ran.messages.iter().find(|message| message["type"] == "SCHEMA").unwrap()["schema"];
    let pickups = &schema["properties"]["consignments"]["properties"];
    assert_eq!(pickups.as_object().unwrap().keys().collect::<Vec<_>>(), ["pickups"]);
    assert!(ran.records("orders").iter().any(|order| order["consignments"]["pickups"].is_array()));
}
