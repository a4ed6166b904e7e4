//! What the tap can say of itself without a store: the catalog and `--about`.

use crate::config::{ENV_PREFIX, SETTINGS, Setting, SettingKind};
use crate::log;
use crate::schema;
use crate::streams::{ALL, Replication, Source, Stream};
use serde_json::{Value, json};
use std::fmt::Write as _;

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

fn method(stream: &Stream) -> &'static str {
    match stream.replication {
        Replication::Incremental { .. } => "INCREMENTAL",
        Replication::FullTable => "FULL_TABLE",
    }
}

/// The tap's name, version, capabilities, settings and streams.
pub fn about() -> Value {
    let settings: Vec<Value> = SETTINGS.iter().map(about_setting).collect();
    let streams: Vec<Value> = ALL.iter().map(|stream| about_stream(stream)).collect();
    json!({
        "name": "tap-bigcommerce",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Singer tap for BigCommerce, as one WebAssembly component",
        "capabilities": ["catalog", "properties", "discover", "state", "about", "test", "structured-logging"],
        "settings": settings,
        "environment": environment(),
        "streams": streams,
    })
}

/// Variables that are no settings of the config.
fn environment() -> Value {
    let variable = |name: &str, default: &str, description: &str| json!({ "name": format!("{ENV_PREFIX}{name}"), "default": default, "description": description });
    json!([
        variable(log::LEVEL_VARIABLE, "INFO", "Which log lines are written: DEBUG, INFO, WARNING, ERROR or CRITICAL."),
        variable(log::FORMAT_VARIABLE, "text", "What log lines look like: text, or json with the keys of Meltano's SDK."),
    ])
}

fn about_setting(setting: &Setting) -> Value {
    let (kind, bounds) = match setting.kind {
        SettingKind::Text => ("string", None),
        SettingKind::Secret => ("secret", None),
        SettingKind::Date => ("date", None),
        SettingKind::Integer { min, max } => ("integer", Some((min, max))),
        SettingKind::Boolean => ("boolean", None),
        SettingKind::Ids => ("ids", None),
    };
    let mut about = json!({
        "name": setting.key,
        "kind": kind,
        "required": setting.required,
        "default": setting.default,
        "env": format!("{ENV_PREFIX}{}", setting.key.to_ascii_uppercase()),
        "description": setting.description,
    });
    if let Some((min, max)) = bounds {
        (about["minimum"], about["maximum"]) = (json!(min), json!(max));
    }
    about
}

fn about_stream(stream: &Stream) -> Value {
    json!({
        "name": stream.name,
        "replication_method": method(stream),
        "replication_key": stream.replication_key(),
        "scope": stream.scope(),
        "selected_by_default": stream.selected_by_default,
        "off_by_default": stream.off_by_default,
        "fields": schema::properties(stream.schema()).map_or(0, |properties| properties.len()),
    })
}

/// [`about`] as a Markdown page.
pub fn markdown(about: &Value) -> String {
    let mut page = format!("# {} {}\n\n{}.\n", text(&about["name"]), text(&about["version"]), text(&about["description"]));
    // Writing to a String cannot fail.
    let _ = writeln!(
        page,
        "\n## Settings\n\n| Setting | Variable | Kind | Required | Default | Description |\n|{}",
        " --- |".repeat(6)
    );
    for setting in list(&about["settings"]) {
        let required = if setting["required"] == true { "yes" } else { "" };
        let [name, variable, kind, default, description] =
            ["name", "env", "kind", "default", "description"].map(|key| text(&setting[key]));
        let bounds = match (&setting["minimum"], &setting["maximum"]) {
            (Value::Number(min), Value::Number(max)) => format!(", {min} to {max}"),
            _ => String::new(),
        };
        let _ = writeln!(page, "| `{name}` | `{variable}` | {kind}{bounds} | {required} | {default} | {description} |");
    }
    let _ = writeln!(page, "\n## Environment\n\n| Variable | Default | Description |\n| --- | --- | --- |");
    for variable in list(&about["environment"]) {
        let [name, default, description] = ["name", "default", "description"].map(|key| text(&variable[key]));
        let _ = writeln!(page, "| `{name}` | {default} | {description} |");
    }
    let _ = writeln!(page, "\n## Streams\n\n| Stream | Replication | Key | Scope | Fields |\n| --- | --- | --- | --- | --- |");
    for stream in list(&about["streams"]) {
        let [name, method, key, scope, fields] =
            ["name", "replication_method", "replication_key", "scope", "fields"].map(|key| text(&stream[key]));
        let _ = writeln!(page, "| `{name}` | {method} | {key} | `{scope}` | {fields} |");
    }
    page
}

