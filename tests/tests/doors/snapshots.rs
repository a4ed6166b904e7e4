//! Compares what the program writes with what it wrote before. After an intended change, run
//! `INSTA_UPDATE=always cargo test --release`, and look at what has changed.

use insta::assert_snapshot;
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::time::Duration;
use tap_bigcommerce_sandbox::{Options, Quota, Scope};
use tap_bigcommerce_tests::messages::Message;
use tap_bigcommerce_tests::program::{program, run};
use tap_bigcommerce_tests::shop::{Shop, counts};

fn output(args: &[&str]) -> String {
    let ended = run(program(args)).ok();
    assert_eq!(ended.stderr, "", "nothing is worth a log line");
    let component = tap_bigcommerce::Component::carried();
    let built_with = component.facts().unwrap().built_with.unwrap();
    let masked = ended.stdout.replace(&component.checksum(), "[sha256]").replace(&built_with, "[rustc]");
    masked.replace(env!("CARGO_PKG_VERSION"), "[version]")
}

#[test]
fn about_in_its_three_forms() {
    assert_snapshot!("about_text", output(&["--about"]));
    assert_snapshot!("about_markdown", output(&["--about", "--format", "markdown"]));
    assert_snapshot!("about_json", output(&["--about", "--format", "json"]));
    assert_eq!(output(&["--about", "--format", "text"]), output(&["--about"]));
}

#[test]
fn help_and_version() {
    assert_snapshot!("help", output(&["--help"]));
    assert_eq!(output(&["--version"]), "tap-bigcommerce [version]\n");
}

#[test]
fn discovery_needs_no_config_and_no_network() {
    let catalog: Value = serde_json::from_str(&output(&["--discover"])).unwrap();
    assert_snapshot!("catalog", outline(&catalog));
}

#[test]
fn every_field_has_its_metadata_and_all_metadata_has_its_field() {
    let catalog: Value = serde_json::from_str(&output(&["--discover"])).unwrap();
    for stream in catalog["streams"].as_array().unwrap() {
        let mut paths = vec![Vec::new()];
        breadcrumbs(&stream["schema"], &[], &mut paths);
        let metadata = stream["metadata"].as_array().unwrap();
        let mut told: Vec<Vec<String>> =
            metadata.iter().map(|item| serde_json::from_value(item["breadcrumb"].clone()).unwrap()).collect();
        paths.sort();
        told.sort();
        assert_eq!(told, paths, "{}", stream["tap_stream_id"]);
    }
}

#[test]
fn a_check_as_a_table() {
    let quota = Some(Quota { requests: 150, window: Duration::from_secs(30) });
    let shop = Shop::with(Options { quota, missing_scopes: [Scope::Transactions].into(), ..Options::default() });
    let table = |select| shop.run(["--check", "--format", "text", "--select", select]).told(6, &["transactions"]).stdout;
    let some = "orders,order_products,order_fees,transactions,order_shipments,order_pickups,customers,customer_addresses,\
                products.options,product_variants,coupons,price_lists,price_list_records,tax_classes,store";
    let rows = table(some);
    let rows: Vec<&str> = rows.lines().filter(|line| !line.ends_with("  not selected")).collect();
    assert_snapshot!("check", rows.join("\n"));
    // The last two lines are sentences.
    let whole = table("*");
    let lines: Vec<&str> = whole.lines().collect();
    assert!(lines[..lines.len() - 2].iter().all(|line| line.chars().count() <= 100), "{whole}");
}

#[test]
fn a_small_sync() {
    let shop = Shop::new(counts(2, 2, 1, 1));
    let ended = shop.run([]).ok();
    let lines: Vec<String> = ended.stdout.lines().zip(ended.messages()).map(|(line, message)| masked(line, message)).collect();
    assert_snapshot!("sync", lines.join("\n"));
}

