//! Flattening: names, schemas and values as Meltano's SDK has them, for every stream.

use crate::registry;
use crate::stream_maps::states;
use crate::world::{Run, World};
use serde_json::{Map, Value, json};
use tap_bigcommerce_core::discover;
use tap_bigcommerce_core::plan::{Inputs, Plan};
use tap_bigcommerce_sandbox::Kind;

static NULL: Value = Value::Null;

fn world(depth: u64) -> World {
    let mut world = registry::world();
    world.config.insert("flattening_enabled".into(), json!(true));
    world.config.insert("flattening_max_depth".into(), json!(depth));
    world
}

/// A run over everything there is, optional fields included.
fn run(world: &World) -> Run {
    let mut catalog = discover::catalog();
    for entry in
        catalog["streams"].as_array_mut().unwrap().iter_mut().flat_map(|stream| stream["metadata"].as_array_mut().unwrap())
    {
        entry["metadata"]["selected"] = json!(true);
    }
    world.run_with(Inputs { catalog: Some(catalog.to_string()), ..world.inputs(None) }, None).ok()
}

fn of_type<'r>(run: &'r Run, kind: &str) -> Vec<&'r Value> {
    run.messages.iter().filter(|message| message["type"] == kind).collect()
}

fn is(schema: &Value, kind: &str) -> bool {
    schema["type"] == kind || schema["type"].as_array().is_some_and(|kinds| kinds.iter().any(|other| other == kind))
}

/// Whether a value fits a schema, and every field of it is in the schema.
fn fits(schema: &Value, value: &Value) -> bool {
    match value {
        Value::Null => is(schema, "null"),
        Value::Bool(_) => is(schema, "boolean"),
        Value::Number(number) => is(schema, "number") || is(schema, "integer") && number.is_i64(),
        Value::String(_) => is(schema, "string"),
        Value::Array(items) => is(schema, "array") && items.iter().all(|item| fits(&schema["items"], item)),
        Value::Object(fields) => {
            let fits_field =
                |(name, value): (&String, &Value)| schema["properties"].get(name).is_some_and(|schema| fits(schema, value));
            is(schema, "object") && (schema["additionalProperties"] == true || fields.iter().all(fits_field))
        }
    }
}

/// The SDK's rules, on trees: an object with documented fields is dissolved down to a depth, and what is nested below is JSON text.
fn flattened(schema: &Value, value: &Value, path: &[&str], depth: usize, out: &mut Map<String, Value>) {
    for (name, schema) in schema["properties"].as_object().unwrap() {
        // A dissolved object has all its columns in every record; a field of the record itself may be missing.
        let Some(value) = value.get(name).or((!path.is_empty()).then_some(&NULL)) else { continue };
        let path = [path, &[name.as_str()]].concat();
        if is(schema, "object") && schema.get("properties").is_some() && path.len() <= depth {
            flattened(schema, value, &path, depth, out);
        } else {
            // A text that is JSON is compared as what it says.
            out.insert(path.join("__"), value.clone());
        }
    }
}

/// A record with its nested values read from their texts.
fn unfolded(record: &Value, nested: &dyn Fn(&str) -> bool) -> Map<String, Value> {
    let unfold = |(name, value): (&String, &Value)| {
        let value = match value {
            Value::String(text) if nested(name) => {
                serde_json::from_str(text).unwrap_or_else(|_| panic!("{name} is not JSON: {text}"))
            }
            other => other.clone(),
        };
        (name.clone(), value)
    };
    record.as_object().unwrap().iter().map(unfold).collect()
}

#[test]
fn every_record_of_every_stream_is_flattened_as_the_sdk_does_and_fits_its_schema() {
    let plain = run(&registry::world());
    for depth in [1, 2, 9] {
        let flat = run(&world(depth));
        let (schemas, plain_schemas) = (of_type(&flat, "SCHEMA"), of_type(&plain, "SCHEMA"));
        assert_eq!(schemas.len(), plain_schemas.len());
        for (schema, was) in schemas.iter().zip(&plain_schemas) {
            let stream = schema["stream"].as_str().unwrap();
            assert_eq!(
                (&schema["key_properties"], &schema["bookmark_properties"]),
                (&was["key_properties"], &was["bookmark_properties"])
            );
            let properties = schema["schema"]["properties"].as_object().unwrap();
            assert!(properties.values().all(|schema| !is(schema, "object") && !is(schema, "array")), "{stream}");
            let (records, before) = (flat.records(stream), plain.records(stream));
            assert_eq!(records.len(), before.len(), "{stream}");
            for (record, before) in records.iter().zip(before) {
                assert!(fits(&schema["schema"], record), "{stream}: {record}");
                assert!(fits(&was["schema"], before), "{stream}: {before}");
                let mut wanted = Map::new();
                flattened(&was["schema"], before, &[], depth as usize, &mut wanted);
                let is_nested = |name: &str| wanted.get(name).is_some_and(|value| value.is_object() || value.is_array());
                assert_eq!(unfolded(record, &is_nested), wanted, "{stream} at depth {depth}");
            }
        }
        assert_eq!(states(&flat), states(&plain));
    }
    let dissolved = run(&world(1));
    let orders = of_type(&dissolved, "SCHEMA").into_iter().find(|schema| schema["stream"] == "orders").unwrap();
    let properties = orders["schema"]["properties"].as_object().unwrap();
    assert_eq!(properties["billing_address__city"], json!({ "type": ["string", "null"] }));
    assert_eq!(properties["products"], json!({ "type": ["string", "null"] }));
    assert!(properties.get("billing_address").is_none());
}

