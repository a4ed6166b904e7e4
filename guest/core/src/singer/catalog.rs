//! The catalog: what a user selected, in today's form (metadata) and in the older one (`selected` inside the schema).

use crate::error::{Failure, Kind, Result};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Larger catalogs are refused unread.
const MAX_BYTES: usize = 16 << 20;

/// A catalog as given.
#[derive(Debug)]
pub struct Catalog {
    /// Its entries, in its order.
    pub entries: Vec<Entry>,
}

/// A catalog's text as JSON, whatever is in it.
pub(crate) fn read(text: &str) -> Result<Value> {
    if text.len() > MAX_BYTES {
        return Err(fault(format!("it is larger than {MAX_BYTES} bytes")));
    }
    serde_json::from_str(text).map_err(|e| fault(format!("it is not JSON (look at line {}, column {})", e.line(), e.column())))
}

fn fault(what: String) -> Failure {
    Failure::new(Kind::Catalog, format!("the catalog cannot be used: {what}; --discover writes a good one"))
}

/// The name of an entry's stream: `tap_stream_id`, else `stream`.
pub(crate) fn name(entry: &Value) -> Option<&str> {
    entry.get("tap_stream_id").or_else(|| entry.get("stream"))?.as_str()
}

/// The names from the root of what an item of an entry's metadata speaks of.
pub(crate) fn path(item: &Value) -> Option<Vec<String>> {
    let breadcrumb = item.get("breadcrumb")?.as_array()?.iter().map(|step| step.as_str().map(str::to_owned));
    Some(names(breadcrumb.collect::<Option<Vec<_>>>()?))
}

/// One stream of a catalog.
#[derive(Debug, Default)]
pub struct Entry {
    /// `tap_stream_id`, else `stream`.
    pub name: String,
    schema: Value,
    selected: Option<bool>,
    metadata: HashMap<Vec<String>, Map<String, Value>>,
    replication_method: Option<String>,
}

impl Catalog {
    /// Reads a catalog from JSON text.
    pub fn parse(text: &str) -> Result<Catalog> {
        Catalog::from_value(&read(text)?)
    }

    /// The catalog that a JSON object is.
    pub(crate) fn from_value(value: &Value) -> Result<Catalog> {
        let streams = value.get("streams").and_then(Value::as_array).ok_or_else(|| fault("it has no list \"streams\"".into()))?;
        let entries = streams.iter().enumerate().map(|(place, stream)| {
            Entry::parse(stream).ok_or_else(|| fault(format!("entry {} of its streams has no name or a wrong form", place + 1)))
        });
        Ok(Catalog { entries: entries.collect::<Result<_>>()? })
    }

    /// The entry of a stream.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

impl Entry {
    fn parse(value: &Value) -> Option<Entry> {
        let name = name(value)?;
        let mut metadata = HashMap::new();
        for item in value.get("metadata").and_then(Value::as_array).into_iter().flatten() {
            metadata.insert(path(item)?, item.get("metadata")?.as_object()?.clone());
        }
        Some(Entry {
            name: name.to_owned(),
            schema: value.get("schema").cloned().unwrap_or_default(),
            selected: value.get("selected").and_then(Value::as_bool),
            metadata,
            replication_method: value.get("replication_method").and_then(Value::as_str).map(str::to_owned),
        })
    }

