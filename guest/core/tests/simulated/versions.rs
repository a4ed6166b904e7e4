//! ACTIVATE_VERSION: what a target that obeys it holds, and when it must not come.

use crate::registry::{due, key, small};
use crate::world::{Run, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tap_bigcommerce_core::log::Level;
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_core::streams::{ALL, Paging, Replication, Source, Stream};
use tap_bigcommerce_sandbox::{Action, Counts, Fault, Kind, Request};

/// What a target holds of one stream: the version of each row, by the row's key.
struct Target {
    stream: &'static Stream,
    rows: BTreeMap<String, u64>,
    activated: Vec<u64>,
}

impl Target {
    fn new(stream: &str) -> Target {
        Target { stream: Stream::find(stream).unwrap(), rows: BTreeMap::new(), activated: Vec::new() }
    }

    fn take(&mut self, run: &Run) {
        for message in run.messages.iter().filter(|message| message["stream"] == self.stream.name) {
            let version = || message["version"].as_u64().unwrap_or_else(|| panic!("a version: {message}"));
            match message["type"].as_str() {
                Some("RECORD") => drop(self.rows.insert(key(self.stream, &message["record"]), version())),
                Some("ACTIVATE_VERSION") => {
                    self.rows.retain(|_, of_row| *of_row >= version());
                    self.activated.push(version());
                }
                _ => {}
            }
        }
    }

    /// Compares the target with the store.
    fn expect_current(&self, world: &World, what: &str) {
        let held: Vec<&String> = self.rows.keys().collect();
        let there = due(world, self.stream, |_| true);
        assert_eq!(held, there.keys().collect::<Vec<_>>(), "{} {what}", self.stream.name);
    }
}

fn full_tables() -> impl Iterator<Item = &'static Stream> {
    ALL.iter().copied().filter(|stream| stream.replication == Replication::FullTable)
}

fn world_of(counts: Counts) -> World {
    let mut world = World::new(counts);
    world.config.insert("page_size".into(), json!(10));
    world.config.insert("emit_activate_version_messages".into(), json!(true));
    world
}

pub(crate) fn world() -> World {
    world_of(small())
}

/// Deletes a record that brings rows of the stream.
fn delete_one(world: &World, stream: &Stream, place: usize) {
    let rows = world.store.borrow().truth(stream.name).unwrap();
    if let Some((kind, id)) = rows[place.min(rows.len() - 1)].of {
        assert!(world.store.borrow_mut().delete(kind, id), "{}", stream.name);
    }
}

pub(crate) fn limited(world: &World, select: &str, state: Option<&Value>, most: u64) -> Run {
    let select = Some(vec![select.to_owned()]);
    world.run_with(Inputs { select, max_records: Some(most), ..world.inputs(state) }, None).ok()
}

/// The streams whose version a run has activated.
pub(crate) fn activated(run: &Run) -> Vec<&str> {
    let of_type = |message: &&Value| message["type"] == "ACTIVATE_VERSION";
    run.messages.iter().filter(of_type).map(|message| message["stream"].as_str().unwrap()).collect()
}

/// The log lines that say why no version was activated.
pub(crate) fn reasons(run: &Run) -> Vec<&str> {
    let is_reason = |text: &&str| text.contains("stay in the target, because");
    run.log.iter().filter(|(level, _)| *level == Level::Info).map(|(_, text)| text.as_str()).filter(is_reason).collect()
}

#[test]
fn a_target_that_obeys_holds_what_the_store_has() {
    for stream in full_tables() {
        let (world, mut target) = (world(), Target::new(stream.name));
        let first = world.select(stream.name);
        target.take(&first);
        target.expect_current(&world, "after the first run");
        delete_one(&world, stream, 2);
        let second = world.select_from(stream.name, Some(first.state()));
        target.take(&second);
        target.expect_current(&world, "after the second run");
        assert!(target.activated.is_sorted_by(|a, b| a < b) && target.activated.len() == 2, "{:?}", target.activated);
        assert!(reasons(&second).is_empty() && target.activated[1] < 1 << 53, "{:?}", reasons(&second));
    }
}

#[test]
fn the_message_stands_between_the_last_record_and_the_state_that_ends_the_walk() {
    let run = world().select("coupons");
    let place = |kind: &str| run.messages.iter().rposition(|message| message["type"] == kind).unwrap();
    let (message, state) = (place("ACTIVATE_VERSION"), &run.state()["bookmarks"]["coupons"]);
    assert!(place("RECORD") < message && message < place("STATE"));
    let before = run.messages[..message].iter().filter(|message| message["type"] == "STATE");
    assert!(before.into_iter().all(|message| message["value"]["bookmarks"]["coupons"]["selection"].is_null()));
    assert_eq!(
        run.messages[message],
        json!({"type": "ACTIVATE_VERSION", "stream": "coupons", "version": state["table_version"]})
    );
}