#[test]
fn without_a_depth_nothing_is_flattened() {
    let plain = run(&registry::world()).messages;
    assert_eq!(run(&world(0)).messages, plain);
    let mut off = world(3);
    off.config.insert("flattening_enabled".into(), json!("false"));
    assert_eq!(run(&off).messages, plain);
    let mut missing = registry::world();
    missing.config.insert("flattening_enabled".into(), json!("true"));
    let failure = Plan::new(&missing.inputs(None)).unwrap_err();
    assert!(failure.message.contains("flattening_max_depth is missing"), "{failure}");
}

#[test]
fn an_object_that_is_null_leaves_null_in_each_of_its_fields() {
    let world = world(1);
    let id = world.store.borrow().ids(Kind::ORDERS).nth(2).unwrap();
    let at = world.store.borrow().date_modified(Kind::ORDERS, id).unwrap();
    world
        .store
        .borrow_mut()
        .edit(Kind::ORDERS, id, at, |order| drop(order.fields.insert("billing_address".to_owned(), Value::Null)));
    let run = world.select("orders");
    let order = run.records("orders").into_iter().find(|order| order["id"] == id).unwrap();
    let fields: Vec<(&String, &Value)> =
        order.as_object().unwrap().iter().filter(|(name, _)| name.starts_with("billing_address")).collect();
    assert!(fields.len() > 5 && fields.iter().all(|(name, value)| value.is_null() && name.contains("__")), "{fields:?}");
}

#[test]
fn separators_and_lengths_name_the_fields() {
    let names = |separator: &str, longest: u64| -> Vec<String> {
        let mut world = world(1);
        world.config.insert("flattening_separator".into(), json!(separator));
        world.config.insert("flattening_max_key_length".into(), json!(longest));
        let run = world.select("orders");
        let (schema, orders) = (of_type(&run, "SCHEMA")[0], run.records("orders"));
        assert!(orders.iter().all(|order| fits(&schema["schema"], order)));
        assert_eq!(schema["key_properties"], json!(["id"]));
        let names = schema["schema"]["properties"].as_object().unwrap().keys();
        names.filter(|name| name.contains("city") || name.contains("modif") || name.starts_with("dm")).cloned().collect()
    };
    assert_eq!(names(".", 255), ["date_modified", "billing_address.city"]);
    assert_eq!(names("__", 22), ["date_modified", "billing_address__city"]);
    assert_eq!(names("__", 21), ["date_modified", "ba__city"]);
    for separator in ["", " ", "/", "123456789", "\""] {
        let mut world = world(1);
        world.config.insert("flattening_separator".into(), json!(separator));
        let plan = Plan::new(&world.inputs(None));
        // An empty text is no value, as for every setting.
        assert_eq!(plan.is_err(), !separator.trim().is_empty(), "{separator:?}");
    }
}

#[test]
fn maps_come_first_and_two_fields_of_one_name_are_refused() {
    let mut mapped = world(1);
    mapped.config.insert("stream_maps".into(), json!({ "orders": {
        "__else__": null, "billing": "billing_address", "town": "billing_address['city']", "lines": "products", "__filter__": "billing_address['city'] is not None"
    } }));
    let run = mapped.select("orders");
    let properties = of_type(&run, "SCHEMA")[0]["schema"]["properties"].as_object().unwrap();
    assert!(properties.contains_key("billing__city") && properties.contains_key("town"), "{properties:?}");
    assert!(!properties.contains_key("billing_address__city"));
    let orders = run.records("orders");
    assert!(
        !orders.is_empty() && orders.iter().all(|order| order["billing__city"] == order["town"] && order["lines"].is_string())
    );
    mapped.config.insert("stream_maps".into(), json!({ "orders": { "billing_address__city": "status" } }));
    let failure = Plan::new(&mapped.inputs(None)).unwrap_err();
    assert!(failure.message.contains("two fields of orders would be called \"billing_address__city\""), "{failure}");
}
