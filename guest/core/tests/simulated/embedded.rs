//! Line items and shipping addresses out of the list of orders: the same records as from the orders' own lists, with fewer requests.

use crate::world::{Run, World, archived};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_sandbox::{Action, Counts, Delivery, Fault, ItemsTotal, Kind, Options, Quirks, Request};

const SELECT: [&str; 3] = ["orders", "order_products", "order_shipping_addresses"];
const COUPONS: [&str; 2] = ["orders.coupons", "order_coupons"];
/// A row's link to quotes leads to another path.
const QUOTES: &str = "shipping_quotes";

fn world(orders: u64, order_lines: &str) -> World {
    let counts = Counts::default().with(Kind::ORDERS, orders);
    let mut world = World::with(Options { counts, log_requests: 100_000, ..Options::default() });
    world.config.insert("order_lines".into(), json!(order_lines));
    world
}

fn run_from(world: &World, state: Option<&Value>) -> Run {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let inputs = Inputs { select: Some(names(&SELECT)), exclude: names(&COUPONS), ..world.inputs(state) };
    world.run_with(inputs, None).ok()
}

fn run(world: &World) -> Run {
    run_from(world, None)
}

/// What a run wrote, but for what differs by design.
fn written(run: &Run) -> Vec<(&'static str, Vec<Value>)> {
    let of = |stream: &&'static str| {
        let mut records: Vec<Value> = run.records(stream).into_iter().cloned().collect();
        for record in &mut records {
            record.as_object_mut().unwrap().remove(QUOTES);
            let addresses = record.get_mut("shipping_addresses").and_then(Value::as_array_mut);
            addresses.into_iter().flatten().for_each(|address| drop(address.as_object_mut().unwrap().remove(QUOTES)));
            plain(record);
        }
        (*stream, records)
    };
    SELECT.iter().map(of).collect()
}

/// Costs are texts in the one form and numbers in the other: `0.0000` and `0`.
fn plain(value: &mut Value) {
    match value {
        Value::Number(number) => *value = json!(number.as_f64().unwrap()),
        Value::Array(items) => items.iter_mut().for_each(plain),
        Value::Object(fields) => fields.values_mut().for_each(plain),
        _ => {}
    }
}

/// Where two values differ first.
fn difference(a: &Value, b: &Value) -> Option<String> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
            a.iter().find_map(|(name, value)| Some(format!("{name}.{}", difference(value, b.get(name)?)?)))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a.iter().zip(b).find_map(|(a, b)| difference(a, b)),
        _ => (a != b).then(|| format!("{a} {b}")),
    }
}

/// The orders whose own lists were asked for.
fn asked_apart(world: &World) -> BTreeSet<u64> {
    let id = |target: &str| {
        let mut parts = target.split('?').next()?.split('/').skip_while(|part| *part != "orders").skip(1);
        let id = parts.next()?.parse().ok()?;
        parts.next().map(|_| id)
    };
    world.store.borrow().requests().iter().filter_map(|seen| id(&seen.target)).collect()
}

/// The orders that do not prove that their consignments hold all their lines.
fn unproven(world: &World) -> BTreeSet<u64> {
    let store = world.store.borrow();
    let is_unproven = |id: &u64| {
        let order = store.record(Kind::ORDERS, *id).unwrap();
        let [lines, addresses] = ["products", "shipping_addresses"].map(|name| order.parts[name].as_array().unwrap().clone());
        let is_empty = |address: &Value| !lines.iter().any(|line| line["order_address_id"] == address["id"]);
        lines.is_empty() || lines.len() >= 50 || addresses.iter().any(is_empty)
    };
    store.ids(Kind::ORDERS).filter(is_unproven).collect()
}

/// The requests for pages of the list and for its highest id.
fn pages(world: &World) -> usize {
    world.asked("/v2/orders?")
}

fn same_as_separate(orders: u64, quirks: &Quirks) -> World {
    let [separate, embedded] = ["separate", "embedded"].map(|order_lines| world(orders, order_lines));
    for world in [&separate, &embedded] {
        world.store.borrow_mut().quirks = quirks.clone();
    }
    let (expected, run) = (run(&separate), run(&embedded));
    assert_eq!((expected.verdict(), run.verdict()), (None, None));
    for ((stream, wanted), (_, came)) in written(&expected).iter().zip(&written(&run)) {
        assert!(!wanted.is_empty() && wanted.len() == came.len(), "{stream}: {} and {}", wanted.len(), came.len());
        for (wanted, came) in wanted.iter().zip(came) {
            assert_eq!(difference(wanted, came), None, "{stream} {}", wanted["id"]);
        }
    }
    embedded
}