#[test]
fn without_the_setting_and_for_incremental_streams_there_is_no_version() {
    let mut world = world();
    let text = |run: &Run| run.messages.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    let incremental = world.select("orders,customers,refunds");
    assert!(!text(&incremental).contains("version"), "incremental streams");
    world.config.remove("emit_activate_version_messages");
    let names: Vec<&str> = ALL.iter().map(|stream| stream.name).collect();
    let off = world.select(&names.join(","));
    for word in ["\"version\":", "ACTIVATE_VERSION", "table_version", "certainty"] {
        assert!(!text(&off).contains(word), "{word}");
    }
}

#[test]
fn a_version_is_kept_through_a_resumption_and_activated_after_the_second_walk() {
    let mut seen = [0; 5];
    for stream in full_tables() {
        let counts = Kind::ALL.iter().fold(Counts::default(), |counts, kind| counts.with(*kind, 26));
        let (world, mut target) = (world_of(counts), Target::new(stream.name));
        let first = limited(&world, stream.name, None, 11);
        let entry = &first.state()["bookmarks"][stream.name];
        if entry["walk"].is_null() {
            continue;
        }
        seen[match (stream.source, stream.list().paging) {
            (Source::With { .. }, _) => 0,
            (Source::Below { .. }, _) => 1,
            (_, Paging::Id { .. }) => 2,
            (_, Paging::Cursor { .. }) => 3,
            (_, Paging::Page | Paging::Once) => 4,
        }] += 1;
        target.take(&first);
        assert!(target.activated.is_empty(), "{}", stream.name);
        // What the first run has brought and is gone stays until the next version.
        delete_one(&world, stream, 0);
        delete_one(&world, stream, 15);
        let second = world.select_from(stream.name, Some(first.state()));
        target.take(&second);
        assert_eq!(target.activated, [entry["table_version"].as_u64().unwrap()], "{}: {:?}", stream.name, second.log);
        let is_held = |key: &String| target.rows.contains_key(key);
        assert!(due(&world, stream, |_| true).keys().all(is_held), "{}", stream.name);
        let third = world.select_from(stream.name, Some(second.state()));
        target.take(&third);
        target.expect_current(&world, "after the next walk");
    }
    let [with, _, by_id, by_cursor, by_page] = seen;
    assert!(with > 3 && by_id > 2 && by_cursor > 0 && by_page > 5, "{seen:?}");
}

#[test]
fn a_run_killed_anywhere_takes_no_row_out_of_a_target_that_the_store_has() {
    for name in ["coupons", "categories", "customer_ids", "product_ids", "product_variants", "product_images"] {
        let stream = Stream::find(name).unwrap();
        let world = || world_of(small().with(Kind::COUPONS, 35));
        let lines = world().select(name).messages.len();
        let mut resumed = 0;
        for dies_after in (1..lines + 4).step_by(5) {
            let (world, mut target) = (world(), Target::new(name));
            let quota = tap_bigcommerce_sandbox::Quota { requests: 4, window: std::time::Duration::from_secs(31) };
            world.store.borrow_mut().set_quota(Some(quota));
            let mut state: Option<Value> = None;
            // What a walk had brought before it was resumed, and is gone, goes with the next version.
            for run in 0..5 {
                let select = Some(vec![name.to_owned()]);
                // Each run gets further than the one before.
                let inputs = Inputs { select, ..world.inputs(state.as_ref()) };
                resumed += usize::from(state.as_ref().is_some_and(|state| state.to_string().contains("\"certainty\"")));
                let killed = world.run_with(inputs, (run < 3).then_some(dies_after + run));
                let delivered = target.rows.clone();
                target.take(&killed);
                let there = due(&world, stream, |_| true);
                let lost = delivered.keys().find(|key| there.contains_key(*key) && !target.rows.contains_key(*key));
                assert_eq!(lost, None, "{name}, run {run}, killed after {dies_after} lines");
                state = killed
                    .messages
                    .iter()
                    .rev()
                    .find(|message| message["type"] == "STATE")
                    .map(|it| it["value"].clone())
                    .or(state);
                if run < 3 {
                    delete_one(&world, stream, run);
                }
            }
            target.expect_current(&world, &format!("killed after {dies_after} lines"));
        }
        assert!(resumed > 5, "{name}: {resumed} resumed walks");
    }
}

/// Why a version is not activated, and how it comes to that: the stream, what happens to the store, and a part of the log line.
type Reason = (&'static str, fn(&mut World), &'static str);

fn fault(world: &World, on: &str, action: Action) {
    world.store.borrow_mut().add_fault(Fault::on(on, action).always());
}

