//! The SQLite file: it holds the whole store, and a second run changes nothing. Killed runs are in `crash.rs`.

use rusqlite::types::Value as Sql;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use tap_bigcommerce_sandbox::{Counts, Kind};
use tap_bigcommerce_tests::messages::{Message, of_stream};
use tap_bigcommerce_tests::program::{program, run};
use tap_bigcommerce_tests::shop::{Shop, counts};
use tap_bigcommerce_tests::tables;

const TO_FILE: [&str; 2] = ["--output", "sqlite:shop.db"];
/// What follows the name of a decimal where its digits are.
const EXACT: &str = "__exact";

/// Compares each row's columns with the record's fields.
fn same(table: &str, columns: &[String], row: &[Sql], record: &serde_json::Map<String, Value>, digits: &dyn Fn(&str) -> String) {
    assert!(record.keys().all(|field| columns.contains(field)), "{table}: a field has no column");
    for (column, held) in columns.iter().zip(row) {
        let name = column.strip_suffix(EXACT).unwrap_or(column);
        let written = record.get(name).unwrap_or(&Value::Null);
        let wanted = match written {
            Value::Null => Sql::Null,
            Value::Bool(value) => Sql::Integer((*value).into()),
            Value::String(text) => Sql::Text(text.clone()),
            Value::Number(number) if matches!(held, Sql::Integer(_)) => Sql::Integer(number.as_i64().unwrap()),
            Value::Number(number) if columns.contains(&format!("{column}{EXACT}")) => Sql::Real(number.as_f64().unwrap()),
            _ => Sql::Text(digits(name)),
        };
        assert_eq!(*held, wanted, "{table}.{column}");
    }
}

/// The fields that the stream's SCHEMA announces.
fn announced<'m>(messages: &'m [Message], stream: &str) -> BTreeSet<&'m str> {
    let schema = messages.iter().find(|message| message.kind == "SCHEMA" && message.stream == stream).unwrap();
    let properties = schema.schema.as_ref().unwrap()["properties"].as_object().unwrap();
    properties.keys().map(String::as_str).collect()
}

#[test]
fn the_file_holds_every_record_with_all_that_is_in_it() {
    let shop = Shop::new(counts(60, 40, 30, 12));
    shop.run(TO_FILE).ok();
    let messages = shop.run([]).ok().messages();
    let connection = tables::open(&shop.path("shop.db"));
    for table in ["orders", "order_products", "customers", "products", "coupons"] {
        let mut records = of_stream(&messages, table);
        records.sort_by_key(|message| message.id());
        let statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
        let fields = columns.iter().map(String::as_str).filter(|name| !name.ends_with(EXACT));
        assert_eq!(fields.collect::<BTreeSet<_>>(), announced(&messages, table), "{table}");
        let id = columns.iter().position(|name| name == "id").unwrap();
        let mut rows = tables::rows(&connection, table);
        rows.sort_by_key(|row| if let Sql::Integer(id) = row[id] { id } else { panic!("{table}: an id is no integer") });
        assert_eq!(rows.len(), records.len(), "{table}");
        for (row, record) in rows.iter().zip(records) {
            let (tree, fields) = (record.tree(), record.fields());
            same(table, &columns, row, tree.as_object().unwrap(), &|name| fields[name].get().to_owned());
        }
    }
    let stored = tables::names(&connection);
    assert_eq!(
        stored,
        ["_tap_meta", "_tap_state", "_tap_streams", "coupons", "customers", "order_products", "orders", "products"]
    );
}

#[test]
fn nested_lists_can_be_queried_and_are_whole() {
    let shop = Shop::new(counts(60, 40, 30, 12));
    shop.run(TO_FILE).ok();
    let file = shop.path("shop.db");
    let (mut lines, mut addresses) = (0, 0);
    shop.sandbox.with_store(|store| {
        let parts = |kind, id, part: &str| store.record(kind, id).unwrap().parts[part].as_array().unwrap().len() as i64;
        lines = store.ids(Kind::ORDERS).map(|id| parts(Kind::ORDERS, id, "products")).sum();
        addresses = store.ids(Kind::CUSTOMERS).map(|id| parts(Kind::CUSTOMERS, id, "addresses")).sum();
    });
    let sum = |query: &str| tables::value(&file, query);
    assert_eq!(sum("SELECT sum(json_array_length(products)) FROM orders"), Sql::Integer(lines));
    assert_eq!(sum("SELECT count(*) FROM order_products"), Sql::Integer(lines));
    assert_eq!(sum("SELECT count(*) FROM orders o JOIN order_products p ON p.order_id = o.id"), Sql::Integer(lines));
    assert_eq!(sum("SELECT sum(json_array_length(addresses)) FROM customers"), Sql::Integer(addresses));
}

