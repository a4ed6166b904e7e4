//! Pages that the store cannot serve, wherever they lie: the walk goes around them.

use crate::world::World;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tap_bigcommerce_core::error::Kind;
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_sandbox::{Action, Counts, Delivery, Fault, Kind as Records, Request};

const SMALL: Counts =
    Counts::of([(Records::ORDERS, 40), (Records::CUSTOMERS, 30), (Records::PRODUCTS, 40), (Records::COUPONS, 12)]);

fn ids(world: &World, kind: Records) -> Vec<u64> {
    world.store.borrow().ids(kind).collect()
}

fn break_record(world: &World, kind: Records, id: u64, action: Action) {
    world.store.borrow_mut().quirks.broken_records = [((kind, id), action)].into();
}

/// Runs until the record that is broken is aside and every other is read, repairs it, and runs again.
fn expect_it_aside_and_back(world: &World, stream: &str, kind: Records, broken: u64, what: &str) {
    let all = ids(world, kind);
    let first = world.run(None).ok();
    let others: Vec<u64> = all.iter().copied().filter(|id| *id != broken).collect();
    assert_eq!((first.verdict(), first.ids(stream)), (Some(Kind::SetAside), others), "{what}: {:?}", first.warnings());
    let second = world.run(Some(first.state())).ok();
    assert_eq!((second.verdict(), second.aside(stream)), (Some(Kind::SetAside), first.aside(stream)), "{what}: it stays");
    world.store.borrow_mut().quirks.broken_records.clear();
    let third = world.run(Some(second.state())).ok();
    assert_eq!((third.verdict(), third.aside(stream)), (None, json!([])), "{what}");
    assert!(third.ids(stream).contains(&broken), "{what}");
}

#[test]
fn a_broken_record_costs_no_other_wherever_it_lies() {
    for (stream, kind) in [("orders", Records::ORDERS), ("products", Records::PRODUCTS), ("coupons", Records::COUPONS)] {
        for place in ["first", "middle", "last"] {
            let world = World::new(SMALL);
            let all = ids(&world, kind);
            let broken = match place {
                "first" => all[0],
                "middle" => all[all.len() / 2],
                _ => all[all.len() - 1],
            };
            break_record(&world, kind, broken, Action::status(500));
            expect_it_aside_and_back(&world, stream, kind, broken, &format!("{stream}, {place}"));
        }
    }
}

#[test]
fn where_ids_have_large_gaps_the_search_still_finds_what_follows() {
    for (broken, last) in [(33, 39), (20, 21), (5, 39), (1, 39)] {
        for exclusive in [false, true] {
            let world = World::new(SMALL);
            let all = ids(&world, Records::ORDERS);
            let kept = [all[0], all[broken], all[last]];
            for id in all.iter().filter(|id| !kept.contains(id)) {
                world.store.borrow_mut().delete(Records::ORDERS, *id);
            }
            world.store.borrow_mut().quirks.bounds_exclusive = exclusive;
            break_record(&world, Records::ORDERS, all[broken], Action::status(500));
            expect_it_aside_and_back(
                &world,
                "orders",
                Records::ORDERS,
                all[broken],
                &format!("{kept:?}, exclusive: {exclusive}"),
            );
        }
    }
}

#[test]
fn what_a_cache_answers_once_in_place_of_the_page_beyond_costs_nothing() {
    for skip in 0..30 {
        let world = World::new(SMALL);
        let all = ids(&world, Records::ORDERS);
        break_record(&world, Records::ORDERS, all[7], Action::status(500));
        world.store.borrow_mut().add_fault(Fault::on("/v2/orders?", Action::DuplicatePage).skip(skip));
        let first = world.run(None).ok();
        world.store.borrow_mut().quirks.broken_records.clear();
        world.store.borrow_mut().clear_faults();
        let second = world.run(Some(first.state())).ok();
        let read: BTreeSet<u64> = [&first, &second].iter().flat_map(|run| run.ids("orders")).collect();
        assert_eq!((second.verdict(), read.into_iter().collect::<Vec<_>>()), (None, all), "skip {skip}: {:?}", first.warnings());
    }
}

#[test]
fn max_seconds_holds_while_a_way_around_is_sought() {
    let world = World::new(SMALL);
    let all = ids(&world, Records::PRODUCTS);
    for id in &all[12..39] {
        world.store.borrow_mut().delete(Records::PRODUCTS, *id);
    }
    // Each try is silent until its timeout, 60 s later.
    break_record(&world, Records::PRODUCTS, all[39], Action::Deliver(Delivery::Stall));
    let request = |state: Option<&Value>| Inputs {
        select: Some(vec!["coupons".into(), "products".into()]),
        max_seconds: Some(500),
        ..world.inputs(state)
    };
    let began = world.now();
    let run = world.run_with(request(None), None).ok();
    assert!((world.now() - began).num_seconds() <= 500 + 60 + 5, "{}", world.now() - began);
    assert!(!run.result.as_ref().unwrap().complete);
}

