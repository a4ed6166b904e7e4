//! What becomes of each form of value, seen through [`record`].

use super::*;
use crate::schema;
use serde_json::{Value, json};

fn schema() -> Value {
    json!({"type": "object", "properties": {
        "id": {"type": ["integer", "null"]},
        "date": {"type": ["string", "null"], "format": "date-time"},
        "price": {"type": ["number", "null"]},
        "count": {"type": ["integer", "null"]},
        "note": {"type": ["string", "null"]},
        "open": {"type": ["boolean", "null"]},
        "lines": {"type": ["array", "null"], "items": {"type": ["object", "null"], "properties": {"sku": {"type": ["string", "null"]}}}},
        "tags": {"type": ["array", "null"], "items": {"type": ["string", "null"]}},
        "place": {"type": ["object", "null"], "properties": {"city": {"type": ["string", "null"]}}},
        "more": {"type": ["object", "null"], "additionalProperties": true},
        "credit": {"type": ["number", "null"], "x-source": "credits/0/amount"}}})
}

fn transform(row: &str, replaced: &[(&str, Replacement)]) -> (String, Findings) {
    let (whole, mut findings, mut out) = (schema(), Findings::default(), Vec::new());
    record(&Object::compile(&whole, &whole), row, replaced, &7, &mut findings, &mut out).unwrap();
    (String::from_utf8(out).unwrap(), findings)
}

fn becomes(row: &str, wanted: &str) {
    let (out, findings) = transform(row, &[]);
    assert_eq!((out.as_str(), findings.nulled), (wanted, 0), "from {row}");
}

fn nulls(row: &str, field: &str) {
    let (out, mut findings) = transform(row, &[]);
    assert_eq!((out, findings.nulled), (format!("{{\"{field}\":null}}"), 1), "from {row}");
    let warnings = findings.take_warnings();
    assert!(warnings[0].contains("record 7") && warnings[0].contains(field), "{warnings:?}");
}

