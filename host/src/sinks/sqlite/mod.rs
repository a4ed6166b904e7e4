//! Records and state in one SQLite file.

mod columns;
mod record;
mod table;
mod versions;

use super::message::{no_room, unfit, without_schema};
use super::target::{Opened, Opening, Target};
use super::{Message, MessageKind, Record, Schema, Sink, SinkError, others_data};
use crate::files;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use table::Table;

/// How long another program may hold the file before the run gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);
/// Statements kept ready: three for each of all streams that there may ever be.
const STATEMENTS: usize = 256;

const OWN_TABLES: &str = "
    CREATE TABLE IF NOT EXISTS _tap_meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS _tap_streams (name TEXT NOT NULL PRIMARY KEY, key_properties TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS _tap_state (id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1), value TEXT NOT NULL);
";

/// `--output sqlite:FILE`.
pub(super) struct ToSqlite;

impl Target for ToSqlite {
    fn scheme(&self) -> &'static str {
        "sqlite"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["sqlite3"]
    }

    fn endings(&self) -> &'static [&'static str] {
        &["db", "sqlite", "sqlite3"]
    }

    fn place(&self) -> Option<(&'static str, &'static str)> {
        Some(("FILE", "a file"))
    }

    fn promise(&self) -> &'static str {
        "a table for each stream; records are replaced by their key, and committed together with the state that covers them"
    }

    fn keeps_state(&self) -> Option<&'static str> {
        Some("an SQLite file")
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, SinkError> {
        let sink = SqliteSink::open(opening.place, opening.store)?.read_whole(opening.read_whole.iter().cloned());
        let state = sink.state().map(str::to_owned);
        Ok(Opened { state, ..Opened::new(sink) })
    }

    #[cfg(test)]
    fn read_back(&self, place: &Path, stream: &str) -> Option<Vec<serde_json::Value>> {
        tests::rows(place, stream)
    }
}

/// A sink that keeps a table for each stream in an SQLite file.
///
/// The columns are those of the stream's SCHEMA: integers and booleans as INTEGER, decimals as REAL, everything else as TEXT; nested values
/// are JSON. Next to the REAL of a decimal, which compares and adds up as a number, its digits stand as they came, in a column of its name with
/// `__exact` behind it. Records are inserted or replaced by their key. Records and the STATE that covers them are committed together, so
/// that the file itself knows where to resume, wherever a run was killed.
///
/// `ACTIVATE_VERSION` removes the rows of other versions. That is committed with the next STATE, too.
///
/// The tap's own tables are `_tap_meta`, `_tap_streams`, `_tap_state`, and `_tap_versions_…` for each stream that has had a version. A file
/// belongs to one store.
pub struct SqliteSink {
    file: PathBuf,
    connection: Connection,
    tables: HashMap<String, Table>,
    state: Option<String>,
    /// The streams that the run reads from their start.
    read_whole: Vec<String>,
}

