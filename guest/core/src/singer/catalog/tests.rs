use super::*;
use serde_json::json;

fn entry(value: Value) -> Entry {
    let text = json!({ "streams": [value] }).to_string();
    Catalog::parse(&text).unwrap().entries.remove(0)
}

fn refused(streams: Value) -> String {
    let failure = Catalog::parse(&json!({ "streams": streams }).to_string()).unwrap_err();
    assert_eq!(failure.kind, Kind::Catalog);
    failure.message
}

/// A field's metadata, or the stream's.
fn item(path: &str, about: Value) -> Value {
    let breadcrumb: Vec<&str> = path.split('.').filter(|name| !name.is_empty()).flat_map(|name| ["properties", name]).collect();
    json!({ "breadcrumb": breadcrumb, "metadata": about })
}

/// The selected ones of these fields, in their order. All are selected by default, but for `extra`.
fn selected(entry: &Entry, fields: &[&str]) -> String {
    let paths: Vec<Vec<String>> = fields.iter().map(|field| field.split('.').map(str::to_owned).collect()).collect();
    let selected = entry.selection(&paths, &|path| path != ["extra"]);
    fields.iter().filter(|field| selected.contains(&field.split('.').collect::<Vec<_>>())).copied().collect::<Vec<_>>().join(" ")
}

const FIELDS: [&str; 8] = ["id", "status", "products", "products.sku", "products.name", "extra", "extra.a", "extra.b"];

#[test]
fn metadata_selects_at_any_depth_with_or_without_items() {
    let entry = entry(json!({"tap_stream_id": "orders", "metadata": [
        {"breadcrumb": [], "metadata": {"selected": true}},
        {"breadcrumb": ["properties", "status"], "metadata": {"selected": false}},
        {"breadcrumb": ["properties", "id"], "metadata": {"selected": false, "inclusion": "automatic"}},
        {"breadcrumb": ["properties", "products", "items", "properties", "sku"], "metadata": {"selected": false}},
        {"breadcrumb": ["properties", "products", "properties", "name"], "metadata": {"inclusion": "Unsupported"}}]}));
    assert!(entry.is_selected());
    assert_eq!(selected(&entry, &FIELDS), "id products");
}

#[test]
fn the_older_form_selects_inside_the_schema() {
    let entry = entry(json!({"stream": "coupons", "schema": {"selected": true, "properties": {
        "id": {"selected": true}, "status": {"selected": false}}}}));
    assert!(entry.is_selected());
    assert_eq!(selected(&entry, &FIELDS), "id");
}

#[test]
fn a_field_that_the_catalog_does_not_list_is_not_selected() {
    let entry = entry(json!({"stream": "coupons", "schema": {"properties": {"id": {}}},
        "metadata": [{"breadcrumb": [], "metadata": {"selected": true}}]}));
    assert_eq!(selected(&entry, &FIELDS), "id");
}

#[test]
fn a_stream_that_nothing_is_said_of_is_not_selected() {
    assert!(!entry(json!({"stream": "orders"})).is_selected());
    assert!(entry(json!({"stream": "orders", "metadata": [item("", json!({"selected-by-default": true}))]})).is_selected());
}

#[test]
fn yes_and_no_are_understood_in_every_spelling_and_place() {
    let words = [(json!("true"), true), (json!("YES"), true), (json!(" 1 "), true), (json!(1), true), (json!("on"), true)];
    let no = [
        (json!("false"), false),
        (json!("False"), false),
        (json!("no"), false),
        (json!("0"), false),
        (json!(0), false),
        (json!("OFF"), false),
    ];
    for (word, meant) in words.into_iter().chain(no) {
        let wanted = if meant { "id status" } else { "id" };
        let in_metadata = json!({"stream": "orders", "metadata": [item("status", json!({"selected": word}))]});
        let by_default = json!({"stream": "orders", "metadata": [item("status", json!({"selected-by-default": word}))]});
        let in_schema = json!({"stream": "orders", "schema": {"properties": {"id": {}, "status": {"selected": word}}}});
        for value in [in_metadata, by_default, in_schema] {
            assert_eq!(selected(&entry(value.clone()), &FIELDS[..2]), wanted, "{value}");
        }
        for stream in [
            json!({"stream": "orders", "selected": word}),
            json!({"stream": "orders", "schema": {"selected": word}}),
            json!({"stream": "orders", "metadata": [item("", json!({"selected": word}))]}),
        ] {
            assert_eq!(entry(stream.clone()).is_selected(), meant, "{stream}");
        }
    }
    let null = entry(json!({"stream": "orders", "metadata": [item("status", json!({"selected": null}))]}));
    assert_eq!(selected(&null, &FIELDS[..2]), "id status", "null says nothing");
}

