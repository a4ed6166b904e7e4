//! The yes and no values of a catalog, in any spelling. Anything else is an error: a field must not be written because a "no" was
//! not understood.

use super::fault;
use crate::error::Result;
use serde_json::{Map, Value};

/// The keys that say yes or no.
const KEYS: [&str; 2] = ["selected", "selected-by-default"];

/// Turns what a stream's or a field's metadata says into true and false. A null says nothing.
pub(super) fn read(about: &mut Map<String, Value>, stream: &str, path: &[String]) -> Result<()> {
    for key in KEYS {
        let Some(said) = about.get_mut(key) else { continue };
        match said {
            Value::Null => drop(about.shift_remove(key)),
            said => {
                let understood = understood(said);
                let fault = || fault(format!("{key:?} of {} is neither true nor false", shown(stream, path)));
                *said = understood.ok_or_else(fault)?.into();
            }
        }
    }
    Ok(())
}

/// The same for a schema that selects inside itself. `path` is its own.
pub(super) fn read_schema(schema: &mut Value, stream: &str, path: &mut Vec<String>) -> Result<()> {
    let Some(schema) = schema.as_object_mut() else { return Ok(()) };
    read(schema, stream, path)?;
    if let Some(items) = schema.get_mut("items") {
        read_schema(items, stream, path)?;
    }
    for (name, property) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        path.push(name.clone());
        read_schema(property, stream, path)?;
        path.pop();
    }
    Ok(())
}

/// A stream, or a field of it, for messages.
pub(super) fn shown(stream: &str, path: &[String]) -> String {
    match path {
        [] => format!("the stream {stream:?}"),
        path => format!("the field {:?} of the stream {stream:?}", path.join(".")),
    }
}

fn understood(said: &Value) -> Option<bool> {
    let word = match said {
        Value::Bool(said) => return Some(*said),
        Value::Number(number) => {
            return [(0.0, false), (1.0, true)].into_iter().find(|(n, _)| number.as_f64() == Some(*n)).map(|(_, said)| said);
        }
        Value::String(text) => text.trim().to_ascii_lowercase(),
        _ => return None,
    };
    match word.as_str() {
        "true" | "yes" | "y" | "t" | "on" | "1" => Some(true),
        "false" | "no" | "n" | "f" | "off" | "0" => Some(false),
        _ => None,
    }
}