    fn meta<'a>(&'a self, path: &[&str], key: &str) -> Option<&'a Value> {
        let path: Vec<String> = path.iter().map(|&name| name.to_owned()).collect();
        self.metadata.get(&path)?.get(key)
    }

    fn flag(&self, path: &[&str], key: &str) -> Option<bool> {
        self.meta(path, key)?.as_bool()
    }

    /// Whether the stream is selected.
    pub fn is_selected(&self) -> bool {
        self.flag(&[], "selected")
            .or(self.selected)
            .or_else(|| self.schema.get("selected")?.as_bool())
            .or_else(|| self.flag(&[], "selected-by-default"))
            .unwrap_or(false)
    }

    /// Whether a field is selected, given its names from the root; `default` is for a field that the entry says nothing of. A field
    /// that is not in the entry's schema is not selected: the catalog lists what its user wants.
    pub fn selects(&self, path: &[&str], default: bool) -> bool {
        let inclusion = self.meta(path, "inclusion").and_then(Value::as_str);
        match inclusion {
            Some("automatic") => return true,
            Some("unsupported") => return false,
            _ => {}
        }
        let schema = self.property(path);
        self.flag(path, "selected")
            .or_else(|| schema?.get("selected")?.as_bool())
            .or_else(|| self.flag(path, "selected-by-default"))
            .unwrap_or_else(|| default && self.lists(path))
    }

    /// Whether a field is in the entry's schema. A schema without any fields stands for all of them.
    pub(crate) fn lists(&self, path: &[&str]) -> bool {
        let lists_fields = crate::schema::properties(&self.schema).is_some_and(|properties| !properties.is_empty());
        !lists_fields || self.property(path).is_some()
    }

    fn property(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.schema, |schema, name| crate::schema::properties(schema)?.get(*name))
    }

    /// The fields that the entry selects by name and that `known` turns down, as dotted paths.
    pub fn unknown_fields(&self, known: &dyn Fn(&[String]) -> bool) -> Vec<String> {
        let selected =
            self.metadata.iter().filter(|(path, map)| !path.is_empty() && map.get("selected") == Some(&Value::Bool(true)));
        let mut unknown: Vec<String> = selected.filter(|(path, _)| !known(path)).map(|(path, _)| path.join(".")).collect();
        unknown.sort();
        unknown
    }

    /// The replication method that the entry asks for.
    pub fn replication_method(&self) -> Option<&str> {
        self.meta(&[], "replication-method")
            .or_else(|| self.meta(&[], "forced-replication-method"))
            .and_then(Value::as_str)
            .or(self.replication_method.as_deref())
    }
}

/// A breadcrumb's names: `["properties", "products", "items", "properties", "sku"]` becomes `["products", "sku"]`. Lists may be
/// written with or without `items`.
fn names(breadcrumb: Vec<String>) -> Vec<String> {
    let mut names = Vec::new();
    let mut steps = breadcrumb.into_iter();
    while let Some(step) = steps.next() {
        match step.as_str() {
            "properties" => names.extend(steps.next()),
            "items" => {}
            _ => names.push(step),
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(value: Value) -> Entry {
        let text = json!({ "streams": [value] }).to_string();
        Catalog::parse(&text).unwrap().entries.remove(0)
    }

    #[test]
    fn metadata_selects_at_any_depth_with_or_without_items() {
        let entry = entry(json!({"tap_stream_id": "orders", "metadata": [
            {"breadcrumb": [], "metadata": {"selected": true}},
            {"breadcrumb": ["properties", "status"], "metadata": {"selected": false}},
            {"breadcrumb": ["properties", "id"], "metadata": {"selected": false, "inclusion": "automatic"}},
            {"breadcrumb": ["properties", "products", "items", "properties", "sku"], "metadata": {"selected": false}},
            {"breadcrumb": ["properties", "coupons", "properties", "code"], "metadata": {"selected": false}}]}));
        assert!(entry.is_selected());
        assert!(entry.selects(&["id"], true));
        assert!(entry.selects(&["products"], true));
        for path in [&["status"][..], &["products", "sku"], &["coupons", "code"]] {
            assert!(!entry.selects(path, true), "{path:?}");
        }
    }

    #[test]
    fn the_older_form_selects_inside_the_schema() {
        let entry = entry(json!({"stream": "coupons", "schema": {"selected": true, "properties": {
            "code": {"selected": true}, "name": {"selected": false}}}}));
        assert!(entry.is_selected());
        assert!(entry.selects(&["code"], true));
        assert!(!entry.selects(&["name"], true));
    }

    #[test]
    fn a_field_that_the_catalog_does_not_list_is_not_selected() {
        let entry = entry(json!({"stream": "coupons", "schema": {"properties": {"code": {}}},
            "metadata": [{"breadcrumb": [], "metadata": {"selected": true}}]}));
        assert!(entry.selects(&["code"], true));
        assert!(!entry.selects(&["name"], true));
    }

    #[test]
    fn a_stream_that_nothing_is_said_of_is_not_selected() {
        assert!(!entry(json!({"stream": "orders"})).is_selected());
        assert!(
            entry(json!({"stream": "orders", "metadata": [{"breadcrumb": [], "metadata": {"selected-by-default": true}}]}))
                .is_selected()
        );
    }

    #[test]
    fn what_is_no_catalog_is_refused_with_a_way_out() {
        for text in ["", "[]", "{}", r#"{"streams": [{}]}"#, r#"{"streams": 1}"#] {
            let failure = Catalog::parse(text).unwrap_err();
            assert_eq!(failure.kind, Kind::Catalog);
            assert!(failure.message.contains("--discover"), "{failure}");
        }
    }
}