#[test]
fn what_people_ask_of_prices_is_answered_as_of_numbers() {
    let shop = Shop::new(counts(60, 40, 30, 12));
    shop.run(TO_FILE).ok();
    let file = shop.path("shop.db");
    let totals: Vec<f64> = shop.sandbox.with_store(|store| {
        let total = |id| store.record(Kind::ORDERS, id).unwrap().fields["total_inc_tax"].as_str().unwrap().parse().unwrap();
        store.ids(Kind::ORDERS).map(total).collect()
    });
    let above = totals.iter().filter(|total| **total > 100.0).count() as i64;
    let most = totals.iter().copied().fold(0.0, f64::max);
    assert!(above > 0 && above < totals.len() as i64);
    assert_eq!(tables::value(&file, "SELECT count(*) FROM orders WHERE total_inc_tax > 100"), Sql::Integer(above));
    assert_eq!(tables::value(&file, "SELECT max(total_inc_tax) FROM orders"), Sql::Real(most));
    assert_eq!(tables::value(&file, "SELECT total_inc_tax FROM orders ORDER BY total_inc_tax DESC LIMIT 1"), Sql::Real(most));
}

#[test]
fn a_second_run_changes_nothing() {
    let shop = Shop::new(counts(60, 40, 30, 12));
    shop.run(TO_FILE).ok();
    let before = tables::dump(&shop.path("shop.db"));
    shop.run(TO_FILE).ok();
    assert_eq!(tables::dump(&shop.path("shop.db")), before);
    shop.run(["--output", "sqlite:shop.db", "--full-refresh", "orders"]).ok();
    assert_eq!(tables::dump(&shop.path("shop.db")), before, "a stream that is read again is the same");
}

#[test]
fn a_change_in_the_store_replaces_its_row() {
    let shop = Shop::new(counts(20, 10, 5, 5));
    shop.run(TO_FILE).ok();
    let id = shop.sandbox.with_store(|store| {
        let id = store.ids(Kind::ORDERS).nth(4).unwrap();
        let newest = store.ids(Kind::ORDERS).filter_map(|id| store.date_modified(Kind::ORDERS, id)).max().unwrap();
        store.edit(Kind::ORDERS, id, newest + Duration::from_secs(5), |order| {
            order.fields.insert("staff_notes".into(), "leave at the door".into());
        });
        id
    });
    shop.run(TO_FILE).ok();
    let file = shop.path("shop.db");
    let note = tables::value(&file, &format!("SELECT staff_notes FROM orders WHERE id = {id}"));
    assert_eq!(note, Sql::Text("leave at the door".into()));
    assert_eq!(tables::value(&file, "SELECT count(*) FROM orders"), Sql::Integer(20));
}

#[test]
fn the_sandbox_needs_nothing_and_a_second_run_adds_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = || {
        let mut command = program(["--sandbox", "--output", "sqlite:shop.db"]);
        command.current_dir(folder.path());
        run(command).ok()
    };
    let ended = sandbox();
    assert_eq!(ended.stdout, "", "messages go to the file alone");
    let file = folder.path().join("shop.db");
    let first = tables::dump(&file);
    let rows = |name: &str| first[name].len() as u64;
    let [orders, customers, products, coupons] =
        [Kind::ORDERS, Kind::CUSTOMERS, Kind::PRODUCTS, Kind::COUPONS].map(|kind| Counts::default().get(kind));
    assert_eq!([rows("orders"), rows("customers"), rows("products"), rows("coupons")], [orders, customers, products, coupons]);
    sandbox();
    assert_eq!(tables::dump(&file), first);
}
