//! The tap's own table: which store the schema belongs to, the last STATE, and which tables are the tap's.

use super::super::columns::quoted;
use super::fault::Fault;
use super::session::Session;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// The table's name.
const OWN: &str = "_tap_bigcommerce";
/// Prefix of the names under which a table's keys are stored.
const TABLE: &str = "table ";

/// How long to wait for a run that has just ended to release its lock.
const LOCK_TIMEOUT: &str = "3s";
/// How long to wait for another session's lock on a table. Sessions that come later wait behind this one.
const PATIENCE: &str = if cfg!(test) { "1s" } else { "60s" };
/// With these settings the server notices within minutes that the tap's machine is gone, and releases the schema, but does not
/// end a run that waits for the store's quota. Older servers do not know all of them.
const LASTING: &str = "\
    SELECT set_config(s.name, w.value, false) FROM pg_catalog.pg_settings AS s JOIN (VALUES ('tcp_keepalives_idle', '60'), \
    ('tcp_keepalives_interval', '15'), ('tcp_keepalives_count', '4'), ('tcp_user_timeout', '120000'), ('idle_session_timeout', '0'), \
    ('idle_in_transaction_session_timeout', '0')) AS w (name, value) ON w.name = s.name";

/// A literal of SQL. `standard_conforming_strings` is on in every session of the tap.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The table, as SQL has it.
fn own(schema: &str) -> String {
    format!("{}.{}", quoted(schema), quoted(OWN))
}

/// Holds the schema for this run, for as long as the session lasts.
pub(super) fn lock(session: &Session, schema: &str) -> Result<(), Fault> {
    let name = Sha256::digest(format!("tap-bigcommerce {schema}"));
    let number = name.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte)).cast_signed();
    let lock = format!(
        "SET client_min_messages = warning; SET standard_conforming_strings = on; {LASTING}; \
         SET lock_timeout = '{LOCK_TIMEOUT}'; SELECT pg_advisory_lock({number}); SET lock_timeout = '{PATIENCE}'"
    );
    match session.execute(lock) {
        Err(Fault::Postgres(error)) if error.code() == Some(&postgres::error::SqlState::LOCK_NOT_AVAILABLE) => {
            Err(Fault::Told("is in use by another run of this tap; wait until that has ended and run again. If its machine is gone, the server lets go within minutes".to_owned()))
        }
        done => done,
    }
}

/// The store that the schema belongs to; none if the tap has not written there.
pub(super) fn store(session: &Session, schema: &str) -> Result<Option<String>, Fault> {
    match relation(session, schema, OWN)? {
        None => Ok(None),
        Some(columns) => {
            let is_text = |name| columns.get(name).is_some_and(|kind| kind == "text");
            let store = if is_text("name") && is_text("value") { value(session, schema, "store")? } else { None };
            let foreign = || Fault::Told(format!("has a table {} that this tap did not make; name another schema", own(schema)));
            store.map(Some).ok_or_else(foreign)
        }
    }
}

/// Makes the schema, if it is not there, and what the tap knows in it, for a store.
pub(super) fn create(session: &Session, schema: &str, store: &str) -> Result<(), Fault> {
    let name = schema.to_owned();
    let is_there = session.ask(move |client| {
        Ok(client.query_opt("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1", &[&name])?.is_some())
    })?;
    // A role that may not create schemas can use an existing one.
    let make = if is_there { String::new() } else { format!("CREATE SCHEMA {};", quoted(schema)) };
    let own = own(schema);
    session.execute(format!(
        "BEGIN; {make} CREATE TABLE {own} (name text PRIMARY KEY, value text NOT NULL); \
         INSERT INTO {own} (name, value) VALUES ('store', {}); COMMIT",
        literal(store)
    ))
}

/// The last STATE.
pub(super) fn state(session: &Session, schema: &str) -> Result<Option<String>, Fault> {
    value(session, schema, "state")
}

/// The keys of a table that the tap has made, as JSON.
pub(super) fn keys(session: &Session, schema: &str, stream: &str) -> Result<Option<String>, Fault> {
    value(session, schema, &format!("{TABLE}{stream}"))
}

/// The statement that notes a STATE.
pub(super) fn note_state(schema: &str, state: &str) -> String {
    note(schema, "state", state)
}

/// The statement that notes the keys of a table.
pub(super) fn note_keys(schema: &str, stream: &str, keys: &str) -> String {
    note(schema, &format!("{TABLE}{stream}"), keys)
}

fn note(schema: &str, name: &str, value: &str) -> String {
    format!(
        "INSERT INTO {} (name, value) VALUES ({}, {}) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        own(schema),
        literal(name),
        literal(value)
    )
}

fn value(session: &Session, schema: &str, name: &str) -> Result<Option<String>, Fault> {
    let (select, name) = (format!("SELECT value FROM {} WHERE name = $1", own(schema)), name.to_owned());
    session.ask(move |client| client.query_opt(&select, &[&name])?.map(|row| row.try_get(0)).transpose())
}

/// The columns of a table, a view or whatever has this name, with their types; none if nothing has it.
pub(super) fn relation(session: &Session, schema: &str, name: &str) -> Result<Option<HashMap<String, String>>, Fault> {
    const COLUMNS: &str = "
        SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod)
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE n.nspname = $1 AND c.relname = $2";
    let (schema, name) = (schema.to_owned(), name.to_owned());
    session.ask(move |client| {
        let rows = client.query(COLUMNS, &[&schema, &name])?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut columns = HashMap::new();
        for row in &rows {
            // A relation without columns has one row of nulls.
            if let (Some(name), Some(kind)) = (row.try_get::<_, Option<String>>(0)?, row.try_get::<_, Option<String>>(1)?) {
                columns.insert(name, kind);
            }
        }
        Ok(Some(columns))
    })
}
