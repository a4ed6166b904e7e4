//! What a check says of a run's requests, against what the run then sends.

use crate::world::{Run, World, archived};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tap_bigcommerce_core::check::{Access, Report};
use tap_bigcommerce_core::forecast::{Figure, Rate};
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_core::streams::{ALL, Paging, Rows, Source, Stream};
use tap_bigcommerce_sandbox::{Counts, Kind, Options, Quota, Scope};

/// A few of everything, and more than a page of what is walked most.
fn world(page_size: u64) -> World {
    let many = [(Kind::ORDERS, 24), (Kind::CUSTOMERS, 35), (Kind::PRODUCTS, 33), (Kind::COUPONS, 41), (Kind::BRANDS, 25)];
    let some = Kind::ALL.iter().fold(Counts::default(), |counts, kind| counts.with(*kind, 12));
    let mut world = World::new(many.into_iter().fold(some, |counts, (kind, count)| counts.with(kind, count)));
    world.config.insert("page_size".into(), json!(page_size));
    world
}

fn inputs(world: &World, select: &str, state: Option<&Value>) -> Inputs {
    Inputs { select: Some(vec![select.to_owned()]), ..world.inputs(state) }
}

fn check(world: &World, select: &str, state: Option<&Value>) -> Report {
    let report = world.check(&inputs(world, select, state)).unwrap();
    world.store.borrow_mut().clear_requests();
    report
}

fn of<'r>(report: &'r Report, stream: &str) -> &'r Access {
    report.streams.iter().find(|access| access.stream.name == stream).unwrap()
}

/// What a stream adds, and whether that is the least.
fn requests(report: &Report, stream: &str) -> Option<(u64, bool)> {
    let requests = of(report, stream).cost.as_ref().unwrap().requests?;
    Some((requests.number, requests.at_least))
}

/// How many requests a run sends.
fn sent(world: &World, select: &str, state: Option<&Value>) -> (u64, Value) {
    let run = world.select_from(select, state);
    assert_eq!(run.verdict(), None, "{select}: {:?}", run.warnings());
    (run.result.as_ref().unwrap().counts.requests, run.state().clone())
}

/// How many requests went to a path, with `{id}` for a number in it.
fn asked(world: &World, path: &str) -> u64 {
    let is_it = |target: &str| {
        let (_, below) = target.split_once("/stores/sandbox/").unwrap();
        let parts = below.split('?').next().unwrap().split('/');
        parts.map(|part| if part.parse::<u64>().is_ok() { "{id}" } else { part }).eq(path.split('/'))
    };
    world.store.borrow().requests().iter().filter(|seen| is_it(&seen.target)).count() as u64
}

/// How many requests a run may take beyond the least: those that depend on the lengths of lists, of which a check knows nothing.
fn beyond(world: &World, stream: &'static Stream, run: &Run, page_size: usize) -> u64 {
    let list = stream.walked().list();
    // A list with ten rows or more may have been cut there.
    let of_long = |rows: usize| if rows < 10 { 0 } else { 2 + rows / page_size };
    let of_each = |lengths: &[usize]| lengths.iter().copied().map(of_long).sum::<usize>();
    // Records without rows are requested once more. A batch that does not fit a page is split in half, down to single records.
    let of_batches = |lengths: &[usize]| 2 + lengths.iter().sum::<usize>() / page_size * 8;
    let of_rows = |rows: &Rows, lengths: &[usize]| if rows.batch().is_some() { of_batches(lengths) } else { of_each(lengths) };
    let mut lengths = BTreeMap::<_, usize>::new();
    world.store.borrow().truth(stream.name).unwrap().iter().for_each(|truth| *lengths.entry(truth.of).or_default() += 1);
    let lengths: Vec<usize> = lengths.into_values().collect();
    let records = run.records(stream.name);
    let inside = |rows: &Rows| {
        let lists = records.iter().filter_map(|record| record.get(rows.name)?.as_array());
        let long: Vec<usize> = lists.map(Vec::len).filter(|rows| *rows >= 10).collect();
        if long.is_empty() { 0 } else { of_rows(rows, &long) }
    };
    let most: usize = match stream.source {
        Source::List(list) => list.rows.iter().map(|rows| inside(rows)).sum(),
        Source::Below { list, .. } if list.paging == Paging::Once => 0,
        // One page more for each list with rows.
        Source::Below { .. } => lengths.iter().map(|rows| rows.div_ceil(page_size)).sum(),
        Source::With { rows, .. } => of_rows(rows, &lengths),
    };
    // The archived orders, and what confirms an end.
    (most + archived(world).len() * list.hidden.len() + 1) as u64
}

