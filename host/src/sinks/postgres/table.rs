//! A stream's table. Its rows are buffered here, copied into a staging table, and merged by their key in the transaction of the
//! next STATE.

use super::super::Record;
use super::super::columns::{Fields, Slots, list, quoted};
use super::column::{self, ROW, Type, VERSION};
use super::fault::{Fault, without_values};
use super::own;
use super::record::{self, Misfit};
use super::session::Session;
use serde_json::value::RawValue;
use std::collections::HashMap;

/// How large a buffer a stream keeps after its rows are sent.
const SPARE: usize = 64 << 10;

/// A stream's table.
pub(super) struct Table {
    stream: String,
    keys: Vec<String>,
    fields: Fields,
    types: Vec<Type>,
    schema: String,
    /// The table, as SQL has it.
    name: String,
    /// The staging table, which is temporary.
    stage: String,
    /// Statements that adapt the table to the SCHEMA. The next transaction begins with them.
    changes: Vec<String>,
    /// Rows that have not been sent, as COPY wants them.
    rows: Vec<u8>,
    /// How many rows there have been.
    count: u64,
    /// Whether rows wait in the temporary table.
    is_staged: bool,
    /// Whether the table has the column of versions, once it has been changed.
    has_versions: bool,
}

impl Table {
    /// The table for a stream's SCHEMA; `number` tells temporary tables apart. The error says what is wrong with the message.
    pub(super) fn new(stream: &str, schema: &RawValue, keys: &[String], place: &str, number: usize) -> Result<Table, String> {
        let (fields, types) = column::read(stream, schema, keys)?;
        Ok(Table {
            stream: stream.to_owned(),
            keys: keys.to_vec(),
            fields,
            types,
            schema: place.to_owned(),
            name: format!("{}.{}", quoted(place), quoted(stream)),
            stage: format!("pg_temp.\"_tap_stage_{number}\""),
            changes: Vec::new(),
            rows: Vec::new(),
            count: 0,
            is_staged: false,
            has_versions: false,
        })
    }

    /// Whether both are by the same SCHEMA.
    pub(super) fn has_schema_of(&self, other: &Table) -> bool {
        self.keys == other.keys && self.fields == other.fields
    }

    /// Works out how the table must change, and creates its staging table. A table that the SCHEMA does not fit is rebuilt if the
    /// run reads the whole stream again. Nothing that other sessions see changes yet.
    pub(super) fn prepare(&mut self, session: &Session, is_read_whole: bool) -> Result<(), Fault> {
        match self.adapt(session) {
            Err(Fault::Misfit(_)) if is_read_whole => {
                self.changes = vec![format!("DROP TABLE IF EXISTS {}", self.name), self.create_statement(), self.note()];
                self.types = self.fields.list.iter().map(Type::of).collect();
                self.has_versions = false;
            }
            done => done?,
        }
        let columns: Vec<String> = self.columns().map(|(name, kind)| format!(", {} {}", quoted(name), kind.name())).collect();
        let stage = &self.stage;
        session.execute(format!("CREATE TEMPORARY TABLE {stage} ({ROW} bigint, {VERSION} bigint{})", columns.concat()))
    }

    fn columns(&self) -> impl Iterator<Item = (&str, Type)> {
        self.fields.list.iter().map(|field| field.name.as_str()).zip(self.types.iter().copied())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.list.iter().map(|field| field.name.as_str())
    }

    fn misfit(&self, what: &str) -> Fault {
        let stream = &self.stream;
        Fault::Misfit(format!("{what}; run once with --full-refresh {stream}, which rebuilds its table, or name another schema"))
    }

    fn adapt(&mut self, session: &Session) -> Result<(), Fault> {
        let keys = serde_json::to_string(&self.keys).unwrap_or_default();
        let found = own::relation(session, &self.schema, &self.stream)?;
        match (own::keys(session, &self.schema, &self.stream)?, found) {
            (None, None) => {
                self.changes = vec![self.create_statement(), self.note()];
                Ok(())
            }
            (None, Some(_)) => Err(Fault::Told(format!(
                "has a table or view {} that this tap did not make; name another schema with ?schema=NAME",
                self.name
            ))),
            (Some(_), None) => {
                Err(self.misfit(&format!("has lost its table {}, but its state depends on the rows of that table", self.name)))
            }
            (Some(known), Some(columns)) if known == keys => self.add_columns(&columns),
            (Some(known), Some(_)) => {
                Err(self.misfit(&format!("holds {} by the key {known}, and the key is now {keys}", self.stream)))
            }
        }
    }

