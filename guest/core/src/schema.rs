//! A stream's JSON Schema: read from its file, cut to what is selected, and compiled to the shape that the transform follows.

use serde_json::{Map, Value, json};
use std::cell::Cell;
use std::collections::HashMap;

/// In a schema file: where in the same API object the value comes from, as `key/or/0/index`. Never leaves the tap.
const SOURCE: &str = "x-source";
/// In a schema file: a part of the key that is written as 0 for records that do not have it. Internal to the tap.
const OR_ZERO: &str = "x-or-zero";
/// In a schema file: keys of the API's object that are ignored without a warning. Internal to the tap.
const UNWANTED: &str = "x-unwanted";

/// Reads a schema file that is part of this library, with each `{"$ref": "shared/…"}` replaced by that file. `properties` next to a
/// `$ref` are added to the referenced ones. `shared` finds a file's text by its name.
pub fn load(text: &str, shared: &dyn Fn(&str) -> Option<&'static str>) -> Value {
    resolve(serde_json::from_str(text).unwrap_or_default(), shared)
}

fn resolve(value: Value, shared: &dyn Fn(&str) -> Option<&'static str>) -> Value {
    let mut map = match value {
        Value::Object(map) => map,
        other => return other,
    };
    let Some(Value::String(name)) = map.shift_remove("$ref") else {
        return Value::Object(map.into_iter().map(|(key, value)| (key, resolve(value, shared))).collect());
    };
    let mut referenced = load(shared(&name).unwrap_or_default(), shared);
    if let Some(object) = referenced.as_object_mut() {
        for (key, value) in map {
            match (object.get_mut(&key), resolve(value, shared)) {
                (Some(Value::Object(present)), Value::Object(added)) => present.extend(added),
                (_, value) => drop(object.insert(key, value)),
            }
        }
    }
    referenced
}

/// The properties of an object schema, or of the items of an array schema, as deep as arrays go.
pub fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    match schema.get("items") {
        Some(items) => properties(items),
        None => schema.get("properties")?.as_object(),
    }
}

/// The schema as messages and the catalog show it: without the tap's own keywords.
pub fn public(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| ![SOURCE, OR_ZERO, UNWANTED].contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), public(value)))
            .collect(),
        Value::Array(list) => list.iter().map(public).collect(),
        other => other.clone(),
    }
}

/// The schema without the properties that `keep` rejects. `keep` gets the names from the root to the property; it is not called
/// for anything below a rejected property.
pub fn prune(schema: &Value, keep: &dyn Fn(&[&str]) -> bool) -> Value {
    fn cut(schema: &Value, path: &[&str], keep: &dyn Fn(&[&str]) -> bool) -> Value {
        let Some(map) = schema.as_object() else { return schema.clone() };
        let mut kept = Map::new();
        for (key, value) in map {
            let value = match (key.as_str(), value) {
                ("items", items) => cut(items, path, keep),
                ("properties", Value::Object(properties)) => properties
                    .iter()
                    .filter_map(|(name, schema)| {
                        let below = [path, &[name.as_str()]].concat();
                        keep(&below).then(|| (name.clone(), cut(schema, &below, keep)))
                    })
                    .collect(),
                _ => value.clone(),
            };
            kept.insert(key.clone(), value);
        }
        Value::Object(kept)
    }
    cut(schema, &[], keep)
}

/// Every property's names from the root, depth first.
pub fn paths(schema: &Value) -> Vec<Vec<String>> {
    fn visit(schema: &Value, path: &[String], found: &mut Vec<Vec<String>>) {
        for (name, schema) in properties(schema).into_iter().flatten() {
            let below = [path, std::slice::from_ref(name)].concat();
            found.push(below.clone());
            visit(schema, &below, found);
        }
    }
    let mut found = Vec::new();
    visit(schema, &[], &mut found);
    found
}

/// What a value is to become.
#[derive(Debug)]
pub enum Shape {
    /// Text.
    String,
    /// Text that is an RFC 3339 date in UTC.
    DateTime,
    /// A whole number of any size.
    Integer,
    /// A decimal number with the digits that came.
    Number,
    /// True or false.
    Boolean,
    /// A list of one shape.
    Array(Box<Shape>),
    /// An object of known fields.
    Object(Object),
    /// An object whose fields are not documented, or that holds itself: all of it.
    Any,
}

/// The fields of an object, found by the keys that the API uses.
#[derive(Debug, Default)]
pub struct Object {
    /// The selected fields, in the schema's order.
    pub fields: Vec<Field>,
    /// The documented keys of the API's object.
    keys: Vec<Key>,
    /// Their places.
    by_key: HashMap<String, usize>,
    /// The key that came first in the previous object.
    first: Cell<usize>,
}

/// A documented key of the API's object.
#[derive(Debug)]
struct Key {
    name: String,
    /// The fields that are filled from it; none for a deselected one.
    fields: Vec<usize>,
    /// The key that came after it in the previous object.
    next: Cell<usize>,
}

/// One selected field.
#[derive(Debug)]
pub struct Field {
    /// Its name in the record.
    pub name: String,
    /// The way from the key's value down to the field's: keys and list indexes. Empty for nearly all.
    pub source: Vec<String>,
    /// What its value becomes.
    pub shape: Shape,
    /// Whether it is never null: a part of the key.
    pub required: bool,
    /// Whether it is 0 where it is absent or null.
    pub or_zero: bool,
}

