//! Kills the whole program again and again, at moments that a seed picks, then runs it to its end and compares the result with
//! the store. A moment is a number of requests or of bytes written, so that none depends on speed.

use fastrand::Rng;
use rusqlite::types::Value as Sql;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;
use tap_bigcommerce_tests::messages::{Message, messages, trees};
use tap_bigcommerce_tests::parquet;
use tap_bigcommerce_tests::shop::{Shop, counts};
use tap_bigcommerce_tests::tables;
use tap_bigcommerce_tests::truth::{Held, is_whole};

const KILLS: u64 = 8;

/// Where messages go, seen from outside.
trait Target {
    /// The output's file or folder in the shop's folder.
    fn place(&self) -> &'static str;
    /// The arguments that lead there.
    fn args(&self) -> Vec<String>;
    /// Where standard output goes.
    fn stdout(&self, shop: &Shop) -> Stdio;
    /// Checks what a run has left, killed or not, and prepares for the next one.
    fn take(&mut self, shop: &Shop);
    /// All that it holds after all these runs.
    fn held(&self, shop: &Shop) -> Held;
    /// Begins again.
    fn clear(&mut self, shop: &Shop);
}

/// A target that reads lines from a file, and commits what it has read at each STATE.
#[derive(Default)]
struct Lines(Held);

impl Target for Lines {
    fn place(&self) -> &'static str {
        "messages.jsonl"
    }

    fn args(&self) -> Vec<String> {
        ["--state", "state.json"].map(str::to_owned).into()
    }

    fn stdout(&self, shop: &Shop) -> Stdio {
        std::fs::File::create(shop.path(self.place())).unwrap().into()
    }

    fn take(&mut self, shop: &Shop) {
        let text = std::fs::read_to_string(shop.path(self.place())).unwrap();
        let committed = up_to_the_last_state(&text);
        if let Some(state) = committed.last().and_then(|message| message.value.as_ref()) {
            shop.file("state.json", &state.to_string());
        }
        self.0.extend(trees(&committed));
    }

    fn held(&self, _: &Shop) -> Held {
        self.0.clone()
    }

    fn clear(&mut self, shop: &Shop) {
        shop.file("state.json", "{}");
        self.0.clear();
    }
}

/// The messages in whole lines, as far as a STATE covers them.
fn up_to_the_last_state(text: &str) -> Vec<Message> {
    let (whole, torn) = text.split_at(text.rfind('\n').map_or(0, |end| end + 1));
    assert!(torn.is_empty() || serde_json::from_str::<Value>(torn).is_err(), "a torn line passes for a message");
    let mut messages = messages(whole);
    let covered = messages.iter().rposition(|message| message.kind == "STATE").map_or(0, |last| last + 1);
    messages.truncate(covered);
    messages
}

/// The SQLite file.
struct File;

impl Target for File {
    fn place(&self) -> &'static str {
        "shop.db"
    }

    fn args(&self) -> Vec<String> {
        ["--output", "sqlite:shop.db"].map(str::to_owned).into()
    }

    fn stdout(&self, _: &Shop) -> Stdio {
        Stdio::null()
    }

    /// The rows of the orders, at a state, are those that the state covers, no more and no less.
    fn take(&mut self, shop: &Shop) {
        let file = shop.path(self.place());
        if !file.exists() || !tables::names(&tables::open(&file)).contains(&"_tap_state".to_owned()) {
            return;
        }
        let dump = tables::dump(&file);
        let Some(Sql::Text(state)) = dump["_tap_state"].first().map(|row| row[1].clone()) else {
            assert!(!dump.contains_key("orders"), "there are rows and no state");
            return;
        };
        let state: Value = serde_json::from_str(&state).unwrap();
        assert_eq!(dump.get("orders").map_or(0, Vec::len), shop.orders_covered(&state), "{state}");
    }

    fn held(&self, shop: &Shop) -> Held {
        let connection = tables::open(&shop.path(self.place()));
        let tables = tables::names(&connection).into_iter().filter(|name| !name.starts_with("_tap_"));
        let mut held = Held::new();
        for table in tables {
            let statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
            for row in tables::rows(&connection, &table) {
                let fields = columns.iter().cloned().zip(row.into_iter().map(field));
                let record = Value::Object(fields.collect::<Map<_, _>>());
                let key = (table.clone(), record["id"].as_u64().unwrap());
                assert!(held.insert(key, record).is_none(), "{table} has a row twice");
            }
        }
        held
    }

    fn clear(&mut self, shop: &Shop) {
        std::fs::remove_file(shop.path(self.place())).unwrap();
    }
}

