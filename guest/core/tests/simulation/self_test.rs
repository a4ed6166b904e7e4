//! Tests of the simulation itself: what it accepts as complete, and what it rejects.

use crate::aside::Aside;
use crate::chain::play;
use crate::checker::Duty;
use crate::finding::{Finding, Rule};
use crate::generate::scenario;
use crate::journal::{Journal, stamp};
use crate::scenario::{STREAMS, Selection};
use crate::shelf::Shelf;
use crate::shrink::shrink;
use crate::trace::Trace;
use crate::world::{EPOCH, options};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tap_bigcommerce_sandbox::{Counts, Kind, Store};

const COUNTS: Counts = Counts::of([
    (Kind::ORDERS, 8),
    (Kind::CUSTOMERS, 7),
    (Kind::PRODUCTS, 3),
    (Kind::COUPONS, 3),
    (Kind::REFUNDS, 4),
    (Kind::PRICE_LISTS, 3),
    (Kind::BRANDS, 3),
    (Kind::CATEGORIES, 4),
    (Kind::PROMOTIONS, 3),
    (Kind::CHANNELS, 3),
]);
/// Before every run of these tests.
const BEFORE: Duration = Duration::from_secs(10);
const AFTER: Duration = Duration::from_secs(20);

/// A store, what is true of it, and the lines of a run that read all of it.
struct Scene {
    store: Store,
    journal: Journal,
    selection: Selection,
    starts: BTreeMap<String, DateTime<Utc>>,
    aside: Aside,
    withheld: BTreeSet<&'static str>,
}

impl Scene {
    fn new() -> Scene {
        let store = Store::new(options(7, COUNTS));
        let journal = Journal::new(&store);
        let wants = STREAMS.iter().flat_map(|(stream, _, lists)| [stream].into_iter().chain(*lists)).copied().collect();
        let selection = Selection { wants, whole: false };
        Scene { store, journal, selection, starts: BTreeMap::new(), aside: Aside::default(), withheld: BTreeSet::new() }
    }

    /// Every record of a stream as the tap emits it, as far as the simulation looks at it.
    fn records(&self, stream: &str) -> Vec<Value> {
        let whole = |kind| self.store.ids(kind).map(move |id| self.store.record(kind, id).unwrap());
        let with_parts = |kind| {
            whole(kind).map(|mut record| {
                record.fields.extend(record.parts);
                Value::from(record.fields)
            })
        };
        match stream {
            "orders" => with_parts(Kind::ORDERS).collect(),
            "customers" => with_parts(Kind::CUSTOMERS).collect(),
            "products" => with_parts(Kind::PRODUCTS).collect(),
            "coupons" => with_parts(Kind::COUPONS).collect(),
            _ => self.rows(stream),
        }
    }

    /// The same for rows that come with other records, each with the id of its order.
    fn rows(&self, stream: &str) -> Vec<Value> {
        let rows = self.store.truth(stream).unwrap().into_iter().map(|truth| {
            let mut row = truth.row;
            if let Some((Kind::ORDERS, id)) = truth.of {
                row.insert("order_id".to_owned(), id.into());
            }
            if let Some(variant) = row.get("identity").map(|identity| identity["variant_id"].clone()) {
                row.insert("variant_id".to_owned(), variant);
            }
            // A part of the key that is null, or not there, is written as 0.
            if stream == "customer_form_field_values" {
                for name in ["customer_id", "address_id"] {
                    let owner = row.get(name).and_then(Value::as_u64).unwrap_or(0);
                    row.insert(name.to_owned(), owner.into());
                }
            }
            Value::from(row)
        });
        rows.collect()
    }

