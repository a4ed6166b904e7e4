//! The version of each row of a stream's table. Versions have their own table, so that the stream's table shows nothing but the
//! stream's fields.

use super::super::columns::Slots;
use super::super::columns::{list, quoted};
use super::columns::Columns;
use super::record;
use rusqlite::{Connection, OptionalExtension};

/// The table of versions that goes with a stream's table. It is made when the first version comes.
pub(super) struct Versions {
    name: String,
    keys: Vec<String>,
    create: String,
    mark: String,
    unmark: String,
    /// Takes the rows of other versions away, and then their versions.
    clear: [String; 2],
    is_there: bool,
}

impl Versions {
    /// For a stream whose rows have these keys, each with the definition of its column.
    pub(super) fn new(stream: &str, keys: &[String], definitions: &[String]) -> Versions {
        let name = format!("_tap_versions_{stream}");
        // Rows are identified by their key: SQLite's rowid may change when the file is compacted.
        let (table, rows, key) = (quoted(&name), quoted(stream), list(keys));
        let definitions = definitions.join(", ");
        let places: String = (1..=keys.len()).map(|place| format!("?{place}, ")).collect();
        let is_key: Vec<String> =
            keys.iter().enumerate().map(|(place, key)| format!("{} = ?{}", quoted(key), place + 1)).collect();
        let is_row: Vec<String> = keys.iter().map(|key| format!("{table}.{0} = {rows}.{0}", quoted(key))).collect();
        Versions {
            create: format!(
                "CREATE TABLE IF NOT EXISTS {table} ({definitions}, _tap_version INTEGER NOT NULL, PRIMARY KEY ({key})) WITHOUT ROWID"
            ),
            mark: format!(
                "INSERT INTO {table} ({key}, _tap_version) VALUES ({places}?{}) ON CONFLICT ({key}) DO UPDATE SET _tap_version = excluded._tap_version",
                keys.len() + 1
            ),
            unmark: format!("DELETE FROM {table} WHERE {}", is_key.join(" AND ")),
            clear: [
                format!(
                    "DELETE FROM {rows} WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {} AND {table}._tap_version = ?1)",
                    is_row.join(" AND ")
                ),
                format!("DELETE FROM {table} WHERE _tap_version <> ?1"),
            ],
            name,
            keys: keys.to_vec(),
            is_there: false,
        }
    }

    /// Looks whether an earlier run has made the table.
    pub(super) fn find(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let find = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        self.is_there = connection.query_row(find, [&self.name], |_| Ok(())).optional()?.is_some();
        Ok(())
    }

    /// Forgets all versions: the stream's table is a new one.
    pub(super) fn drop(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.execute_batch(&format!("DROP TABLE IF EXISTS {}", quoted(&self.name)))
    }

    /// Stores the version of a row. A row written without a version loses the one that it had.
    pub(super) fn note(
        &mut self,
        connection: &Connection,
        columns: &Columns,
        row: &Slots<'_>,
        version: Option<u64>,
    ) -> rusqlite::Result<()> {
        if version.is_some() {
            self.make(connection)?;
        } else if !self.is_there {
            return Ok(());
        }
        let sql = if version.is_some() { &self.mark } else { &self.unmark };
        let mut statement = connection.prepare_cached(sql)?;
        record::bind_some(row, columns, &self.keys, &mut statement)?;
        if let Some(version) = version {
            statement.raw_bind_parameter(self.keys.len() + 1, version.cast_signed())?;
        }
        statement.raw_execute()?;
        Ok(())
    }

    /// Takes away the rows that are not of this version.
    pub(super) fn activate(&mut self, connection: &Connection, version: u64) -> rusqlite::Result<()> {
        self.make(connection)?;
        self.clear.iter().try_for_each(|sql| connection.execute(sql, [version.cast_signed()]).map(drop))
    }

    fn make(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if !self.is_there {
            connection.execute_batch(&self.create)?;
            self.is_there = true;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