#[test]
fn embedded_lines_are_the_same_records_with_a_request_per_page() {
    const ORDERS: usize = 1000;
    let world = same_as_separate(ORDERS as u64, &Quirks::default());
    let (apart, unproven) = (asked_apart(&world), unproven(&world));
    assert_eq!(apart, unproven);
    assert!(apart.len() < ORDERS / 5, "{}", apart.len());
    // Each page begins with the last row of the one before it; before them comes the highest id, after them an empty page.
    assert!(archived(&world).len() < 249);
    let of_list = (ORDERS - archived(&world).len() - 1).div_ceil(249) + 2;
    let of_archived = 1 + 2;
    assert_eq!(pages(&world), of_list + of_archived);
    assert!(of_list <= ORDERS / 250 + 1 + 2);
}

#[test]
fn an_order_that_fails_the_guard_costs_the_requests_of_its_own_lists() {
    let world = same_as_separate(300, &Quirks::default());
    let lists = world.asked("/products") + world.asked("/shippingaddresses") + world.asked("/shipping_addresses");
    let long = {
        let store = world.store.borrow();
        let rows = |id: &u64, list: &str| store.record(Kind::ORDERS, *id).unwrap().parts[list].as_array().unwrap().len();
        let lists = |id: &u64| [rows(id, "products"), rows(id, "shipping_addresses")];
        unproven(&world).iter().flat_map(lists).filter(|rows| *rows > 0 && rows.is_multiple_of(10) || *rows > 250).count()
    };
    // A list that may have been cut at a round number of rows takes two requests more, and so does a second page.
    let apart = unproven(&world).len();
    assert!(
        (2 * apart..=2 * apart + 2 * long).contains(&lists),
        "{lists} requests for {apart} orders, {long} lists that may be cut"
    );
    assert_eq!(world.store.borrow().requests().len(), pages(&world) + lists);
}

#[test]
fn another_meaning_of_items_total_loses_nothing() {
    for items_total in [ItemsTotal::Lines, ItemsTotal::Physical] {
        let world = same_as_separate(200, &Quirks { items_total, ..Quirks::default() });
        assert!(asked_apart(&world).len() > unproven(&world).len(), "{items_total:?} is caught");
    }
}

#[test]
fn consignments_that_are_cut_or_empty_are_caught() {
    for quirks in [
        Quirks { consignments_without_lines: Some(3), ..Quirks::default() },
        Quirks { consignments_without_lines: Some(2), items_total: ItemsTotal::Lines, ..Quirks::default() },
        Quirks { consignment_lines: Some(2), ..Quirks::default() },
        Quirks { consignment_lines: Some(2), items_total: ItemsTotal::Lines, ..Quirks::default() },
    ] {
        let world = same_as_separate(200, &quirks);
        assert!(asked_apart(&world).len() > unproven(&world).len(), "{quirks:?} is caught");
    }
}

#[test]
fn coupons_cost_a_request_per_order() {
    let world = world(120, "embedded");
    let inputs = Inputs { select: Some(SELECT.map(str::to_owned).to_vec()), ..world.inputs(None) };
    let run = world.run_with(inputs, None).ok();
    assert_eq!((run.verdict(), run.records("orders").len()), (None, 120));
    assert_eq!(world.asked("/coupons"), 120);
}

#[test]
fn a_run_says_how_many_orders_were_asked_for_their_lines() {
    let world = world(100, "embedded");
    let run = run(&world);
    let apart = unproven(&world).len();
    let found = |(_, text): &&(_, String)| text.contains("came with all of their lines");
    let found: Vec<&str> = run.log.iter().filter(found).map(|(_, text)| text.as_str()).collect();
    assert!(!found.is_empty(), "{:?}", run.log);
    let count = |text: &str, before: &str| -> usize {
        let number = text.split(before).next().unwrap().split(' ').next_back().unwrap();
        number.parse().unwrap()
    };
    assert_eq!(found.iter().map(|text| count(text, " orders came")).sum::<usize>(), 100 - apart);
    assert_eq!(found.iter().map(|text| count(text, " others")).sum::<usize>(), apart);
}

