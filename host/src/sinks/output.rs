//! The list of outputs, which the command line, its help, the docs and the tests all use, and how people write an output.

use super::SinkError;
use super::stdout::ToStdout;
use super::target::{Opened, Opening, Target};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Every kind of place, in the order in which help names them.
pub static TARGETS: &[&dyn Target] = &[
    &ToStdout,
    #[cfg(feature = "sqlite")]
    &super::sqlite::ToSqlite,
    #[cfg(feature = "jsonl")]
    &super::jsonl::ToJsonl,
    #[cfg(feature = "jsonl")]
    &super::jsonl::ToJsonlPerRun,
    #[cfg(feature = "csv")]
    &super::csv::ToCsv,
    #[cfg(feature = "parquet")]
    &super::parquet::ToParquet,
    #[cfg(feature = "postgres")]
    &super::postgres::ToPostgres,
];

/// The kinds of place that this build was made without.
pub static LACKING: &[&str] = &[
    #[cfg(not(feature = "sqlite"))]
    "sqlite",
    #[cfg(not(feature = "jsonl"))]
    "jsonl",
    #[cfg(not(feature = "csv"))]
    "csv",
    #[cfg(not(feature = "parquet"))]
    "parquet",
    #[cfg(not(feature = "postgres"))]
    "postgres",
];

/// A place that messages can go to, as people write it.
#[derive(Clone)]
pub struct Output {
    /// What kind of place it is.
    pub target: &'static dyn Target,
    /// The file, the folder or the URL, which may hold a password; empty where there is nothing to name.
    pub place: PathBuf,
}

impl Output {
    /// Opens it for the store of this name, for a run that reads these streams from their start.
    ///
    /// # Errors
    /// As for [`Target::open`].
    pub fn open(&self, store: &str, read_whole: &[String]) -> Result<Opened, SinkError> {
        self.target.open(&Opening { place: &self.place, store, read_whole })
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.target.show(&self.place))
    }
}

impl PartialEq for Output {
    fn eq(&self, other: &Output) -> bool {
        (self.target.scheme(), &self.place) == (other.target.scheme(), &other.place)
    }
}

impl Default for Output {
    fn default() -> Output {
        Output { target: &ToStdout, place: PathBuf::new() }
    }
}

/// How a target is written: `sqlite:FILE`.
fn form(target: &dyn Target) -> String {
    target.place().map_or_else(|| target.scheme().to_owned(), |(name, _)| format!("{}:{name}", target.scheme()))
}

