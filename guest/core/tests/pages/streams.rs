//! The page of streams, from what they say of themselves.

use serde_json::Value;
use std::fmt::Write as _;
use tap_bigcommerce_core::schema;
use tap_bigcommerce_core::streams::{ALL, Announced, Ask, End, List, Paging, Replication, Rows, Source, Stream, Way};

/// The generated part of the page.
pub(crate) fn page() -> String {
    ALL.iter().map(|stream| section(stream)).collect()
}

fn section(stream: &Stream) -> String {
    let mut page = format!("## {}\n\n{}\n", stream.name, origin(stream));
    let mut fact = |name: &str, text: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "- **{name}**: {text}");
    };
    fact("key", &stream.key.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "));
    fact("replication", &replication(stream));
    fact("scope", &format!("`{}`", stream.scope()));
    if let Source::List(list) | Source::Below { list, .. } = stream.source {
        fact("walked", &walk(list));
        fact("end confirmed by", end(list));
    }
    page.push_str("\n| field | type | |\n| --- | --- | --- |\n");
    fields(stream, stream.schema(), "", &mut page);
    page.push('\n');
    page
}

fn origin(stream: &Stream) -> String {
    match stream.source {
        Source::List(list) => format!("`GET /{}`\n", list.path),
        Source::Below { parent, list, .. } => format!("`GET /{}` for each record of `{}`\n", list.path, parent.name),
        Source::With { parent, rows } if parent.schema()["properties"].get(rows.name).is_some() => format!(
            "The rows of `{}.{}` as records of their own. If both streams are selected, the requests are made once.\n",
            parent.name, rows.name
        ),
        Source::With { parent, rows } => {
            let path = rows.ask().map_or("", |ask| ask.path);
            format!("`GET /{path}` for the records of `{}`, whose scope is needed, too.\n", parent.name)
        }
    }
}

fn replication(stream: &Stream) -> String {
    match stream.replication {
        Replication::FullTable => "full table: each run reads all of it".to_owned(),
        Replication::Incremental { key, heeds_start_date: true } => {
            format!("incremental by `{key}`; the first run begins at `start_date`")
        }
        Replication::Incremental { key, .. } => {
            format!("incremental by `{key}`; the first run reads all, whatever `start_date` says")
        }
    }
}

fn walk(list: &List) -> String {
    match list.paging {
        Paging::Id { after } => format!("by id (`{after}`)"),
        Paging::Cursor { after } => format!("by the store's cursor (`{after}`)"),
        Paging::Page => "by page number".to_owned(),
        Paging::Once => "with one request".to_owned(),
    }
}

fn end(list: &List) -> &'static str {
    match list.end {
        End::Highest(_) => "the list itself, asked for its row with the highest id",
        End::AllSeen => "a second empty page, and the store's count of all rows",
        End::Again => "all pages once more, which bring nothing new",
        End::Answer => "nothing: one answer holds all",
        End::CoveredSeen => "a second empty page, and the list's total for a time that the walk covers whole",
    }
}

/// A row for each field, the fields inside it below.
fn fields(stream: &Stream, schema: &Value, path: &str, page: &mut String) {
    for (name, field) in schema::properties(schema).into_iter().flatten() {
        let path = format!("{path}{name}");
        let _ = writeln!(page, "| `{path}` | {} | {} |", kind(field), notes(stream, &path, field).join("; "));
        fields(stream, field, &format!("{path}."), page);
    }
}

/// The type, as a word or two.
fn kind(schema: &Value) -> String {
    if let Some(items) = schema.get("items") {
        return format!("list of {}", plural(&kind(items)));
    }
    let name = schema["type"].as_str().or(schema["type"][0].as_str()).unwrap_or_default();
    match name {
        "string" if schema["format"] == "date-time" => "date-time".to_owned(),
        name => name.to_owned(),
    }
}

fn plural(kind: &str) -> String {
    match kind.strip_prefix("list ") {
        Some(rest) => format!("lists {rest}"),
        None => format!("{kind}s"),
    }
}

/// What is to be said of a field.
fn notes(stream: &Stream, path: &str, schema: &Value) -> Vec<String> {
    let mut notes: Vec<String> = schema["description"].as_str().map(str::to_owned).into_iter().collect();
    notes.extend(schema["x-source"].as_str().map(|source| format!("the API's `{source}`")));
    if stream.off_by_default.contains(&path) {
        notes.push("only if it is selected".to_owned());
    }
    if let Source::List(list) | Source::Below { list, .. } = stream.source {
        let include = list.includes.iter().find(|include| include.field == path);
        notes.extend(include.map(|include| format!("with `include={}`", include.value)));
        let undated = include.and_then(|include| include.undated);
        notes.extend(
            undated.map(|stream| format!("can change while the record's date stays; `{stream}` reads all of them in each run")),
        );
        notes.extend(list.rows.iter().find(|rows| rows.name == path).map(|rows| requests(rows)));
    }
    notes
}

fn requests(rows: &Rows) -> String {
    let counted = match rows.announced_by {
        Some(Announced::Count(field)) => format!(", or fewer than `{field}` says"),
        _ => String::new(),
    };
    let source = |way: &Way| match way {
        Way::Inside { full: None } => "in the record itself".to_owned(),
        Way::Inside { full: Some(full) } => {
            format!("in the record itself, unless it has {full} rows there, where the API stops{counted}")
        }
        Way::Each(Ask { path, .. }) => format!("`GET /{path}` for each record"),
        Way::Batch { ask: Ask { path, .. }, most, .. } => format!("`GET /{path}` for up to {most} records at a time"),
    };
    rows.from.iter().map(source).collect::<Vec<_>>().join("; else ")
}