/// A column's value; lists and objects are text in the file.
fn field(column: Sql) -> Value {
    match column {
        Sql::Integer(number) => number.into(),
        Sql::Text(text) if text.starts_with(['[', '{']) => serde_json::from_str(&text).unwrap_or_else(|_| text.into()),
        Sql::Text(text) => text.into(),
        _ => Value::Null,
    }
}

/// The folder of JSON lines.
struct Folder;

impl Target for Folder {
    fn place(&self) -> &'static str {
        "lines"
    }

    fn args(&self) -> Vec<String> {
        ["--output", "jsonl:lines"].map(str::to_owned).into()
    }

    fn stdout(&self, _: &Shop) -> Stdio {
        Stdio::null()
    }

    /// The lines that the state covers have exactly the orders that they should have.
    fn take(&mut self, shop: &Shop) {
        let folder = shop.path(self.place());
        let Ok(state) = std::fs::read(folder.join("state.json")) else { return };
        let state: Value = serde_json::from_slice(&state).unwrap();
        let Some(length) = state["files"]["orders"].as_u64() else { return };
        let bytes = std::fs::read(folder.join("orders.jsonl")).unwrap();
        let covered = std::str::from_utf8(&bytes[..usize::try_from(length).unwrap()]).unwrap();
        assert!(covered.is_empty() || covered.ends_with('\n'));
        let ids: BTreeSet<u64> =
            covered.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_u64().unwrap()).collect();
        assert_eq!(ids.len(), shop.orders_covered(&state["state"]), "{state}");
    }

    fn held(&self, shop: &Shop) -> Held {
        let mut held = Held::new();
        for file in std::fs::read_dir(shop.path(self.place())).unwrap().map(|file| file.unwrap().path()) {
            if file.extension().is_some_and(|extension| extension == "jsonl") {
                let stream = file.file_stem().unwrap().to_string_lossy().into_owned();
                for line in std::fs::read_to_string(&file).unwrap().lines() {
                    let record: Value = serde_json::from_str(line).unwrap();
                    // What is read again is one more line, and the last one is right.
                    held.insert((stream.clone(), record["id"].as_u64().unwrap()), record);
                }
            }
        }
        held
    }

    fn clear(&mut self, shop: &Shop) {
        std::fs::remove_dir_all(shop.path(self.place())).unwrap();
    }
}

/// The folder with files of their own for each run.
struct PerRun;

impl Target for PerRun {
    fn place(&self) -> &'static str {
        "runs"
    }

    fn args(&self) -> Vec<String> {
        ["--output", "jsonl-per-run:runs"].map(str::to_owned).into()
    }

    fn stdout(&self, _: &Shop) -> Stdio {
        Stdio::null()
    }

    /// A file that has its name is whole.
    fn take(&mut self, shop: &Shop) {
        self.held(shop);
    }

    fn held(&self, shop: &Shop) -> Held {
        let entries = std::fs::read_dir(shop.path(self.place())).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
        files.sort();
        let mut held = Held::new();
        for file in files {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            let stream = name.split_once('-').unwrap().0.to_owned();
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(text.ends_with('\n'), "{name}");
            for line in text.lines() {
                let record: Value = serde_json::from_str(line).unwrap();
                held.insert((stream.clone(), record["id"].as_u64().unwrap()), record);
            }
        }
        held
    }

    fn clear(&mut self, shop: &Shop) {
        std::fs::remove_dir_all(shop.path(self.place())).unwrap();
    }
}

/// The folder of Parquet files.
struct Columns;

impl Target for Columns {
    fn place(&self) -> &'static str {
        "columns"
    }

    fn args(&self) -> Vec<String> {
        ["--output", "parquet:columns"].map(str::to_owned).into()
    }

    fn stdout(&self, _: &Shop) -> Stdio {
        Stdio::null()
    }

    /// The orders in the files that count are those that the state covers, no more and no less.
    fn take(&mut self, shop: &Shop) {
        let Some(manifest) = self.manifest(shop) else { return };
        let orders = self.held(shop).into_keys().filter(|(stream, _)| stream == "orders").count();
        let state = &manifest["state"];
        assert_eq!(orders, if state.is_null() { 0 } else { shop.orders_covered(state) }, "{manifest}");
    }

    fn held(&self, shop: &Shop) -> Held {
        let (folder, mut held) = (shop.path(self.place()), Held::new());
        let Some(manifest) = self.manifest(shop) else { return held };
        for stream in manifest["streams"].as_object().unwrap().keys() {
            for record in parquet::records(&folder, stream).unwrap() {
                held.insert((stream.clone(), record["id"].as_u64().unwrap()), record);
            }
        }
        held
    }

    fn clear(&mut self, shop: &Shop) {
        std::fs::remove_dir_all(shop.path(self.place())).unwrap();
    }
}

