//! What holds for every stream, from what the tap and the store say of it. A stream that is added is tested here without a line more.

use crate::reference;
use crate::world::{Run, World};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tap_bigcommerce_core::dates;
use tap_bigcommerce_core::error::Kind as Failure;
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_core::streams::{ALL, Replication, Source, Stream};
use tap_bigcommerce_sandbox::{Action, Counts, Fault, Kind, Options, Quirks, Scope, Truth};

/// A few of everything, and more of what has pages.
pub(crate) fn small() -> Counts {
    let few = [
        (Kind::ORDERS, 36),
        (Kind::CUSTOMERS, 35),
        (Kind::PRODUCTS, 35),
        (Kind::COUPONS, 12),
        (Kind::REFUNDS, 30),
        (Kind::PRICE_LISTS, 14),
        (Kind::BRANDS, 25),
        (Kind::CATEGORIES, 33),
    ];
    let some = Kind::ALL.iter().fold(Counts::default(), |counts, kind| counts.with(*kind, 12));
    few.into_iter().fold(some, |counts, (kind, count)| counts.with(kind, count))
}

pub(crate) fn world() -> World {
    let mut world = World::new(small());
    world.config.insert("page_size".into(), json!(10));
    world
}

fn request(world: &World, select: &str, state: Option<&Value>) -> Inputs {
    Inputs { select: Some(vec![select.to_owned()]), ..world.inputs(state) }
}

pub(crate) fn run(world: &World, select: &str, state: Option<&Value>) -> Run {
    world.run_with(request(world, select, state), None).ok()
}

/// The records that a stream should bring, by their keys: what the slow reference makes of the store's rows.
pub(crate) fn due(world: &World, stream: &Stream, is_due: impl Fn(&Truth) -> bool) -> BTreeMap<String, Value> {
    let store = world.store.borrow();
    let rows = store.truth(stream.name).unwrap_or_else(|| panic!("the sandbox has no {}", stream.name));
    let mut due = BTreeMap::new();
    for truth in rows.into_iter().filter(is_due) {
        let mut row = truth.row;
        if let (Source::With { rows, .. }, Some((kind, id))) = (stream.source, truth.of) {
            let parent = store.record(kind, id).unwrap();
            for (field, of_parent) in rows.adds {
                row.insert((*field).to_owned(), parent.fields[*of_parent].clone());
            }
        }
        if let (Source::Below { adds: Some(field), .. }, Some((_, id))) = (stream.source, truth.of) {
            row.insert(field.to_owned(), id.into());
        }
        let schema = without_off_by_default(stream);
        let row = RawValue::from_string(Value::from(row).to_string()).unwrap();
        let record: Value = serde_json::from_str(&reference::record(&schema, &row).unwrap()).unwrap();
        let known = due.insert(key(stream, &record), record);
        assert_eq!(known, None, "{}: two rows of the store have one key", stream.name);
    }
    due
}

fn without_off_by_default(stream: &Stream) -> Value {
    let mut schema = stream.schema().clone();
    let properties = schema["properties"].as_object_mut().unwrap();
    properties.retain(|name, _| !stream.off_by_default.contains(&name.as_str()));
    schema
}

pub(crate) fn key(stream: &Stream, record: &Value) -> String {
    let part = |name: &&str| {
        assert!(!record[*name].is_null(), "{}: {name} is null in {record}", stream.name);
        record[*name].to_string()
    };
    stream.key.iter().map(part).collect::<Vec<_>>().join(" ")
}

/// The last version of each record that the runs have brought.
pub(crate) fn came(stream: &Stream, runs: &[&Run]) -> BTreeMap<String, Value> {
    let records = runs.iter().flat_map(|run| run.records(stream.name));
    records.map(|record| (key(stream, record), record.clone())).collect()
}