#[test]
fn rows_without_an_id_do_not_hold_up_limited_runs() {
    let world = World::new(SMALL);
    let all = ids(&world, Records::PRODUCTS);
    let (before, nameless) = (json!({ "id": all[3] }), json!({ "id": null }));
    let page = |rows: &[&Value]| Action::Status {
        code: 200,
        body: Some(json!({ "data": rows, "meta": {} }).to_string().into_bytes()),
        headers: Vec::new(),
    };
    // Whether the filter is inclusive or exclusive, a page of two rows does not show the next one.
    for rows in [vec![&before, &nameless], vec![&nameless, &nameless]] {
        world.store.borrow_mut().clear_faults();
        let query = format!("id:greater={}&limit=2", all[3]);
        let fault = Fault::when(move |request| request.query.ends_with(&query), page(&rows));
        world.store.borrow_mut().add_fault(fault.always());
        let (mut state, mut read) = (None, BTreeSet::new());
        for _ in 0..=all.len() {
            let request = Inputs { select: Some(vec!["products".into()]), max_records: Some(1), ..world.inputs(state.as_ref()) };
            let run = world.run_with(request, None).ok();
            assert_eq!(run.verdict(), None, "{:?}", run.warnings());
            read.extend(run.ids("products"));
            state = Some(run.state().clone());
        }
        assert_eq!(read.into_iter().collect::<Vec<_>>(), all);
    }
}

#[test]
fn a_page_that_is_not_served_costs_its_broken_rows_and_nothing_else() {
    for exclusive in [false, true] {
        let mut world = World::new(SMALL.with(Records::ORDERS, 120));
        world.config.insert("page_size".into(), json!(50));
        let ids = ids(&world, Records::ORDERS);
        let broken = [ids[20], ids[21], ids[70], ids[119]];
        {
            let quirks = &mut world.store.borrow_mut().quirks;
            quirks.bounds_exclusive = exclusive;
            quirks.broken_records = broken.iter().map(|id| ((Records::ORDERS, *id), Action::status(500))).collect();
        }
        let first = world.run(None).ok();
        assert_eq!(
            first.ids("orders"),
            ids.iter().copied().filter(|id| !broken.contains(id)).collect::<Vec<_>>(),
            "exclusive: {exclusive}"
        );
        assert_eq!(first.verdict(), Some(Kind::SetAside));
        let gaps = first.aside("orders").as_array().unwrap().len();
        assert!((3..=4).contains(&gaps), "{}", first.aside("orders"));
        assert!(first.state()["bookmarks"]["orders"]["walk"].is_null(), "the walk is at its end");

        world.store.borrow_mut().quirks.broken_records.clear();
        let second = world.run(Some(first.state())).ok();
        assert_eq!((second.verdict(), second.aside("orders")), (None, json!([])));
        let read: BTreeSet<u64> = [&first, &second].iter().flat_map(|run| run.ids("orders")).collect();
        assert_eq!(read.into_iter().collect::<Vec<_>>(), ids);
    }
}

#[test]
fn what_changes_after_a_walk_that_began_with_a_broken_page_is_read() {
    for no_date_header in [false, true] {
        let mut world = World::new(SMALL.with(Records::PRODUCTS, 20));
        world.config.insert("page_size".into(), json!(10));
        let ids: Vec<u64> = ids(&world, Records::PRODUCTS);
        {
            let quirks = &mut world.store.borrow_mut().quirks;
            quirks.no_date_header = no_date_header;
            quirks.broken_records =
                [&ids[2..3], &ids[19..]].concat().into_iter().map(|id| ((Records::PRODUCTS, id), Action::status(500))).collect();
        }
        let request = |state: Option<&Value>, most: Option<u64>| Inputs {
            select: Some(vec!["products".into()]),
            max_records: most,
            ..world.inputs(state)
        };
        let first = world.run_with(request(None, Some(5)), None).ok();
        assert!(first.state()["bookmarks"]["products"]["walk"]["position"]["id"].is_u64(), "the walk is under way");
        world.store.borrow_mut().quirks.broken_records.clear();
        world.wait(Duration::from_secs(3600));
        world.store.borrow_mut().edit(Records::PRODUCTS, ids[1], world.now(), |_| {});
        world.wait(Duration::from_secs(3600));
        let second = world.run_with(request(Some(first.state()), None), None).ok();
        let third = world.run_with(request(Some(second.state()), None), None).ok();
        let read = [&second, &third].iter().any(|run| run.ids("products").contains(&ids[1]));
        assert!(read, "no Date: {no_date_header}: the change is lost");
    }
}

