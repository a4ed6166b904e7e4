//! What every target promises, whatever it is: each one passes the same suite, and those that keep a state all of it.

use super::{Message, Opened, Opening, Sink, SinkError, TARGETS, Target};
use crate::files::CHANGES_LEFT;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[cfg(unix)]
mod disk;
mod stage;
mod versions;

pub(super) use stage::{InFolder, Stage};

const STORE: &str = "https://api.bigcommerce.com/stores/abc";
const OTHER: &str = "https://api.bigcommerce.com/stores/other";
/// Targets that need not be tried here, with commas between them.
const UNTRIED: &str = "TAP_BIGCOMMERCE_UNTRIED";

/// A place for a target, which goes with it.
struct Place {
    target: &'static dyn Target,
    stage: Box<dyn Stage>,
}

impl Place {
    /// The place as a killed run leaves it.
    fn killed(self, opened: Opened) -> Place {
        Place { stage: self.stage.killed(opened), ..self }
    }

    fn try_open(&self, store: &str, read_whole: &[String]) -> Result<Opened, SinkError> {
        self.target.open(&Opening { place: self.stage.place(), store, read_whole })
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

    /// The records of a stream by their id, which some targets keep as text: the last of each counts.
    fn records(&self, stream: &str) -> BTreeMap<String, Value> {
        let records = self.target.read_back(self.stage.place(), stream).unwrap_or_default();
        records.into_iter().map(|record| (record["id"].to_string().trim_matches('"').to_owned(), record)).collect()
    }
}

/// One place per target that keeps a state, set to commit each STATE as it comes.
fn places() -> Vec<Place> {
    let places = waiting_places().into_iter();
    places.map(|place| Place { target: place.target.without_waiting().unwrap_or(place.target), ..place }).collect()
}

/// The same, but each target commits when it normally does.
fn waiting_places() -> Vec<Place> {
    let keeping = TARGETS.iter().copied().filter(|target| target.keeps_state().is_some());
    let places: Vec<Place> = keeping.filter_map(|target| Some(Place { target, stage: target.stage()? })).collect();
    assert!(places.len() > 1);
    places
}

#[test]
fn no_target_is_skipped_unless_it_is_named() {
    let untried = std::env::var(UNTRIED).unwrap_or_default();
    for target in TARGETS.iter().filter(|target| target.keeps_state().is_some()) {
        let scheme = target.scheme();
        let is_tried = target.stage().is_some() || untried.split(',').any(|name| name == scheme);
        assert!(is_tried, "{scheme} cannot be tried on this machine; set {UNTRIED}={scheme} to leave it out");
    }
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
fn a_new_field_is_added_and_a_removed_field_is_kept() {
    for place in places() {
        place.run(&[plain(), record(json!({"id": 1, "note": "kept"})), state(1)]);
        let other = schema(json!({"id": {"type": "integer"}, "Größe \"neu\"": {"type": "string"}}));
        place.run(&[other, record(json!({"id": 2, "Größe \"neu\"": "XL"})), state(2)]);
        let records = place.records("orders");
        assert_eq!(records["1"]["note"], "kept", "{}", place.target.scheme());
        assert_eq!(records["2"]["Größe \"neu\""], "XL", "{}", place.target.scheme());
    }
}

/// A full refresh gives a field with a changed type a new table or new files, and loses nothing else.
#[test]
fn a_field_that_has_changed_its_type_is_taken_with_a_full_refresh() {
    for place in places() {
        place.run(&[plain(), record(json!({"id": 1, "note": "a"})), state(1)]);
        let other = schema(json!({"id": {"type": "integer"}, "note": {"type": ["null", "boolean"]}}));
        let mut opened = place.try_open(STORE, &["orders".to_owned()]).unwrap();
        for message in [other, record(json!({"id": 1, "note": true})), record(json!({"id": 2, "note": false})), state(2)] {
            put(&mut opened, &message).unwrap();
        }
        opened.sink.finish().unwrap();
        drop(opened);
        assert_eq!(ids(&place), ["1", "2"], "{}", place.target.scheme());
        assert_eq!(place.open().state.as_deref(), Some(r#"{"n":2}"#), "{}", place.target.scheme());
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

/// Changes to fit a wider schema must not be visible before the state that covers them.
#[test]
fn a_run_that_is_killed_around_a_change_of_the_schema_leaves_what_its_last_state_covers() {
    let wider = schema(json!({"id": {"type": "integer"}, "note": {"type": ["null", "string"]}, "more": {"type": "string"}}));
    let messages = [
        plain(),
        record(json!({"id": 2, "note": "b"})),
        wider.clone(),
        record(json!({"id": 3, "note": "c", "more": "x"})),
        state(3),
        record(json!({"id": 4, "more": "y"})),
        state(4),
    ];
    for killed in 1..=messages.len() {
        for place in places() {
            place.run(&[plain(), record(json!({"id": 1, "note": "a"})), state(1)]);
            let mut opened = place.open();
            messages[..killed].iter().for_each(|message| put(&mut opened, message).unwrap());
            let place = place.killed(opened);
            let covered = messages[..killed].iter().rev().find_map(|message| message["value"]["n"].as_u64()).unwrap_or(1);
            assert_eq!(place.open().state, Some(json!({ "n": covered }).to_string()), "{}, {killed}", place.target.scheme());
            let wanted: Vec<String> = (1..=covered).map(|id| id.to_string()).collect();
            assert_eq!(ids(&place), wanted, "{} after message {killed}", place.target.scheme());
            place.run(&[wider.clone(), record(json!({"id": 5, "note": "e", "more": "z"})), state(5)]);
            let records = place.records("orders");
            assert_eq!((&records["1"]["note"], &records["5"]["more"]), (&json!("a"), &json!("z")), "{}", place.target.scheme());
        }
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
fn a_new_place_holds_no_state_and_has_nothing_to_say() {
    for place in places() {
        let mut opened = place.open();
        assert!(opened.state.is_none() && opened.notes.is_empty(), "{}", place.target.scheme());
        opened.sink.finish().unwrap();
        drop(opened);
        assert_eq!(place.open().state, None, "{}", place.target.scheme());
    }
    for target in TARGETS {
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

/// A target may wait before a state counts. Then the records are those that the state before it covers.
#[test]
fn a_target_that_waits_has_at_every_moment_what_its_state_covers() {
    let messages = [plain(), record(json!({"id": 1})), state(1), record(json!({"id": 2})), state(2), record(json!({"id": 3}))];
    for killed in 0..=messages.len() {
        for place in waiting_places() {
            place.run(&[plain(), state(0)]);
            let mut opened = place.open();
            messages[..killed].iter().for_each(|message| put(&mut opened, message).unwrap());
            let place = place.killed(opened);
            let state: Value = serde_json::from_str(&place.open().state.unwrap()).unwrap();
            let covered = state["n"].as_u64().unwrap();
            let wanted: Vec<String> = (1..=covered).map(|id| id.to_string()).collect();
            assert_eq!(ids(&place), wanted, "{} after message {killed}", place.target.scheme());
            place.run(&messages);
            assert_eq!(place.open().state.as_deref(), Some(r#"{"n":2}"#), "{}", place.target.scheme());
            assert_eq!(ids(&place), ["1", "2"], "{}", place.target.scheme());
        }
    }
}

/// Stops a run between every two file operations: everything before is on disk, and nothing after.
#[test]
fn a_run_that_is_killed_between_any_two_changes_of_files_leaves_what_its_last_state_covers() {
    let wider =
        schema(json!({"id": {"type": "integer"}, "note": {"type": ["null", "string"]}, "more": {"type": ["null", "string"]}}));
    let messages = [plain(), record(json!({"id": 2})), state(2), wider.clone(), record(json!({"id": 3, "more": "x"})), state(3)];
    let mut ended = 0;
    for target in places().into_iter().map(|place| place.target) {
        for changes in 0.. {
            let place = Place { target, stage: target.stage().expect("there was one before") };
            place.run(&[plain(), record(json!({"id": 1, "note": "kept"})), state(1)]);
            let mut opened = place.open();
            CHANGES_LEFT.set(Some(changes));
            let taken = messages.iter().try_for_each(|message| put(&mut opened, message)).and_then(|()| opened.sink.finish());
            CHANGES_LEFT.set(None);
            let (place, when) = (place.killed(opened), format!("{} after {changes} changes", target.scheme()));
            let state: Value = serde_json::from_str(&place.open().state.unwrap()).unwrap();
            let covered = state["n"].as_u64().unwrap();
            let wanted: Vec<String> = (1..=covered).map(|id| id.to_string()).collect();
            assert_eq!(ids(&place), wanted, "{when}");
            place.run(&messages);
            assert_eq!(ids(&place), ["1", "2", "3"], "{when}, and a whole run");
            let records = place.records("orders");
            assert_eq!((&records["1"]["note"], &records["3"]["more"]), (&json!("kept"), &json!("x")), "{when}, and a whole run");
            if taken.is_ok() {
                assert_eq!(covered, 3, "{when}");
                break;
            }
            ended += 1;
        }
    }
    assert!(ended > 10, "{ended} runs were ended");
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
fn a_second_run_at_the_same_time_is_refused() {
    for place in places() {
        let running = place.open();
        let why = place.try_open(STORE, &[]).err().expect("the place was taken").to_string();
        assert!(why.contains("in use by"), "{}: {why}", place.target.scheme());
        drop(running);
        // At once, once the run is over.
        drop(place.open());
    }
}