pub(crate) fn expect(stream: &Stream, due: &BTreeMap<String, Value>, came: &BTreeMap<String, Value>, what: &str) {
    let missing: Vec<&String> = due.keys().filter(|key| !came.contains_key(*key)).collect();
    let more: Vec<&String> = came.keys().filter(|key| !due.contains_key(*key)).collect();
    assert!(missing.is_empty() && more.is_empty(), "{} {what}: missing {missing:?}, too many {more:?}", stream.name);
    for (key, record) in due {
        assert_eq!(sorted(&came[key]), sorted(record), "{} {what}: record {key}", stream.name);
    }
}

/// The fields that a record has, those that are null left out: a field that the store does not send does not leave either.
fn sorted(record: &Value) -> Value {
    match record {
        Value::Object(fields) => {
            let fields: BTreeMap<&String, Value> =
                fields.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name, sorted(value))).collect();
            json!(fields)
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// When the record that a row belongs to was last modified, or created if nothing else is known.
fn date(world: &World, stream: &Stream, truth: &Truth) -> Option<DateTime<Utc>> {
    let of_row = || dates::parse(truth.row.get(stream.replication_key()?)?.as_str()?);
    let of_parent = || truth.of.and_then(|(kind, id)| world.store.borrow().date_modified(kind, id));
    of_row().or_else(of_parent)
}

#[test]
fn every_stream_is_complete_and_equal_to_the_store() {
    for stream in ALL {
        let world = world();
        let run = run(&world, stream.name, None);
        assert_eq!(run.verdict(), None, "{}: {:?}", stream.name, run.warnings());
        let due = due(&world, stream, |_| true);
        assert!(stream.name == "store" || due.len() > 2, "{}: too few to show anything", stream.name);
        assert_eq!(run.records(stream.name).len(), due.len(), "{}: each record once", stream.name);
        expect(stream, &due, &came(stream, &[&run]), "whole");
        assert!(run.result.as_ref().unwrap().complete, "{}", stream.name);
    }
}

#[test]
fn every_schema_names_its_key_and_its_bookmark() {
    for stream in ALL {
        let run = run(&world(), stream.name, None);
        let schema = run.messages.iter().find(|message| message["type"] == "SCHEMA").unwrap();
        assert_eq!(schema["key_properties"], json!(stream.key), "{}", stream.name);
        let bookmark: Vec<&str> = stream.replication_key().into_iter().collect();
        assert_eq!(schema["bookmark_properties"], json!(bookmark), "{}", stream.name);
    }
}

#[test]
fn every_incremental_stream_heeds_its_dates_as_it_says() {
    let from: DateTime<Utc> = "2023-06-01T00:00:00Z".parse().unwrap();
    let to: DateTime<Utc> = "2024-06-01T00:00:00Z".parse().unwrap();
    for stream in ALL {
        let Replication::Incremental { heeds_start_date, .. } = stream.replication else { continue };
        let mut world = world();
        world.config.insert("start_date".into(), json!(dates::format(from)));
        world.config.insert("end_date".into(), json!(dates::format(to)));
        let run = run(&world, stream.name, None);
        let is_due = |truth: &Truth| {
            let date = date(&world, stream, truth).unwrap();
            (date >= from || !heeds_start_date) && date <= to
        };
        expect(stream, &due(&world, stream, is_due), &came(stream, &[&run]), "between two dates");
        let bookmark = run.state()["bookmarks"][stream.name][stream.replication_key().unwrap()].as_str().and_then(dates::parse);
        assert!(bookmark.is_none_or(|bookmark| bookmark <= to), "{}: {bookmark:?}", stream.name);
    }
}

#[test]
fn every_incremental_stream_brings_what_changed_and_little_else() {
    for stream in ALL.iter().filter(|stream| stream.replication_key().is_some()) {
        let world = world();
        let first = run(&world, stream.name, None);
        let second = run(&world, stream.name, Some(first.state()));
        assert!(second.records(stream.name).len() < first.records(stream.name).len().max(4) / 2, "{}", stream.name);
        let all = due(&world, stream, |_| true);
        expect(stream, &all, &came(stream, &[&first, &second]), "in two runs");
        assert_eq!(second.verdict(), None, "{}", stream.name);
    }
}

#[test]
fn one_selected_field_comes_with_the_keys_alone() {
    for stream in ALL {
        let world = world();
        let properties = stream.schema()["properties"].as_object().unwrap();
        let Some(field) = properties.keys().find(|field| !stream.is_automatic(field)) else { continue };
        let run = run(&world, &format!("{}.{field}", stream.name), None);
        let whole = due(&world, stream, |_| true);
        for (key, record) in came(stream, &[&run]) {
            let names: BTreeSet<&str> = record.as_object().unwrap().keys().map(String::as_str).collect();
            assert!(names.iter().all(|name| *name == field || stream.is_automatic(name)), "{}: {names:?}", stream.name);
            assert_eq!(record[field], whole[&key][field], "{}: {field} of {key}", stream.name);
        }
        assert_eq!(came(stream, &[&run]).len(), whole.len(), "{}", stream.name);
    }
}

#[test]
fn runs_that_end_after_each_record_come_to_an_end_together() {
    for stream in ALL {
        let world = world();
        let whole = due(&world, stream, |_| true);
        let (mut runs, mut state): (Vec<Run>, Option<Value>) = (Vec::new(), None);
        loop {
            let request = Inputs { max_records: Some(1), ..request(&world, stream.name, state.as_ref()) };
            let run = world.run_with(request, None).ok();
            assert_eq!(run.verdict(), None, "{}: {:?}", stream.name, run.warnings());
            state = Some(run.state().clone());
            let is_complete = run.result.as_ref().unwrap().complete;
            runs.push(run);
            if is_complete {
                break;
            }
            assert!(runs.len() < 4 * whole.len() + 40, "{}: {} runs, and no end: {state:?}", stream.name, runs.len());
        }
        expect(stream, &whole, &came(stream, &runs.iter().collect::<Vec<_>>()), "one record at a time");
    }
}

#[test]
fn a_run_that_dies_anywhere_is_completed_by_the_next() {
    for stream in ALL {
        let lines = run(&world(), stream.name, None).messages.len();
        for dies_after in [1, 2, 3, 7, lines / 2, lines - 2, lines - 1] {
            let world = world();
            let first = world.run_with(request(&world, stream.name, None), Some(dies_after));
            let state = first.messages.iter().rev().find(|message| message["type"] == "STATE").map(|state| &state["value"]);
            let second = run(&world, stream.name, state);
            let third = run(&world, stream.name, Some(second.state()));
            let whole = due(&world, stream, |_| true);
            expect(stream, &whole, &came(stream, &[&first, &second, &third]), &format!("after {dies_after} of {lines} lines"));
        }
    }
}

#[test]
fn a_missing_scope_fails_its_stream_alone_and_is_named() {
    for stream in ALL {
        let scope = Scope::ALL.into_iter().find(|scope| scope.name() == stream.scope()).unwrap();
        let other = if scope == Scope::Marketing { "brands" } else { "coupons" };
        let options = Options { counts: small(), missing_scopes: [scope].into(), ..Options::default() };
        let world = World::with(options);
        let run = run(&world, &format!("{},{other}", stream.name), None);
        let summary = run.result.as_ref().unwrap();
        let of = |name: &str| summary.streams.iter().find(|summary| summary.name == name).unwrap();
        let failure = of(stream.name).failure.as_ref().unwrap_or_else(|| panic!("{} does not fail", stream.name));
        assert_eq!((failure.kind, failure.stream.as_deref()), (Failure::MissingScope, Some(stream.name)), "{failure}");
        assert!(failure.message.contains(stream.scope()), "{failure}");
        assert!(of(other).complete && of(other).failure.is_none(), "{}", stream.name);
    }
}

#[test]
fn a_parent_that_vanishes_takes_its_own_rows_with_it_and_no_others() {
    for stream in ALL {
        let parent = match stream.source {
            Source::List(_) => continue,
            // Rows inside a record need no request that names the record.
            Source::With { rows, .. } if rows.is_inside() => continue,
            Source::With { parent, .. } | Source::Below { parent, .. } => parent,
        };
        let world = world();
        let kind = Kind::ALL.iter().copied().find(|kind| kind.name() == parent.name).unwrap();
        let gone = world.store.borrow().ids(kind).nth(3).unwrap();
        let is_deleted = Arc::new(AtomicBool::new(false));
        let deletes = is_deleted.clone();
        world.store.borrow_mut().on_request(move |request, store| {
            let of_record = request.path.contains(&format!("/{gone}/"));
            let ids = request.query.split('&').find_map(|part| part.split_once(":in=")).map(|(_, ids)| ids.replace("%2C", ","));
            let is_named = of_record || ids.is_some_and(|ids| ids.split(',').any(|id| id == gone.to_string()));
            if is_named && !deletes.load(Ordering::SeqCst) {
                deletes.store(store.delete(kind, gone), Ordering::SeqCst);
            }
        });
        let run = run(&world, stream.name, None);
        assert!(is_deleted.load(Ordering::SeqCst), "{}: no request names a {}", stream.name, parent.name);
        assert_eq!(run.verdict(), None, "{}: {:?}", stream.name, run.warnings());
        let is_due = |truth: &Truth| truth.of != Some((kind, gone));
        let came = came(stream, &[&run]);
        for key in due(&world, stream, is_due).keys() {
            assert!(came.contains_key(key), "{}: {key} is missing", stream.name);
        }
    }
}

#[test]
fn pages_that_are_shorter_than_asked_for_lose_nothing() {
    for cap in [10, 20, 50] {
        for stream in ALL {
            let world = World::new(small());
            world.store.borrow_mut().quirks = Quirks { page_cap: Some(cap), ..Quirks::default() };
            let run = run(&world, stream.name, None);
            assert_eq!(run.verdict(), None, "{} by {cap}: {:?}", stream.name, run.warnings());
            expect(stream, &due(&world, stream, |_| true), &came(stream, &[&run]), &format!("in pages of {cap}"));
        }
    }
}

#[test]
fn pages_that_the_store_cannot_carry_are_asked_for_again_in_halves() {
    for stream in ALL {
        let mut world = World::new(small());
        world.config.insert("page_size".into(), json!(40));
        let is_large = |request: &tap_bigcommerce_sandbox::Request| request.query.contains("limit=40");
        world.store.borrow_mut().add_fault(Fault::when(is_large, Action::status(504)).always());
        let run = run(&world, stream.name, None);
        assert_eq!(run.verdict(), None, "{}: {:?}", stream.name, run.warnings());
        expect(stream, &due(&world, stream, |_| true), &came(stream, &[&run]), "in halves");
    }
}

#[test]
fn records_that_change_while_they_are_read_are_whole_after_the_next_run() {
    for stream in ALL {
        let (world, is_busy) = (world(), Arc::new(AtomicBool::new(true)));
        let first = {
            let (mut requests, at, is_busy) = (0_u64, world.now(), is_busy.clone());
            world.store.borrow_mut().on_request(move |_, store| {
                requests += 1;
                let changes = is_busy.load(Ordering::SeqCst) && requests.is_multiple_of(3);
                for kind in Kind::ALL.iter().copied().filter(|_| changes) {
                    let ids: Vec<u64> = store.ids(kind).collect();
                    let id = ids[(requests as usize * 7) % ids.len()];
                    store.touch(kind, id, at + TimeDelta::milliseconds(i64::try_from(requests).unwrap() * 50));
                    if requests.is_multiple_of(12) {
                        store.create(kind, at);
                    }
                }
            });
            run(&world, stream.name, None)
        };
        is_busy.store(false, Ordering::SeqCst);
        let second = run(&world, stream.name, Some(first.state()));
        let third = run(&world, stream.name, Some(second.state()));
        let came = came(stream, &[&first, &second, &third]);
        for key in due(&world, stream, |_| true).keys() {
            assert!(came.contains_key(key), "{}: {key} is missing", stream.name);
        }
    }
}
