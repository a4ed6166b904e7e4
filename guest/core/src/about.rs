//! The tap's description of itself, as JSON, Markdown, text and a definition for Meltano. A host adds the key `component`, which
//! says which component it runs.

use crate::config::{ENV_PREFIX, SETTINGS, Setting, SettingKind};
use crate::discover::method;
use crate::log;
use crate::schema;
use crate::streams::{ALL, Stream};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The tap's name, version, capabilities, settings and streams.
pub fn about() -> Value {
    let settings: Vec<Value> = SETTINGS.iter().map(about_setting).collect();
    let streams: Vec<Value> = ALL.iter().map(|stream| about_stream(stream)).collect();
    json!({
        "name": "tap-bigcommerce",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Singer tap for BigCommerce, as one WebAssembly component",
        "capabilities": ["catalog", "properties", "discover", "state", "about", "test", "activate-version", "structured-logging", "stream-maps", "schema-flattening", "batch"],
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
        SettingKind::Choice(_) => ("choice", None),
        SettingKind::Object => ("object", None),
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
    if let SettingKind::Choice(words) = setting.kind {
        about["choices"] = json!(words);
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
            _ => list(&setting["choices"]).map(|word| format!(", `{}`", text(word))).collect(),
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
    if let Some(component) = about.get("component") {
        page.push_str("\n## Component\n\n| | |\n| --- | --- |\n");
        for (name, fact) in facts(component) {
            let _ = writeln!(page, "| {name} | `{fact}` |");
        }
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
    if let Some(component) = about.get("component") {
        page.push_str("\nComponent:\n");
        for (name, fact) in facts(component) {
            let _ = writeln!(page, "  {name:<24} {fact}");
        }
    }
    page
}

/// Which component it is, as its host knows it.
fn facts(component: &Value) -> impl Iterator<Item = (&'static str, String)> {
    let names = [("Version", "version"), ("Interface", "interface"), ("Built with", "built_with"), ("SHA-256", "sha256")];
    names.into_iter().map(|(name, key)| (name, text(&component[key])))
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
    // Without `select` rules Meltano selects every field of every stream, including those that cost extra requests or need scopes
    // of their own.
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
        "choice" => {
            let option = |word: &Value| format!("\n  - label: {}\n    value: {}", label(&text(word)), text(word));
            format!("options\n  options:{}", list(&setting["choices"]).map(option).collect::<String>())
        }
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
        _ if place == 0 => word.chars().next().map_or(String::new(), |c| c.to_uppercase().chain(word.chars().skip(1)).collect()),
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
            "  kind: options\n  options:\n  - label: Separate\n    value: separate\n  - label: Embedded\n    value: embedded\n",
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