    /// The lines of a run. `spoil` is called for each record; it may change the record, or leave it out by returning false.
    fn lines(&self, spoil: impl Fn(&str, &mut Value) -> bool) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        for (stream, ..) in STREAMS {
            lines.push(json!({ "type": "SCHEMA", "stream": stream }));
            for mut record in self.records(stream) {
                if spoil(stream, &mut record) {
                    lines.push(json!({ "type": "RECORD", "stream": stream, "record": record }));
                }
            }
        }
        lines.push(state("2025-01-01T00:00:00Z"));
        lines.iter().map(|line| line.to_string().into_bytes()).collect()
    }

    /// What the checker makes of those lines in a run that started at `as_of`.
    fn check(&self, as_of: Duration, spoil: impl Fn(&str, &mut Value) -> bool) -> Result<(), Finding> {
        let mut shelf = Shelf::default();
        shelf.take(&self.lines(spoil), &self.selection)?;
        self.duty(as_of).check(&self.journal, &shelf)
    }

    fn duty(&self, as_of: Duration) -> Duty<'_> {
        let Scene { selection, starts, aside, withheld, .. } = self;
        Duty { selection, excused: &[], as_of, starts, aside, nameless: None, withheld, end_date: None, bounded: None }
    }

    fn edit(&mut self, kind: Kind, id: u64, version: u64) {
        assert!(self.store.edit(kind, id, EPOCH, |record| stamp(kind, record, version)));
        self.journal.note(&self.store, kind, id, BEFORE);
    }
}

fn state(bookmark: &str) -> Value {
    json!({ "type": "STATE", "value": { "bookmarks": { "orders": { "date_modified": bookmark } } } })
}

fn rule(result: Result<(), Finding>) -> Option<Rule> {
    result.err().map(|finding| finding.rule)
}

/// An order with lines, and the first of them.
fn order_and_line(scene: &Scene) -> (u64, u64) {
    let order =
        scene.records("orders").into_iter().find(|order| order["products"].as_array().is_some_and(|lines| lines.len() > 1));
    let order = order.unwrap();
    (order["id"].as_u64().unwrap(), order["products"][0]["id"].as_u64().unwrap())
}

#[test]
fn a_target_that_holds_the_whole_store_passes() {
    let scene = Scene::new();
    assert_eq!(rule(scene.check(BEFORE, |_, _| true)), None);
}

#[test]
fn a_record_that_is_missing_is_lost_in_every_stream() {
    let scene = Scene::new();
    for (stream, ..) in STREAMS {
        let last = scene.records(stream).pop().unwrap()["id"].clone();
        let found = scene.check(BEFORE, |of, record| of != stream || record["id"] != last);
        assert_eq!(rule(found), Some(Rule::Lost), "{stream}");
    }
}

#[test]
fn a_version_older_than_at_the_start_is_stale_and_one_that_came_later_is_not_due() {
    for (stream, kind) in crate::shared::LISTS {
        let mut scene = Scene::new();
        let id = scene.store.ids(kind).nth(1).unwrap();
        scene.edit(kind, id, 5);
        let old = |of: &str, record: &mut Value| {
            if of == stream && [&record["id"], &record["category_id"]].contains(&&json!(id)) {
                let field = crate::journal::version_field(kind);
                record[field] = json!("version 4");
            }
            true
        };
        assert_eq!(rule(scene.check(AFTER, old)), Some(Rule::Stale), "{stream}");
        assert_eq!(rule(scene.check(AFTER, |_, _| true)), None, "{stream}");
        assert_eq!(
            rule(scene.check(BEFORE - Duration::from_secs(1), old)),
            None,
            "{stream}: it was edited after the run started"
        );
    }
}

