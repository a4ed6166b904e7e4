use super::*;
use serde_json::json;

const LIMITS: Limits = Limits { holder: "a table", columns: 4, name: 8 };

fn read(schema: &Value, keys: &[&str]) -> Result<Fields, String> {
    let schema = serde_json::value::to_raw_value(schema).unwrap();
    Fields::read("orders", &schema, &keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>(), &LIMITS)
}

fn kind_of(schema: Value) -> Kind {
    read(&json!({"properties": {"field": schema}}), &[]).unwrap().list.remove(0).kind
}

fn field(name: &str, kind: Kind) -> Field {
    Field { name: name.into(), kind, is_key: false }
}

fn object(list: Vec<Field>) -> Kind {
    let places = list.iter().enumerate().map(|(place, field)| (field.name.clone(), place)).collect();
    Kind::Object(Fields { list, places })
}

#[test]
fn each_type_has_its_kind_with_null_or_without() {
    for (schema, kind) in [
        (json!({"type": "integer"}), Kind::Integer),
        (json!({"type": ["null", "boolean"]}), Kind::Boolean),
        (json!({"type": ["number", "null"]}), Kind::Decimal),
        (json!({"type": ["integer", "number"]}), Kind::Decimal),
        (json!({"type": "string"}), Kind::Text),
        (json!({"type": ["string", "null"], "format": "date-time"}), Kind::Timestamp),
        (json!({"type": "string", "format": "date"}), Kind::Date),
        (json!({"type": "string", "format": "uri"}), Kind::Text),
        (json!({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}), Kind::Timestamp),
        (json!({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string"}]}), Kind::Text),
        (json!({"oneOf": [{"type": "integer"}, {"type": ["null", "number"]}]}), Kind::Decimal),
        (json!({"type": ["integer", "string"]}), Kind::Json),
        (json!({"type": "null"}), Kind::Json),
        (json!({}), Kind::Json),
        (json!(true), Kind::Json),
    ] {
        assert_eq!(kind_of(schema.clone()), kind, "{schema}");
    }
}

#[test]
fn an_object_or_a_list_has_the_shape_that_the_schema_gives_or_is_json() {
    let line = json!({"type": ["object", "null"], "properties": {"id": {"type": "integer"}, "price": {"type": "number"}}});
    let shape = object(vec![field("id", Kind::Integer), field("price", Kind::Decimal)]);
    for (schema, kind) in [
        (line.clone(), shape.clone()),
        (json!({"type": "array", "items": line}), Kind::Array(Box::new(shape.clone()))),
        (json!({"type": "array", "items": {"type": "array", "items": {"type": "string"}}}), {
            Kind::Array(Box::new(Kind::Array(Box::new(Kind::Text))))
        }),
        (json!({"anyOf": [line, {"type": "null"}]}), shape),
        (json!({"type": "array", "items": {}}), Kind::Array(Box::new(Kind::Json))),
        (json!({"type": "array"}), Kind::Json),
        (json!({"type": "array", "items": [{"type": "string"}]}), Kind::Json),
        (json!({"type": "object"}), Kind::Json),
        (json!({"type": "object", "properties": {}}), Kind::Json),
        (json!({"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "string"}}), Kind::Json),
        (json!({"type": "object", "properties": {"a": {}}, "additionalProperties": false}), {
            object(vec![field("a", Kind::Json)])
        }),
        (json!({"anyOf": [line, line]}), Kind::Json),
    ] {
        assert_eq!(kind_of(schema.clone()), kind, "{schema}");
    }
}

#[test]
fn fields_keep_their_order_and_keys_are_marked() {
    let fields = read(&json!({"properties": {"z": {"type": "string"}, "id": {"type": "integer"}}}), &["id"]).unwrap();
    assert_eq!(fields.list, [field("z", Kind::Text), Field { is_key: true, ..field("id", Kind::Integer) }]);
    assert_eq!((fields.place("id"), fields.place("y")), (Some(1), None));
}

#[test]
fn what_the_sink_cannot_hold_is_refused_in_its_words() {
    for (schema, keys, words) in [
        (json!({}), &[][..], "the SCHEMA of orders has no properties"),
        (json!({"properties": {}}), &[], "orders has 0 fields; a table has 1 to 4 columns"),
        (json!({"properties": {"a": {}, "b": {}, "c": {}, "d": {}, "e": {}}}), &[], "orders has 5 fields"),
        (json!({"properties": {"": {}}}), &[], "cannot be a column's name"),
        (json!({"properties": {"ninebytes": {}}}), &[], "cannot be a column's name"),
        (json!({"properties": {"a\0": {}}}), &[], "cannot be a column's name"),
        (json!({"properties": {"a": {}}}), &["id"], "the key \"id\" of orders is not among its fields"),
    ] {
        let why = read(&schema, keys).unwrap_err();
        assert!(why.contains(words), "{schema}: {why}");
    }
    assert_eq!(refuse_alike("orders", &["a", "b"]), Ok(()));
    assert!(refuse_alike("orders", &["id", "b", "ID"]).unwrap_err().contains("two fields \"ID\""));
}

#[test]
fn a_records_values_are_found_by_name_and_none_is_null() {
    let fields = read(&json!({"properties": {"id": {}, "a": {}, "b": {}, "ü": {}}}), &[]).unwrap();
    let record = serde_json::value::RawValue::from_string(r#"{"other":1,"\u00fc":[1, 2],"a":null,"id":1.10}"#.into()).unwrap();
    let slots = Slots::read(&fields, &record).unwrap();
    assert_eq!([0, 1, 2, 3, 4].map(|place| slots.get(place)), [Some("1.10"), None, None, Some("[1, 2]"), None]);
    let list = serde_json::value::RawValue::from_string("[1]".into()).unwrap();
    assert!(Slots::read(&fields, &list).is_err());
    assert_eq!([unquoted(r#""a\"b""#), unquoted(r#""ab""#)], ["a\"b", "ab"]);
}