impl Columns {
    fn manifest(&self, shop: &Shop) -> Option<Value> {
        let manifest = std::fs::read(shop.path(self.place()).join("state.json")).ok()?;
        Some(serde_json::from_slice(&manifest).unwrap())
    }
}

/// The total size of the files whose names start like this, in this folder and below.
fn written(folder: &Path, start: &str) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let ours = files.filter(|file| file.file_name().to_string_lossy().starts_with(start));
    ours.map(|file| match file.metadata() {
        Ok(about) if about.is_dir() => written(&file.path(), ""),
        Ok(about) => about.len(),
        // It may have gone this moment.
        Err(_) => 0,
    })
    .sum()
}

fn start(shop: &Shop, target: &dyn Target) -> Child {
    let args = target.args();
    let mut command = shop.tap(args.iter().map(String::as_str));
    command.stdout(target.stdout(shop)).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until the run is to be killed; false if it has ended before.
fn comes(child: &mut Child, mut is_now: impl FnMut() -> bool) -> bool {
    while !is_now() {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

fn killed_again_and_again(seed: u64, target: &mut dyn Target) {
    let shop = Shop::new(counts(500, 150, 60, 20));
    shop.file("state.json", "{}");
    assert!(start(&shop, target).wait().unwrap().success());
    target.take(&shop);
    let (requests, bytes) = (shop.sandbox.request_count(), written(&shop.path(""), target.place()));
    let whole = target.held(&shop);
    target.clear(&shop);
    let (mut chance, mut kills) = (Rng::with_seed(seed), 0);
    while kills < KILLS {
        let (asked, end) = (shop.after_requests(1 + chance.u64(..requests)), 1 + chance.u64(..bytes));
        let mut child = start(&shop, target);
        let by_bytes = kills % 2 == 1;
        let moment = || if by_bytes { written(&shop.path(""), target.place()) >= end } else { asked.try_recv().is_ok() };
        if comes(&mut child, moment) {
            child.kill().unwrap();
            child.wait().unwrap();
            target.take(&shop);
            kills += 1;
        } else {
            target.clear(&shop);
        }
    }
    assert!(start(&shop, target).wait().unwrap().success());
    target.take(&shop);
    let held = target.held(&shop);
    is_whole(&shop, &held, target.place());
    assert!(held == whole, "the records are the same");
}

#[test]
fn a_run_killed_again_and_again_ends_with_every_record_in_its_messages() {
    killed_again_and_again(20_240_607, &mut Lines::default());
}

#[test]
fn a_run_killed_again_and_again_ends_with_the_same_file() {
    killed_again_and_again(20_240_608, &mut File);
}

#[test]
fn a_run_killed_again_and_again_ends_with_the_same_folder() {
    killed_again_and_again(20_240_609, &mut Folder);
}

#[test]
fn runs_killed_again_and_again_end_with_every_record_in_their_files() {
    killed_again_and_again(20_240_610, &mut PerRun);
}

#[test]
fn a_run_killed_again_and_again_ends_with_the_same_columns() {
    killed_again_and_again(20_240_611, &mut Columns);
}

/// As after a crash of the whole machine: the file ends anywhere.
#[test]
fn messages_torn_off_anywhere_lead_on_from_their_last_state() {
    let shop = Shop::new(counts(60, 30, 20, 10));
    shop.file("config.json", &shop.config_with(json!({"page_size": 10})));
    let text = shop.run([]).ok().stdout;
    let mut chance = Rng::with_seed(7);
    for _ in 0..8 {
        let end = (0..=chance.u64(..text.len() as u64) as usize).rev().find(|end| text.is_char_boundary(*end)).unwrap();
        let taken = up_to_the_last_state(&text[..end]);
        let state = taken.last().and_then(|message| message.value.clone()).unwrap_or_else(|| json!({}));
        let mut held = trees(&taken);
        held.extend(trees(&shop.resume(&state).ok().messages()));
        is_whole(&shop, &held, &format!("torn off at byte {end}"));
    }
}
