//! What an SQLite file holds.

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::Path;

/// A row: its columns' values, in their order.
pub type Row = Vec<Value>;

/// Opens a file to look at it.
pub fn open(file: &Path) -> Connection {
    // Opened for writing: without that, the write-ahead log of a killed run cannot be read.
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("the file can be opened")
}

/// The names of its tables.
pub fn names(connection: &Connection) -> Vec<String> {
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut names = connection.prepare(names).expect("the file has a schema");
    let names = names.query_map([], |row| row.get(0)).expect("the schema can be read");
    names.collect::<rusqlite::Result<_>>().expect("names are text")
}

/// The rows of a table, in the order of its first column.
pub fn rows(connection: &Connection, table: &str) -> Vec<Row> {
    let mut rows = connection.prepare(&format!("SELECT * FROM \"{table}\" ORDER BY 1")).expect("the table is there");
    let columns = rows.column_count();
    let rows = rows.query_map([], |row| (0..columns).map(|place| row.get(place)).collect()).expect("the table can be read");
    rows.collect::<rusqlite::Result<_>>().expect("values can be read")
}

/// Everything that the file holds, table by table, with the state's keys sorted. Fails if the file is damaged.
pub fn dump(file: &Path) -> BTreeMap<String, Vec<Row>> {
    let connection = open(file);
    let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("the file can be checked");
    assert_eq!(sound, "ok");
    let mut dump: BTreeMap<String, Vec<Row>> =
        names(&connection).into_iter().map(|name| (name.clone(), rows(&connection, &name))).collect();
    for value in dump.get_mut("_tap_state").into_iter().flatten().flatten() {
        if let Value::Text(state) = value {
            *state = sorted(&serde_json::from_str(state).expect("a state is JSON")).to_string();
        }
    }
    dump
}

fn sorted(json: &Json) -> Json {
    match json {
        Json::Object(map) => {
            map.iter().map(|(key, value)| (key, sorted(value))).collect::<BTreeMap<_, _>>().into_iter().collect()
        }
        other => other.clone(),
    }
}

/// A query's only value.
pub fn value(file: &Path, query: &str) -> Value {
    open(file).query_row(query, [], |row| row.get(0)).expect("the query has a value")
}