/// The message without what differs from run to run; a SCHEMA without its fields, which the catalog's snapshot has.
fn masked(line: &str, message: Message) -> String {
    let masked = match (&message.time_extracted, &message.schema) {
        (Some(time), _) => line.replace(&format!(r#""time_extracted":"{time}""#), r#""time_extracted":"[time]""#),
        (_, Some(schema)) => line.replace(&schema.to_string(), r#""[schema]""#),
        _ => line.to_owned(),
    };
    spread(&masked.replace(&format!(r#""version":"{}""#, env!("CARGO_PKG_VERSION")), r#""version":"[version]""#))
}

/// JSON over many lines, each token as it came: a tree of values would lose digits.
fn spread(json: &str) -> String {
    let (mut out, mut depth, mut in_text, mut escaped) = (String::new(), 0, false, false);
    let mut letters = json.chars().peekable();
    while let Some(letter) = letters.next() {
        out.push(letter);
        if in_text {
            in_text = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
        } else {
            in_text = letter == '"';
            match letter {
                '{' | '[' => depth += 1,
                '}' | ']' => depth -= 1,
                _ => {}
            }
        }
        if in_text {
            continue;
        }
        let (opens, closes) = (matches!(letter, '{' | '['), matches!(letters.peek(), Some('}' | ']')));
        match letter {
            _ if opens && closes => {}
            _ if closes => new_line(&mut out, depth - 1),
            _ if opens || letter == ',' => new_line(&mut out, depth),
            _ => {}
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    let _ = write!(out, "\n{}", " ".repeat(depth));
}

/// The catalog in a line for each field.
fn outline(catalog: &Value) -> String {
    let mut out = String::new();
    assert_eq!(catalog.as_object().unwrap().keys().collect::<Vec<_>>(), ["streams"]);
    for stream in catalog["streams"].as_array().unwrap() {
        let mut head = stream.as_object().unwrap().clone();
        let schema = head.shift_remove("schema").unwrap();
        let metadata = head.shift_remove("metadata").unwrap();
        let _ = writeln!(out, "{}\n{}", Value::Object(head), about(&metadata, &[]));
        fields(&schema, &metadata, &[], &mut out);
        out.push('\n');
    }
    out
}

/// What the metadata of nearly every field is.
const ABBREVIATED: [(&str, &str); 3] = [
    (r#"{"inclusion":"automatic"}"#, " automatic"),
    (r#"{"inclusion":"available","selected-by-default":true}"#, ""),
    (r#"{"inclusion":"available","selected-by-default":false}"#, " off by default"),
];

fn fields(schema: &Value, metadata: &Value, path: &[String], out: &mut String) {
    if let Some(items) = schema.get("items") {
        return fields(items, metadata, &[path, &["items".into()]].concat(), out);
    }
    for (name, schema) in properties(schema) {
        let path = [path, &["properties".into(), name.clone()]].concat();
        let depth = path.iter().filter(|step| *step == "properties").count();
        let about = about(metadata, &path);
        let about = ABBREVIATED.iter().find(|(whole, _)| *whole == about).map_or(about.as_str(), |(_, short)| short);
        let _ = writeln!(out, "{}{name}: {}{about}", "  ".repeat(depth), kind(&schema));
        fields(&schema, metadata, &path, out);
    }
}

fn kind(schema: &Value) -> String {
    let own = schema.as_object().unwrap().iter().filter(|(key, _)| !matches!(key.as_str(), "properties" | "items"));
    let own: Map<String, Value> = own.map(|(key, value)| (key.clone(), value.clone())).collect();
    let kind = Value::Object(own).to_string();
    match schema.get("items") {
        Some(items) => format!("{kind} of {}", self::kind(items)),
        None => kind,
    }
}

fn about(metadata: &Value, path: &[String]) -> String {
    let of_path = |item: &&Value| item["breadcrumb"] == serde_json::json!(path);
    metadata.as_array().unwrap().iter().find(of_path).map_or("no metadata".into(), |item| item["metadata"].to_string())
}

fn properties(schema: &Value) -> Map<String, Value> {
    schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn breadcrumbs(schema: &Value, path: &[String], out: &mut Vec<Vec<String>>) {
    if let Some(items) = schema.get("items") {
        return breadcrumbs(items, &[path, &["items".into()]].concat(), out);
    }
    for (name, schema) in properties(schema) {
        let path = [path, &["properties".into(), name]].concat();
        out.push(path.clone());
        breadcrumbs(&schema, &path, out);
    }
}
