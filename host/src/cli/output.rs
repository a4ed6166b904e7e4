//! `--output`: where the messages go, in the forms that people know from other tools.

use std::path::PathBuf;
use std::str::FromStr;

/// Where the messages go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Output {
    #[default]
    Stdout,
    Sqlite(PathBuf),
    Jsonl(PathBuf),
}

const FORMS: &str = "stdout, sqlite:FILE or jsonl:DIR";

impl FromStr for Output {
    type Err = String;

    /// `stdout`, a scheme with a path or a URL, or a path whose ending says what it is.
    fn from_str(text: &str) -> Result<Output, String> {
        let (scheme, rest) = match text.split_once(':') {
            // A single letter is a drive.
            Some((scheme, rest)) if scheme.len() > 1 => (scheme.to_ascii_lowercase(), rest),
            _ => (String::new(), text),
        };
        match (scheme.as_str(), ending(text).as_str()) {
            ("", _) if text.eq_ignore_ascii_case("stdout") => Ok(Output::Stdout),
            ("sqlite" | "sqlite3", _) => Ok(Output::Sqlite(path(rest, "a file: sqlite:FILE")?)),
            ("jsonl" | "ndjson", _) => Ok(Output::Jsonl(path(rest, "a folder: jsonl:DIR")?)),
            ("", "/") => Ok(Output::Jsonl(text.into())),
            ("", "db" | "sqlite" | "sqlite3") => Ok(Output::Sqlite(text.into())),
            ("", "jsonl" | "ndjson") => Err("JSON lines are a folder with a file for each stream: jsonl:DIR".to_owned()),
            ("", "") => Err(format!("it must be {FORMS}")),
            ("", ending) => Err(instead(ending)),
            (scheme, _) => Err(instead(scheme)),
        }
    }
}

/// What follows the last dot of the name, in lower case; `/` for a folder.
fn ending(text: &str) -> String {
    if text.ends_with(['/', '\\']) {
        return "/".to_owned();
    }
    let name = text.rsplit(['/', '\\']).next().unwrap_or_default();
    name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default()
}

/// The path behind a scheme: as it is, or behind the two slashes of a URL.
fn path(rest: &str, wanted: &str) -> Result<PathBuf, String> {
    let Some(url) = rest.strip_prefix("//") else { return named(rest, wanted) };
    if url.contains(['?', '#']) {
        return Err("a URL with options is not understood; name only the file".to_owned());
    }
    let absolute = url.strip_prefix('/');
    match absolute {
        // As SQLAlchemy writes a path from the root.
        Some(absolute) if absolute.starts_with('/') => named(absolute, wanted),
        // As SQLAlchemy writes a path from here, and nobody means the root folder. A drive has no slash before it.
        Some(file) if !file.trim_end_matches('/').contains('/') || file.get(1..3) == Some(":/") => named(file, wanted),
        _ => named(url, wanted),
    }
}

fn named(path: &str, wanted: &str) -> Result<PathBuf, String> {
    match path.trim_matches('/') {
        "" => Err(format!("it must name {wanted}")),
        ":memory:" => Err(format!("a database in memory would be gone with the run; it must name {wanted}")),
        _ => Ok(path.into()),
    }
}

/// What to do in place of an output that does not exist.
fn instead(what: &str) -> String {
    let hint = match what {
        "duckdb" | "motherduck" | "md" => "write sqlite:FILE, which DuckDB opens with ATTACH 'FILE' (TYPE sqlite)",
        "csv" | "tsv" | "parquet" | "json" => {
            "write jsonl:DIR, which DuckDB and pandas turn into it, or pipe into a Singer target"
        }
        "postgres" | "postgresql" | "mysql" | "mariadb" | "mssql" | "snowflake" | "bigquery" | "redshift" | "clickhouse" => {
            "pipe the messages into a Singer target, as in: tap-bigcommerce --config config.json | target-postgres"
        }
        "s3" | "gs" | "gcs" | "az" | "abfs" | "abfss" | "http" | "https" | "ftp" | "sftp" => "write a file and copy it there",
        _ => "",
    };
    let there = format!("there is no output {what:?}; there are {FORMS}");
    if hint.is_empty() { there } else { format!("{there}: {hint}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_or_folder_may_be_written_in_every_usual_way() {
        for (text, file) in [
            ("sqlite:shop.db", "shop.db"),
            ("sqlite:a:b.db", "a:b.db"),
            ("sqlite:/data/shop.db", "/data/shop.db"),
            ("sqlite://shop.db", "shop.db"),
            ("sqlite://./data/shop.db", "./data/shop.db"),
            ("sqlite:///shop.db", "shop.db"),
            ("sqlite:///data/shop.db", "/data/shop.db"),
            ("sqlite:////data/shop.db", "/data/shop.db"),
            ("sqlite:////shop.db", "/shop.db"),
            ("sqlite:///C:/data/shop.db", "C:/data/shop.db"),
            ("SQLite3://shop.db", "shop.db"),
            ("shop.db", "shop.db"),
            ("data/Shop.SQLite", "data/Shop.SQLite"),
            ("C:\\shop.sqlite3", "C:\\shop.sqlite3"),
            ("./a.b/shop.db", "./a.b/shop.db"),
        ] {
            assert_eq!(text.parse(), Ok(Output::Sqlite(file.into())), "{text}");
        }
        for (text, folder) in [
            ("jsonl:shop", "shop"),
            ("jsonl:a:b/", "a:b/"),
            ("jsonl://shop/", "shop/"),
            ("jsonl:///shop/", "shop/"),
            ("jsonl:///data/shop", "/data/shop"),
            ("shop/", "shop/"),
            ("./data/shop.db/", "./data/shop.db/"),
        ] {
            assert_eq!(text.parse(), Ok(Output::Jsonl(folder.into())), "{text}");
        }
        assert_eq!("stdout".parse(), Ok(Output::Stdout));
    }

    #[test]
    fn what_is_not_there_says_what_is() {
        for (text, words) in [
            ("duckdb:shop.duckdb", "ATTACH"),
            ("duckdb:///shop.duckdb", "there are stdout, sqlite:FILE or jsonl:DIR"),
            ("shop.duckdb", "\"duckdb\""),
            ("csv:x", "jsonl:DIR"),
            ("out.parquet", "jsonl:DIR"),
            ("postgres://user:s3cret@host/db", "Singer target"),
            ("postgresql+psycopg2://user:s3cret@host/db", "there is no output"),
            ("s3://bucket/x", "copy it"),
            ("shop.jsonl", "jsonl:DIR"),
            ("shop", "it must be stdout"),
            ("stdout:x", "there is no output \"stdout\""),
            ("", "it must be stdout"),
            (".db", "it must be stdout"),
            ("sqlite:", "a file"),
            ("sqlite://", "a file"),
            ("sqlite:///", "a file"),
            ("sqlite::memory:", "in memory"),
            ("sqlite:///:memory:", "in memory"),
            ("sqlite:///x.db?mode=ro", "options"),
            ("sqlite", "it must be stdout"),
            ("jsonl:", "a folder"),
        ] {
            let why = text.parse::<Output>().unwrap_err();
            assert!(why.contains(words) && !why.contains("s3cret"), "{text}: {why}");
        }
    }
}
