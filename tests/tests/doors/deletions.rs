//! Records that are deleted in the store: with versions they are removed from the program's own outputs, without they stay.

use rusqlite::types::Value as Sql;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use tap_bigcommerce_sandbox::{Counts, Kind};
use tap_bigcommerce_tests::doors::{Edge, command, whole};
use tap_bigcommerce_tests::runs::{BEARER, EDGE_TOKEN, edge_variables};
use tap_bigcommerce_tests::shop::{Shop, counts};
use tap_bigcommerce_tests::tables;

const SMALL: Counts = counts(6, 4, 3, 8);
const OUTPUTS: [&str; 2] = ["sqlite:shop.db", "jsonl:lines"];

/// The ids of a stream that an output holds.
fn held(shop: &Shop, output: &str, stream: &str) -> BTreeSet<u64> {
    let in_file = |file: &Path| {
        let connection = tables::open(file);
        let mut rows = connection.prepare(&format!("SELECT id FROM {stream}")).unwrap();
        let ids = rows.query_map([], |row| row.get::<_, u64>(0)).unwrap();
        ids.collect::<rusqlite::Result<_>>().unwrap()
    };
    let in_lines = |text: String| {
        let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_u64().unwrap();
        text.lines().map(id).collect()
    };
    match output.split_once(':').unwrap() {
        ("sqlite", file) => in_file(&shop.path(file)),
        (_, folder) => in_lines(std::fs::read_to_string(shop.path(&format!("{folder}/{stream}.jsonl"))).unwrap()),
    }
}

fn in_store(shop: &Shop, kind: Kind) -> BTreeSet<u64> {
    shop.sandbox.with_store(|store| store.ids(kind).collect())
}

/// Deletes the second record of a kind.
fn delete(shop: &Shop, kind: Kind) {
    shop.sandbox.with_store(|store| {
        let id = store.ids(kind).nth(1).unwrap();
        assert!(store.delete(kind, id));
    });
}

#[test]
fn what_is_deleted_in_the_store_goes_from_full_tables_if_the_config_says_so() {
    for output in OUTPUTS {
        for emits in [false, true] {
            let shop = Shop::new(SMALL);
            shop.file("config.json", &shop.config_with(json!({ "emit_activate_version_messages": emits })));
            shop.run(["--output", output]).ok();
            let (orders, coupons) = (in_store(&shop, Kind::ORDERS), in_store(&shop, Kind::COUPONS));
            assert!(held(&shop, output, "coupons") == coupons && held(&shop, output, "orders") == orders, "{output}, {emits}");
            delete(&shop, Kind::COUPONS);
            delete(&shop, Kind::CUSTOMERS);
            shop.run(["--output", output]).ok();
            let left = in_store(&shop, Kind::COUPONS);
            assert_eq!(left.len() + 1, coupons.len());
            assert_eq!(held(&shop, output, "coupons"), if emits { left } else { coupons }, "{output}, {emits}");
            assert_eq!(held(&shop, output, "orders"), orders, "{output}, {emits}");
            assert_eq!(held(&shop, output, "customers").len(), 4, "{output}, {emits}: it is not a full table");
        }
    }
}

#[test]
fn an_output_from_a_time_without_the_setting_loses_what_was_deleted_then() {
    for output in OUTPUTS {
        let shop = Shop::new(SMALL);
        shop.run(["--output", output]).ok();
        delete(&shop, Kind::COUPONS);
        shop.file("config.json", &shop.config_with(json!({ "emit_activate_version_messages": true })));
        shop.run(["--output", output]).ok();
        assert_eq!(held(&shop, output, "coupons"), in_store(&shop, Kind::COUPONS), "{output}");
        shop.run(["--output", output]).ok();
        assert_eq!(held(&shop, output, "coupons"), in_store(&shop, Kind::COUPONS), "{output}, without a change in the store");
        // With the setting off again, nothing is removed.
        let before = in_store(&shop, Kind::COUPONS);
        delete(&shop, Kind::COUPONS);
        shop.file("config.json", &shop.config_with(json!({})));
        shop.run(["--output", output]).ok();
        assert_eq!(held(&shop, output, "coupons"), before, "{output}");
    }
}

#[test]
fn a_walk_in_several_runs_loses_nothing_of_its_earlier_ones() {
    for output in OUTPUTS {
        let shop = Shop::new(SMALL);
        let settings = |more: Value| {
            let mut all = json!({ "emit_activate_version_messages": true });
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            shop.file("config.json", &shop.config_with(all));
        };
        settings(json!({}));
        shop.run(["--output", output, "--select", "coupons"]).ok();
        delete(&shop, Kind::COUPONS);
        settings(json!({ "max_records": 3 }));
        // Until nothing is left to read: 7 coupons, three per run.
        for _ in 0..4 {
            shop.run(["--output", output, "--select", "coupons"]);
        }
        settings(json!({}));
        shop.run(["--output", output, "--select", "coupons"]).ok();
        assert_eq!(held(&shop, output, "coupons"), in_store(&shop, Kind::COUPONS), "{output}");
    }
}

/// The streams with an ACTIVATE_VERSION. Each of their records has its version.
fn activated(text: &str) -> Vec<String> {
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &'static str| lines.iter().filter(move |line| line["type"] == kind);
    let told: Vec<&Value> = of("ACTIVATE_VERSION").collect();
    for message in &told {
        let mut records = of("RECORD").filter(|record| record["stream"] == message["stream"]).peekable();
        assert!(records.peek().is_some() && records.all(|record| record["version"] == message["version"]), "{message}");
    }
    told.iter().map(|message| message["stream"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn program_command_and_edge_say_the_same_of_what_is_complete() {
    let shop = Shop::new(SMALL);
    let settings = json!({ "emit_activate_version_messages": true });
    shop.file("config.json", &shop.config_with(settings.clone()));
    let select = "customers,coupons,product_ids";
    let by_program = shop.run(["--select", select]).ok().stdout;
    let by_command = command(&shop.path(""), &["--config", "config.json", "--select", select], &[]).await.stdout;
    let edge = Edge::open(edge_variables(&shop, &settings, Some(EDGE_TOKEN))).await;
    let by_edge = whole(edge.ask("POST", "/sync", Some(BEARER), json!({ "select": [select] }).to_string()).await).await.unwrap();
    for text in [by_program, by_command, by_edge] {
        let mut told = activated(&text);
        told.sort();
        assert_eq!(told, ["coupons", "product_ids"]);
    }
}

/// The table has only the stream's fields; the tap's versions are in another one.
#[test]
fn the_tables_of_the_streams_look_the_same_with_versions() {
    let columns = |emits: bool| {
        let shop = Shop::new(SMALL);
        shop.file("config.json", &shop.config_with(json!({ "emit_activate_version_messages": emits })));
        shop.run(["--output", "sqlite:shop.db"]).ok();
        let dump = tables::dump(&shop.path("shop.db"));
        dump.into_iter().filter(|(name, _)| !name.starts_with("_tap_")).collect::<Vec<(String, Vec<Vec<Sql>>)>>()
    };
    assert!(columns(false) == columns(true));
}