#[test]
fn an_order_without_one_of_its_lines_is_torn_and_so_is_one_with_an_old_line() {
    let mut scene = Scene::new();
    let (order, line) = order_and_line(&scene);
    scene.edit(Kind::ORDERS, order, 5);
    let spoilt = |change: &dyn Fn(&mut Vec<Value>)| {
        scene.check(AFTER, |stream, record| {
            if stream == "orders" && record["id"] == order {
                change(record["products"].as_array_mut().unwrap());
            }
            true
        })
    };
    assert_eq!(rule(spoilt(&|lines| drop(lines.remove(0)))), Some(Rule::Torn));
    assert_eq!(rule(spoilt(&|lines| lines[0]["bin_picking_number"] = json!("version 4"))), Some(Rule::Torn));
    assert_eq!(rule(spoilt(&|lines| lines.reverse())), None);
    let old_line = scene.check(AFTER, |stream, record| {
        if stream == "order_products" && record["id"] == line {
            record["bin_picking_number"] = json!("version 4");
        }
        true
    });
    assert_eq!(rule(old_line), Some(Rule::Stale));
}

#[test]
fn what_is_deleted_or_outside_the_dates_or_not_selected_is_not_due() {
    let mut scene = Scene::new();
    let (order, _) = order_and_line(&scene);
    let gone = |stream: &str, record: &mut Value| match stream {
        "orders" => record["id"] != order,
        "order_products" => record["order_id"] != order,
        _ => true,
    };
    let mut shelf = Shelf::default();
    shelf.take(&scene.lines(gone), &scene.selection).unwrap();
    let date = scene.store.date_modified(Kind::ORDERS, order).unwrap();
    assert_eq!(rule(scene.duty(BEFORE).check(&scene.journal, &shelf)), Some(Rule::Lost));
    let second = chrono::TimeDelta::seconds(1);
    let from = |date: DateTime<Utc>| ["orders", "order_products"].map(|stream| (stream.to_owned(), date)).into_iter().collect();
    let (at_date, after_it): (BTreeMap<_, _>, BTreeMap<_, _>) = (from(date), from(date + second));
    let later = Duty { starts: &after_it, ..scene.duty(BEFORE) };
    let all_earlier =
        |duty: &Duty| duty.check(&scene.journal, &shelf).err().is_none_or(|found| !found.text.contains(&format!(" {order}")));
    assert!(all_earlier(&later));
    assert!(all_earlier(&Duty { end_date: Some(date - second), ..scene.duty(BEFORE) }));
    assert!(!all_earlier(&Duty { starts: &at_date, ..scene.duty(BEFORE) }), "the start date itself is due");
    let excused = ["orders".to_owned(), "order_products".to_owned()];
    assert_eq!(rule(Duty { excused: &excused, ..scene.duty(BEFORE) }.check(&scene.journal, &shelf)), None);
    scene.store.delete(Kind::ORDERS, order);
    scene.journal.note(&scene.store, Kind::ORDERS, order, AFTER);
    assert_eq!(rule(scene.duty(BEFORE).check(&scene.journal, &shelf)), None);
}

#[test]
fn what_is_aside_need_not_be_there_and_nothing_else_may_be_missing() {
    let mut scene = Scene::new();
    let (order, _) = order_and_line(&scene);
    let other = scene.store.ids(Kind::ORDERS).find(|id| *id != order).unwrap();
    let state = |streams: &[&str]| {
        let bookmarks: serde_json::Map<String, Value> =
            streams.iter().map(|stream| ((*stream).to_owned(), json!({ "aside": [order] }))).collect();
        Aside::read(Some(&json!({ "bookmarks": bookmarks }))).unwrap()
    };
    let missing = |id: u64| {
        move |stream: &str, record: &mut Value| match stream {
            "orders" => record["id"] != id,
            "order_products" => record["order_id"] != id,
            _ => true,
        }
    };
    let without = |scene: &Scene, id: u64| rule(scene.check(BEFORE, missing(id)));
    assert_eq!(without(&scene, order), Some(Rule::Lost));
    scene.aside = state(&["orders"]);
    assert_eq!(without(&scene, order), Some(Rule::Lost), "its lines are a stream of their own");
    scene.aside = state(&["orders", "order_products"]);
    assert_eq!(without(&scene, order), None);
    assert_eq!(without(&scene, other), Some(Rule::Lost));
}