impl SqliteSink {
    /// Opens a file, creating it if needed, and locks it for this run: another run that wants to write to it is refused. If one
    /// still gets in between two commits, this run ends at its next STATE, and overwrites nothing of the other's. The name is
    /// always a path: `:memory:` is a file too. `store` is the name of the store that the file is to hold, as
    /// [`store_identity`](crate::store_identity) gives it.
    ///
    /// # Errors
    /// The file cannot be written, is no SQLite file, is in use, or holds another store's data.
    pub fn open(file: &Path, store: &str) -> Result<SqliteSink, SinkError> {
        check_file(file)?;
        // Readable only by its owner. SQLite gives the write-ahead log the same permissions.
        if !file.exists() {
            files::open_own(file).map_err(|fault| cannot_open(file, &fault))?;
        }
        let told = |error: rusqlite::Error| sentence(file, &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        // With `./` in front it cannot be one of SQLite's special names, such as `:memory:` and `file:…`.
        let path = Path::new(".").join(file);
        let connection = Connection::open_with_flags(path, flags).map_err(told)?;
        let mut sink =
            SqliteSink { file: file.to_owned(), connection, tables: HashMap::new(), state: None, read_whole: Vec::new() };
        sink.prepare().map_err(told)?;
        sink.bind(store)?;
        sink.state = sink.stored_state()?;
        Ok(sink)
    }

    /// The value of the last STATE that the file holds: the state for the run that writes to this sink. With another one, records could
    /// be left out of the file for good.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// Names the streams that the run reads from their start. Where their table does not fit the SCHEMA any more, as when a column has changed
    /// its type, it is rebuilt instead of being refused.
    pub fn read_whole(mut self, streams: impl IntoIterator<Item = String>) -> SqliteSink {
        self.read_whole = streams.into_iter().collect();
        self
    }

    fn prepare(&self) -> rusqlite::Result<()> {
        let connection = &self.connection;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        // With a write-ahead log the file can be read during a run. A file that somebody else made stays as it is.
        if tables == 0 {
            connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        }
        // A commit is on the disk when it returns: the state promises the records. One fsync per thousand records costs little.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        connection.execute_batch(OWN_TABLES)
    }

    /// Remembers whose file it is, or refuses another store's.
    fn bind(&mut self, store: &str) -> Result<(), SinkError> {
        let bound: Option<String> = self
            .connection
            .query_row("SELECT value FROM _tap_meta WHERE key = 'store'", [], |row| row.get(0))
            .optional()
            .map_err(|error| self.sentence(&error))?;
        match bound {
            Some(bound) if bound == store => Ok(()),
            Some(bound) => Err(others_data(&self.file, &bound, store, "file")),
            None => {
                let insert = "INSERT INTO _tap_meta (key, value) VALUES ('store', ?1)";
                self.connection.execute(insert, [store]).map_err(|error| self.sentence(&error))?;
                Ok(())
            }
        }
    }

    fn schema(&mut self, schema: &Schema<'_>) -> Result<(), SinkError> {
        let stream = &*schema.stream;
        let mut table = Table::new(stream, schema.schema, &schema.keys).map_err(no_room)?;
        let is_read_whole = self.read_whole.iter().any(|name| name == stream);
        table.create(&self.connection, is_read_whole).map_err(|fault| fault.error(&self.file))?;
        self.tables.insert(stream.to_owned(), table);
        Ok(())
    }

    fn record(&mut self, stream: &str, record: &Record<'_>) -> Result<(), SinkError> {
        let table = self.tables.get_mut(stream).ok_or_else(|| unfit(without_schema(stream)))?;
        table.upsert(&self.connection, record).map_err(|fault| fault.error(&self.file))
    }

    fn activate(&mut self, stream: &str, version: u64) -> Result<(), SinkError> {
        let table = self.tables.get_mut(stream).ok_or_else(|| unfit(without_schema(stream)))?;
        table.activate(&self.connection, version).map_err(|fault| fault.error(&self.file))
    }

    /// Commits the records since the last state, and with them the state. The next transaction starts at once, to hold the file for
    /// this run.
    fn commit(&mut self, state: &str) -> Result<(), SinkError> {
        let upsert = "INSERT INTO _tap_state (id, value) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET value = excluded.value";
        let stored = self.connection.prepare_cached(upsert).and_then(|mut upsert| upsert.execute([state]));
        stored.and_then(|_| self.connection.execute_batch("COMMIT")).map_err(|error| self.sentence(&error))?;
        self.state = Some(state.to_owned());
        self.hold()
    }

    /// Starts the next transaction. The file is unlocked for a moment between two of them; if another run has written in it, this
    /// run's state is outdated.
    fn hold(&self) -> Result<(), SinkError> {
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(|error| self.sentence(&error))?;
        if self.stored_state()? == self.state {
            return Ok(());
        }
        let file = self.file.display();
        Err(SinkError::new(format!(
            "another run wrote to {file} during this one; run again, one at a time: it resumes from the file's state"
        )))
    }

    fn stored_state(&self) -> Result<Option<String>, SinkError> {
        let select = self.connection.prepare_cached("SELECT value FROM _tap_state");
        let state = select.and_then(|mut select| select.query_row([], |row| row.get(0)).optional());
        state.map_err(|error| self.sentence(&error))
    }

    fn sentence(&self, error: &rusqlite::Error) -> SinkError {
        sentence(&self.file, error)
    }
}

impl Sink for SqliteSink {
    fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        match message.kind() {
            MessageKind::Schema => self.schema(&message.schema()?),
            MessageKind::Record => self.record(message.stream().unwrap_or_default(), &message.record()?),
            MessageKind::ActivateVersion => self.activate(message.stream().unwrap_or_default(), message.active_version()?),
            MessageKind::State => self.commit(message.state()?.get()),
            // Messages of other kinds have no place in a table.
            MessageKind::Other => message.check(),
        }
    }

    /// Nothing is committed before its state.
    fn finish(&mut self) -> Result<(), SinkError> {
        self.connection.execute_batch("ROLLBACK").map_err(|error| self.sentence(&error))
    }
}

/// Checks what SQLite reports unclearly or not at all: it opens a read-only file without an error.
fn check_file(file: &Path) -> Result<(), SinkError> {
    let refuse = |why: &str| Err(SinkError::new(format!("{} {why}; name another file", file.display())));
    match std::fs::symlink_metadata(file) {
        Ok(data) if data.is_symlink() => refuse("is a link, and links are not followed"),
        Ok(data) if data.is_dir() => refuse("is a folder, not an SQLite file"),
        Ok(data) if !data.is_file() => refuse("is not an ordinary file"),
        Ok(data) if data.permissions().readonly() => refuse("is read-only"),
        Ok(_) => Ok(()),
        Err(_) => match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
                refuse("cannot be created, since its folder does not exist")
            }
            _ => Ok(()),
        },
    }
}

fn cannot_open(file: &Path, why: &impl std::fmt::Display) -> SinkError {
    let file = file.display();
    SinkError::new(format!("{file} cannot be opened for writing; check its permissions and those of its folder ({why})"))
}

/// A fault of SQLite in a sentence, with what to do now.
fn sentence(path: &Path, error: &rusqlite::Error) -> SinkError {
    let file = path.display();
    SinkError::new(match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            format!(
                "the disk is full, so {file} cannot be written; free some space and run again: it resumes from its last state"
            )
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!(
                "{file} is in use by another program, perhaps another run of this tap; wait until that has ended and run again"
            )
        }
        Some(ErrorCode::NotADatabase) => format!("{file} is not an SQLite file; name another file"),
        Some(ErrorCode::DatabaseCorrupt) => format!("{file} is damaged; restore it or start with a new file ({error})"),
        Some(ErrorCode::ReadOnly) => format!("{file} is read-only; make it writable or name another file"),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            return cannot_open(path, error);
        }
        Some(ErrorCode::SystemIoFailure) => format!("{file} cannot be written ({error}); check its disk and run again"),
        _ => format!("{file} could not take the data: {error}"),
    })
}

#[cfg(test)]
mod tests;