#[test]
fn every_stream_takes_the_requests_that_its_check_foresees() {
    for (stream, page_size) in ALL.iter().flat_map(|stream| [(stream, 10), (stream, 250)]) {
        let (world, mut state) = (world(page_size), None);
        for what in ["a first run", "the next run"].iter().take(1 + usize::from(stream.replication_key().is_some())) {
            let report = check(&world, stream.name, state.as_ref());
            let (foreseen, at_least) = requests(&report, stream.name).unwrap_or_else(|| panic!("{}: unknown", stream.name));
            let run = world.select_from(stream.name, state.as_ref());
            let sent = run.result.as_ref().unwrap().counts.requests;
            let told = format!("{} by {page_size}, {what}: {foreseen} are foreseen, {sent} are sent", stream.name);
            let most = foreseen + if at_least { beyond(&world, stream, &run, page_size as usize) } else { 0 };
            assert!((foreseen..=most).contains(&sent), "{told}, {most} at most");
            let is_empty_bound = page_size == 250 && state.is_none() && most - foreseen >= sent;
            assert!(!is_empty_bound, "{told}, {most} at most: a forecast of no requests would do");
            assert_eq!(report.total(), Figure { number: foreseen, at_least }, "{told}");
            if let Ok(Some(Figure { number, at_least: false })) = of(&report, stream.name).records {
                assert_eq!(number, run.records(stream.name).len() as u64, "{told}");
            }
            // The store counts the records, and not the rows below them.
            let asks = match stream.source {
                _ if !stream.walked().list().hidden.is_empty() => true,
                Source::List(list) => list.rows.iter().any(|rows| stream.schema()["properties"].get(rows.name).is_some()),
                Source::With { rows, .. } => !rows.is_inside(),
                Source::Below { .. } => true,
            };
            assert!(at_least == asks || at_least && page_size < 250, "{told}");
            state = Some(run.state().clone());
            world.wait(Duration::from_secs(3600));
        }
    }
}

#[test]
fn what_a_stream_adds_is_what_is_asked_for_it() {
    let world = world(250);
    // Lists of ten rows or more, and archived orders, take more than is foreseen.
    let takes_more = |id: &u64| {
        let order = world.store.borrow().record(Kind::ORDERS, *id).unwrap();
        order.parts["products"].as_array().unwrap().len() > 9 || order.fields["is_deleted"] == true
    };
    let others: Vec<u64> = world.store.borrow().ids(Kind::ORDERS).filter(takes_more).collect();
    others.iter().for_each(|id| assert!(world.store.borrow_mut().delete(Kind::ORDERS, *id)));
    let select = "orders,order_products,order_shipments,order_pickups,customers,products,product_reviews,product_variants,\
                  coupons,price_lists,tax_classes,store";
    let report = check(&world, select, None);
    let with = |stream: &str| of(&report, stream).cost.as_ref().unwrap().with;
    assert_eq!(
        (with("orders"), with("order_shipments"), with("product_reviews")),
        (None, Some("orders"), Some("product_variants"))
    );
    sent(&world, select, None);
    for (stream, at_least, paths) in [
        (
            "orders",
            true,
            &["v2/orders", "v2/orders/{id}/products", "v2/orders/{id}/coupons", "v2/orders/{id}/shipping_addresses"][..],
        ),
        ("order_products", false, &[]),
        ("order_shipments", true, &["v2/orders/{id}/shipments"]),
        ("product_reviews", true, &["v3/catalog/products/{id}/reviews"]),
        ("coupons", false, &["v2/coupons", "v2/coupons/count"]),
        ("price_lists", false, &["v3/pricelists"]),
        ("tax_classes", false, &["v2/tax_classes"]),
        ("store", false, &["v2/store"]),
    ] {
        let asked = paths.iter().map(|path| asked(&world, path)).sum::<u64>();
        assert_eq!(requests(&report, stream), Some((asked, at_least)), "{stream}");
    }
    // A batch requests records without rows again.
    let (pickups, _) = requests(&report, "order_pickups").unwrap();
    assert!(pickups <= asked(&world, "v3/orders/pickups") && pickups == 1);
    assert_eq!(of(&report, "order_shipments").cost.as_ref().unwrap().rates, [Rate { requests: 1, records: 1, of: "orders" }]);
}

#[test]
fn a_stream_that_is_added_to_a_bookmark_has_its_own_cost() {
    let world = world(250);
    let (_, state) = sent(&world, "orders", None);
    world.wait(Duration::from_secs(3600));
    let at = world.now();
    let some: Vec<u64> = world.store.borrow().ids(Kind::ORDERS).take(3).collect();
    for id in some {
        world.store.borrow_mut().touch(Kind::ORDERS, id, at);
    }
    world.wait(Duration::from_secs(3600));
    let report = check(&world, "orders,order_shipments", Some(&state));
    let changed = 3 + 1;
    assert_eq!(of(&report, "orders").records, Ok(Some(Figure { number: changed, at_least: false })), "and the last one");
    assert_eq!(requests(&report, "orders"), Some((1 + 2 + 2 + 3 * changed, true)));
    assert_eq!(requests(&report, "order_shipments"), Some((24, true)));
    sent(&world, "orders,order_shipments", Some(&state));
    assert_eq!((world.asked("/shipping_addresses?"), world.asked("/shipments?")), (changed as usize, 24));
}