#[test]
fn decimals_keep_their_digits_and_integers_their_size() {
    becomes(r#"{"price": "336.3200"}"#, r#"{"price":336.3200}"#);
    becomes(r#"{"price": 10.50}"#, r#"{"price":10.50}"#);
    becomes(r#"{"price": " -0.10 "}"#, r#"{"price":-0.10}"#);
    becomes(r#"{"count": 9007199254740993123}"#, r#"{"count":9007199254740993123}"#);
    becomes(r#"{"count": "12"}"#, r#"{"count":12}"#);
    becomes(r#"{"count": 12.000}"#, r#"{"count":12}"#);
    becomes(r#"{"price": ""}"#, r#"{"price":null}"#);
    becomes(r#"{"price": ".10"}"#, r#"{"price":0.10}"#);
    becomes(r#"{"price": "-.5"}"#, r#"{"price":-0.5}"#);
}

#[test]
fn dates_leave_in_utc_and_empty_ones_as_null() {
    becomes(r#"{"date": "Tue, 20 Nov 2012 01:00:00 +0100"}"#, r#"{"date":"2012-11-20T00:00:00Z"}"#);
    becomes(r#"{"date": "2018-08-15T14:48:46+00:00"}"#, r#"{"date":"2018-08-15T14:48:46Z"}"#);
    becomes(r#"{"date": ""}"#, r#"{"date":null}"#);
    for zero in ["0000-00-00", "0000-00-00T00:00:00Z", "-0001-11-30T00:00:00+00:00", "Wed, 30 Nov -0001 00:00:00 +0000"] {
        becomes(&json!({ "date": zero }).to_string(), r#"{"date":null}"#);
    }
    nulls(r#"{"date": 5}"#, "date");
    nulls(r#"{"date": "0000-soon"}"#, "date");
}

#[test]
fn text_takes_every_value_and_booleans_read_words_and_digits() {
    becomes(r#"{"note": "a \"quoted\" \u00e9"}"#, r#"{"note":"a \"quoted\" \u00e9"}"#);
    becomes(r#"{"note": 12.50}"#, r#"{"note":"12.50"}"#);
    becomes(r#"{"note": ["a", 1]}"#, r#"{"note":"[\"a\", 1]"}"#);
    becomes(r#"{"note": true}"#, r#"{"note":"true"}"#);
    becomes(r#"{"open": "1"}"#, r#"{"open":true}"#);
    becomes(r#"{"open": 0}"#, r#"{"open":false}"#);
    becomes(r#"{"open": "false"}"#, r#"{"open":false}"#);
    nulls(r#"{"open": "maybe"}"#, "open");
    becomes(r#"{"note": ""}"#, r#"{"note":""}"#);
    becomes(r#"{"note": {"a": {}}}"#, r#"{"note":"{\"a\": {}}"}"#);
}

#[test]
fn an_empty_list_or_object_where_a_single_value_belongs_is_null() {
    for field in ["note", "date", "count", "price", "open"] {
        for empty in ["{}", "[]", "{ }", "[\n]"] {
            becomes(&format!("{{\"{field}\": {empty}}}"), &format!("{{\"{field}\":null}}"));
        }
    }
}

#[test]
fn half_of_a_surrogate_pair_is_replaced_and_named() {
    for (row, wanted) in [
        (r#"{"note": "a\ud800b \ud83d\ude00"}"#, r#"{"note":"a\ufffdb \ud83d\ude00"}"#),
        (r#"{"note": ["\udc00"]}"#, r#"{"note":"[\"\\ufffd\"]"}"#),
    ] {
        let (out, mut findings) = transform(row, &[]);
        assert_eq!((out.as_str(), findings.nulled), (wanted, 0), "from {row}");
        assert_eq!(findings.take_warnings(), ["record 7: bytes in the field note were not valid and were replaced"]);
    }
    let (out, mut findings) = transform(r#"{"lines": [{"sku": "\ud800"}], "\ud800": 1}"#, &[]);
    assert_eq!(out, r#"{"lines":[{"sku":"\ufffd"}]}"#);
    assert!(findings.take_warnings()[0].contains("lines.sku"));
}

#[test]
fn ten_records_are_named_and_the_rest_counted() {
    let mut findings = Findings::default();
    (0..50).for_each(|key| findings.repaired(&key, "note"));
    let warnings = findings.take_warnings();
    assert_eq!(warnings.len(), 11);
    assert!(warnings[9].starts_with("record 9: ") && warnings[10].contains("further values of note"), "{warnings:?}");
    (0..5000).for_each(|field| findings.repaired(&1, &field.to_string()));
    assert!(findings.take_warnings().len() < 1000, "a store of noise is not named field by field");
}

#[test]
fn lists_and_objects_are_read_in_every_form_php_sends() {
    becomes(r#"{"tags": {}}"#, r#"{"tags":[]}"#);
    becomes(r#"{"tags": "AU"}"#, r#"{"tags":["AU"]}"#);
    becomes(r#"{"tags": null}"#, r#"{"tags":null}"#);
    becomes(r#"{"lines": {"sku": 1}}"#, r#"{"lines":[{"sku":"1"}]}"#);
    becomes(r#"{"tags": {"2": "c", "0": "a"}}"#, r#"{"tags":["a","c"]}"#);
    becomes(r#"{"lines": {"0": {"sku": 1}, "2": {"sku": 2}}}"#, r#"{"lines":[{"sku":"1"},{"sku":"2"}]}"#);
    becomes(r#"{"lines": {"url": "https://x.example", "resource": "/orders/1/fees"}}"#, r#"{"lines":[]}"#);
    becomes(
        r#"{"tags": {"resource": "/a", "url": "b", "id": 1}}"#,
        r#"{"tags":["{\"resource\": \"/a\", \"url\": \"b\", \"id\": 1}"]}"#,
    );
    becomes(r#"{"place": []}"#, r#"{"place":{}}"#);
    becomes(r#"{"place": ""}"#, r#"{"place":null}"#);
    nulls(r#"{"place": [1]}"#, "place");
    becomes(r#"{"more": {"b": [1, {}], "a": " "}}"#, r#"{"more":{"b":[1,{}],"a":" "}}"#);
    for nothing in ["{}", "{ }", "[]"] {
        becomes(&format!(r#"{{"more": {nothing}}}"#), r#"{"more":{}}"#);
    }
    becomes(r#"{"more": ""}"#, r#"{"more":null}"#);
    nulls(r#"{"more": [1]}"#, "more");
}

#[test]
fn a_value_that_does_not_fit_is_null_and_the_rest_of_the_record_stays() {
    let (out, mut findings) = transform(r#"{"id": 7, "lines": [{"sku": "a"}, 5], "price": "cheap"}"#, &[]);
    assert_eq!(out, r#"{"id":7,"lines":[{"sku":"a"},null],"price":null}"#);
    assert_eq!(findings.nulled, 2);
    assert!(!findings.take_warnings().concat().contains("cheap"), "a warning never shows a value");
    for text in ["1e", "1e999", "01", "+1", "1,5", "0x1", "--1", "1.", ".", "-.", "..1", ".-1"] {
        nulls(&json!({ "price": text }).to_string(), "price");
    }
    for text in ["1.5", "1e3", "x", "1."] {
        nulls(&json!({ "count": text }).to_string(), "count");
    }
}

#[test]
fn unknown_fields_are_left_out_and_named_once() {
    let (out, mut findings) = transform(r#"{"id": 1, "new": {"a": 1}, "place": {"city": "x", "mood": 1}}"#, &[]);
    assert_eq!(out, r#"{"id":1,"place":{"city":"x"}}"#);
    let warnings = findings.take_warnings();
    assert_eq!(warnings.len(), 2);
    assert!(warnings[0].ends_with(": new") && warnings[1].ends_with(": place.mood"), "{warnings:?}");
}

#[test]
fn a_key_that_is_no_plain_name_is_not_shown_and_spoils_nothing() {
    let (out, mut findings) = transform(r#"{"jane@example.com\nCRITICAL": 1, "\ud800": 2, "id": 7}"#, &[]);
    assert_eq!(out, r#"{"id":7}"#);
    let warnings = findings.take_warnings().concat();
    assert!(!warnings.contains("jane") && !warnings.contains('\n') && warnings.contains("another form"), "{warnings}");
}

#[test]
fn a_key_with_spaces_around_it_counts_where_the_exact_one_is_absent() {
    becomes(r#"{"note ": "a", "\tcount": 1}"#, r#"{"note":"a","count":1}"#);
    becomes(r#"{"note ": "a", "note": "b", " note": "c"}"#, r#"{"note":"b"}"#);
    becomes(r#"{"place": {" city ": "x"}}"#, r#"{"place":{"city":"x"}}"#);
    becomes(r#"{"credits ": {"0 ": {"amount": 5}}}"#, r#"{"credit":5}"#);
}

#[test]
fn a_list_that_the_store_has_cut_short_is_named_and_its_mark_is_no_unknown_field() {
    for row in [
        r#"{"place": {"city": "x", "__warning__": {"message": "only 50 are included"}}}"#,
        r#"{"place": {"city": "x"}, "tags": {"0": "a", "__warning__": "more"}}"#,
    ] {
        let (_, mut findings) = transform(row, &[]);
        let warnings = findings.take_warnings();
        assert!(warnings.len() == 1 && warnings[0].starts_with("record 7: the store has cut a list inside "), "{warnings:?}");
        assert!(!warnings[0].contains("only 50"), "{warnings:?}");
        assert_eq!(findings.nulled, 0);
    }
}

#[test]
fn a_field_may_come_from_elsewhere_in_the_object() {
    becomes(r#"{"credits": [{"amount": 5.10}]}"#, r#"{"credit":5.10}"#);
    becomes(r#"{"credits": []}"#, r#"{"credit":null}"#);
}

#[test]
fn fetched_parts_replace_what_the_record_holds() {
    let rows = [RawValue::from_string(r#"{"sku": "b"}"#.into()).unwrap()];
    let (out, _) =
        transform(r#"{"id": 1, "lines": {"url": "https://elsewhere.example"}}"#, &[("lines", Replacement::List(&rows))]);
    assert_eq!(out, r#"{"lines":[{"sku":"b"}],"id":1}"#);
}

#[test]
fn a_repeated_key_is_written_once() {
    becomes(r#"{"id": 1, "id": 2}"#, r#"{"id":1}"#);
}

#[test]
fn what_is_not_an_object_is_an_error_and_leaves_nothing_behind() {
    let whole = schema();
    let mut out = b"before".to_vec();
    assert!(record(&schema::Object::compile(&whole, &whole), "[1]", &[], &1, &mut Findings::default(), &mut out).is_err());
    assert_eq!(out, b"before");
}

#[test]
fn a_record_without_one_of_its_keys_is_not_written() {
    let whole = json!({"type": "object", "properties": {
        "product_id": {"type": "integer"}, "channel_id": {"type": "integer"}, "note": {"type": ["string", "null"]}}});
    let shape = Object::compile(&whole, &whole);
    let becomes = |row: &str, replaced: &[(&str, Replacement)]| {
        let (mut findings, mut out) = (Findings::default(), Vec::new());
        let done = record(&shape, row, replaced, &"x", &mut findings, &mut out);
        (done, String::from_utf8(out).unwrap(), findings.take_warnings())
    };
    for row in [
        r#"{"product_id": 1}"#,
        r#"{"product_id": 1, "channel_id": null}"#,
        r#"{"product_id": 1, "channel_id": "one"}"#,
        r#"{"product_id": [], "channel_id": 2}"#,
    ] {
        let (done, _, warnings) = becomes(row, &[]);
        assert_eq!((done, warnings), (Err(Unfit::NoKey), Vec::new()), "{row}");
    }
    let (done, out, _) = becomes(r#"{"channel_id": 2, "product_id": null}"#, &[("product_id", Replacement::Value("1"))]);
    assert_eq!((done, out.as_str()), (Ok(()), r#"{"product_id":1,"channel_id":2}"#));
    assert_eq!(becomes("{}", &[("product_id", Replacement::Value(NULL))]).0, Err(Unfit::NoKey));
}
