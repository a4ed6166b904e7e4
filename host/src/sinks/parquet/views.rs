//! `views.sql`: what DuckDB needs to read the folder as tables in which each record stands once.

use super::super::columns::{list, quoted};
use super::manifest::{Files, Manifest};
use super::shape::{FILE, ROW};
use std::fmt::Write;

/// The file's name.
pub(super) const NAME: &str = "views.sql";

const HEAD: &str = "\
-- Each stream as a view, for DuckDB: the files that state.json lists, and of each record what came last. Each run writes this file again.
--   SET file_search_path = 'FOLDER';   -- this folder; not needed where DuckDB runs in it
--   .read FOLDER/views.sql             -- in other programs: execute what it holds
--   SELECT count(*) FROM orders;
";

/// The statements for the files that the manifest lists.
pub(super) fn text(manifest: &Manifest) -> String {
    let mut sql = HEAD.to_owned();
    for (stream, files) in manifest.streams.iter().filter(|(_, files)| !files.files.is_empty()) {
        sql.push_str(&view(stream, files));
    }
    sql
}

fn view(stream: &str, files: &Files) -> String {
    let paths: Vec<String> = files.files.iter().map(|listed| format!("\n    '{stream}/{}'", listed.file)).collect();
    let mut sql = format!("\nCREATE OR REPLACE VIEW {} AS\n", quoted(stream));
    let from = format!("read_parquet([{}\n], union_by_name = true", paths.join(","));
    // Writing to a String does not fail.
    let _ = match files.keys.is_empty() {
        true => writeln!(sql, "SELECT * FROM {from});"),
        false => {
            writeln!(
                sql,
                "SELECT * EXCLUDE ({FILE}, {ROW}) FROM {from}, filename = '{FILE}', {ROW} = true)\n\
                 QUALIFY row_number() OVER (PARTITION BY {} ORDER BY {FILE} DESC, {ROW} DESC) = 1;",
                list(&files.keys)
            )
        }
    };
    sql
}
