//! Sinks that cannot be written: exit code 10, one sentence, and nothing of the sink's own is harmed.

use serde_json::json;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use tap_bigcommerce_sandbox::Counts;
use tap_bigcommerce_tests::program::{Ended, limited, program, run};
use tap_bigcommerce_tests::shop::{Shop, counts};
use tap_bigcommerce_tests::tables;

const SMALL: Counts = counts(5, 5, 5, 5);

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    // More than a pipe holds.
    let shop = Shop::new(counts(60, 40, 40, 40));
    let mut child = shop.tap([]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.starts_with(r#"{"type":"SCHEMA""#));
    drop(reader);
    Ended::from(child.wait_with_output().unwrap()).told(10, &["standard output was closed", "last state"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_behind_standard_output_is_told() {
    let full = || Stdio::from(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let into_full = |mut command: std::process::Command| {
        let child = command.stdout(full()).stderr(Stdio::piped()).spawn().unwrap();
        Ended::from(child.wait_with_output().unwrap())
    };
    into_full(Shop::new(SMALL).tap([])).told(10, &["full", "free some space"]);
    for args in [&["--discover"][..], &["--about"]] {
        into_full(program(args)).told(10, &["standard output"]);
    }
}

#[test]
fn a_file_that_cannot_be_one_is_named() {
    let shop = Shop::new(SMALL);
    std::fs::create_dir(shop.path("folder")).unwrap();
    shop.file("notes.txt", "These are my notes, and no database at all.\n");
    let read_only = shop.file("read-only.db", "");
    let mut permissions = std::fs::metadata(&read_only).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&read_only, permissions).unwrap();
    for (file, words) in [
        ("folder", "is a folder"),
        ("missing/shop.db", "folder does not exist"),
        ("read-only.db", "is read-only"),
        ("notes.txt", "not an SQLite file"),
    ] {
        shop.run(["--output", &format!("sqlite:{file}")]).told(10, &[file, words]);
    }
    assert_eq!(std::fs::read_to_string(shop.path("notes.txt")).unwrap(), "These are my notes, and no database at all.\n");
    assert_eq!(shop.sandbox.request_count(), 0, "no request is made for a run that cannot be written");
}

#[test]
fn another_stores_file_is_refused_and_not_touched() {
    let shop = Shop::new(SMALL);
    let other = Shop::with(tap_bigcommerce_sandbox::Options {
        counts: SMALL,
        store_hash: "other".into(),
        seed: 8,
        ..tap_bigcommerce_sandbox::Options::default()
    });
    shop.run(["--output", "sqlite:shop.db"]).ok();
    let before = tables::dump(&shop.path("shop.db"));
    let output = format!("sqlite:{}", shop.path("shop.db").display());
    other.run(["--output", &output]).told(10, &["shop.db", "stores/sandbox", "stores/other", "another file"]);
    assert_eq!(other.sandbox.request_count(), 0);
    assert_eq!(tables::dump(&shop.path("shop.db")), before);
}

#[test]
fn a_table_of_somebody_elses_is_not_written_to() {
    let shop = Shop::new(SMALL);
    let mine = rusqlite::Connection::open(shop.path("mine.db")).unwrap();
    mine.execute_batch("CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO orders VALUES (1, 'mine')").unwrap();
    drop(mine);
    shop.run(["--output", "sqlite:mine.db"]).told(10, &["mine.db", "orders"]);
    assert_eq!(tables::dump(&shop.path("mine.db"))["orders"].len(), 1);
}

#[test]
fn a_file_in_use_is_told() {
    let shop = Shop::new(SMALL);
    shop.run(["--output", "sqlite:shop.db"]).ok();
    let busy = tables::open(&shop.path("shop.db"));
    busy.execute_batch("BEGIN IMMEDIATE").unwrap();
    shop.run(["--output", "sqlite:shop.db"]).told(10, &["shop.db", "in use"]);
    busy.execute_batch("ROLLBACK").unwrap();
    shop.run(["--output", "sqlite:shop.db"]).ok();
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_that_cannot_grow_loses_nothing() {
    let shop = Shop::new(counts(40, 30, 20, 10));
    shop.run(["--output", "sqlite:whole.db"]).ok();
    let tap = shop.tap(["--output", "sqlite:shop.db"]);
    // Enough for some of the streams.
    let ended = run(limited(&tap, 1200)).told(10, &["shop.db"]);
    assert!(ended.stderr.contains("full") || ended.stderr.contains("disk"), "{}", ended.stderr);
    let committed = tables::dump(&shop.path("shop.db"));
    let rows = |name: &str| committed.get(name).map_or(0, Vec::len);
    assert!(rows("coupons") < 10, "the limit was too high to test anything");
    shop.run(["--output", "sqlite:shop.db"]).ok();
    assert_eq!(tables::dump(&shop.path("shop.db")), tables::dump(&shop.path("whole.db")));
}

#[test]
fn a_config_for_another_store_is_told_by_its_hash() {
    let shop = Shop::new(SMALL);
    shop.file("config.json", &shop.config_with(json!({"store_hash": "elsewhere"})));
    shop.run([]).told(6, &["store_hash"]);
}
