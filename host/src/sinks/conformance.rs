//! What every target promises, whatever it is: each one passes the same suite, and those that keep a state all of it.

use super::ground::Ground;
use super::{Message, Opened, Opening, Sink, SinkError, TARGETS, Target};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

mod versions;

const STORE: &str = "https://api.bigcommerce.com/stores/abc";
const OTHER: &str = "https://api.bigcommerce.com/stores/other";

/// A place for a target.
struct Place {
    target: &'static dyn Target,
    ground: Box<dyn Ground>,
}

impl Place {
    fn path(&self) -> PathBuf {
        self.ground.path()
    }

    /// The place as a killed run leaves it.
    fn killed(self, opened: Opened) -> Place {
        Place { ground: self.ground.killed(opened), ..self }
    }

    fn try_open(&self, store: &str, read_whole: &[String]) -> Result<Opened, SinkError> {
        self.target.open(&Opening { place: &self.path(), store, read_whole })
    }

    fn open(&self) -> Opened {
        self.try_open(STORE, &[]).unwrap_or_else(|fault| panic!("{}: {fault}", self.target.scheme()))
    }

    /// A run that takes these messages and ends well.
    fn run(&self, messages: &[Value]) {
        let mut opened = self.open();
        messages.iter().for_each(|message| put(&mut opened, message).unwrap());
        opened.sink.finish().unwrap();
    }

    /// The records of a stream by their id: the last of each counts.
    fn records(&self, stream: &str) -> BTreeMap<String, Value> {
        let records = self.target.read_back(&self.path(), stream).unwrap_or_default();
        records.into_iter().map(|record| (record["id"].to_string(), record)).collect()
    }
}

/// A place for each target that keeps a state, unless what it needs is not on this machine.
fn places() -> Vec<Place> {
    let keeping = TARGETS.iter().copied().filter(|target| target.keeps_state().is_some());
    let places: Vec<Place> = keeping.filter_map(|target| Some(Place { target, ground: target.ground()? })).collect();
    assert!(places.len() > 1);
    places
}

fn put(opened: &mut Opened, message: &Value) -> Result<(), SinkError> {
    opened.sink.write(&Message::read(message.to_string().as_bytes()))
}

fn schema(properties: Value) -> Value {
    json!({"type": "SCHEMA", "stream": "orders", "key_properties": ["id"], "schema": {"type": "object", "properties": properties}})
}

fn plain() -> Value {
    schema(json!({"id": {"type": "integer"}, "note": {"type": ["null", "string"]}}))
}

fn record(record: Value) -> Value {
    json!({"type": "RECORD", "stream": "orders", "record": record, "time_extracted": "2024-01-01T00:00:00Z"})
}

fn state(number: u32) -> Value {
    json!({"type": "STATE", "value": {"n": number}})
}

fn ids(place: &Place) -> Vec<String> {
    place.records("orders").into_keys().collect()
}

