//! Records and state in one PostgreSQL database.

mod column;
mod fault;
mod own;
mod record;
mod session;
mod table;
mod tls;
mod url;

use super::message::{no_room, unfit, without_schema};
use super::target::{Opened, Opening, Target};
use super::{Message, MessageKind, Record, Schema, Sink, SinkError, others_data};
use fault::Fault;
use session::Session;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use table::Table;
use url::Url;

/// How many bytes of rows are gathered before they are sent: enough that sending costs little, and little enough for any machine.
const ROOM: usize = 4 << 20;

/// `--output postgres:URL`.
pub(super) struct ToPostgres;

impl Target for ToPostgres {
    fn scheme(&self) -> &'static str {
        "postgres"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["postgresql"]
    }

    fn place(&self) -> Option<(&'static str, &'static str)> {
        Some(("URL", "a database"))
    }

    fn promise(&self) -> &'static str {
        "a table for each stream; records are replaced by their key, and committed together with the state that covers them"
    }

    fn keeps_state(&self) -> Option<&'static str> {
        Some("a PostgreSQL database")
    }

    /// `postgres:URL`, or the URL itself.
    fn read(&self, rest: &str) -> Result<PathBuf, String> {
        let url = if rest.starts_with("//") { format!("{}:{rest}", self.scheme()) } else { rest.to_owned() };
        Url::read(&url).map(|_| url.into())
    }

    fn show(&self, place: &Path) -> String {
        Url::show(&place.to_string_lossy())
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, SinkError> {
        let url = opening.place.to_str().ok_or_else(|| SinkError::new("the URL is not UTF-8; write it again"))?;
        let sink = PostgresSink::open(url, opening.store)?.read_whole(opening.read_whole.iter().cloned());
        let state = sink.state().map(str::to_owned);
        Ok(Opened { state, ..Opened::new(sink) })
    }

    #[cfg(test)]
    fn read_back(&self, place: &Path, stream: &str) -> Option<Vec<serde_json::Value>> {
        tests::rows(place, stream)
    }

    #[cfg(test)]
    fn stage(&self) -> Option<Box<dyn super::conformance::Stage>> {
        tests::stage()
    }
}

/// A sink that keeps a table for each stream in a PostgreSQL database.
///
/// The columns are those of the stream's SCHEMA: `bigint`, `numeric`, `boolean`, `timestamptz`, `date` and `text`, and `jsonb` for lists and
/// objects. Rows are sent to a temporary table with COPY. With the STATE that covers them, one transaction merges them by their key and notes
/// the state, so that the database itself knows where to resume, wherever a run was killed.
///
/// `ACTIVATE_VERSION` removes the rows of other versions. That is committed with the next STATE, too. The version of each row is in its column
/// `_tap_version`, which is added with the first one.
///
/// The tap's own table is `_tap_bigcommerce`. A schema belongs to one store, and to one run at a time.
///
/// It has its own thread, so it can also be used and dropped inside an async runtime.
pub struct PostgresSink {
    /// The URL, as it may be shown.
    shown: String,
    schema: String,
    session: Session,
    tables: HashMap<String, Table>,
    /// How many temporary tables there have been.
    stages: usize,
    /// How many bytes of rows have been gathered.
    gathered: usize,
    state: Option<String>,
    /// The streams that the run reads from their start.
    read_whole: Vec<String>,
    is_in_transaction: bool,
}

impl PostgresSink {
    /// Opens a database by its URL, and holds its schema for this run: another one that wants to write there is refused. `store` is the name of
    /// the store that the schema is to hold, as [`store_identity`](crate::store_identity) gives it. A URL without a password takes
    /// that of the environment, `PGPASSWORD`.
    ///
    /// # Errors
    /// The URL cannot be understood, the server cannot be reached or does not allow it, or the schema is in use or holds another store's
    /// data. No error shows the password.
    pub fn open(url: &str, store: &str) -> Result<PostgresSink, SinkError> {
        let shown = Url::show(url);
        let mut url = Url::read(url).map_err(SinkError::new)?;
        url::add_password(&mut url.config)?;
        let schema = url.schema.clone();
        let told = |fault: Fault| fault.error(&shown);
        let session = Session::open(url).map_err(told)?;
        own::lock(&session, &schema).map_err(told)?;
        let state = match own::store(&session, &schema).map_err(told)? {
            Some(bound) if bound == store => own::state(&session, &schema).map_err(told)?,
            Some(bound) => return Err(others_data(Path::new(&shown), &bound, store, "schema, as in ?schema=NAME")),
            None => {
                own::create(&session, &schema, store).map_err(told)?;
                None
            }
        };
        Ok(PostgresSink {
            shown,
            schema,
            session,
            tables: HashMap::new(),
            stages: 0,
            gathered: 0,
            state,
            read_whole: Vec::new(),
            is_in_transaction: false,
        })
    }