/// How all of them are written.
pub(crate) fn forms() -> String {
    let forms: Vec<String> = TARGETS.iter().map(|target| form(*target)).collect();
    match forms.split_last() {
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

impl FromStr for Output {
    type Err = String;

    /// A scheme with a path or a URL, or a path whose ending says what it is.
    fn from_str(text: &str) -> Result<Output, String> {
        let (scheme, rest) = match text.split_once(':') {
            // A single letter is a drive.
            Some((scheme, rest)) if scheme.len() > 1 => (scheme.to_ascii_lowercase(), rest),
            _ => (String::new(), text),
        };
        let targets = || TARGETS.iter().copied();
        if let Some(target) = targets().find(|target| target.place().is_none() && text.eq_ignore_ascii_case(target.scheme())) {
            return Ok(Output { target, place: PathBuf::new() });
        }
        let is_named = |target: &&dyn Target| target.scheme() == scheme || target.aliases().contains(&scheme.as_str());
        if let Some(target) = targets().filter(is_named).find(|target| target.place().is_some()) {
            return Ok(Output { target, place: target.read(rest)? });
        }
        let ending = ending(text);
        match (scheme.as_str(), ending.as_str()) {
            ("", "") => Err(format!("it must be {}", forms())),
            ("", ending) => match targets().find(|target| target.endings().contains(&ending)) {
                Some(target) => Ok(Output { target, place: text.into() }),
                None => Err(instead(ending)),
            },
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
pub(super) fn path(scheme: &str, (name, what): (&str, &str), rest: &str) -> Result<PathBuf, String> {
    let wanted = &format!("{what}: {scheme}:{name}");
    let Some(url) = rest.strip_prefix("//") else { return named(rest, wanted) };
    if url.contains(['?', '#']) {
        return Err("a URL with options is not understood; name only the file".to_owned());
    }
    let absolute = url.strip_prefix('/');
    match absolute {
        // As SQLAlchemy writes a path from the root.
        Some(absolute) if absolute.starts_with('/') => named(absolute, wanted),
        // A drive has no slash before it.
        Some(drive) if drive.get(1..3) == Some(":/") => named(drive, wanted),
        // SQLAlchemy's form for a file in the current folder; nobody means one in the root folder.
        Some(file) if name != "DIR" && !file.contains('/') => named(file, wanted),
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

/// The error for an output that does not exist, with what to use instead.
fn instead(what: &str) -> String {
    let there = format!("there is no output {what:?}; there are {}", forms());
    if let Some(target) = TARGETS.iter().find(|target| target.mistaken().contains(&what)) {
        let kind = target.place().map_or("", |(_, kind)| kind);
        return format!("{there}: write {}, {kind} with {}", form(*target), target.promise());
    }
    let hint = match what {
        "duckdb" | "motherduck" | "md" => "write sqlite:FILE, which DuckDB opens with ATTACH 'FILE' (TYPE sqlite)",
        lacking if LACKING.contains(&lacking) => {
            "this program was built without the feature of that name; use a release, or one of these"
        }
        "postgres" | "postgresql" | "mysql" | "mariadb" | "mssql" | "snowflake" | "bigquery" | "redshift" | "clickhouse" => {
            "pipe the messages into a Singer target, as in: tap-bigcommerce --config config.json | target-postgres"
        }
        "s3" | "gs" | "gcs" | "az" | "abfs" | "abfss" | "http" | "https" | "ftp" | "sftp" => "write a file and copy it there",
        _ => "",
    };
    if hint.is_empty() { there } else { format!("{there}: {hint}") }
}

#[cfg(test)]
#[cfg(all(feature = "jsonl", feature = "sqlite"))]
mod tests {
    use super::*;

    fn output(scheme: &str, place: &str) -> Output {
        let target = TARGETS.iter().copied().find(|target| target.scheme() == scheme).unwrap();
        Output { target, place: place.into() }
    }

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
            assert_eq!(text.parse(), Ok(output("sqlite", file)), "{text}");
        }
        for (text, folder) in [
            ("jsonl:shop", "shop"),
            ("jsonl:a:b/", "a:b/"),
            ("jsonl://shop/", "shop/"),
            ("jsonl:///data", "/data"),
            ("jsonl:///shop/", "/shop/"),
            ("jsonl:///data/shop", "/data/shop"),
            ("shop/", "shop/"),
            ("./data/shop.db/", "./data/shop.db/"),
        ] {
            assert_eq!(text.parse(), Ok(output("jsonl", folder)), "{text}");
        }
        assert_eq!("stdout".parse(), Ok(Output::default()));
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn a_database_may_be_written_in_every_usual_way_and_its_password_is_shown_in_none() {
        for (text, url) in [
            ("postgres://tap:s3cret@db/shop", "postgres://tap:s3cret@db/shop"),
            ("postgresql://tap:s3cret@db/shop?schema=bc", "postgres://tap:s3cret@db/shop?schema=bc"),
            ("postgres:postgres://tap:s3cret@db/shop", "postgres://tap:s3cret@db/shop"),
            ("postgres:postgresql://tap:s3cret@db/shop", "postgresql://tap:s3cret@db/shop"),
            ("Postgres://tap:s3cret@db/shop", "postgres://tap:s3cret@db/shop"),
        ] {
            let read: Output = text.parse().unwrap();
            assert_eq!(read, output("postgres", url), "{text}");
            let opening = Opening { place: &read.place, store: "shop", read_whole: &[] };
            for shown in [format!("{read:?} {read:#?}"), format!("{opening:?}")] {
                assert!(!shown.contains("s3cret"), "{shown}");
            }
        }
        assert_eq!(format!("{:?}", output("postgres", "postgres://tap:s3cret@db/shop")), "postgres://tap@db/shop");
        assert!(!format!("{:?}", output("postgres", "tap:s3cret@db")).contains("s3cret"));
    }

    #[test]
    fn an_unknown_output_is_refused_with_what_to_write_instead() {
        for (text, words) in [
            ("duckdb:shop.duckdb", "ATTACH"),
            ("duckdb:///shop.duckdb", "there are stdout, sqlite:FILE"),
            ("shop.duckdb", "\"duckdb\""),
            ("tsv:x", if cfg!(feature = "csv") { ": write csv:DIR, a folder" } else { "no output \"tsv\"" }),
            ("shop.csv", if cfg!(feature = "csv") { ": write csv:DIR, a folder" } else { "without the feature" }),
            ("out.parquet", if cfg!(feature = "parquet") { ": write parquet:DIR, a folder" } else { "without the feature" }),
            ("mysql://user:s3cret@host/db", "Singer target"),
            ("postgress://user:s3cret@host/db", "there is no output"),
            ("postgresql+psycopg2://user:s3cret@host/db", "there is no output"),
            ("s3://bucket/x", "copy it"),
            ("shop.jsonl", ": write jsonl:DIR, a folder"),
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

    #[test]
    fn no_two_targets_share_a_name_or_an_ending() {
        let (mut names, mut endings) = (std::collections::HashSet::new(), std::collections::HashSet::new());
        for target in TARGETS {
            let own = [target.scheme()].into_iter().chain(target.aliases().iter().copied());
            assert!(own.into_iter().all(|name| names.insert(name)), "{}", target.scheme());
            assert!(!target.promise().is_empty());
            assert!(target.place().is_some() || target.endings().is_empty(), "{}", target.scheme());
            assert!(target.endings().iter().all(|ending| endings.insert(ending)), "{}", target.scheme());
        }
    }

    #[test]
    fn the_page_names_each_target_with_its_promise() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/sinks.md")).unwrap();
        for target in TARGETS {
            let row = format!("| `{}` | {} |", form(*target), target.promise());
            assert!(page.contains(&row), "docs/sinks.md lacks: {row}");
        }
    }
}
