//! The settings `stream_maps` and `flattening_…`, read and checked as far as this is possible without a stream.

use super::Shapes;
use super::flatten::Flattening;
use super::grammar::{Expr, parse};
use serde_json::{Map, Value};

/// What drops a stream or a field, where a setting cannot hold null.
const NULL_TEXT: &str = "__NULL__";
const MOST_NAME: usize = 128;

/// What becomes of the streams that a pattern names.
#[derive(Clone)]
pub(super) enum Rule {
    Drop,
    Map(StreamMap),
}

/// What becomes of a stream.
#[derive(Clone, Default)]
pub(super) struct StreamMap {
    /// The setting itself.
    pub(super) text: String,
    pub(super) alias: Option<String>,
    pub(super) filter: Option<Expr>,
    /// The key, if it is given; empty: none.
    pub(super) key: Option<Vec<String>>,
    pub(super) drops_others: bool,
    /// Fields, and what they become. None: they are dropped.
    pub(super) fields: Vec<(String, Option<Expr>)>,
}

impl StreamMap {
    /// Whether it reads a field.
    pub(super) fn reads(&self, name: &str) -> bool {
        let mut reads = false;
        let exprs = self.fields.iter().map(|(name, expr)| (name.as_str(), expr));
        for (target, expr) in exprs.chain([("", &self.filter)]) {
            let Some(expr) = expr else { continue };
            expr.visit(&mut |field| reads |= field.names[0] == name || field.names[0] == "self" && target == name);
        }
        reads
    }
}

impl Shapes {
    /// Reads the settings; each fault is added to `faults`.
    pub(crate) fn read(
        maps: Option<Map<String, Value>>,
        config: Option<Map<String, Value>>,
        flattening: Option<Flattening>,
        faults: &mut Vec<String>,
    ) -> Shapes {
        let config = config.unwrap_or_default();
        let mut shapes = Shapes { rules: Vec::new(), drops_others: false, flattening };
        for (name, value) in maps.unwrap_or_default() {
            let place = format!("stream_maps.{name}");
            if name == "__else__" {
                shapes.drops_others = is_null(&value);
                if !shapes.drops_others {
                    faults.push(format!("{place} can only be null, which leaves out the streams that have no map"));
                }
            } else if name.starts_with("__") {
                faults.push(format!("{place} is not an option; name a stream, or write __else__"));
            } else if is_null(&value) {
                shapes.rules.push((name, Rule::Drop));
            } else if let Value::Object(map) = value {
                let text = Value::Object(map.clone()).to_string();
                let map = Reading { place, config: &config, faults }.map(map);
                shapes.rules.push((name, Rule::Map(StreamMap { text, ..map })));
            } else {
                faults.push(format!("{place} must be an object with fields and options, or null to leave the stream out"));
            }
        }
        shapes
    }
}

fn is_null(value: &Value) -> bool {
    value.is_null() || value == NULL_TEXT
}

/// Reads one stream's map.
struct Reading<'r> {
    place: String,
    config: &'r Map<String, Value>,
    faults: &'r mut Vec<String>,
}

impl Reading<'_> {
    fn map(mut self, given: Map<String, Value>) -> StreamMap {
        let mut map = StreamMap::default();
        for (name, value) in given {
            match name.as_str() {
                "__alias__" => map.alias = self.alias(&value),
                "__filter__" => map.filter = if value.is_null() { None } else { self.expression(&name, &value) },
                "__key_properties__" => map.key = self.key(&value),
                "__else__" => {
                    map.drops_others = is_null(&value);
                    if !map.drops_others {
                        self.fault(&name, "can only be null, which leaves out the fields that are not named");
                    }
                }
                "__source__" => self.fault(
                    &name,
                    "is not supported: a stream comes out once; use __alias__ to rename it, and copy it in the target",
                ),
                _ if name.starts_with("__") => {
                    self.fault(&name, "is not an option; there are __alias__, __filter__, __else__, __key_properties__");
                }
                _ => self.field(&mut map, name, &value),
            }
        }
        map
    }

    fn fault(&mut self, name: &str, why: &str) {
        self.faults.push(format!("{}.{name} {why}", self.place));
    }

    fn alias(&mut self, value: &Value) -> Option<String> {
        let name = value.as_str().filter(|name| is_name(name)).map(str::to_owned);
        if name.is_none() {
            self.fault("__alias__", WRONG_NAME);
        }
        name
    }

    fn key(&mut self, value: &Value) -> Option<Vec<String>> {
        let names = match value {
            _ if is_null(value) => Some(Vec::new()),
            Value::Array(list) => list.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        if names.is_none() {
            self.fault("__key_properties__", "must be a list of field names, or null for a stream without a key");
        }
        names
    }

    fn expression(&mut self, name: &str, value: &Value) -> Option<Expr> {
        let Some(text) = value.as_str() else {
            self.fault(name, "must be text that holds an expression");
            return None;
        };
        parse(text, self.config).map_err(|why| self.fault(name, &format!("cannot be used: {why}"))).ok()
    }

    fn field(&mut self, map: &mut StreamMap, name: String, value: &Value) {
        if is_null(value) {
            map.fields.push((name, None));
        } else if value.is_object() {
            let why = "is an object, but maps reach only the fields of a record itself; deselect a field inside it in the catalog, or with --exclude";
            self.fault(&name, why);
        } else if !is_name(&name) {
            self.fault(&name, WRONG_NAME);
        } else if let Some(expr) = self.expression(&name, value) {
            map.fields.push((name, Some(expr)));
        }
    }
}

const WRONG_NAME: &str =
    "cannot be used as a name; write 1 to 128 letters, digits, underscores, hyphens or points, and no point at its start";

/// Whether targets can use a name for a table or a column, and a file's name.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    (1..=MOST_NAME).contains(&name.chars().count()) && name.chars().all(fits) && !name.starts_with('.')
}
