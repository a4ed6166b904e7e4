//! The documented forms of a list, for every stream: no content, PHP's list, nothing at all.

use crate::registry::{came, due, expect, run, small, world};
use crate::world::World;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tap_bigcommerce_core::api::list::Form;
use tap_bigcommerce_core::error::Kind as Failure;
use tap_bigcommerce_core::streams::{ALL, Source, Stream, Way};
use tap_bigcommerce_sandbox::{Action, Counts, Fault, Kind, OddAnswer, Quirks, Request};

#[test]
fn a_store_without_records_is_read_without_a_word() {
    for stream in ALL.iter().filter(|stream| stream.name != "store") {
        let world = World::new(Counts::of([]));
        let run = run(&world, stream.name, None);
        assert_eq!((run.verdict(), run.records(stream.name).len()), (None, 0), "{}: {:?}", stream.name, run.warnings());
        assert!(run.result.as_ref().unwrap().complete && run.warnings().is_empty(), "{}: {:?}", stream.name, run.warnings());
    }
}

/// Answers without content are documented for shipments, transactions, images and reviews (orders.v2, orders.v3, products_catalog.v3).
#[test]
fn a_list_without_rows_may_come_without_content() {
    for stream in ALL {
        let Source::With { parent, rows } = stream.source else { continue };
        let [Way::Each(ask)] = rows.from else { continue };
        if rows.announced_by.is_some() {
            continue;
        }
        let world = World::new(small());
        let kind = Kind::ALL.iter().copied().find(|kind| kind.name() == parent.name).unwrap();
        let parents: Vec<u64> = world.store.borrow().ids(kind).collect();
        for id in parents.iter().step_by(2) {
            let path = format!("/{}", ask.path.replace("{id}", &id.to_string()));
            let none = Action::Status { code: 204, body: Some(Vec::new()), headers: Vec::new() };
            world.store.borrow_mut().add_fault(Fault::when(move |request| request.path.ends_with(&path), none).always());
        }
        let run = run(&world, stream.name, None);
        assert_eq!(run.verdict(), None, "{}: {:?}", stream.name, run.warnings());
        let has_list = |id: u64| !parents.iter().step_by(2).any(|empty| *empty == id);
        let due = due(&world, stream, |truth| truth.of.is_some_and(|(_, id)| has_list(id)));
        expect(stream, &due, &came(stream, &[&run]), "with every other list empty");
    }
}

/// For consignments an empty object, an empty list and no content are all known.
#[test]
fn an_order_without_consignments_may_have_an_empty_object_or_an_empty_list() {
    let stream = Stream::find("order_consignments").unwrap();
    for body in ["{}", "[]", " {}\n"] {
        let world = World::new(small());
        let orders: Vec<u64> = world.store.borrow().ids(Kind::ORDERS).collect();
        let without: BTreeSet<u64> = orders.into_iter().step_by(2).collect();
        for id in &without {
            let path = format!("/v2/orders/{id}/consignments");
            let none = Action::Status { code: 200, body: Some(body.into()), headers: Vec::new() };
            world.store.borrow_mut().add_fault(Fault::when(move |request| request.path.ends_with(&path), none).always());
        }
        let run = run(&world, stream.name, None);
        assert_eq!((run.verdict(), run.warnings()), (None, Vec::new()), "{body}");
        let due = due(&world, stream, |truth| truth.of.is_some_and(|(_, id)| !without.contains(&id)));
        expect(stream, &due, &came(stream, &[&run]), "without the consignments of every other order");
        assert!(run.result.as_ref().unwrap().complete && !due.is_empty());
    }
}

/// Which form the answers of a stream's own endpoint have, and its path. None: its rows come with the records of another list.
fn endpoint(stream: &Stream) -> Option<(Form, String)> {
    let (form, path) = match stream.source {
        Source::List(list) | Source::Below { list, .. } => (list.form, list.path),
        Source::With { rows, .. } if rows.is_inside() => return None,
        Source::With { rows, .. } => rows.ask().map(|ask| (ask.form, ask.path))?,
    };
    Some((form, format!("/{path}")))
}

/// Makes the answers of an endpoint odd.
fn make_odd(world: &World, path: &str, odd: OddAnswer) {
    let odd_answers = [(path.to_owned(), [odd].into())].into();
    world.store.borrow_mut().quirks = Quirks { odd_answers, ..Quirks::default() };
}