    /// Adds the columns that the table lacks. Whole numbers may have become wider; any other type that has changed is refused.
    fn add_columns(&mut self, found: &HashMap<String, String>) -> Result<(), Fault> {
        let (mut changes, mut types) = (Vec::new(), Vec::new());
        for (name, kind) in self.columns() {
            let (column, wanted) = (quoted(name), kind.name());
            let mut kind = kind;
            match found.get(name).map(String::as_str) {
                None => changes.push(format!("ALTER TABLE {} ADD COLUMN {column} {wanted}", self.name)),
                Some(declared) if declared == wanted => {}
                Some("numeric") if kind == Type::Bigint => kind = Type::Numeric,
                Some("bigint") if kind == Type::Numeric => changes.push(self.widening(name)),
                Some(declared) => {
                    let stream = &self.stream;
                    return Err(self.misfit(&format!(
                        "has a table {stream} whose column {column} is of the type {declared} and must now be {wanted}"
                    )));
                }
            }
            types.push(kind);
        }
        self.has_versions = match found.get(VERSION).map(String::as_str) {
            None => false,
            Some("bigint") => true,
            Some(_) => return Err(self.misfit(&format!("has a table {} whose column {VERSION} is not this tap's", self.stream))),
        };
        (self.changes, self.types) = (changes, types);
        Ok(())
    }

    fn create_statement(&self) -> String {
        let columns = self.fields.list.iter().map(|field| {
            let key = if field.is_key { " NOT NULL" } else { "" };
            format!("{} {}{key}", quoted(&field.name), Type::of(field).name())
        });
        let key = (!self.keys.is_empty()).then(|| format!("PRIMARY KEY ({})", list(self.keys.iter().map(String::as_str))));
        let parts: Vec<String> = columns.chain(key).collect();
        format!("CREATE TABLE {} ({})", self.name, parts.join(", "))
    }

    /// Notes that the table is the tap's, and by which key its rows go.
    fn note(&self) -> String {
        own::note_keys(&self.schema, &self.stream, &serde_json::to_string(&self.keys).unwrap_or_default())
    }

    fn widening(&self, column: &str) -> String {
        format!("ALTER TABLE {} ALTER COLUMN {} TYPE numeric", self.name, quoted(column))
    }

    /// Gathers a record. Gives how many bytes that has added.
    pub(super) fn add(&mut self, session: &Session, record: &Record<'_>) -> Result<usize, Fault> {
        let stream = &self.stream;
        let slots = Slots::read(&self.fields, record.record)
            .map_err(|fault| Fault::Told(format!("cannot take a record of {stream} that is not a JSON object: {fault}")))?;
        let is_null = |key: &&String| self.fields.place(key).and_then(|place| slots.get(place)).is_none();
        if let Some(key) = self.keys.iter().find(is_null) {
            return Err(Fault::Told(format!("cannot take a record of {stream} whose key {key:?} is null or missing")));
        }
        if record.version.is_some() {
            self.want_versions()?;
        }
        let before = self.rows.len();
        self.count += 1;
        let Err((place, misfit)) = self.append(&slots, record.version) else { return Ok(self.rows.len() - before) };
        self.rows.truncate(before);
        match misfit {
            Misfit::Wide => {
                self.widen(session, place)?;
                self.add(session, record)
            }
            Misfit::Told(what) => Err(self.refused(&slots, place, what)),
        }
    }

    /// Appends a row; the error has the place of the field that cannot be held.
    fn append(&mut self, slots: &Slots<'_>, version: Option<u64>) -> Result<(), (usize, Misfit)> {
        record::append_own(Some(self.count), &mut self.rows);
        self.rows.push(b'\t');
        record::append_own(version, &mut self.rows);
        for (place, kind) in self.types.iter().enumerate() {
            self.rows.push(b'\t');
            record::append(slots.get(place), *kind, &mut self.rows).map_err(|misfit| (place, misfit))?;
        }
        self.rows.push(b'\n');
        Ok(())
    }

    fn refused(&self, slots: &Slots<'_>, place: usize, what: &str) -> Fault {
        let stream = &self.stream;
        let field = self.fields.list.get(place).map_or("", |field| field.name.as_str());
        let which = self.which(|place| slots.get(place));
        Fault::Told(format!(
            "cannot take a record of {stream}{which}: its field {field:?} {what}. Change it in the store, or leave the field out with \
             --exclude {stream}.{field}"
        ))
    }

    /// Makes room for numbers that 64 bits do not hold.
    fn widen(&mut self, session: &Session, place: usize) -> Result<(), Fault> {
        self.send(session)?;
        let Some((field, kind)) = self.fields.list.get(place).zip(self.types.get_mut(place)) else { return Ok(()) };
        *kind = Type::Numeric;
        let name = field.name.clone();
        self.changes.push(self.widening(&name));
        session.execute(format!("ALTER TABLE {} ALTER COLUMN {} TYPE numeric", self.stage, quoted(&name)))
    }