#[test]
fn a_list_below_records_that_has_not_changed_costs_what_is_foreseen() {
    let world = world(250);
    let (first, state) = sent(&world, "price_list_records", None);
    world.wait(Duration::from_secs(3600));
    let foreseen = |state| requests(&check(&world, "price_list_records", state), "price_list_records").unwrap().0;
    let (of_first, of_next) = (foreseen(None), foreseen(Some(&state)));
    let lists = 12;
    assert_eq!((of_first, of_next), (1 + 3 + lists * 3, of_first), "how many rows they have is not counted");
    assert_eq!(first, of_first + lists, "a page more for each that has rows");
    // The records with the last date come once more.
    let (next, _) = sent(&world, "price_list_records", Some(&state));
    assert_eq!(next, of_next + 1);
}

#[test]
fn a_check_asks_each_list_once_whatever_is_selected() {
    let asked = |select: &str| {
        let world = world(250);
        world.check(&inputs(&world, select, None)).unwrap();
        world.store.borrow().requests().len()
    };
    let lists = ALL.iter().filter(|stream| matches!(stream.source, Source::List(_)));
    let counts = lists.clone().filter(|stream| stream.list().count.is_some()).count();
    let others = ALL.iter().filter(|stream| match stream.source {
        Source::List(_) => false,
        Source::Below { parent, .. } | Source::With { parent, .. } => stream.scope() != parent.scope(),
    });
    // Two streams of one list ask for it once.
    let paths: BTreeSet<&str> = lists.map(|stream| stream.list().path).collect();
    let most = paths.len() + counts + others.count();
    assert_eq!(["*", "orders", "order_shipments", "price_list_records"].map(asked), [most; 4]);
}

#[test]
fn a_stream_that_cannot_be_read_has_no_number() {
    let world = World::with(Options { missing_scopes: [Scope::Transactions].into(), ..Options::default() });
    let report = check(&world, "orders.id,transactions,order_shipments", None);
    assert!(of(&report, "transactions").records.is_err());
    assert_eq!(requests(&report, "transactions"), None);
    assert_eq!(requests(&report, "order_shipments"), Some((500, true)));
    assert!(report.total().at_least);
    let text = report.to_json();
    let json = |stream: &str| text["streams"].as_array().unwrap().iter().find(|known| known["stream"] == stream).unwrap().clone();
    assert_eq!((&json("transactions")["requests"], &json("transactions")["seconds"]), (&Value::Null, &Value::Null));
    assert_eq!((&json("brands")["selected"], &json("brands")["requests"]), (&json!(false), &Value::Null));
}

#[test]
fn a_list_that_nothing_counts_is_known_up_to_its_first_page() {
    let figures = |page_size: u64| {
        let report = check(&world(page_size), "tax_classes", None);
        let records = of(&report, "tax_classes").records.clone().unwrap().unwrap();
        (records, requests(&report, "tax_classes").unwrap())
    };
    let others = check(&world(250), "store", None);
    assert_eq!(of(&others, "tax_classes").records, Ok(None), "what is not selected is not worth a page");
    assert_eq!(figures(10), (Figure { number: 10, at_least: true }, (4, true)));
    assert_eq!(
        figures(250),
        (Figure { number: 12, at_least: false }, (6, false)),
        "a list that does not say its length is read on, and twice"
    );
}

#[test]
fn times_are_those_of_the_quota() {
    let quota = Some(Quota { requests: 150, window: Duration::from_secs(30) });
    let world = World::with(Options { quota, ..Options::default() });
    let report = check(&world, "orders,order_shipments", None).to_json();
    let json =
        |stream: &str| report["streams"].as_array().unwrap().iter().find(|known| known["stream"] == stream).unwrap().clone();
    let (orders, shipments) = (json("orders"), json("order_shipments"));
    assert_eq!((&orders["requests"], &orders["seconds"]), (&json!(1507), &json!(301.4)));
    assert_eq!((&shipments["requests"], &shipments["seconds"]), (&json!(500), &json!(100.0)));
    assert_eq!(shipments["rates"], json!([{"requests": 1, "records": 1, "of": "orders"}]));
    assert_eq!(report["total"], json!({"requests": 2007, "requests_at_least": true, "seconds": 401.4}));
    assert_eq!(report["quota"], json!({"requests": 150, "window_ms": 30_000}));
}