#[test]
fn what_is_neither_yes_nor_no_is_refused_with_stream_and_field() {
    for word in [json!("perhaps"), json!(""), json!(2), json!(-1), json!([]), json!({})] {
        for (value, named) in [
            (
                json!({"stream": "orders", "metadata": [item("products.sku", json!({"selected": word}))]}),
                "the field \"products.sku\" of the stream \"orders\"",
            ),
            (
                json!({"stream": "orders", "metadata": [item("status", json!({"selected-by-default": word}))]}),
                "\"status\" of the stream \"orders\"",
            ),
            (
                json!({"stream": "orders", "schema": {"properties": {"products": {"items": {"properties": {"sku": {"selected": word}}}}}}}),
                "\"products.sku\" of the stream \"orders\"",
            ),
            (json!({"stream": "orders", "selected": word}), "of the stream \"orders\""),
        ] {
            let message = refused(json!([value]));
            assert!(message.contains(named) && message.contains("neither true nor false"), "{message}");
        }
    }
    let field = json!({"stream": "orders", "schema": {"properties": {"selected": {"type": "string"}}}});
    assert!(entry(field).lists(&["selected"]), "a field may have that name");
}

#[test]
fn contradictory_entries_for_one_field_or_stream_are_refused() {
    let twice = |first: bool, second: bool| {
        json!([{"stream": "orders", "metadata": [
            {"breadcrumb": ["properties", "products", "items", "properties", "sku"], "metadata": {"selected": first}},
            {"breadcrumb": ["properties", "products", "properties", "sku"], "metadata": {"selected": second, "inclusion": "available"}}]}])
    };
    assert!(refused(twice(false, true)).contains("\"products.sku\" of the stream \"orders\" is both"));
    let apart = json!({"stream": "orders", "metadata": [item("status", json!({"selected": false})), item("status", json!({"inclusion": "available"}))]});
    assert_eq!(selected(&entry(apart), &FIELDS[..2]), "id", "a second item takes nothing back");
    assert!(Catalog::parse(&json!({ "streams": twice(true, true) }).to_string()).is_ok());
    let entries = refused(json!([{"stream": "orders"}, {"tap_stream_id": "orders", "selected": true}]));
    assert!(entries.contains("two entries for the stream \"orders\""), "{entries}");
}

#[test]
fn a_field_inside_an_object_that_is_not_selected_brings_the_object_with_it() {
    let by_name = |more: &[Value]| {
        let metadata = [&[item("", json!({"selected": true})), item("extra.a", json!({"selected": true}))], more].concat();
        entry(json!({"stream": "orders", "metadata": metadata}))
    };
    assert_eq!(selected(&by_name(&[]), &FIELDS[5..]), "extra extra.a");
    let off = [item("extra", json!({"selected-by-default": false})), item("extra.b", json!({"selected-by-default": true}))];
    assert_eq!(selected(&by_name(&off), &FIELDS[5..]), "extra extra.a");
    let older = json!({"stream": "orders", "schema": {"properties": {"id": {}, "extra": {"properties": {"a": {"selected": true}, "b": {}}}}}});
    assert_eq!(selected(&entry(older), &FIELDS), "id extra extra.a");
}

#[test]
fn an_object_that_is_deselected_by_name_stays_out_and_a_choice_inside_it_is_named() {
    let catalog = |inside: &[&str]| {
        let mut metadata = vec![item("extra", json!({"selected": "no"}))];
        metadata.extend(inside.iter().map(|field| item(field, json!({"selected": true}))));
        entry(json!({"stream": "orders", "metadata": metadata}))
    };
    let paths: Vec<Vec<String>> = FIELDS.iter().map(|field| field.split('.').map(str::to_owned).collect()).collect();
    let choice = catalog(&["extra.a"]);
    assert_eq!(selected(&choice, &FIELDS[5..]), "");
    assert_eq!(choice.contradictions(&paths), ["extra"]);
    let pattern = catalog(&["extra.a", "extra.b"]);
    assert_eq!(selected(&pattern, &FIELDS[5..]), "");
    assert!(pattern.contradictions(&paths).is_empty(), "`*.*` and `!orders.extra`, as Meltano marks them");
}

#[test]
fn a_replication_method_counts_most_where_a_user_writes_it() {
    let method = |value: Value| entry(value).replication_method();
    let forced = item("", json!({"forced-replication-method": "INCREMENTAL"}));
    let mine = item("", json!({"forced-replication-method": "INCREMENTAL", "replication-method": "full-table"}));
    for (value, wanted) in [
        (json!({"stream": "orders", "metadata": [forced]}), Some("INCREMENTAL")),
        (json!({"stream": "orders", "metadata": [forced], "replication_method": "FULL_TABLE"}), Some("FULL_TABLE")),
        (json!({"stream": "orders", "metadata": [mine], "replication_method": "INCREMENTAL"}), Some("FULL_TABLE")),
        (json!({"stream": "orders"}), None),
    ] {
        assert_eq!(method(value.clone()).as_deref(), wanted, "{value}");
    }
}

#[test]
fn what_is_no_catalog_is_refused_with_a_way_out() {
    for text in ["", "[]", "{}", r#"{"streams": [{}]}"#, r#"{"streams": 1}"#] {
        let failure = Catalog::parse(text).unwrap_err();
        assert_eq!(failure.kind, Kind::Catalog);
        assert!(failure.message.contains("--discover"), "{failure}");
    }
}