impl Object {
    /// The place of an API key that comes after another one; none if it is not documented. The records of a list have their keys
    /// in the same order, so the key that came there in the previous record is tried first.
    pub fn key(&self, name: &str, before: Option<usize>) -> Option<usize> {
        let next = before.and_then(|before| self.keys.get(before)).map_or(&self.first, |key| &key.next);
        if self.keys.get(next.get()).is_some_and(|key| key.name == name) {
            return Some(next.get());
        }
        let place = self.by_key.get(name).copied()?;
        next.set(place);
        Some(place)
    }

    /// The fields that are filled from the key at a place.
    pub fn filled_from(&self, place: usize) -> &[usize] {
        self.keys.get(place).map_or(&[], |key| &key.fields)
    }

    /// The position of a field by its name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// Compiles the selected part of a schema; `whole` is the schema before the selection.
    pub fn compile(whole: &Value, selected: &Value) -> Object {
        let mut object = Object::default();
        let empty = Map::new();
        let kept = properties(selected).unwrap_or(&empty);
        for (name, schema) in properties(whole).unwrap_or(&empty) {
            let source = schema.get(SOURCE).and_then(Value::as_str).unwrap_or(name);
            let mut steps = source.split('/').map(str::to_owned);
            let key = steps.next().unwrap_or_default();
            let place = object.add_key(&key);
            if let Some(selected) = kept.get(name) {
                object.keys[place].fields.push(object.fields.len());
                let shape = Shape::compile(schema, selected);
                // In the schemas everything except the key may be null.
                let required = schema["type"].is_string();
                let or_zero = schema[OR_ZERO] == json!(true);
                object.fields.push(Field { name: name.clone(), source: steps.collect(), shape, required, or_zero });
            }
        }
        for key in whole[UNWANTED].as_array().into_iter().flatten().filter_map(Value::as_str) {
            object.add_key(key);
        }
        object
    }

    fn add_key(&mut self, name: &str) -> usize {
        *self.by_key.entry(name.to_owned()).or_insert_with(|| {
            self.keys.push(Key { name: name.to_owned(), fields: Vec::new(), next: Cell::default() });
            self.keys.len() - 1
        })
    }
}

impl Shape {
    /// The fields of a list's rows. None if it is anything but a list of objects.
    pub fn of_rows(&self) -> Option<&Object> {
        match self {
            Shape::Array(rows) => match &**rows {
                Shape::Object(object) => Some(object),
                _ => None,
            },
            _ => None,
        }
    }

    fn compile(whole: &Value, selected: &Value) -> Shape {
        let is = |name: &str| match &whole["type"] {
            Value::Array(types) => types.iter().any(|kind| kind == name),
            kind => kind == name,
        };
        if is("array") {
            Shape::Array(Box::new(Shape::compile(&whole["items"], &selected["items"])))
        } else if whole["additionalProperties"] == json!(true) {
            Shape::Any
        } else if is("object") {
            Shape::Object(Object::compile(whole, selected))
        } else if is("integer") {
            Shape::Integer
        } else if is("number") {
            Shape::Number
        } else if is("boolean") {
            Shape::Boolean
        } else if whole["format"] == json!("date-time") {
            Shape::DateTime
        } else {
            Shape::String
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(name: &str) -> Option<&'static str> {
        (name == "shared/line.json").then_some(r#"{"type": ["object", "null"], "properties": {"id": {"type": "integer"}}}"#)
    }

    fn order() -> Value {
        let text = r#"{"type": "object", "properties": {
            "id": {"type": "integer"},
            "lines": {"type": ["array", "null"], "items": {"$ref": "shared/line.json", "properties": {"note": {"type": ["string", "null"]}}}},
            "old": {"type": ["number", "null"], "x-source": "new/0/amount", "x-or-zero": true}}}"#;
        load(text, &shared)
    }

    #[test]
    fn references_are_replaced_and_their_neighbours_added() {
        let line = &order()["properties"]["lines"]["items"];
        assert_eq!(line["properties"], json!({"id": {"type": "integer"}, "note": {"type": ["string", "null"]}}));
        assert_eq!(line["type"], json!(["object", "null"]));
    }

    #[test]
    fn pruning_reaches_through_lists_and_the_keyword_stays_inside() {
        let kept = prune(&order(), &|path| path != ["lines", "note"]);
        assert!(kept["properties"]["lines"]["items"]["properties"].get("note").is_none());
        assert!(!public(&kept).to_string().contains("x-"));
        assert_eq!(paths(&kept).concat().join(" "), "id lines lines id old");
    }

    fn filled<'o>(object: &'o Object, key: &str) -> Option<&'o [usize]> {
        object.key(key, None).map(|place| object.filled_from(place))
    }

    #[test]
    fn an_unwanted_key_is_known_and_shown_nowhere() {
        let whole = json!({"type": "object", "properties": {"id": {"type": "integer"}}, "x-unwanted": ["email"]});
        assert_eq!(filled(&Object::compile(&whole, &whole), "email"), Some(&[][..]));
        assert_eq!(public(&whole), json!({"type": "object", "properties": {"id": {"type": "integer"}}}));
    }

    #[test]
    fn a_compiled_object_knows_selected_deselected_and_unknown_keys() {
        let whole = order();
        let object = Object::compile(&whole, &prune(&whole, &|path| path != ["id"]));
        assert_eq!(filled(&object, "id"), Some(&[][..]));
        assert_eq!(filled(&object, "new").map(<[usize]>::len), Some(1));
        assert_eq!(filled(&object, "surprise"), None);
    }
}