#[test]
fn a_list_that_the_store_cannot_carry_with_lines_is_read_without_them() {
    let world = world(300, "embedded");
    // The first page comes; later ones do not.
    let is_heavy = |request: &Request| {
        let target = request.target();
        target.contains("/v2/orders?") && target.contains("consignments.line_items") && target.contains("min_id")
    };
    world.store.borrow_mut().add_fault(Fault::when(is_heavy, Action::status(504)).always());
    let run = run(&world);
    assert_eq!((run.verdict(), run.ids("orders").len()), (None, 300), "{:?}", run.warnings());
    assert_eq!(run.records("order_products").len(), world.rows("order_products"));
    let warned =
        run.warnings().iter().filter(|warning| warning.contains("cannot serve the list of orders with their lines")).count();
    assert_eq!(warned, 1, "{:?}", run.warnings());
    // Pages were cut first, and once the lines are given up no request asks for them.
    let targets: Vec<String> = world.store.borrow().requests().iter().map(|seen| seen.target.clone()).collect();
    let last_with = targets.iter().rposition(|target| target.contains("consignments.line_items")).unwrap();
    let without = |target: &&String| target.contains("/v2/orders?") && !target.contains("consignments.line_items");
    assert!(targets.iter().skip(last_with).filter(without).count() > 1);
    assert!(targets.iter().any(|target| target.contains("consignments.line_items") && target.contains("limit=125")));
}

#[test]
fn one_refused_page_does_not_cost_the_others_their_lines() {
    for status in [400, 422] {
        let world = world(600, "embedded");
        let is_second =
            |request: &Request| request.target().contains("consignments.line_items") && request.target().contains("min_id");
        world.store.borrow_mut().add_fault(Fault::when(is_second, Action::status(status)).times(1));
        let run = run(&world);
        assert_eq!((run.verdict(), run.ids("orders").len()), (None, 600));
        assert_eq!(run.warnings(), [""; 0]);
        assert_eq!(asked_apart(&world), unproven(&world), "{status}");
    }
}

#[test]
fn a_page_with_lines_that_takes_too_long_is_made_smaller() {
    let world = world(300, "embedded");
    let is_slow =
        |request: &Request| request.target().contains("consignments.line_items") && request.target().contains("limit=250");
    world.store.borrow_mut().add_fault(Fault::when(is_slow, Action::Deliver(Delivery::Stall)).always());
    let run = run(&world);
    assert_eq!((run.verdict(), run.ids("orders").len()), (None, 300), "{:?}", run.warnings());
    assert_eq!(asked_apart(&world), unproven(&world));
    assert!(world.asked("limit=125") > 1);
}

#[test]
fn one_broken_order_does_not_cost_the_others_their_lines() {
    let world = world(200, "embedded");
    let broken = world.store.borrow().ids(Kind::ORDERS).nth(60).unwrap();
    world.store.borrow_mut().quirks.broken_records.insert((Kind::ORDERS, broken), Action::status(500));
    let run = run(&world);
    assert!(
        !run.warnings().iter().any(|warning| warning.contains("cannot serve the list of orders with their lines")),
        "{:?}",
        run.warnings()
    );
    assert_eq!(run.ids("orders").len(), 199);
    assert!(asked_apart(&world).len() <= unproven(&world).len() + 3);
}

#[test]
fn a_later_run_takes_lines_from_the_list_too() {
    let world = world(100, "embedded");
    let first = run(&world);
    world.wait(std::time::Duration::from_secs(3600));
    let now = world.now();
    let id = world.store.borrow().ids(Kind::ORDERS).nth(20).unwrap();
    world.store.borrow_mut().touch(Kind::ORDERS, id, now);
    world.store.borrow_mut().clear_requests();
    world.wait(std::time::Duration::from_secs(3600));
    let second = run_from(&world, Some(first.state()));
    assert!(second.ids("orders").contains(&id) && second.ids("orders").len() < 10);
    let lines = world.store.borrow().record(Kind::ORDERS, id).unwrap().parts["products"].as_array().unwrap().len();
    assert_eq!(second.records("order_products").iter().filter(|line| line["order_id"] == id).count(), lines);
    assert!(asked_apart(&world).is_subset(&unproven(&world)));
}

#[test]
fn an_outlook_counts_no_requests_for_lines_that_are_embedded() {
    let requests = |order_lines: &str| {
        let world = world(1000, order_lines);
        let select = Some(SELECT.map(str::to_owned).to_vec());
        let inputs = Inputs { select, exclude: COUPONS.map(str::to_owned).to_vec(), ..world.inputs(None) };
        let report = world.check(&inputs).unwrap();
        report.streams.iter().filter_map(|access| access.cost.as_ref()?.requests).map(|figure| figure.number).sum::<u64>()
    };
    let (separate, embedded) = (requests("separate"), requests("embedded"));
    assert_eq!(separate, embedded + 2000);
}

#[test]
fn a_short_page_of_lines_whose_quantities_fall_short_is_not_the_last() {
    let world = world(60, "separate");
    // A store that cuts its pages at seven rows and does not say so.
    world.store.borrow_mut().quirks.page_cap = Some(7);
    let run = run(&world);
    assert_eq!(run.verdict(), None);
    assert_eq!(run.records("order_products").len(), world.rows("order_products"));
}