#[test]
fn a_record_that_is_served_is_not_aside_although_its_neighbors_are() {
    for exclusive in [false, true] {
        let world = World::new(SMALL.with(Records::ORDERS, 90));
        let all = ids(&world, Records::ORDERS);
        let (broken, kept) = ([all[30], all[60]], [all[0], all[30], all[31], all[60], all[89]]);
        for id in all.iter().filter(|id| !kept.contains(id)) {
            world.store.borrow_mut().delete(Records::ORDERS, *id);
        }
        {
            let quirks = &mut world.store.borrow_mut().quirks;
            quirks.bounds_exclusive = exclusive;
            quirks.broken_records = broken.iter().map(|id| ((Records::ORDERS, *id), Action::status(500))).collect();
        }
        let run = world.run(None).ok();
        assert_eq!((run.verdict(), run.ids("orders")), (Some(Kind::SetAside), vec![all[0], all[31], all[89]]));
    }
}

#[test]
fn broken_records_that_keep_coming_make_one_gap_and_not_one_a_run() {
    let world = World::new(SMALL);
    let all = ids(&world, Records::PRODUCTS);
    let mut state = None;
    for count in 1..6 {
        let broken = all[10..10 + count].iter().map(|id| ((Records::PRODUCTS, *id), Action::status(500)));
        world.store.borrow_mut().quirks.broken_records = broken.collect();
        let run = world.run(state.as_ref()).ok();
        assert!(run.aside("products").as_array().unwrap().len() <= 1, "{}", run.aside("products"));
        state = Some(run.state().clone());
        for id in &all[10..10 + count] {
            world.store.borrow_mut().edit(Records::PRODUCTS, *id, world.now(), |_| {});
        }
        world.wait(Duration::from_secs(600));
    }
}

#[test]
fn the_last_record_holds_up_no_walk_if_it_is_broken_only_with_what_is_included() {
    for (kind, path, names) in [
        (Records::PRODUCTS, "/catalog/products", ["id:greater", "id:max"]),
        (Records::ORDERS, "/v2/orders", ["min_id", "max_id"]),
    ] {
        let mut world = World::new(SMALL);
        world.config.insert("page_size".into(), json!(10));
        let all = ids(&world, kind);
        let last = *all.last().unwrap();
        let shows_the_last = move |request: &tap_bigcommerce_sandbox::Request| {
            let value = |name: &str| {
                let values = request.query.split('&').filter_map(|part| part.split_once('='));
                values.into_iter().find(|(key, _)| *key == name).and_then(|(_, value)| value.parse::<u64>().ok())
            };
            let (after, to) = (value(names[0]).unwrap_or(0), value(names[1]).unwrap_or(u64::MAX));
            let limit = value("limit").unwrap_or(50) as usize;
            let is_of_it = request.path.ends_with(path) && request.query.contains("include=");
            // Of the two filters, only `min_id` is inclusive.
            let follows = |id: u64| if names[0] == "min_id" { id >= after } else { id > after };
            is_of_it && all.iter().filter(|id| follows(**id) && **id <= to).take(limit).any(|id| *id == last)
        };
        let stream = if kind == Records::ORDERS { "orders" } else { "products" };
        world.store.borrow_mut().add_fault(Fault::when(shows_the_last, Action::status(504)).always());
        let first = world.run(None).ok();
        assert_eq!(first.verdict(), Some(Kind::SetAside), "{stream}: {:?}", first.warnings());
        assert_eq!(first.ids(stream).last(), ids(&world, kind).iter().rev().nth(1), "{stream}");
        let changed = ids(&world, kind)[0];
        world.wait(Duration::from_secs(3600));
        let at = world.now() - chrono::TimeDelta::seconds(600);
        world.store.borrow_mut().edit(kind, changed, at, |_| {});
        let second = world.run(Some(first.state())).ok();
        assert!(second.ids(stream).contains(&changed), "{stream}: {:?}", second.warnings());
        world.store.borrow_mut().clear_faults();
        let third = world.run(Some(second.state())).ok();
        assert_eq!((third.verdict(), third.ids(stream).contains(&last)), (None, true), "{stream}");
    }
}