#[test]
fn a_version_is_not_activated_while_a_row_may_be_missing() {
    let all: [Reason; 11] = [
        ("coupons", |world| world.store.borrow_mut().add_fault(Fault::on("/v2/coupons?", Action::NoBody)), "had no body"),
        ("product_images", |world| fault(world, "/images", Action::NoBody), "had no body"),
        (
            "coupons",
            |world| {
                let id = world.store.borrow().ids(Kind::COUPONS).nth(3).unwrap();
                world.store.borrow_mut().quirks.broken_records = [((Kind::COUPONS, id), Action::status(500))].into();
            },
            "is set aside",
        ),
        (
            "categories",
            |world| {
                let page = json!({"data": [{"category_id": 5}, {"category_id": null}], "meta": {"pagination": {"total": 2}}});
                let body = Some(page.to_string().into_bytes());
                fault(world, "/categories", Action::Status { code: 200, body, headers: Vec::new() });
            },
            "is set aside",
        ),
        (
            "coupons",
            |world| {
                let mut store = world.store.borrow_mut();
                (store.quirks.count_off_by, store.quirks.count_ignores) = (9, ["*".to_owned()].into());
            },
            "contradicts itself",
        ),
        (
            "order_statuses",
            |world| {
                let rows: Vec<Value> = (1..=50).map(|id| json!({"id": id})).collect();
                let body = Some(json!(rows).to_string().into_bytes());
                fault(world, "/order_statuses", Action::Status { code: 200, body, headers: Vec::new() });
            },
            "contradicts itself",
        ),
        (
            "product_images",
            |world| {
                let id = world.store.borrow().ids(Kind::PRODUCTS).nth(3).unwrap();
                fault(world, &format!("/{id}/images"), Action::NotFound);
            },
            "shorter than it should be",
        ),
        (
            "categories",
            |world| {
                let page = json!({"data": [{"category_id": 5}], "meta": {"pagination": {"total": 3}}});
                let after = json!({"data": [], "meta": {"pagination": {"total": 3}}});
                for (is_after, page) in [(true, after), (false, page)] {
                    let is_it = move |request: &Request| {
                        request.path.ends_with("/categories") && request.query.contains("page=2") == is_after
                    };
                    let body = Some(page.to_string().into_bytes());
                    let action = Action::Status { code: 200, body, headers: Vec::new() };
                    world.store.borrow_mut().add_fault(Fault::when(is_it, action).always());
                }
            },
            "shorter than it should be",
        ),
        ("currencies", |world| *world = world_of(small().with(Kind::CURRENCIES, 0)), "no row came"),
        (
            "product_reviews",
            |world| fault(world, "/reviews", Action::Status { code: 204, body: Some(Vec::new()), headers: Vec::new() }),
            "no row came",
        ),
        ("product_ids", |world| drop(world.config.insert("channel_id".into(), json!(1))), "channel_id"),
    ];
    for (stream, happens, why) in all {
        let mut world = world();
        happens(&mut world);
        let run = world.select(stream);
        assert_eq!(activated(&run), [""; 0], "{stream}: {why}");
        let said = reasons(&run);
        assert!(
            said.len() == 1 && said[0].contains(why) && said[0].contains("next run"),
            "{stream}, {why}: {said:?} {:?}",
            run.log
        );
    }
}

#[test]
fn a_table_without_rows_is_activated_if_the_store_counts_none() {
    for (stream, kind) in [
        ("coupons", Kind::COUPONS),
        ("brands", Kind::BRANDS),
        ("categories", Kind::CATEGORIES),
        ("product_ids", Kind::PRODUCTS),
        ("product_variants", Kind::PRODUCTS),
        ("customer_ids", Kind::CUSTOMERS),
        ("customer_addresses", Kind::CUSTOMERS),
    ] {
        let (world, mut target) = (world(), Target::new(stream));
        let first = world.select(stream);
        target.take(&first);
        let ids: Vec<u64> = world.store.borrow().ids(kind).collect();
        ids.iter().for_each(|id| assert!(world.store.borrow_mut().delete(kind, *id)));
        target.take(&world.select_from(stream, Some(first.state())));
        target.expect_current(&world, "after all are gone");
    }
    // No product has a rule any more, as the list of each says.
    let (world, mut target) = (world(), Target::new("product_complex_rules"));
    target.take(&world.select("product_complex_rules"));
    assert!(!target.rows.is_empty());
    let none = json!({"data": [], "meta": {"pagination": {"total": 0}}}).to_string().into_bytes();
    fault(&world, "/complex-rules", Action::Status { code: 200, body: Some(none), headers: Vec::new() });
    target.take(&world.select("product_complex_rules"));
    assert!(target.rows.is_empty());
}