#[test]
fn the_last_that_was_emitted_counts() {
    let mut scene = Scene::new();
    let id = scene.store.ids(Kind::CUSTOMERS).next().unwrap();
    let old = scene.lines(|_, _| true);
    scene.edit(Kind::CUSTOMERS, id, 5);
    let new = scene.lines(|_, _| true);
    for (first, second, expected) in [(&old, &new, None), (&new, &old, Some(Rule::Stale))] {
        let mut shelf = Shelf::default();
        shelf.take(first, &scene.selection).unwrap();
        shelf.take(second, &scene.selection).unwrap();
        assert_eq!(rule(scene.duty(AFTER).check(&scene.journal, &shelf)), expected);
    }
}

#[test]
fn a_bookmark_that_goes_back_or_away_is_found() {
    let scene = Scene::new();
    let empty = json!({ "type": "STATE", "value": { "bookmarks": {} } });
    let take = |states: &[Value]| {
        let lines: Vec<Vec<u8>> = states.iter().map(|state| state.to_string().into_bytes()).collect();
        rule(Shelf::default().take(&lines, &scene.selection).map(drop))
    };
    let (early, late) = (state("2025-01-01T00:00:00Z"), state("2025-01-02T00:00:00Z"));
    assert_eq!(take(&[empty.clone(), early.clone(), late.clone(), late.clone()]), None);
    assert_eq!(take(&[late, early.clone()]), Some(Rule::Bookmark));
    assert_eq!(take(&[early, empty]), Some(Rule::Bookmark));
}

#[test]
fn what_is_no_message_or_stands_in_the_wrong_place_is_found() {
    let scene = Scene::new();
    let take = |lines: &[&str]| {
        let lines: Vec<Vec<u8>> = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
        rule(Shelf::default().take(&lines, &scene.selection).map(drop))
    };
    let (schema, coupon) =
        (r#"{"type":"SCHEMA","stream":"coupons"}"#, r#"{"type":"RECORD","stream":"coupons","record":{"id":1}}"#);
    assert_eq!(take(&[schema, coupon]), None);
    for lines in [
        &["warning: something"][..],
        &[r#"{"type":"RECORD","stream":"coupons","record":{"id":1"#],
        &[coupon],
        &[schema, r#"{"type":"RECORD","stream":"orders","record":{"id":1}}"#],
        &[schema, r#"{"type":"RECORD","stream":"coupons","record":{"id":1,"id":2}}"#],
        &[r#"{"type":"SCHEMA","stream":"orders"}"#, r#"{"type":"RECORD","stream":"orders","record":{"id":1}}"#],
    ] {
        assert_eq!(take(lines), Some(Rule::Messages), "{lines:?}");
    }
}

/// A store that caps its pages at seven without a word breaks what the tap relies on, so that something is found and can be cut down.
#[test]
fn a_finding_is_cut_down_to_a_short_story() {
    let spoilt = |seed| {
        let mut scenario = scenario(seed);
        scenario.shop.quirks.page_cap = Some(7);
        scenario
    };
    let torn = |scenario: &_| play(scenario, Trace::default()).finding.filter(|finding| finding.rule == Rule::Torn);
    let long = (0..200).map(spoilt).find(|scenario| scenario.runs.len() > 3 && torn(scenario).is_some_and(|found| found.run > 1));
    let long = long.expect("a store that keeps rows back loses some");
    let short = shrink(long.clone(), Rule::Torn);
    assert!(torn(&short).is_some());
    assert!(short.runs.len() < long.runs.len() && short.runs.iter().all(|run| run.troubles.is_empty()), "{short:#?}");
    let told = play(&short, Trace::on()).events.join("\n");
    assert!(told.contains("GET v2/orders") && told.contains("FOUND Torn") && told.contains("RUN with"), "{told}");
}