/// The rows of the answers that the endpoint has given, by what the store would answer now.
fn answers(world: &World, path: &str) -> Vec<Value> {
    // Behind the store's own path.
    let is_it = |target: &str| {
        let parts: Vec<&str> = target.split('?').next().unwrap_or_default().split('/').skip(3).collect();
        let wanted: Vec<&str> = path.split('/').skip(1).collect();
        parts.len() == wanted.len() && parts.iter().zip(wanted).all(|(part, wanted)| *part == wanted || wanted == "{id}")
    };
    let targets: BTreeSet<String> =
        world.store.borrow().requests().iter().map(|seen| seen.target.clone()).filter(|target| is_it(target)).collect();
    let token = world.config["access_token"].as_str().unwrap();
    let answer = |target: &String| {
        let request = Request::get(target).with_header("X-Auth-Token", token);
        let mut body = world.store.borrow_mut().respond(&request, world.now()).value()?;
        Some(if body.get("data").is_some() { body["data"].take() } else { body })
    };
    targets.iter().filter_map(answer).collect()
}

#[test]
fn a_list_of_api_v3_without_rows_may_be_an_empty_object() {
    let mut hit = BTreeSet::new();
    for (stream, counts) in ALL.iter().flat_map(|stream| [(stream, small()), (stream, Counts::of([]))]) {
        let Some((Form::Envelope, path)) = endpoint(stream) else { continue };
        let world = World::new(counts);
        make_odd(&world, &path, OddAnswer::EmptyObject);
        let run = run(&world, stream.name, None);
        assert_eq!((run.verdict(), run.warnings()), (None, Vec::new()), "{}", stream.name);
        expect(stream, &due(&world, stream, |_| true), &came(stream, &[&run]), "with empty objects");
        hit.extend(answers(&world, &path).contains(&json!({})).then_some(stream.name));
    }
    let is_list = |stream: &&&Stream| matches!(stream.source, Source::List(list) if list.form == Form::Envelope);
    let missed: Vec<&str> = ALL.iter().filter(is_list).map(|stream| stream.name).filter(|name| !hit.contains(name)).collect();
    assert!(missed.is_empty(), "{missed:?}");
    for below in ["transactions", "product_images", "product_reviews", "coupon_codes", "channel_listings", "order_pickups"] {
        assert!(hit.contains(below), "{below} is never empty");
    }
}

/// Where API v2 has no rows it sends no content. An object may be an error, so that a run says what it could not read, and a later one reads it.
#[test]
fn a_list_of_api_v2_that_is_an_empty_object_is_an_error_and_loses_nothing() {
    let mut hit = 0;
    for (stream, counts) in ALL.iter().flat_map(|stream| [(stream, small()), (stream, Counts::of([]))]) {
        let Some((Form::Bare, path)) = endpoint(stream) else { continue };
        let world = World::new(counts);
        make_odd(&world, &path, OddAnswer::EmptyObject);
        let first = run(&world, stream.name, None);
        let was_hit = answers(&world, &path).contains(&json!({}));
        let is_list = matches!(stream.source, Source::List(_));
        let told = if is_list { Failure::Api } else { Failure::SetAside };
        assert_eq!(first.verdict(), was_hit.then_some(told), "{}: {:?}", stream.name, first.warnings());
        assert!(!was_hit || first.warnings().iter().any(|warning| warning.contains("empty object")), "{}", stream.name);
        world.store.borrow_mut().quirks = Quirks::default();
        let second = run(&world, stream.name, Some(first.state()));
        assert_eq!(second.verdict(), None, "{}: {:?}", stream.name, second.warnings());
        expect(stream, &due(&world, stream, |_| true), &came(stream, &[&first, &second]), "once there are no such objects");
        hit += usize::from(was_hit);
    }
    assert!(hit > 15, "only {hit} of the lists were empty");
}

#[test]
fn a_list_may_come_in_the_form_of_a_php_array() {
    for stream in ALL {
        // One object is no list, and rows that their records hold come in such a form in `shapes`.
        let Some((Form::Bare | Form::Envelope, path)) = endpoint(stream) else { continue };
        let world = world();
        make_odd(&world, &path, OddAnswer::NumberedRows);
        let run = run(&world, stream.name, None);
        assert_eq!(run.verdict(), None, "{}: {:?}", stream.name, run.warnings());
        expect(stream, &due(&world, stream, |_| true), &came(stream, &[&run]), "as an array of PHP");
        assert!(answers(&world, &path).iter().any(|rows| rows.get("0").is_some()), "{}: no list came so", stream.name);
    }
}
