//! Small lists by page number: all pages are read again until nothing new comes.

use crate::world::{FAMILIES, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tap_bigcommerce_core::error::Kind as Failure;
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_sandbox::{Action, Fault, Kind, OddAnswer, Request};

#[test]
fn a_small_list_that_loses_rows_while_it_is_read_loses_no_other() {
    let mut world = World::new(FAMILIES);
    world.config.insert("page_size".into(), json!(10));
    let ids: Vec<u64> = world.store.borrow().ids(Kind::CATEGORIES).collect();
    let gone = [ids[0], ids[3], ids[12]];
    let mut pages = 0;
    world.store.borrow_mut().on_request(move |request, store| {
        if request.path.ends_with("/categories") {
            pages += 1;
            if let 2..=4 = pages {
                store.delete(Kind::CATEGORIES, gone[pages - 2]);
            }
        }
    });
    let run = world.select("categories");
    let came: BTreeSet<u64> =
        run.records("categories").iter().map(|category| category["category_id"].as_u64().unwrap()).collect();
    assert_eq!(run.verdict(), None, "{:?}", run.warnings());
    assert!(ids.iter().all(|id| came.contains(id) || gone.contains(id)), "one row after the other moves up");
    assert_eq!(run.records("categories").len(), came.len(), "each comes once");
}

#[test]
fn a_list_without_dates_that_never_holds_still_is_believed_and_says_so() {
    let mut world = World::new(FAMILIES);
    world.config.insert("page_size".into(), json!(10));
    let at = world.now();
    let before: Vec<u64> = world.store.borrow().ids(Kind::CATEGORIES).collect();
    world.store.borrow_mut().on_request(move |request, store| {
        if request.path.ends_with("/categories") {
            store.create(Kind::CATEGORIES, at);
        }
    });
    let run = world.select("categories,brands");
    assert_eq!(run.verdict(), None, "{:?}", run.warnings());
    assert!(run.warnings().iter().any(|warning| warning.contains("has changed each of the 3 times")), "{:?}", run.warnings());
    let came: Vec<u64> = run.records("categories").iter().map(|row| row["category_id"].as_u64().unwrap()).collect();
    assert!(before.iter().all(|id| came.contains(id)), "what was there has come");
    assert_eq!(run.records("brands").len(), 20);
}

#[test]
fn a_category_without_an_id_keeps_no_other_one_from_coming() {
    let world = World::new(FAMILIES);
    let page = json!({
        "data": [{"category_id": 5, "name": "a"}, {"category_id": null, "name": "b"}, {"category_id": 7, "name": "c"}],
        "meta": {"pagination": {"total": 3, "count": 3, "per_page": 250, "current_page": 1, "total_pages": 1}},
    });
    let action = Action::Status { code: 200, body: Some(page.to_string().into_bytes()), headers: Vec::new() };
    world.store.borrow_mut().add_fault(Fault::on("/categories", action).always());
    let run = world.select("categories");
    let names: Vec<&Value> = run.records("categories").iter().map(|category| &category["name"]).collect();
    assert_eq!((run.verdict(), names), (Some(Failure::SetAside), vec![&json!("a"), &json!("c")]), "{:?}", run.warnings());
}

#[test]
fn refunds_that_are_made_while_they_are_read_are_left_to_the_next_run() {
    let mut world = World::new(FAMILIES.with(Kind::REFUNDS, 45));
    world.config.insert("page_size".into(), json!(10));
    let ids: BTreeSet<u64> = world.store.borrow().ids(Kind::REFUNDS).collect();
    let mut at = world.now();
    world.store.borrow_mut().on_request(move |request, store| {
        if request.path.ends_with("/refunds") {
            at += chrono::TimeDelta::seconds(5);
            store.create(Kind::REFUNDS, at);
        }
    });
    let run = world.select("refunds");
    assert_eq!(run.verdict(), None, "{:?}", run.warnings());
    let came: BTreeSet<u64> = run.ids("refunds").into_iter().collect();
    assert!(ids.is_subset(&came));
    assert!(world.asked("/refunds?") < 25, "{} requests", world.asked("/refunds?"));
}

#[test]
fn a_resumed_list_by_page_number_believes_no_empty_page_that_contradicts_itself() {
    let mut world = World::new(FAMILIES);
    world.config.insert("page_size".into(), json!(10));
    let select = Some(vec!["categories".to_owned()]);
    let first = Inputs { select: select.clone(), max_records: Some(30), ..world.inputs(None) };
    let first = world.run_with(first, None).ok();
    world.store.borrow_mut().add_fault(Fault::on("page=4", Action::EmptyPage).times(2));
    let second = world.run_with(Inputs { select, ..world.inputs(Some(first.state())) }, None).ok();
    let id = |record: &&Value| record["category_id"].as_u64().unwrap();
    let came: BTreeSet<u64> =
        [&first, &second].iter().flat_map(|run| run.records("categories")).map(|record| id(&record)).collect();
    assert_eq!((second.verdict(), came.len()), (None, 90), "{:?}", second.warnings());
}

#[test]
fn totals_of_a_page_or_of_more_than_the_list_shows_end_no_small_list() {
    for (stream, path) in [("categories", "/v3/catalog/trees/categories"), ("refunds", "/v3/orders/payment_actions/refunds")] {
        let mut world = World::new(FAMILIES.with(Kind::REFUNDS, 50));
        world.config.insert("page_size".into(), json!(10));
        world.store.borrow_mut().quirks.odd_answers.insert(path.into(), [OddAnswer::PageTotals].into());
        let run = world.select(stream);
        assert_eq!((run.verdict(), run.records(stream).len()), (None, world.rows(stream)), "{stream}: {:?}", run.warnings());
    }
    let world = World::new(FAMILIES);
    for (page, data) in [(1, json!([{"category_id": 5, "name": "a"}, {"category_id": 7, "name": "c"}])), (2, json!([]))] {
        let body = json!({"data": data, "meta": {"pagination": {"total": 3, "count": 2, "per_page": 250, "current_page": page}}});
        let action = Action::Status { code: 200, body: Some(body.to_string().into_bytes()), headers: Vec::new() };
        let is_it =
            move |request: &Request| request.path.ends_with("/categories") && request.query.contains("page=2") == (page == 2);
        world.store.borrow_mut().add_fault(Fault::when(is_it, action).always());
    }
    let run = world.select("categories");
    assert_eq!((run.verdict(), run.records("categories").len()), (None, 2), "{:?}", run.warnings());
    assert!(run.warnings().iter().any(|warning| warning.contains("fewer records than its total")), "{:?}", run.warnings());
}

#[test]
fn limited_runs_come_to_the_end_of_a_list_by_page_number() {
    for most in [11, 29, 30, 31, 89, 90] {
        let mut world = World::new(FAMILIES);
        world.config.insert("page_size".into(), json!(10));
        let (mut state, mut came) = (None::<Value>, BTreeSet::new());
        for runs in 0.. {
            assert!(runs < 30, "runs of {most} records do not come to an end: {state:?}");
            let select = Some(vec!["categories".to_owned()]);
            let run = world.run_with(Inputs { select, max_records: Some(most), ..world.inputs(state.as_ref()) }, None).ok();
            came.extend(run.records("categories").iter().map(|category| category["category_id"].to_string()));
            if run.result.as_ref().unwrap().complete {
                break;
            }
            state = Some(run.state().clone());
        }
        assert_eq!(came.len(), 90);
    }
}

#[test]
fn a_list_that_the_plan_does_not_have_fails_with_a_sentence_and_alone() {
    let world = World::new(FAMILIES);
    world.store.borrow_mut().add_fault(Fault::on("/pricelists", Action::NotFound).always());
    let run = world.select("price_lists,price_list_records,brands");
    assert_eq!(run.verdict(), Some(Failure::Api));
    assert!(run.warnings().iter().any(|warning| warning.contains("the store's plan includes it")), "{:?}", run.warnings());
    let streams = &run.result.as_ref().unwrap().streams;
    assert_eq!(streams.iter().map(|stream| stream.failure.is_none()).collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn rows_that_are_added_before_a_page_are_no_page_that_repeats_itself() {
    // So many rows are there, and so many are added before them once the first page has come.
    for (rows, added, has_total) in [(10, 1, false), (20, 10, true)] {
        let mut world = World::new(FAMILIES);
        world.config.insert("page_size".into(), json!(10));
        let page = |ids: std::ops::RangeInclusive<u64>, number: usize| {
            let ids: Vec<u64> = ids.collect();
            let data: Vec<Value> = ids.chunks(10).nth(number).unwrap_or_default().iter().map(category).collect();
            let pagination = if has_total { json!({"total": ids.len(), "count": data.len()}) } else { json!({}) };
            let body = json!({"data": data, "meta": {"pagination": pagination}}).to_string().into_bytes();
            Action::Status { code: 200, body: Some(body), headers: Vec::new() }
        };
        let mut store = world.store.borrow_mut();
        store.add_fault(Fault::on("/categories", page(101..=100 + rows, 0)));
        for number in 0..4 {
            let is_it = move |request: &Request| is_page(request, number as u64 + 1);
            store.add_fault(Fault::when(is_it, page(101 - added..=100 + rows, number)).always());
        }
        drop(store);
        let run = world.select("categories");
        assert_eq!((run.verdict(), run.records("categories").len() as u64), (None, rows + added), "{:?}", run.warnings());
    }
}

/// Whether this page of the categories is asked for.
fn is_page(request: &Request, number: u64) -> bool {
    let asked = request.query.split('&').find_map(|part| part.strip_prefix("page=")).unwrap_or("1");
    request.path.ends_with("/categories") && asked == number.to_string()
}

fn category(id: &u64) -> Value {
    json!({"category_id": id, "name": format!("c{id}")})
}

#[test]
fn what_a_store_answers_after_the_last_page_ends_no_small_list() {
    let page = |rows: u64| {
        let ids: Vec<u64> = (1..=rows).collect();
        let data: Vec<Value> = ids.iter().map(category).collect();
        let body = json!({"data": data, "meta": {"pagination": {"total": rows, "count": rows}}});
        Action::Status { code: 200, body: Some(body.to_string().into_bytes()), headers: Vec::new() }
    };
    // With a round number of rows the next page is asked for: it may be the same once more, or none at all.
    for (rows, after) in [(20, page(20)), (20, Action::NotFound), (21, Action::NotFound)] {
        let world = World::new(FAMILIES);
        let is_after = |request: &Request| request.path.ends_with("/categories") && request.query.contains("page=");
        world.store.borrow_mut().add_fault(Fault::when(is_after, after).always());
        world.store.borrow_mut().add_fault(Fault::on("/categories", page(rows)).always());
        let run = world.select("categories");
        assert_eq!((run.verdict(), run.records("categories").len() as u64), (None, rows), "{:?}", run.warnings());
        // A run whose limit is reached with the last of them leaves its end to the next one.
        let (mut state, mut came) = (None::<Value>, BTreeSet::new());
        for runs in 0.. {
            assert!(runs < 5, "limited runs do not come to an end: {state:?}");
            let select = Some(vec!["categories,store".to_owned()]);
            let run = world.run_with(Inputs { select, max_records: Some(rows), ..world.inputs(state.as_ref()) }, None).ok();
            came.extend(run.records("categories").iter().map(|it| it["category_id"].to_string()));
            if run.result.as_ref().unwrap().complete {
                break;
            }
            state = Some(run.state().clone());
        }
        assert_eq!(came.len() as u64, rows);
    }
}

#[test]
fn a_total_that_is_too_high_holds_up_no_limited_runs() {
    let mut world = World::new(FAMILIES);
    world.config.insert("page_size".into(), json!(10));
    for number in 1..=10_u64 {
        let ids: Vec<u64> = (number * 10 - 9..=(number * 10).min(90)).collect();
        let data: Vec<Value> = ids.iter().map(category).collect();
        let body = json!({"data": data, "meta": {"pagination": {"total": 91, "count": data.len()}}});
        let action = Action::Status { code: 200, body: Some(body.to_string().into_bytes()), headers: Vec::new() };
        let is_it = move |request: &Request| is_page(request, number);
        world.store.borrow_mut().add_fault(Fault::when(is_it, action).always());
    }
    let (mut state, mut came) = (None::<Value>, BTreeSet::new());
    for runs in 0.. {
        assert!(runs < 10, "the runs do not come to an end: {state:?}");
        let select = Some(vec!["categories,store".to_owned()]);
        let run = world.run_with(Inputs { select, max_records: Some(30), ..world.inputs(state.as_ref()) }, None).ok();
        came.extend(run.records("categories").iter().map(|category| category["category_id"].to_string()));
        if run.result.as_ref().unwrap().complete {
            break;
        }
        state = Some(run.state().clone());
    }
    assert_eq!(came.len(), 90);
}

#[test]
fn a_page_of_an_earlier_run_that_is_refused_is_no_dead_end() {
    for status in [400, 404, 422] {
        let mut world = World::new(FAMILIES);
        world.config.insert("page_size".into(), json!(10));
        let select = Some(vec!["categories".to_owned()]);
        let first = world.run_with(Inputs { select, max_records: Some(30), ..world.inputs(None) }, None).ok();
        let ids: Vec<u64> = world.store.borrow().ids(Kind::CATEGORIES).collect();
        for id in &ids[5..] {
            world.store.borrow_mut().delete(Kind::CATEGORIES, *id);
        }
        world.store.borrow_mut().add_fault(Fault::on("page=4", Action::status(status)).always());
        let second = world.select_from("categories", Some(first.state()));
        let came: BTreeSet<String> = second.records("categories").iter().map(|it| it["category_id"].to_string()).collect();
        assert_eq!((second.verdict(), came.len()), (None, 5), "{status}: {:?}", second.warnings());
    }
}