/// [`about`] as plain text.
pub fn plain(about: &Value) -> String {
    let mut page =
        format!("{} {}\n{}.\n\nSettings:\n", text(&about["name"]), text(&about["version"]), text(&about["description"]));
    for setting in list(&about["settings"]) {
        let required = if setting["required"] == true { ", required" } else { "" };
        let _ = writeln!(
            page,
            "  {:<24} {} ({}{required})",
            text(&setting["name"]),
            text(&setting["description"]),
            text(&setting["kind"])
        );
    }
    page.push_str("\nEnvironment:\n");
    for variable in list(&about["environment"]) {
        let [name, default, description] = ["name", "default", "description"].map(|key| text(&variable[key]));
        let _ = writeln!(page, "  {name:<28} {description} (default: {default})");
    }
    page.push_str("\nStreams:\n");
    for stream in list(&about["streams"]) {
        let _ = writeln!(
            page,
            "  {:<24} {}, needs {}",
            text(&stream["name"]),
            text(&stream["replication_method"]),
            text(&stream["scope"])
        );
    }
    page
}

/// [`about`] as a plugin definition for Meltano, in the form of Meltano Hub: YAML whose texts are JSON strings.
pub fn meltano(about: &Value) -> String {
    let name = text(&about["name"]);
    let namespace = name.replace('-', "_");
    let description = &about["description"];
    let mut page = format!("name: {name}\nnamespace: {namespace}\nvariant: wasm\nlabel: BigCommerce\n");
    let _ = writeln!(page, "description: {description}\nexecutable: {name}\ncapabilities:");
    for capability in list(&about["capabilities"]) {
        let _ = writeln!(page, "- {}", text(capability));
    }
    page.push_str("settings_group_validation:\n");
    let required = list(&about["settings"]).filter(|setting| setting["required"] == true);
    for (mark, setting) in std::iter::once("- -").chain(std::iter::repeat("  -")).zip(required) {
        let _ = writeln!(page, "{mark} {}", text(&setting["name"]));
    }
    page.push_str("settings:\n");
    list(&about["settings"]).for_each(|setting| meltano_setting(setting, &mut page));
    // Without rules of its own Meltano selects every field of every stream, those that cost requests or scopes of their own among them.
    page.push_str("select:\n");
    for stream in list(&about["streams"]).filter(|stream| stream["selected_by_default"] == true) {
        let name = text(&stream["name"]);
        let _ = writeln!(page, "- {}", json!(format!("{name}.*")));
        for field in list(&stream["off_by_default"]) {
            let _ = writeln!(page, "- {}", json!(format!("!{name}.{}", text(field))));
        }
    }
    page
}

fn meltano_setting(setting: &Value, page: &mut String) {
    let kind = match text(&setting["kind"]).as_str() {
        "secret" => "string\n  sensitive: true".to_owned(),
        "date" => "date_iso8601".to_owned(),
        "ids" => "string".to_owned(),
        kind => kind.to_owned(),
    };
    let name = text(&setting["name"]);
    let _ = writeln!(page, "- name: {name}\n  label: {}\n  kind: {kind}", label(&name));
    if let Value::String(default) = &setting["default"] {
        let _ = writeln!(page, "  value: {default}");
    }
    let _ = writeln!(page, "  description: {}", setting["description"]);
}

/// `api_url` as `API URL`, `page_size` as `Page size`.
fn label(key: &str) -> String {
    let words = key.split('_').enumerate().map(|(place, word)| match word {
        "api" | "id" | "url" => word.to_uppercase(),
        _ if place == 0 => word[..1].to_uppercase() + &word[1..],
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
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

    #[test]
    fn about_names_every_setting_and_stream_in_every_form() {
        let about = about();
        for page in [about.to_string(), markdown(&about), plain(&about)] {
            assert!(SETTINGS.iter().all(|setting| page.contains(setting.key)));
            assert!(ALL.iter().all(|stream| page.contains(stream.name)));
        }
    }

    #[test]
    fn meltanos_definition_tells_kinds_and_hides_the_secret() {
        let definition = meltano(&about());
        for setting in [
            "- name: access_token\n  label: Access token\n  kind: string\n  sensitive: true\n",
            "- name: start_date\n  label: Start date\n  kind: date_iso8601\n  description: ",
            "- name: api_url\n  label: API URL\n  kind: string\n  value: https://api.bigcommerce.com\n",
            "- name: page_size\n  label: Page size\n  kind: integer\n  value: 250\n",
        ] {
            assert!(definition.contains(setting), "{setting:?} is not in: {definition}");
        }
        assert_eq!(definition.matches("sensitive").count(), 1);
        let select = definition.split_once("select:\n").unwrap().1;
        assert!(select.starts_with("- \"orders.*\"\n- \"!orders.consignments\"\n- \"order_products.*\"\n"), "{select}");
        assert!(!select.contains("transactions"), "{select}");
        assert!(SETTINGS.iter().all(|setting| definition.contains(&format!("- name: {}\n", setting.key))));
    }
}
