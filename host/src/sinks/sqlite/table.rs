//! A stream's table: its columns from the SCHEMA, and the statement that puts a record into it.

use super::super::Record;
use super::super::columns::{Slots, list, quoted};
use super::super::message::{is_stream_name, not_a_name};
use super::columns::{Column, Columns};
use super::record;
use super::versions::Versions;
use super::{SinkError, sentence};
use rusqlite::{Connection, OptionalExtension};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::path::Path;

/// A stream's table.
pub(super) struct Table {
    stream: String,
    keys: Vec<String>,
    columns: Columns,
    insert: String,
    /// None: without a key, rows cannot be told apart.
    versions: Option<Versions>,
}

/// Why a table did not take its data.
pub(super) enum TableFault {
    Sqlite(rusqlite::Error),
    /// A sentence without its start, the file's name.
    Told(String),
    /// The same: the table and the SCHEMA do not fit.
    Misfit(String),
}

impl From<rusqlite::Error> for TableFault {
    fn from(error: rusqlite::Error) -> TableFault {
        TableFault::Sqlite(error)
    }
}

impl TableFault {
    pub(super) fn error(&self, file: &Path) -> SinkError {
        match self {
            TableFault::Sqlite(error) => sentence(file, error),
            TableFault::Told(rest) | TableFault::Misfit(rest) => SinkError::new(format!("{} {rest}", file.display())),
        }
    }
}

impl Table {
    /// The table for a stream's SCHEMA. The error says what is wrong with the message.
    pub(super) fn new(stream: &str, schema: &RawValue, keys: &[String]) -> Result<Table, String> {
        if !is_stream_name(stream) || is_reserved(stream) {
            return Err(not_a_name(stream));
        }
        let columns = Columns::read(stream, schema, keys)?;
        let insert = insert_statement(stream, &columns.list, keys);
        let column = |key: &String| columns.list.iter().find(|column| column.name == *key);
        let definitions: Vec<String> = keys.iter().filter_map(column).map(|column| definition(column, keys)).collect();
        let versions = (!keys.is_empty()).then(|| Versions::new(stream, keys, &definitions));
        Ok(Table { stream: stream.to_owned(), keys: keys.to_vec(), columns, insert, versions })
    }

    /// Makes the table, or adds the columns that it lacks. Columns that the SCHEMA does not name stay as they are. A table that the SCHEMA
    /// does not fit is rebuilt if the run reads the whole stream again.
    pub(super) fn create(&mut self, connection: &Connection, is_read_whole: bool) -> Result<(), TableFault> {
        match self.adapt(connection) {
            Err(TableFault::Misfit(_)) if is_read_whole => self.rebuild(connection)?,
            done => done?,
        }
        Ok(self.versions.iter_mut().try_for_each(|versions| versions.find(connection))?)
    }

    fn rebuild(&self, connection: &Connection) -> Result<(), TableFault> {
        let keys = serde_json::to_string(&self.keys).unwrap_or_default();
        connection.execute_batch(&format!("DROP TABLE {}; {}", quoted(&self.stream), self.create_statement()))?;
        connection.execute("UPDATE _tap_streams SET key_properties = ?2 WHERE name = ?1", [&self.stream, &keys])?;
        Ok(self.versions.iter().try_for_each(|versions| versions.drop(connection))?)
    }

    /// What to do where the table and the SCHEMA do not fit.
    fn misfit(&self, what: &str) -> TableFault {
        let stream = &self.stream;
        TableFault::Misfit(format!(
            "{what}; run once with --full-refresh {stream}, which rebuilds its table, or start with a new file"
        ))
    }

    fn adapt(&self, connection: &Connection) -> Result<(), TableFault> {
        let keys = serde_json::to_string(&self.keys).unwrap_or_default();
        let known: Option<String> = connection
            .query_row("SELECT key_properties FROM _tap_streams WHERE name = ?1", [&self.stream], |row| row.get(0))
            .optional()?;
        match known {
            None => {
                self.refuse_foreign(connection)?;
                connection.execute_batch(&self.create_statement())?;
                connection.execute("INSERT INTO _tap_streams (name, key_properties) VALUES (?1, ?2)", [&self.stream, &keys])?;
                Ok(())
            }
            Some(known) if known == keys => self.add_columns(connection),
            Some(known) => Err(self.misfit(&format!("holds {} by the key {known}, and the key is now {keys}", self.stream))),
        }
    }

    fn refuse_foreign(&self, connection: &Connection) -> Result<(), TableFault> {
        let find = "SELECT type FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE";
        match connection.query_row(find, [&self.stream], |row| row.get::<_, String>(0)).optional()? {
            None => Ok(()),
            Some(kind) => Err(TableFault::Told(format!(
                "has a {kind} {} that this tap did not make; name another file",
                quoted(&self.stream)
            ))),
        }
    }

    fn create_statement(&self) -> String {
        let definitions = self.columns.list.iter().flat_map(|column| [Some(definition(column, &self.keys)), column.made()]);
        let mut parts: Vec<String> = definitions.flatten().collect();
        if !self.keys.is_empty() {
            parts.push(format!("PRIMARY KEY ({})", list(&self.keys)));
        }
        format!("CREATE TABLE {} ({})", quoted(&self.stream), parts.join(", "))
    }

