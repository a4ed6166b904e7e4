//! The catalog, which needs no store.

use crate::schema;
use crate::streams::{ALL, Replication, Source, Stream};
use serde_json::{Value, json};

/// The catalog: every stream with its schema and metadata for each field at each depth.
pub fn catalog() -> Value {
    json!({ "streams": ALL.iter().map(|stream| entry(stream)).collect::<Vec<_>>() })
}

/// One stream of the catalog.
pub(crate) fn entry(stream: &Stream) -> Value {
    let schema = schema::public(stream.schema());
    let method = method(stream);
    let mut root = json!({
        "inclusion": "available",
        "selected-by-default": stream.selected_by_default,
        "table-key-properties": stream.key,
        "forced-replication-method": method,
    });
    let mut entry = json!({ "tap_stream_id": stream.name, "stream": stream.name, "key_properties": stream.key });
    if let Some(key) = stream.replication_key() {
        root["valid-replication-keys"] = json!([key]);
        entry["replication_key"] = json!(key);
    }
    if let Source::With { parent, .. } = stream.source {
        root["parent-tap-stream-id"] = json!(parent.name);
    }
    let mut metadata = vec![json!({ "breadcrumb": [], "metadata": root })];
    fields(stream, &schema, &[], &mut metadata);
    entry["replication_method"] = json!(method);
    entry["schema"] = schema;
    entry["metadata"] = json!(metadata);
    entry
}

/// Metadata for the fields of a schema, whose own place is `breadcrumb`.
fn fields(stream: &Stream, schema: &Value, breadcrumb: &[&str], metadata: &mut Vec<Value>) {
    if let Some(items) = schema.get("items") {
        return fields(stream, items, &[breadcrumb, &["items"]].concat(), metadata);
    }
    for (name, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = [breadcrumb, &["properties", name]].concat();
        let top = breadcrumb.is_empty();
        let about = match top && stream.is_automatic(name) {
            true => json!({ "inclusion": "automatic" }),
            false => {
                json!({ "inclusion": "available", "selected-by-default": !(top && stream.off_by_default.contains(&name.as_str())) })
            }
        };
        metadata.push(json!({ "breadcrumb": path, "metadata": about }));
        fields(stream, schema, &path, metadata);
    }
}

/// A stream's replication method, by its Singer name.
pub(crate) fn method(stream: &Stream) -> &'static str {
    match stream.replication {
        Replication::Incremental { .. } => "INCREMENTAL",
        Replication::FullTable => "FULL_TABLE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Inputs, Plan};

    const CONFIG: &str = r#"{"client_id": "c", "access_token": "t", "store_hash": "abc"}"#;

    #[test]
    fn what_discovery_writes_selects_what_no_catalog_selects() {
        let plan = |catalog: Option<String>| {
            let request = Inputs { config: CONFIG.into(), catalog, ..Inputs::default() };
            let groups = Plan::new(&request).unwrap().groups;
            groups.into_iter().map(|group| (group.parent.name, group.selection)).collect::<Vec<_>>()
        };
        assert_eq!(plan(Some(catalog().to_string())), plan(None));
    }
}
