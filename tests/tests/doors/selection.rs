//! `--select` and `--exclude`: people choose what is read by name, and need not edit a catalog.

use serde_json::{Value, json};
use tap_bigcommerce_sandbox::Counts;
use tap_bigcommerce_tests::doors::command;
use tap_bigcommerce_tests::messages::{Message, held, ids, messages, of_stream};
use tap_bigcommerce_tests::shop::{Shop, counts};
use tap_bigcommerce_tests::tables;

const SMALL: Counts = counts(12, 10, 8, 6);

fn streams(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter(|message| message.kind == "SCHEMA").map(|message| message.stream.as_str()).collect()
}

/// The names of the fields that each record of a stream has, or of the objects in one of its lists.
fn fields(messages: &[Message], stream: &str, list: Option<&str>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for record in of_stream(messages, stream).into_iter().map(Message::tree) {
        let objects = match list {
            Some(list) => record[list].as_array().cloned().unwrap_or_default(),
            None => vec![record],
        };
        names.extend(objects.iter().filter_map(Value::as_object).flat_map(|object| object.keys().cloned()));
    }
    names.sort();
    names.dedup();
    names
}

#[test]
fn what_is_selected_by_name_is_read_and_nothing_else_is_asked_for() {
    let shop = Shop::new(SMALL);
    let messages = shop.run(["--select", "orders.products.sku,coupons", "--select", "orders.status"]).ok().messages();
    assert_eq!(streams(&messages), ["orders", "coupons"]);
    assert_eq!((ids(&messages, "orders").len(), ids(&messages, "coupons").len()), (12, 6));
    assert_eq!(fields(&messages, "orders", None), ["date_modified", "id", "products", "status"]);
    assert_eq!(fields(&messages, "orders", Some("products")), ["sku"]);
    assert!(shop.was_asked("/products") && !shop.was_asked("/v3/") && !shop.was_asked("shipping_addresses"));
}

#[test]
fn what_is_excluded_is_left_out_and_all_else_is_as_without() {
    let shop = Shop::new(SMALL);
    let (whole, less) = (shop.run([]).ok().messages(), shop.run(["--exclude", "customers.notes,order_products"]).ok().messages());
    let without_notes = |messages: &[Message]| {
        let of = of_stream(messages, "customers").into_iter().map(Message::tree);
        of.map(|mut record| {
            record.as_object_mut().map(|record| record.remove("notes"));
            record
        })
        .collect::<Vec<_>>()
    };
    assert!(fields(&whole, "customers", None).contains(&"notes".to_owned()));
    assert!(!fields(&less, "customers", None).contains(&"notes".to_owned()));
    assert_eq!(without_notes(&less), without_notes(&whole));
    let others = |messages: &[Message]| {
        held(messages)
            .into_iter()
            .filter(|((name, _), _)| !["customers", "order_products"].contains(&name.as_str()))
            .collect::<Vec<_>>()
    };
    assert!(others(&less) == others(&whole));
    assert_eq!(streams(&less), ["orders", "customers", "products", "coupons"]);
}

#[test]
fn a_discovered_catalog_has_the_selection_and_rules_apply_on_top_of_a_catalog() {
    let shop = Shop::new(SMALL);
    let rules = ["--select", "coupons,customers.email", "--exclude", "coupons.code"];
    let wanted = shop.run(rules).ok().messages();
    shop.file("catalog.json", &shop.run([&["--discover"][..], &rules].concat()).ok().stdout);
    assert!(held(&shop.run(["--catalog", "catalog.json"]).ok().messages()) == held(&wanted));
    let narrowed = shop.run(["--catalog", "catalog.json", "--exclude", "customers"]).ok().messages();
    assert_eq!(streams(&narrowed), ["coupons"]);
    assert!(!fields(&narrowed, "coupons", None).contains(&"code".to_owned()));
}

#[test]
fn a_rule_that_names_nothing_is_told_with_the_nearest_before_anything_is_asked_or_opened() {
    let shop = Shop::new(SMALL);
    for (flag, rule, meant) in [
        ("--select", "orders,product.variants", "did you mean \"products.variants\""),
        ("--exclude", "customers.note", "did you mean \"customers.notes\""),
        ("--select", "", "empty"),
        ("--exclude", "orders.id", "cannot be excluded"),
    ] {
        shop.run([flag, rule, "--output", "sqlite:shop.db"]).told(3, &[meant]);
        shop.run(["--discover", flag, rule]).told(3, &[meant]);
    }
    assert!(!shop.path("shop.db").exists() && shop.sandbox.request_count() == 0);
}

#[test]
fn a_file_takes_a_selection_too() {
    let shop = Shop::new(SMALL);
    shop.run(["--output", "sqlite:shop.db", "--select", "coupons"]).ok();
    let dump = format!("{:?}", tables::dump(&shop.path("shop.db")));
    assert!(dump.contains("coupons") && !dump.contains("customers"), "{dump}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_door_takes_the_same_rules() {
    let shop = Shop::new(SMALL);
    let rules = ["--select", "orders.products,customers", "--exclude", "*.notes"];
    let said = command(&shop.path(""), &[&["--config", "config.json"][..], &rules].concat(), &[]).await;
    assert!(said.good, "{}", said.stderr);
    let of_host = shop.run(rules).ok().messages();
    assert!(held(&messages(&said.stdout)) == held(&of_host) && !of_host.is_empty());
    let discovered = command(&shop.path(""), &[&["--discover"][..], &rules].concat(), &[]).await;
    let catalog = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(catalog(&discovered.stdout), catalog(&shop.run([&["--discover"][..], &rules].concat()).ok().stdout));
    let wrong = command(&shop.path(""), &["--config", "config.json", "--select", "order"], &[]).await;
    assert!(!wrong.good && wrong.stderr.contains("did you mean \"orders\"?") && wrong.stderr.contains("[catalog]"));
    assert_ne!(catalog(&discovered.stdout), json!({}));
}