#[test]
fn what_a_state_covers_is_there_and_the_state_with_it() {
    for place in places() {
        place.run(&[plain(), record(json!({"id": 1, "note": "a"})), record(json!({"id": 2})), state(1)]);
        assert_eq!(ids(&place), ["1", "2"], "{}", place.target.scheme());
        assert_eq!(place.open().state.as_deref(), Some(r#"{"n":1}"#), "{}", place.target.scheme());
    }
}

#[test]
fn what_no_state_covers_is_not_there_however_the_run_ended() {
    for ends_well in [true, false] {
        for place in places() {
            let mut opened = place.open();
            for message in [plain(), record(json!({"id": 1})), state(1), record(json!({"id": 2}))] {
                put(&mut opened, &message).unwrap();
            }
            if ends_well {
                opened.sink.finish().unwrap();
            }
            drop(opened);
            let again = place.open();
            assert_eq!(again.state.as_deref(), Some(r#"{"n":1}"#), "{}", place.target.scheme());
            drop(again);
            assert_eq!(ids(&place), ["1"], "{}, ended well: {ends_well}", place.target.scheme());
        }
    }
}

#[test]
fn a_record_that_comes_again_replaces_the_one_before() {
    for place in places() {
        place.run(&[plain(), record(json!({"id": 1, "note": "old"})), state(1)]);
        place.run(&[plain(), record(json!({"id": 1, "note": "new"})), state(2)]);
        assert_eq!(place.records("orders")["1"]["note"], "new", "{}", place.target.scheme());
    }
}

#[test]
fn a_field_that_is_new_comes_and_one_that_has_gone_is_kept() {
    for place in places() {
        place.run(&[plain(), record(json!({"id": 1, "note": "kept"})), state(1)]);
        let other = schema(json!({"id": {"type": "integer"}, "Größe \"neu\"": {"type": "string"}}));
        place.run(&[other, record(json!({"id": 2, "Größe \"neu\"": "XL"})), state(2)]);
        let records = place.records("orders");
        assert_eq!(records["1"]["note"], "kept", "{}", place.target.scheme());
        assert_eq!(records["2"]["Größe \"neu\""], "XL", "{}", place.target.scheme());
    }
}

#[test]
fn the_schema_may_change_in_the_middle_of_a_run() {
    for place in places() {
        let wider = schema(json!({"id": {"type": "integer"}, "note": {"type": "string"}, "more": {"type": "string"}}));
        place.run(&[plain(), record(json!({"id": 1})), wider, record(json!({"id": 2, "more": "x"})), state(1)]);
        assert_eq!(place.records("orders")["2"]["more"], "x", "{}", place.target.scheme());
    }
}

#[test]
fn values_of_any_size_and_a_thousand_fields_are_kept() {
    for place in places() {
        let names: Vec<String> = (0..1000).map(|number| format!("field_{number}")).collect();
        let text = json!({"type": ["null", "string"]});
        let mut properties: serde_json::Map<String, Value> = names.iter().map(|name| (name.clone(), text.clone())).collect();
        properties.insert("id".into(), json!({"type": "integer"}));
        let long = "ü".repeat(1 << 20);
        // Short ones: not every target holds a thousand long ones in a row.
        let mut fields: serde_json::Map<String, Value> = names.iter().map(|name| (name.clone(), json!(&name[6..]))).collect();
        fields.extend([("id".to_owned(), json!(1)), ("field_7".to_owned(), json!(long))]);
        place.run(&[schema(Value::Object(properties)), record(Value::Object(fields)), state(1)]);
        let records = place.records("orders");
        assert_eq!(records["1"]["field_999"], "999", "{}", place.target.scheme());
        assert_eq!(records["1"]["field_7"].as_str().map(str::len), Some(2 << 20), "{}", place.target.scheme());
    }
}

#[test]
fn every_target_opens_and_one_that_keeps_records_keeps_a_state_with_them() {
    for target in TARGETS {
        let Some(ground) = target.ground() else { continue };
        let mut opened = target.open(&Opening { place: &ground.path(), store: STORE, read_whole: &[] }).unwrap();
        assert!(opened.state.is_none() && opened.notes.is_empty(), "{}", target.scheme());
        opened.sink.finish().unwrap();
        assert_eq!(ground.exists(), target.keeps_state().is_some(), "{}", target.scheme());
        assert_eq!(target.place().is_some(), target.keeps_state().is_some(), "{}", target.scheme());
    }
}

/// A killed process runs no code at its end: what it held is forgotten.
#[test]
fn a_run_that_is_killed_after_any_message_leaves_what_its_last_state_covers() {
    let messages = [
        plain(),
        record(json!({"id": 1})),
        state(1),
        record(json!({"id": 2})),
        record(json!({"id": 3})),
        state(3),
        record(json!({"id": 4})),
    ];
    for killed in 1..=messages.len() {
        for place in places() {
            let mut opened = place.open();
            messages[..killed].iter().for_each(|message| put(&mut opened, message).unwrap());
            let place = place.killed(opened);
            let covered = messages[..killed].iter().rev().find_map(|message| message["value"]["n"].as_u64());
            let again = place.open();
            assert_eq!(again.state, covered.map(|n| json!({ "n": n }).to_string()), "{}, {killed}", place.target.scheme());
            drop(again);
            let wanted: Vec<String> = (1..=covered.unwrap_or(0)).map(|id| id.to_string()).collect();
            assert_eq!(ids(&place), wanted, "{} after message {killed}", place.target.scheme());
        }
    }
}

#[test]
fn messages_of_other_kinds_change_nothing() {
    for place in places() {
        let other = json!({"type": "BATCH", "stream": "orders", "version": 1});
        place.run(&[plain(), record(json!({"id": 1})), other, state(1)]);
        assert_eq!(ids(&place), ["1"], "{}", place.target.scheme());
    }
}

#[test]
fn what_is_no_message_of_the_taps_is_refused_in_a_sentence() {
    for place in places() {
        let mut opened = place.open();
        for name in ["Orders", "../orders", "", "a b"] {
            let mut wrong = plain();
            wrong["stream"] = json!(name);
            let why = put(&mut opened, &wrong).unwrap_err().to_string();
            assert!(why.contains("not a stream's name"), "{} {name}: {why}", place.target.scheme());
        }
        let early = put(&mut opened, &record(json!({"id": 1}))).unwrap_err().to_string();
        assert!(early.contains("before its SCHEMA"), "{}: {early}", place.target.scheme());
        put(&mut opened, &plain()).unwrap();
        for bad in [record(json!([1])), json!({"type": "STATE"}), json!({"type": "RECORD", "stream": "orders"})] {
            assert!(put(&mut opened, &bad).is_err(), "{}: {bad}", place.target.scheme());
        }
    }
}

#[test]
fn another_stores_place_is_refused_and_left_as_it_was() {
    for place in places() {
        place.run(&[plain(), record(json!({"id": 1})), state(1)]);
        let why = place.try_open(OTHER, &[]).err().expect("the place was taken").to_string();
        assert!(why.contains(STORE) && why.contains(OTHER), "{}: {why}", place.target.scheme());
        assert_eq!(ids(&place), ["1"]);
    }
}

#[test]
fn two_runs_at_once_are_one_too_many() {
    for place in places() {
        let running = place.open();
        let why = place.try_open(STORE, &[]).err().expect("the place was taken").to_string();
        assert!(why.contains("in use by"), "{}: {why}", place.target.scheme());
        drop(running);
        // At once, once the run is over.
        drop(place.open());
    }
}

#[cfg(unix)]
#[test]
fn what_is_new_is_for_its_owner_alone_and_a_link_is_refused() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let in_folders = || places().into_iter().filter(|place| place.ground.folder().is_some());
    for place in in_folders() {
        place.run(&[plain(), record(json!({"id": 1})), state(1)]);
        let mut paths = vec![place.path()];
        if place.path().is_dir() {
            paths.extend(std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().path()));
        }
        for path in paths {
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}: {} has the mode {mode:o}", place.target.scheme(), path.display());
        }
    }
    for place in in_folders() {
        let victim = place.ground.folder().unwrap().join("victim");
        std::fs::write(&victim, "mine").unwrap();
        symlink(&victim, place.path()).unwrap();
        assert!(place.try_open(STORE, &[]).is_err(), "{}", place.target.scheme());
        assert_eq!(std::fs::read(&victim).unwrap(), b"mine", "{}", place.target.scheme());
    }
}