#[test]
fn what_is_not_served_at_the_end_stays_aside_if_the_store_shows_nothing_there_the_next_time() {
    let mut world = World::new(SMALL);
    world.config.insert("page_size".into(), json!(10));
    let all = ids(&world, Records::PRODUCTS);
    let (last, before) = (all[all.len() - 1], all[all.len() - 2]);
    break_record(&world, Records::PRODUCTS, last, Action::status(500));
    world.store.borrow_mut().add_fault(Fault::on(&format!("id:greater={before}&limit=10"), Action::EmptyPage).always());
    let run = world.select("products");
    assert_eq!(run.ids("products").len(), all.len() - 1, "{:?}", run.warnings());
    assert_eq!(run.verdict(), Some(Kind::SetAside), "{:?}", run.warnings());
    world.store.borrow_mut().clear_faults();
    world.store.borrow_mut().quirks.broken_records.clear();
    let next = world.select_from("products", Some(run.state()));
    assert!(next.ids("products").contains(&last), "{:?}", next.warnings());
}

#[test]
fn a_row_without_an_id_where_no_gap_fits_is_read_again_by_the_next_walk() {
    // As the last row, between two ids that follow each other, and both.
    for (ids, again) in [
        (vec![Some(1), None], 1),
        (vec![Some(1), None, Some(2), Some(9)], 1),
        (vec![None, Some(1), None, None, Some(2), None], 4),
    ] {
        let world = World::new(Counts::of([(Records::BRANDS, 3)]));
        let row = |(place, id): (usize, &Option<u64>)| json!({"id": id, "name": format!("brand {place}")});
        let rows: Vec<Value> = ids.iter().enumerate().map(row).collect();
        for after in ids.iter().flatten().copied().chain([0]) {
            let begin = ids.iter().rposition(|id| id.is_some_and(|id| id <= after)).map_or(0, |place| place + 1);
            let body = json!({"data": rows[begin..], "meta": {"pagination": {"total": rows.len() - begin}}});
            let is_it = move |request: &Request| {
                let position = request.query.split('&').find_map(|part| part.strip_prefix("id:greater="));
                request.path.ends_with("/brands") && position.unwrap_or("0") == after.to_string()
            };
            let action = Action::Status { code: 200, body: Some(body.to_string().into_bytes()), headers: Vec::new() };
            world.store.borrow_mut().add_fault(Fault::when(is_it, action).always());
        }
        let mut state = None;
        for _ in 0..2 {
            let run = world.select_from("brands", state.as_ref());
            let named: Vec<u64> = ids.iter().flatten().copied().collect();
            assert_eq!((run.verdict(), run.ids("brands")), (Some(Kind::SetAside), named), "{ids:?}: {:?}", run.warnings());
            assert_eq!(run.aside("brands").as_array().map(Vec::len), Some(again), "{ids:?}: {}", run.aside("brands"));
            state = Some(run.state().clone());
        }
        world.store.borrow_mut().clear_faults();
        let run = world.select_from("brands", state.as_ref());
        assert_eq!((run.verdict(), run.ids("brands").len(), run.aside("brands")), (None, 3, json!([])), "{:?}", run.warnings());
    }
}

#[test]
fn what_a_resumed_full_table_cannot_ask_for_is_not_forgotten_by_the_walk_after_it() {
    let world = World::new(Counts::of([(Records::BRANDS, 3)]));
    let brand = |id: Option<u64>| json!({"id": id, "name": "a brand"});
    for (after, rows) in
        [(0, vec![brand(Some(5)), brand(Some(7)), brand(None)]), (5, vec![brand(Some(7)), brand(None)]), (7, vec![brand(None)])]
    {
        let body = json!({"data": rows, "meta": {"pagination": {"total": rows.len()}}});
        let is_it = move |request: &Request| {
            let position = request.query.split('&').find_map(|part| part.strip_prefix("id:greater="));
            request.path.ends_with("/brands") && position.unwrap_or("0") == after.to_string()
        };
        let action = Action::Status { code: 200, body: Some(body.to_string().into_bytes()), headers: Vec::new() };
        world.store.borrow_mut().add_fault(Fault::when(is_it, action).always());
    }
    let select = Some(vec!["brands".to_owned()]);
    let first = world.run_with(Inputs { select, max_records: Some(1), ..world.inputs(None) }, None).ok();
    let second = world.select_from("brands", Some(first.state()));
    assert_eq!(second.verdict(), Some(Kind::SetAside), "{:?}", second.warnings());
    assert_eq!(second.aside("brands").as_array().map(Vec::len), Some(1));
}
