//! `--test`: a record of each selected stream, or its SCHEMA alone; no state is written.

use serde_json::json;
use tap_bigcommerce_sandbox::{Action, Counts, Fault, Options, Scope};
use tap_bigcommerce_tests::doors::command;
use tap_bigcommerce_tests::messages::{Message, of_stream};
use tap_bigcommerce_tests::shop::{Shop, counts};

const MANY: Counts = counts(400, 60, 60, 60);
const STREAMS: [&str; 5] = ["orders", "order_products", "customers", "products", "coupons"];

fn kinds(messages: &[Message]) -> Vec<(&str, &str)> {
    messages.iter().map(|message| (message.kind.as_str(), message.stream.as_str())).collect()
}

#[test]
fn one_record_of_each_stream_is_read_with_its_parts_and_no_state_is_written() {
    let shop = Shop::new(MANY);
    for flag in ["--test", "--test=all"] {
        let ended = shop.run([flag]).ok();
        let messages = ended.messages();
        let wanted: Vec<_> = STREAMS.iter().flat_map(|stream| [("SCHEMA", *stream), ("RECORD", *stream)]).collect();
        assert_eq!(kinds(&messages), wanted);
        assert!(of_stream(&messages, "orders")[0].tree()["products"].as_array().is_some_and(|lines| !lines.is_empty()));
        for stream in STREAMS {
            assert!(ended.stderr.contains(&format!("INFO {stream}: good")), "{}", ended.stderr);
        }
        assert!(!ended.stderr.contains("METRIC"));
    }
    assert!(!shop.was_asked("limit=250"), "a whole page is not read for one record");
}

#[test]
fn a_test_of_the_schemas_asks_the_store_for_nothing() {
    let shop = Shop::new(MANY);
    let messages = shop.run(["--test=schema"]).ok().messages();
    assert_eq!(kinds(&messages), STREAMS.map(|stream| ("SCHEMA", stream)));
    let whole = shop.run(["--test=schema", "--select", "orders.products.sku,coupons"]).ok().messages();
    assert_eq!(kinds(&whole), [("SCHEMA", "orders"), ("SCHEMA", "coupons")]);
    let lines = &whole[0].schema.as_ref().unwrap()["properties"]["products"]["items"]["properties"];
    assert_eq!(lines.as_object().unwrap().keys().collect::<Vec<_>>(), ["sku"]);
    assert_eq!(shop.sandbox.request_count(), 0);
}

#[test]
fn each_stream_that_fails_is_named_and_the_others_are_tried() {
    let missing_scopes = [Scope::Customers].into();
    let shop = Shop::with(Options { counts: counts(5, 5, 0, 5), missing_scopes, ..Options::default() });
    shop.sandbox.with_store(|store| store.add_fault(Fault::on("/v2/coupons", Action::status(400)).always()));
    let ended = shop.run(["--test"]).told(6, &["the test failed", "customers: ", "store_v2_customers_read_only", "coupons: "]);
    assert_eq!(of_stream(&ended.messages(), "orders").len(), 1);
    assert!(ended.stderr.contains("INFO products: good, it can be read, and has no record yet"), "{}", ended.stderr);
    shop.run(["--test", "--select", "orders"]).ok();
    shop.run(["--test", "--select", "order"]).told(3, &["\"orders\""]);
    shop.file("config.json", &shop.config_with(json!({"access_token": "not-this-stores-token"})));
    shop.run(["--test"]).told(5, &["access_token"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_door_tests_as_the_host_does() {
    let shop = Shop::new(counts(30, 20, 15, 8));
    for flag in ["--test", "--test=schema"] {
        let said = command(&shop.path(""), &["--config", "config.json", flag, "--exclude", "coupons"], &[]).await;
        assert!(said.good, "{}", said.stderr);
        let (own, of_host) =
            (tap_bigcommerce_tests::messages::messages(&said.stdout), shop.run([flag, "--exclude", "coupons"]).ok());
        let record = |messages: &[Message]| messages.iter().map(|message| message.record().to_owned()).collect::<Vec<_>>();
        assert_eq!(kinds(&own), kinds(&of_host.messages()));
        assert!(record(&own) == record(&of_host.messages()));
        assert_eq!(said.stderr.contains("INFO orders: good, a record was read"), flag == "--test");
    }
    let failing =
        Shop::with(Options { counts: counts(2, 2, 2, 2), missing_scopes: [Scope::Orders].into(), ..Options::default() });
    let said = command(&failing.path(""), &["--config", "config.json", "--test"], &[]).await;
    assert!(!said.good && said.stderr.contains("INFO coupons: good"), "{}", said.stderr);
    let last = said.stderr.lines().last().unwrap();
    assert!(
        last.starts_with("CRITICAL ") && last.contains("orders, order_products") && last.contains("[missing-scope]"),
        "{last}"
    );
}
