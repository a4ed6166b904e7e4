//! Answers of real stores that contradict each other: what has not proved itself does not stop a run.

use crate::shared::LISTS;
use crate::world::{Run, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tap_bigcommerce_core::error::Kind as Failure;
use tap_bigcommerce_sandbox::{Action, Counts, Fault, Kind, OddAnswer, Quirks};

const SMALL: Counts = Counts::of([(Kind::ORDERS, 60), (Kind::CUSTOMERS, 40), (Kind::PRODUCTS, 30), (Kind::COUPONS, 25)]);

fn world(quirks: Quirks) -> World {
    let mut world = World::new(SMALL);
    world.config.insert("page_size".into(), json!(10));
    world.store.borrow_mut().quirks = quirks;
    world
}

/// The run ends well, and holds every record.
fn expect_everything(world: &World, run: &Run, what: &str) {
    assert_eq!(run.result.as_ref().unwrap().verdict(), None, "{what}: {:?}", run.warnings());
    for (stream, kind) in LISTS {
        let read: BTreeSet<u64> = run.ids(stream).into_iter().collect();
        assert_eq!(read, world.store.borrow().ids(kind).collect(), "{what}: {stream}");
    }
}

#[test]
fn an_end_that_is_claimed_too_low_is_no_end_where_rows_have_no_dates() {
    let mut world = World::new(SMALL.with(Kind::GIFT_CERTIFICATES, 90));
    world.config.insert("page_size".into(), json!(50));
    let stale = world
        .store
        .borrow()
        .record(Kind::GIFT_CERTIFICATES, world.store.borrow().ids(Kind::GIFT_CERTIFICATES).nth(19).unwrap())
        .unwrap();
    let body = Some(Value::from(vec![Value::from(stale.fields)]).to_string().into_bytes());
    let claim = Action::Status { code: 200, body, headers: Vec::new() };
    world.store.borrow_mut().add_fault(Fault::on("direction=desc", claim));
    let run = world.select("gift_certificates");
    assert_eq!((run.verdict(), run.records("gift_certificates").len()), (None, 90), "{:?}", run.warnings());
}

#[test]
fn counts_that_ignore_filters_or_are_wrong_stop_no_run() {
    let ignores = |name: &str| Quirks { count_ignores: [name.to_owned()].into(), ..Quirks::default() };
    let all = [
        ignores("*"),
        ignores("min_id"),
        ignores("min_date_modified"),
        Quirks { count_leaves_out_archived: true, ..Quirks::default() },
        Quirks { count_off_by: -3, ..Quirks::default() },
    ];
    for quirks in all {
        let what = format!("{quirks:?}");
        let mut world = world(quirks);
        world.config.insert("start_date".into(), json!("2023-01-01T00:00:00Z"));
        let run = world.run(None).ok();
        assert_eq!(run.result.as_ref().unwrap().verdict(), None, "{what}");
        let (from, store) = ("2023-01-01T00:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap(), world.store.borrow());
        let due = store.ids(Kind::ORDERS).filter(|id| store.date_modified(Kind::ORDERS, *id).unwrap() >= from).count();
        assert_eq!(run.records("orders").len(), due, "{what}");
    }
}

#[test]
fn a_highest_id_that_is_not_the_highest_ends_no_walk() {
    for quirks in [
        Quirks { descending_ignored: true, ..Quirks::default() },
        Quirks { descending_ignores_dates: true, ..Quirks::default() },
        Quirks { ignored_parameters: ["sort".to_owned()].into(), ..Quirks::default() },
        Quirks { ignored_parameters: ["direction".to_owned()].into(), ..Quirks::default() },
    ] {
        let what = format!("{quirks:?}");
        let world = world(quirks);
        expect_everything(&world, &world.run(None).ok(), &what);
    }
}

/// The highest id may be that of a record dated on the filter's bound, which the store leaves out.
#[test]
fn a_highest_row_on_a_bound_that_the_list_leaves_out_is_no_contradiction() {
    let world = world(Quirks { bounds_exclusive: true, descending_ignores_dates: true, ..Quirks::default() });
    let ids: Vec<u64> = world.store.borrow().ids(Kind::PRODUCTS).collect();
    let at = world.now() - chrono::TimeDelta::hours(1);
    for (id, seconds) in [(ids[ids.len() - 1], 0), (ids[ids.len() - 2], 1)] {
        assert!(world.store.borrow_mut().touch(Kind::PRODUCTS, id, at + chrono::TimeDelta::seconds(seconds)));
    }
    let first = world.run(None).ok();
    let second = world.run(Some(first.state())).ok();
    assert_eq!(second.verdict(), None, "{:?}", second.warnings());
    assert_eq!(second.ids("products"), [ids[ids.len() - 2]]);
}

/// The id of a customer that has got so many addresses.
fn with_addresses(world: &World, count: u64) -> u64 {
    let id = world.store.borrow().ids(Kind::CUSTOMERS).nth(3).unwrap();
    let at = world.now() - chrono::TimeDelta::days(1);
    world.store.borrow_mut().edit(Kind::CUSTOMERS, id, at, |customer| {
        let addresses = customer.parts["addresses"].as_array().cloned().unwrap_or_default();
        let address = |place: u64| {
            let mut address = addresses.first().cloned().unwrap_or_else(|| json!({ "customer_id": id }));
            address["id"] = json!(900_000 + place);
            address
        };
        customer.parts.insert("addresses".into(), (0..count).map(address).collect());
    });
    id
}

#[test]
fn a_list_inside_a_record_is_whole_though_its_total_is_that_of_a_page() {
    let quirks = |odd| Quirks { odd_answers: [("/v3/customers/addresses".to_owned(), [odd].into())].into(), ..Quirks::default() };
    let world = world(quirks(OddAnswer::PageTotals));
    let id = with_addresses(&world, 300);
    let run = world.run(None).ok();
    expect_everything(&world, &run, "page totals");
    let customer = run.records("customers").into_iter().find(|customer| customer["id"] == id).unwrap();
    assert_eq!(customer["addresses"].as_array().map(Vec::len), Some(300));
}

#[test]
fn a_record_is_set_aside_if_it_says_more_than_a_list_whose_pages_repeat() {
    let odd_answers = [("/v3/customers/addresses".to_owned(), [OddAnswer::PageTotals].into())].into();
    let ignored_parameters = ["page".to_owned()].into();
    let mut world = world(Quirks { odd_answers, ignored_parameters, ..Quirks::default() });
    world.config.insert("page_size".into(), json!(10));
    let run = world.select("customers");
    let store = world.store.borrow();
    let rows = |id: &u64, list: &str| store.record(Kind::CUSTOMERS, *id).unwrap().parts[list].as_array().unwrap().len();
    let long: Vec<u64> =
        store.ids(Kind::CUSTOMERS).filter(|id| rows(id, "addresses") > 10 || rows(id, "attributes") > 10).collect();
    assert!(long.iter().any(|id| rows(id, "addresses") > 10));
    assert_eq!(run.state()["bookmarks"]["customers"]["aside"], json!(long));
}

#[test]
fn a_customer_without_a_real_date_counts_as_seen() {
    for date in ["0000-00-00T00:00:00Z", ""] {
        let world = world(Quirks::default());
        let id = world.store.borrow().ids(Kind::CUSTOMERS).nth(3).unwrap();
        world.store.borrow_mut().set_date_text(Kind::CUSTOMERS, id, date);
        let run = world.run(None).ok();
        expect_everything(&world, &run, date);
        let customer = run.records("customers").into_iter().find(|customer| customer["id"] == id).unwrap();
        assert_eq!(customer["date_modified"], Value::Null);
    }
}

#[test]
fn one_refusal_among_good_answers_is_asked_again_and_two_are_final() {
    for status in [401, 408] {
        let world = world(Quirks::default());
        world.store.borrow_mut().add_fault(Fault::on("/products?", Action::status(status)).skip(5).times(1));
        expect_everything(&world, &world.run(None).ok(), "once");
    }
    // The same request, after another fault.
    let mut others = self::world(Quirks::default());
    others.config.insert("max_concurrency".into(), json!(1));
    others.store.borrow_mut().add_fault(Fault::on("/products?", Action::status(401)).skip(6).times(1));
    others.store.borrow_mut().add_fault(Fault::on("/products?", Action::status(503)).skip(5).times(1));
    expect_everything(&others, &others.run(None).ok(), "after another fault");
    let world = world(Quirks::default());
    world.store.borrow_mut().add_fault(Fault::on("/products?", Action::status(401)).skip(5).always());
    assert_eq!(world.run(None).failure().kind, Failure::Unauthorized);
}

#[test]
fn a_body_without_a_byte_is_no_rows_inside_a_record_and_no_end_of_a_list() {
    // Coupons: most orders have none, and this store says so with status 200 and no byte.
    let odd = ["products", "coupons", "shipping_addresses"]
        .map(|list| (format!("/v2/orders/{{id}}/{list}"), [OddAnswer::NoBodyWhenEmpty].into()));
    let world = world(Quirks { odd_answers: odd.into(), ..Quirks::default() });
    let began = world.now();
    expect_everything(&world, &world.run(None).ok(), "lists inside orders");
    assert!((world.now() - began).num_seconds() < 120, "empty lists are quick");

    for path in ["/v2/orders?", "/v3/customers?", "/catalog/products?", "/v2/coupons?"] {
        let world = self::world(Quirks::default());
        world.store.borrow_mut().add_fault(Fault::on(path, Action::NoBody).skip(1).times(3));
        expect_everything(&world, &world.run(None).ok(), path);
    }
}

#[test]
fn after_a_page_of_many_bytes_fewer_rows_are_asked_for() {
    let world = World::new(SMALL.with(Kind::PRODUCTS, 0).with(Kind::CUSTOMERS, 300));
    let ids: Vec<u64> = world.store.borrow().ids(Kind::CUSTOMERS).take(100).collect();
    for id in ids {
        let at = world.store.borrow().date_modified(Kind::CUSTOMERS, id).unwrap();
        let text = "x".repeat(100_000);
        world.store.borrow_mut().edit(Kind::CUSTOMERS, id, at, |record| drop(record.fields.insert("notes".into(), json!(text))));
    }
    let run = world.run(None).ok();
    expect_everything(&world, &run, "large records");
    assert!(
        world
            .store
            .borrow()
            .requests()
            .iter()
            .any(|seen| seen.target.contains("/v3/customers?") && seen.target.contains("limit=125"))
    );
}

#[test]
fn a_cross_check_that_is_refused_stops_no_run() {
    for path in ["sort=id:desc", "sort=id&direction=desc", "/v2/orders/count", "/v2/coupons/count", "date_modified:max="] {
        for status in [400, 404, 422, 500] {
            let world = world(Quirks::default());
            world.store.borrow_mut().add_fault(Fault::on(path, Action::status(status)).always());
            expect_everything(&world, &world.run(None).ok(), &format!("{path}: {status}"));
        }
    }
}

#[test]
fn without_a_date_header_a_record_from_the_future_moves_no_bookmark_there() {
    let mut world = world(Quirks { no_date_header: true, ..Quirks::default() });
    world.config.remove("start_date");
    let ids: Vec<u64> = world.store.borrow().ids(Kind::ORDERS).collect();
    world.store.borrow_mut().edit(Kind::ORDERS, ids[9], "2037-05-01T00:00:00Z".parse().unwrap(), |_| {});
    let first = world.run(None).ok();
    expect_everything(&world, &first, "a record from the future");
    world.wait(std::time::Duration::from_secs(3600));
    world.store.borrow_mut().edit(Kind::ORDERS, ids[3], world.now(), |_| {});
    world.wait(std::time::Duration::from_secs(3600));
    let second = world.run(Some(first.state())).ok();
    assert!(second.ids("orders").contains(&ids[3]), "{}", first.state());
}

#[test]
fn a_highest_row_that_is_as_old_as_the_bookmark_raises_no_doubt() {
    let world = world(Quirks::default());
    let ids: Vec<u64> = world.store.borrow().ids(Kind::ORDERS).collect();
    let newest = world.now() - chrono::TimeDelta::days(1);
    for id in &ids {
        let date = if *id == ids[0] { newest } else { newest - chrono::TimeDelta::seconds(1) };
        world.store.borrow_mut().edit(Kind::ORDERS, *id, date, |_| {});
    }
    let first = world.run(None).ok();
    world.wait(std::time::Duration::from_secs(3600));
    let second = world.run(Some(first.state())).ok();
    assert!(!second.warnings().iter().any(|warning| warning.contains("highest id")), "{:?}", second.warnings());
}