    /// The value of the last STATE that the database holds: the state for the run that writes to this sink. With another one, records could
    /// be left out of the database for good.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// Names the streams that the run reads from their start. Where their table does not fit the SCHEMA any more, as when a column has changed
    /// its type, it is rebuilt instead of being refused.
    pub fn read_whole(mut self, streams: impl IntoIterator<Item = String>) -> PostgresSink {
        self.read_whole = streams.into_iter().collect();
        self
    }

    fn schema(&mut self, schema: &Schema<'_>) -> Result<(), SinkError> {
        let stream = &*schema.stream;
        let mut table = Table::new(stream, schema.schema, &schema.keys, &self.schema, self.stages).map_err(no_room)?;
        if self.tables.get(stream).is_some_and(|known| known.has_schema_of(&table)) {
            return Ok(());
        }
        self.stages += 1;
        // Rows of the previous SCHEMA are merged first, by that SCHEMA.
        if let Some(mut before) = self.tables.remove(stream) {
            before.send(&self.session).map_err(|fault| self.told(&fault))?;
            let statements = before.settle().into_iter().chain([before.leave()]).collect();
            self.within(statements)?;
        }
        let is_read_whole = self.read_whole.iter().any(|name| name == stream);
        table.prepare(&self.session, is_read_whole).map_err(|fault| self.told(&fault))?;
        // From now on the table has rows of this run, so it must not be rebuilt again.
        self.read_whole.retain(|name| name != stream);
        self.tables.insert(stream.to_owned(), table);
        Ok(())
    }

    fn record(&mut self, stream: &str, record: &Record<'_>) -> Result<(), SinkError> {
        let table = self.tables.get_mut(stream).ok_or_else(|| unfit(without_schema(stream)))?;
        self.gathered += table.add(&self.session, record).map_err(|fault| fault.error(&self.shown))?;
        if self.gathered >= ROOM { self.send() } else { Ok(()) }
    }

    /// Sends all rows that have been gathered.
    fn send(&mut self) -> Result<(), SinkError> {
        self.gathered = 0;
        let sent = self.tables.values_mut().try_for_each(|table| table.send(&self.session));
        sent.map_err(|fault| self.told(&fault))
    }

    fn activate(&mut self, stream: &str, version: u64) -> Result<(), SinkError> {
        let table = self.tables.get_mut(stream).ok_or_else(|| unfit(without_schema(stream)))?;
        let statements = table.send(&self.session).and_then(|()| {
            let delete = table.activation(version)?;
            Ok(table.settle().into_iter().chain([delete]).collect())
        });
        let statements = statements.map_err(|fault| fault.error(&self.shown))?;
        self.within(statements)
    }

    /// Commits the records since the last state, and with them the state.
    fn commit(&mut self, state: &str) -> Result<(), SinkError> {
        self.send()?;
        let settled: Vec<String> = self.tables.values_mut().flat_map(Table::settle).collect();
        self.within(settled.into_iter().chain([own::note_state(&self.schema, state), "COMMIT".to_owned()]).collect())?;
        self.is_in_transaction = false;
        self.state = Some(state.to_owned());
        Ok(())
    }

    /// Executes statements in the transaction of the next STATE. It begins with the first of them, so that it locks nothing
    /// before.
    fn within(&mut self, mut statements: Vec<String>) -> Result<(), SinkError> {
        if !self.is_in_transaction {
            statements.insert(0, "BEGIN".to_owned());
            self.is_in_transaction = true;
        }
        self.session.execute(statements.join(";\n")).map_err(|fault| self.told(&fault))
    }

    fn told(&self, fault: &Fault) -> SinkError {
        fault.error(&self.shown)
    }
}

impl Sink for PostgresSink {
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
        if std::mem::take(&mut self.is_in_transaction) {
            self.session.execute("ROLLBACK".to_owned()).map_err(|fault| self.told(&fault))?;
        }
        Ok(())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;

/// The tests start a server as Debian has it.
#[cfg(all(test, not(target_os = "linux")))]
mod tests {
    pub(super) fn rows(_: &std::path::Path, _: &str) -> Option<Vec<serde_json::Value>> {
        None
    }

    pub(super) fn stage() -> Option<Box<dyn crate::sinks::conformance::Stage>> {
        None
    }
}