    /// Sends the rows that have been gathered to the temporary table.
    pub(super) fn send(&mut self, session: &Session) -> Result<(), Fault> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let copy = format!("COPY {} FROM STDIN", self.stage);
        let (rows, copied) = session.copy(copy.clone(), std::mem::take(&mut self.rows))?;
        match copied {
            Ok(()) => {
                self.is_staged = true;
                self.rows = rows;
                self.rows.clear();
                // Every stream has a buffer, but only the one that is being read needs a large one.
                self.rows.shrink_to(SPARE);
                Ok(())
            }
            Err(error) => Err(self.culprit(session, &copy, &rows).unwrap_or(Fault::Postgres(error))),
        }
    }

    /// The record that the server did not take, found by sending one after the other.
    fn culprit(&self, session: &Session, copy: &str, rows: &[u8]) -> Option<Fault> {
        for row in rows.split_inclusive(|b| *b == b'\n') {
            let (_, copied) = session.copy(copy.to_owned(), row.to_owned()).ok()?;
            let Err(error) = copied else { continue };
            let told = error.as_db_error()?;
            // Classes 22 (data) and 54 (limits). Any other error is not the record's.
            if !["22", "54"].contains(&told.code().code().get(..2)?) {
                return None;
            }
            let values: Vec<&str> = std::str::from_utf8(row).ok()?.trim_end().split('\t').skip(2).collect();
            let (stream, which) = (&self.stream, self.which(|place| values.get(place).copied()));
            let why = without_values(told);
            return Some(Fault::Told(format!(
                "cannot take a record of {stream}{which}: {why}. Change it in the store, or leave fields out with --exclude {stream}.FIELD"
            )));
        }
        None
    }

    /// The statements that bring the table up to what has been sent. They belong in one transaction with the STATE.
    pub(super) fn settle(&mut self) -> Vec<String> {
        let mut statements = std::mem::take(&mut self.changes);
        if std::mem::take(&mut self.is_staged) {
            statements.push(self.merge_statement());
            statements.push(format!("TRUNCATE {}", self.stage));
        }
        statements
    }

    fn merge_statement(&self) -> String {
        let Table { name, stage, .. } = self;
        let columns: Vec<&str> = self.names().chain(self.has_versions.then_some(VERSION)).collect();
        let all = list(columns.iter().copied());
        if self.keys.is_empty() {
            return format!("INSERT INTO {name} ({all}) SELECT {all} FROM {stage} ORDER BY {ROW}");
        }
        let key = list(self.keys.iter().map(String::as_str));
        let rest = columns.iter().filter(|column| !self.keys.iter().any(|key| key == *column));
        let sets: Vec<String> = rest.map(|column| format!("{0} = excluded.{0}", quoted(column))).collect();
        let action = if sets.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", sets.join(", ")) };
        format!(
            "INSERT INTO {name} ({all}) SELECT {all} FROM (SELECT DISTINCT ON ({key}) * FROM {stage} ORDER BY {key}, {ROW} DESC) AS last \
             ON CONFLICT ({key}) DO {action}"
        )
    }

    /// The statement that removes the rows of other versions. Earlier rows must be merged before it.
    pub(super) fn activation(&mut self, version: u64) -> Result<String, Fault> {
        self.want_versions()?;
        Ok(format!("DELETE FROM {} WHERE {VERSION} IS DISTINCT FROM {version}", self.name))
    }

    /// The statement that gives the temporary table back.
    pub(super) fn leave(&self) -> String {
        format!("DROP TABLE {}", self.stage)
    }

    fn want_versions(&mut self) -> Result<(), Fault> {
        if self.keys.is_empty() {
            let stream = &self.stream;
            return Err(Fault::Told(format!(
                "cannot keep versions of {stream}, which has no key; remove emit_activate_version_messages from the config"
            )));
        }
        if !self.has_versions {
            self.changes.push(format!("ALTER TABLE {} ADD COLUMN {VERSION} bigint", self.name));
            self.has_versions = true;
        }
        Ok(())
    }

    /// Which record it is, by the keys that are numbers: others may be somebody's name or address.
    fn which<'v>(&self, value: impl Fn(usize) -> Option<&'v str>) -> String {
        let mut known = Vec::new();
        for key in &self.keys {
            if let Some(value) = self.fields.place(key).and_then(&value).filter(|value| value.bytes().all(|b| b.is_ascii_digit()))
            {
                known.push(format!("{key} {value}"));
            }
        }
        if known.is_empty() { String::new() } else { format!(" with {}", known.join(", ")) }
    }
}
