//! The tables of a shop belong together, and hold what a client has to ask for.

use std::collections::BTreeSet;

use serde_json::Value;
use tap_bigcommerce_sandbox::{Counts, Kind, Options, Store};

use crate::support::{get, rows, store};

/// Lists, where their rows name others, and the lists of those.
const REFERENCES: &[(&str, &str, &str)] = &[
    ("brand_metafields", "/resource_id", "brands"),
    ("categories", "/parent_id", "categories"),
    ("categories", "/tree_id", "category_trees"),
    ("category_metafields", "/resource_id", "categories"),
    ("category_trees", "/channels", "channels"),
    ("channel_listings", "/product_id", "products"),
    ("channel_metafields", "/resource_id", "channels"),
    ("customer_addresses", "/customer_id", "customers"),
    ("customer_attribute_values", "/attribute_id", "customer_attributes"),
    ("customer_groups", "/category_access/categories", "categories"),
    ("customer_metafields", "/resource_id", "customers"),
    ("customers", "/channel_ids", "channels"),
    ("customers", "/customer_group_id", "customer_groups"),
    ("customers", "/segment_ids", "segments"),
    ("customers", "/shopper_profile_id", "shopper_profiles"),
    ("gift_certificates", "/order_id", "orders"),
    ("inventory_items", "/identity/product_id", "products"),
    ("inventory_items", "/identity/variant_id", "product_variants"),
    ("location_metafields", "/resource_id", "locations"),
    ("order_coupons", "/coupon_id", "coupons"),
    ("order_metafields", "/resource_id", "orders"),
    ("order_products", "/product_id", "products"),
    ("order_products", "/variant_id", "product_variants"),
    ("order_shipments", "/customer_id", "customers"),
    ("order_taxes", "/tax_class_id", "tax_classes"),
    ("order_taxes", "/tax_rate_id", "tax_rates"),
    ("orders", "/channel_id", "channels"),
    ("orders", "/currency_id", "currencies"),
    ("orders", "/customer_id", "customers"),
    ("orders", "/status_id", "order_statuses"),
    ("pages", "/channel_id", "channels"),
    ("pages", "/parent_id", "pages"),
    ("price_list_assignments", "/channel_id", "channels"),
    ("price_list_assignments", "/customer_group_id", "customer_groups"),
    ("price_list_assignments", "/price_list_id", "price_lists"),
    ("price_list_records", "/product_id", "products"),
    ("price_list_records", "/variant_id", "product_variants"),
    ("product_category_assignments", "/category_id", "categories"),
    ("product_channel_assignments", "/channel_id", "channels"),
    ("product_metafields", "/resource_id", "products"),
    ("products", "/base_variant_id", "product_variants"),
    ("products", "/brand_id", "brands"),
    ("products", "/categories", "categories"),
    ("products", "/tax_class_id", "tax_classes"),
    ("redirects", "/site_id", "sites"),
    ("refunds", "/order_id", "orders"),
    ("shipping_methods", "/channel_ids", "channels"),
    ("shopper_profiles", "/customer_id", "customers"),
    ("sites", "/channel_id", "channels"),
    ("subscribers", "/channel_id", "channels"),
    ("subscribers", "/order_id", "orders"),
    ("tax_rates", "/tax_zone_id", "tax_zones"),
    ("tax_zones", "/shopper_target_settings/customer_groups", "customer_groups"),
    ("variant_metafields", "/resource_id", "product_variants"),
    ("wishlists", "/customer_id", "customers"),
];

fn all(store: &Store, stream: &str) -> Vec<Value> {
    store.truth(stream).unwrap_or_else(|| panic!("no {stream}")).into_iter().map(|truth| truth.row.into()).collect()
}

/// The value at a path, or each value of the list there. Nothing, and 0, name no other row.
fn named(rows: &[Value], path: &str) -> BTreeSet<String> {
    let at = |row: &Value| match row.pointer(path) {
        Some(Value::Array(values)) => values.clone(),
        value => value.cloned().into_iter().collect(),
    };
    let text = |value: Value| value.as_str().map_or(value.to_string(), str::to_owned);
    rows.iter().flat_map(at).filter(|value| !value.is_null() && *value != 0).map(text).collect()
}