    /// Adds the columns that the table lacks. A column with another declared type is refused, because SQLite would convert the
    /// values (the TEXT `007` into the INTEGER 7). Decimals that an earlier version stored only as TEXT get their REAL column.
    fn add_columns(&self, connection: &Connection) -> Result<(), TableFault> {
        let declared = self.declared(connection)?;
        if declared.is_empty() {
            return Err(TableFault::Told(format!(
                "has lost its table {}, but its state depends on the rows of that table; restore the table or start with a new file",
                self.stream
            )));
        }
        for column in &self.columns.list {
            self.add_column(connection, column, &declared)?;
        }
        Ok(())
    }

    fn add_column(&self, connection: &Connection, column: &Column, declared: &HashMap<String, String>) -> Result<(), TableFault> {
        let is_declared = |name: &str, wanted: &str| match declared.get(&name.to_ascii_lowercase()) {
            None => Ok(false),
            Some(declared) if declared.eq_ignore_ascii_case(wanted) => Ok(true),
            Some(declared) => {
                let (stream, name) = (&self.stream, quoted(name));
                let what = format!("has a table {stream} whose column {name} is declared {declared:?} and must now be {wanted}");
                Err(self.misfit(&what))
            }
        };
        let alter = |change: &str| connection.execute_batch(&format!("ALTER TABLE {} {change}", quoted(&self.stream)));
        let (stored, wanted) = (column.stored(), column.kind.declared());
        let Some(made) = column.made() else {
            if !is_declared(&stored, wanted)? {
                alter(&format!("ADD COLUMN {}", definition(column, &self.keys)))?;
            }
            return Ok(());
        };
        let is_stored = is_declared(&stored, wanted)?;
        if !is_stored && declared.get(&column.name.to_ascii_lowercase()).is_some_and(|kind| kind.eq_ignore_ascii_case(wanted)) {
            alter(&format!("RENAME COLUMN {} TO {}", quoted(&column.name), quoted(&stored)))?;
            alter(&format!("ADD COLUMN {made}"))?;
            return Ok(());
        }
        let is_made = is_declared(&column.name, "REAL")?;
        if !is_stored {
            alter(&format!("ADD COLUMN {}", definition(column, &self.keys)))?;
        }
        if !is_made {
            alter(&format!("ADD COLUMN {made}"))?;
        }
        Ok(())
    }

    /// The table's columns and their types. Names are in lower case, because SQLite ignores case. Empty if there is no such
    /// table.
    fn declared(&self, connection: &Connection) -> rusqlite::Result<HashMap<String, String>> {
        let mut columns = connection.prepare("SELECT name, type FROM pragma_table_xinfo(?1)")?;
        let columns =
            columns.query_map([&self.stream], |row| Ok((row.get::<_, String>(0)?.to_ascii_lowercase(), row.get(1)?)))?;
        columns.collect()
    }

    /// Inserts a record, or puts it in the place of the one with its key.
    pub(super) fn upsert(&mut self, connection: &Connection, record: &Record<'_>) -> Result<(), TableFault> {
        let slots = Slots::read(&self.columns.fields, record.record).map_err(|fault| {
            TableFault::Told(format!("cannot take a record of {} that is not a JSON object: {fault}", self.stream))
        })?;
        // SQLite would generate a value for an integer key that is null.
        let is_null = |key: &&String| self.columns.fields.place(key).and_then(|place| slots.get(place)).is_none();
        if let Some(key) = self.keys.iter().find(is_null) {
            return Err(TableFault::Told(format!(
                "cannot take a record of {} whose key {key:?} is null or missing",
                self.stream
            )));
        }
        let mut statement = connection.prepare_cached(&self.insert)?;
        record::bind(&slots, &self.columns, &mut statement)?;
        statement.raw_execute()?;
        match &mut self.versions {
            Some(versions) => Ok(versions.note(connection, &self.columns, &slots, record.version)?),
            None if record.version.is_some() => Err(self.keyless()),
            None => Ok(()),
        }
    }

    /// Takes away the rows that are not of this version.
    pub(super) fn activate(&mut self, connection: &Connection, version: u64) -> Result<(), TableFault> {
        match &mut self.versions {
            Some(versions) => Ok(versions.activate(connection, version)?),
            None => Err(self.keyless()),
        }
    }

    fn keyless(&self) -> TableFault {
        let stream = &self.stream;
        TableFault::Told(format!(
            "cannot keep versions of {stream}, which has no key; remove emit_activate_version_messages from the config"
        ))
    }
}

fn definition(column: &Column, keys: &[String]) -> String {
    let key = if keys.contains(&column.name) { " NOT NULL" } else { "" };
    format!("{} {}{key}", quoted(&column.stored()), column.kind.declared())
}

/// The names that SQLite and this tap keep for themselves.
fn is_reserved(name: &str) -> bool {
    name.starts_with("_tap_") || name.starts_with("sqlite_")
}

fn insert_statement(stream: &str, columns: &[Column], keys: &[String]) -> String {
    let names: Vec<String> = columns.iter().map(Column::stored).collect();
    let places: Vec<String> = (1..=columns.len()).map(|place| format!("?{place}")).collect();
    let mut sql = format!("INSERT INTO {} ({}) VALUES ({})", quoted(stream), list(&names), places.join(", "));
    if !keys.is_empty() {
        let rest = names.iter().filter(|name| !keys.iter().any(|key| key == *name));
        let sets: Vec<String> = rest.map(|name| format!("{0} = excluded.{0}", quoted(name))).collect();
        let action = if sets.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", sets.join(", ")) };
        sql.push_str(&format!(" ON CONFLICT ({}) DO {action}", list(keys)));
    }
    sql
}
