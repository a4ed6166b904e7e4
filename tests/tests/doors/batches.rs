//! `batch_config`: files with the records, and BATCH messages that name them.

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tap_bigcommerce_sandbox::Counts;
use tap_bigcommerce_tests::messages::{Message, last_state, messages, of_stream};
use tap_bigcommerce_tests::shop::{Shop, counts};

const SMALL: Counts = counts(20, 12, 9, 5);

/// The setting, for files in a folder next to the config.
fn batch_config(shop: &Shop, size: u64) -> Value {
    let root = format!("file://{}", shop.path("batches").display());
    json!({"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": {"root": root, "prefix": "shop-"}, "batch_size": size})
}

fn with_batches(shop: &Shop, size: u64) {
    configure(shop, json!({"batch_config": batch_config(shop, size)}));
}

fn configure(shop: &Shop, changes: Value) {
    shop.file("config.json", &shop.config_with(changes));
}

/// The records in the files that the messages name, in their order, by stream.
fn in_files(messages: &[Value]) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::<String, Vec<String>>::new();
    for message in messages.iter().filter(|message| message["type"] == "BATCH") {
        for url in message["manifest"].as_array().unwrap() {
            let mut text = String::new();
            let file = std::fs::File::open(url.as_str().unwrap().strip_prefix("file://").unwrap()).unwrap();
            GzDecoder::new(file).read_to_string(&mut text).unwrap();
            let stream = message["stream"].as_str().unwrap().to_owned();
            found.entry(stream).or_default().extend(text.lines().map(str::to_owned));
        }
    }
    found
}

fn values(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn records(messages: &[Message]) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for message in messages.iter().filter(|message| message.kind == "RECORD") {
        let of_stream = || of_stream(messages, &message.stream).iter().map(|message| message.record().to_owned()).collect();
        found.entry(message.stream.clone()).or_insert_with(of_stream);
    }
    found
}

#[test]
fn the_files_hold_every_record_and_the_last_state_is_the_same() {
    let shop = Shop::new(SMALL);
    let plain = shop.run([]).ok().messages();
    with_batches(&shop, 7);
    let ended = shop.run([]).ok();
    let written = values(&ended.stdout);
    assert!(written.iter().all(|message| message["type"] != "RECORD"));
    assert!(in_files(&written) == records(&plain), "{}", ended.stderr);
    assert_eq!(written.last().map(|message| (&message["type"], &message["value"])), Some((&json!("STATE"), last_state(&plain))));
    for file in std::fs::read_dir(shop.path("batches")).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn the_state_that_a_target_keeps_covers_only_what_is_in_files_that_it_has_got() {
    let shop = Shop::new(SMALL);
    let whole = records(&shop.run([]).ok().messages());
    with_batches(&shop, 1);
    // It keeps the first STATE, and then is gone.
    shop.file(
        "target.sh",
        "awk '{ print >> \"taken.jsonl\" } sub(/^.\"type\":\"STATE\",\"value\":/, \"\") { sub(/.$/, \"\"); print; exit }'",
    );
    let kept = ["--state-file", "state.json", "--target", "/bin/sh target.sh"];
    shop.run(kept);
    let taken = |shop: &Shop| in_files(&values(&std::fs::read_to_string(shop.path("taken.jsonl")).unwrap()));
    let first = taken(&shop);
    shop.file("target.sh", "cat >> taken.jsonl");
    shop.run(kept).ok();
    let all = taken(&shop);
    assert!(first.values().map(Vec::len).sum::<usize>() < whole.values().map(Vec::len).sum(), "the first run was cut short");
    for (stream, records) in &whole {
        assert!(records.iter().all(|record| all[stream].contains(record)), "{stream}");
    }
}

#[test]
fn where_no_files_are_written_a_warning_says_so() {
    let shop = Shop::new(SMALL);
    with_batches(&shop, 10);
    let ended = shop.run(["--output", "jsonl:rows"]).ok();
    assert!(ended.warnings().iter().any(|warning| warning.contains("batch_config has no effect here")), "{}", ended.stderr);
    assert!(!Path::new(&shop.path("batches")).exists());
    let checked = shop.run(["--test"]).ok();
    assert!(messages(&checked.stdout).iter().any(|message| message.kind == "RECORD"));
}

#[test]
fn a_folder_that_cannot_be_written_and_a_setting_that_cannot_be_used_stop_the_run_before_it_asks() {
    let shop = Shop::new(SMALL);
    with_batches(&shop, 10);
    shop.file("batches", "");
    shop.run([]).told(10, &["batch_config", "storage.root"]);
    configure(&shop, json!({"batch_config": batch_config(&shop, 10), "emit_activate_version_messages": true}));
    shop.run([]).told(2, &["batch_config", "exclude each other"]);
    let mut parquet = batch_config(&shop, 10);
    parquet["encoding"]["format"] = json!("parquet");
    configure(&shop, json!({"batch_config": parquet}));
    shop.run([]).told(2, &["batch_config", "jsonl"]);
    assert_eq!(shop.sandbox.request_count(), 0);
}