#[test]
fn what_a_row_refers_to_is_there() {
    let store = &store();
    for (stream, path, other) in REFERENCES {
        let known = all(store, other);
        let known = named(&known, if *other == "categories" { "/category_id" } else { "/id" });
        let named = named(&all(store, stream), path);
        let missing: Vec<&String> = named.difference(&known).collect();
        assert!(missing.is_empty(), "{stream}{path}: {missing:?} are no {other}");
        assert!(named.len() > 1, "{stream}{path}: too few to show anything");
    }
}

#[test]
fn statuses_have_the_numbers_that_orders_have_from_incomplete_on() {
    let store = &store();
    let statuses = all(store, "order_statuses");
    assert_eq!(statuses.iter().map(|status| status["id"].as_u64().unwrap()).collect::<Vec<_>>(), (0..15).collect::<Vec<_>>());
    assert_eq!((&statuses[0]["name"], &statuses[11]["name"]), (&"Incomplete".into(), &"Awaiting Fulfillment".into()));
    for order in all(store, "orders") {
        let id = usize::try_from(order["status_id"].as_u64().unwrap()).unwrap();
        assert_eq!(order["status"], statuses[id]["name"]);
    }
}

#[test]
fn one_currency_is_the_default() {
    let currencies = all(&store(), "currencies");
    let defaults: Vec<&Value> = currencies.iter().filter(|currency| currency["is_default"] == true).collect();
    assert_eq!((defaults.len(), &defaults[0]["id"], &defaults[0]["currency_code"]), (1, &1.into(), &"USD".into()));
}

#[test]
fn metafields_name_the_kind_of_what_they_belong_to() {
    let store = &store();
    for kind in ["order", "product", "variant", "category", "brand", "customer", "channel", "location"] {
        let fields = all(store, &format!("{kind}_metafields"));
        assert!(!fields.is_empty() && fields.iter().all(|field| field["resource_type"] == kind), "{kind}");
    }
}

#[test]
fn a_field_that_has_to_be_asked_for_comes_only_then() {
    let store = &mut store();
    for (path, parameter, fields) in [
        ("/v3/content/pages", "include=body", &["body"][..]),
        ("/v3/storefront/redirects", "include=to_url", &["to_url"]),
        ("/v3/channels", "include=currencies", &["currencies"]),
        ("/v2/orders/100/taxes", "details=true", &["order_product_id", "line_item_type"]),
    ] {
        let has = |rows: &[Value]| {
            assert!(!rows.is_empty(), "{path}");
            fields.iter().map(|field| rows.iter().any(|row| row.get(*field).is_some())).collect::<Vec<_>>()
        };
        assert!(has(&rows(store, &format!("{path}?{parameter}"))).iter().all(|has| *has), "{path}");
        assert!(has(&rows(store, path)).iter().all(|has| !has), "{path}");
        let other = format!("{path}?details=false");
        assert!(has(&rows(store, &other)).iter().all(|has| !has), "{path}");
    }
    assert!(get(store, "/v2/orders/100?include=fees")["fees"].is_array());
}

#[test]
fn one_list_in_a_hundred_is_longer_than_others_and_some_of_these_than_a_page() {
    let counts = Counts::default().with(Kind::ORDERS, 1_000).with(Kind::PRODUCTS, 1_000);
    let store = Store::new(Options { counts, ..Options::default() });
    for (kind, part) in
        [(Kind::ORDERS, "shipments"), (Kind::ORDERS, "taxes"), (Kind::ORDERS, "messages"), (Kind::PRODUCTS, "complex_rules")]
    {
        let length = |id| store.record(kind, id).unwrap().parts[part].as_array().unwrap().len();
        let mut long: Vec<usize> = store.ids(kind).map(length).filter(|length| *length > 10).collect();
        long.sort_unstable();
        assert_eq!(long, [11, 11, 25, 25, 250, 250, 251, 251, 259, 259], "{part}");
    }
}
