//! A record on its way into the columns.

use super::super::shape::{Node, Shape};
use super::super::value::{Fit, Value, fit};
use super::{DECIMAL, There, Values};
use crate::sinks::columns::{Fields, Slots};
use serde_json::value::RawValue;
use std::fmt;
use std::ops::Range;

/// Where a value is in its record.
enum Path<'p> {
    Record,
    Field(&'p Path<'p>, &'p str),
    Element(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Record => Ok(()),
            Path::Field(Path::Record, name) => f.write_str(name),
            Path::Field(up, name) => write!(f, "{up}.{name}"),
            Path::Element(up, place) => write!(f, "{up}[{place}]"),
        }
    }
}

/// The levels to write where a node has no value: those of its parent.
#[derive(Clone, Copy)]
struct At {
    definition: i16,
    repetition: i16,
}

struct Row<'r> {
    columns: &'r mut [Values],
    /// What does not fit its column: members of a JSON object, by their paths.
    rescued: String,
    bytes: usize,
}

/// Adds a record to the columns. Gives the bytes that this took.
pub(super) fn add(columns: &mut [Values], shape: &Shape, record: &Slots<'_>) -> usize {
    let last = columns.len().saturating_sub(1);
    let mut row = Row { columns, rescued: String::new(), bytes: 0 };
    let at = At { definition: 0, repetition: 0 };
    row.fields(&shape.fields, &shape.nodes, record, at, &Path::Record);
    match row.rescued.is_empty() {
        true => row.nothing(last..last + 1, at),
        false => {
            let rescued = format!("{{{}}}", row.rescued);
            row.value(last, Value::Text(rescued.into()), at);
        }
    }
    row.bytes
}

impl Row<'_> {
    fn fields(&mut self, fields: &Fields, nodes: &[Node], record: &Slots<'_>, at: At, path: &Path<'_>) {
        for ((place, field), node) in fields.list.iter().enumerate().zip(nodes) {
            self.node(node, record.get(place), at, &Path::Field(path, &field.name));
        }
    }

    fn node(&mut self, node: &Node, json: Option<&str>, at: At, path: &Path<'_>) {
        match (node, json) {
            (Node::Leaf { column, scalar }, Some(json)) => match fit(json, *scalar) {
                Fit::Exact(value) => self.value(*column, value, at),
                Fit::Near(value) => {
                    self.rescue(path, json);
                    self.value(*column, value, at);
                }
                Fit::Not => {
                    self.rescue(path, json);
                    self.nothing(*column..column + 1, at);
                }
            },
            (Node::Leaf { column, .. }, None) => self.nothing(*column..column + 1, at),
            (Node::Object { fields, nodes, columns }, Some(json)) => {
                match serde_json::from_str(json).and_then(|raw| Slots::read(fields, raw)) {
                    Ok(object) => self.fields(fields, nodes, &object, At { definition: at.definition + 1, ..at }, path),
                    Err(_) => {
                        self.rescue(path, json);
                        self.nothing(columns.clone(), at);
                    }
                }
            }
            (Node::Array { columns, depth, element }, Some(json)) => match serde_json::from_str::<Vec<&RawValue>>(json) {
                Ok(list) if list.is_empty() => self.nothing(columns.clone(), At { definition: at.definition + 1, ..at }),
                Ok(list) => {
                    for (place, json) in list.into_iter().map(RawValue::get).enumerate() {
                        let repetition = if place == 0 { at.repetition } else { *depth };
                        let at = At { definition: at.definition + 2, repetition };
                        self.node(element, Some(json).filter(|json| *json != "null"), at, &Path::Element(path, place));
                    }
                }
                Err(_) => {
                    self.rescue(path, json);
                    self.nothing(columns.clone(), at);
                }
            },
            (Node::Object { columns, .. } | Node::Array { columns, .. }, None) => self.nothing(columns.clone(), at),
        }
    }

    fn rescue(&mut self, path: &Path<'_>, json: &str) {
        let comma = if self.rescued.is_empty() { "" } else { "," };
        let path = serde_json::Value::String(path.to_string());
        self.rescued.push_str(&format!("{comma}{path}:{json}"));
    }

    fn nothing(&mut self, columns: Range<usize>, at: At) {
        for values in self.columns.get_mut(columns).into_iter().flatten() {
            self.bytes += values.level(at);
        }
    }

    fn value(&mut self, column: usize, value: Value<'_>, at: At) {
        if let Some(values) = self.columns.get_mut(column) {
            self.bytes += values.level(At { definition: at.definition + 1, ..at }) + values.push(value);
        }
    }
}

impl Values {
    /// Gives the bytes that this took.
    fn level(&mut self, at: At) -> usize {
        self.levels.definitions.push(at.definition);
        if self.levels.is_repeated {
            self.levels.repetitions.push(at.repetition);
        }
        size_of::<i16>() * (1 + usize::from(self.levels.is_repeated))
    }

    /// The same.
    fn push(&mut self, value: Value<'_>) -> usize {
        match (&mut self.there, value) {
            (There::Boolean(values), Value::Boolean(value)) => {
                values.push(value);
                size_of::<bool>()
            }
            (There::Date(values), Value::Date(value)) => {
                values.push(value);
                size_of::<i32>()
            }
            (There::Integer(values), Value::Integer(value)) => {
                values.push(value);
                size_of::<i64>()
            }
            (There::Decimal(values), Value::Decimal(value)) => {
                values.push(value);
                DECIMAL
            }
            (There::Text { text, ends }, Value::Text(value)) => {
                text.extend_from_slice(value.as_bytes());
                ends.push(text.len());
                size_of::<usize>() + value.len()
            }
            _ => {
                debug_assert!(false, "a value is of its column's type");
                0
            }
        }
    }
}
