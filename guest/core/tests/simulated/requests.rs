//! What a run of all streams costs, in requests.

use crate::world::{World, archived};
use std::collections::{BTreeMap, BTreeSet};
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_core::streams::{ALL, List, Paging, Rows, Source, Stream};
use tap_bigcommerce_sandbox::{Counts, Kind, Options};

/// The number of orders, of customers and of products.
const MANY: usize = 1000;
/// The rows of a page.
const PAGE: usize = 250;
/// A store may have capped a list with this many rows, or a multiple.
const ROUND: usize = 10;

/// The least and the most requests.
type Bounds = (usize, usize);

/// How often each endpoint was asked, by its path with `{id}` for each number.
fn asked(world: &World) -> BTreeMap<String, usize> {
    let mut asked = BTreeMap::new();
    for seen in world.store.borrow().requests() {
        let path = seen.target.split('?').next().unwrap_or_default().split('/').skip(3);
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let path: Vec<&str> = path.map(|part| if is_number(part) { "{id}" } else { part }).collect();
        *asked.entry(path.join("/")).or_default() += 1;
    }
    asked
}

fn kind(stream: &Stream) -> Kind {
    Kind::ALL.iter().copied().find(|kind| kind.name() == stream.name).unwrap()
}

/// How many rows each record of the parent has in this stream, upward by the records' ids.
fn lengths(world: &World, parent: &Stream, stream: &Stream) -> Vec<usize> {
    let store = world.store.borrow();
    let mut lengths: BTreeMap<u64, usize> = store.ids(kind(parent)).map(|id| (id, 0)).collect();
    for (_, id) in store.truth(stream.name).unwrap().into_iter().filter_map(|truth| truth.of) {
        *lengths.entry(id).or_default() += 1;
    }
    lengths.into_values().collect()
}

/// A list of so many rows: its pages, and what confirms its end.
fn of_list(list: &List, rows: usize) -> Bounds {
    let pages = rows.div_ceil(PAGE).max(1);
    match list.paging {
        Paging::Once => (1, 1),
        // A list of several pages is read twice, and so is the empty page after its end.
        Paging::Page => (pages, 2 * (pages + 2)),
        // A page may begin with the last row of the one before it. An empty page comes twice, next to a count or the highest id.
        Paging::Id { .. } | Paging::Cursor { .. } => (pages, rows.div_ceil(PAGE - 1) + 3),
    }
}

/// The requests for one record's list after the first: its other pages, and two for what may follow a list that was cut.
fn of_long(rows: usize) -> usize {
    let may_be_cut = rows > 0 && rows.is_multiple_of(ROUND);
    rows.div_ceil(PAGE).saturating_sub(1) + if may_be_cut { 2 } else { 0 }
}

/// The most requests for the rows of some records together. What does not fit a page is asked for in halves.
fn of_batch(lengths: &[usize]) -> usize {
    let rows: usize = lengths.iter().sum();
    match lengths.split_at(lengths.len() / 2) {
        ([], _) => 1 + of_long(rows),
        (first, second) if rows >= PAGE => 1 + of_batch(first) + of_batch(second),
        _ => 1 + usize::from(rows > 0 && rows.is_multiple_of(ROUND)),
    }
}

/// What the rows of records cost.
fn of_rows(parent: &Stream, rows: &Rows, lengths: &[usize]) -> Bounds {
    let records = lengths.len();
    match rows.batch() {
        None => (records, records + lengths.iter().copied().map(of_long).sum::<usize>()),
        Some(_) => {
            let most = rows.at_a_time().unwrap();
            let batches = records.div_ceil(most);
            // The last batch of each page is a smaller one. Records without rows are requested once more, together.
            let smaller = of_list(parent.list(), records).1;
            let again = lengths.iter().filter(|rows| **rows == 0).count().min(batches + smaller);
            (batches, lengths.chunks(most).map(of_batch).sum::<usize>() + smaller + again)
        }
    }
}

/// The requests for lists inside records: only those that are too long for that are requested.
fn of_inside(world: &World, stream: &Stream, rows: &Rows) -> Bounds {
    let store = world.store.borrow();
    let length = |id| store.record(kind(stream), id).unwrap().parts[rows.name].as_array().unwrap().len();
    let lengths: Vec<usize> = store.ids(kind(stream)).map(length).collect();
    let long = lengths.chunks(rows.at_a_time().unwrap_or(1)).map(|some| some.iter().copied().filter(|rows| *rows >= ROUND));
    let long: Vec<Vec<usize>> = long.map(Iterator::collect).collect();
    (0, long.iter().filter(|some| !some.is_empty()).map(|some| of_batch(some)).sum())
}

#[test]
fn all_streams_cost_one_request_for_each_record_of_their_own_endpoints_and_one_for_each_page_or_batch_of_the_rest() {
    let counts =
        Counts::default().with(Kind::ORDERS, MANY as u64).with(Kind::CUSTOMERS, MANY as u64).with(Kind::PRODUCTS, MANY as u64);
    let world = World::with(Options { counts, log_requests: 100_000, ..Options::default() });
    let select = Some(ALL.iter().map(|stream| stream.name.to_owned()).collect());
    let run = world.run_with(Inputs { select, ..world.inputs(None) }, None).ok();
    assert_eq!(run.verdict(), None, "{:?}", run.warnings());
    let asked = asked(&world);
    let mut allowed = BTreeMap::<&str, Bounds>::new();
    let mut allow = |path: &'static str, (least, most): Bounds| {
        let bounds = allowed.entry(path).or_default();
        *bounds = (bounds.0 + least, bounds.1 + most);
    };
    let mut walked = BTreeSet::new();
    for stream in ALL {
        // Streams of one list that are read in the same way share its walk. For its child lists it is walked once more.
        let walk = match stream.source {
            Source::Below { parent, .. } => Some(parent),
            _ => Some(stream.walked()).filter(|list| walked.insert((list.name, stream.replication_key().is_some()))),
        };
        if let Some(of) = walk {
            let list = of.list();
            allow(list.path, of_list(list, world.rows(of.name)));
            list.hidden.iter().for_each(|_| allow(list.path, of_list(list, archived(&world).len())));
            list.count.iter().for_each(|count| allow(count, (0, 1)));
        }
        match stream.source {
            Source::List(list) => {
                for rows in list.rows.iter().filter(|rows| rows.is_inside()) {
                    rows.ask().iter().for_each(|ask| allow(ask.path, of_inside(&world, stream, rows)));
                }
            }
            Source::Below { parent, list, .. } => {
                lengths(&world, parent, stream).into_iter().for_each(|rows| allow(list.path, of_list(list, rows)));
            }
            Source::With { parent, rows } => {
                let ask = rows.ask().filter(|_| !rows.is_inside());
                ask.iter().for_each(|ask| allow(ask.path, of_rows(parent, rows, &lengths(&world, parent, stream))));
            }
        }
    }
    let unknown: Vec<&String> = asked.keys().filter(|path| !allowed.contains_key(path.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    for (path, (least, most)) in allowed {
        let requests = asked.get(path).copied().unwrap_or(0);
        assert!((least..=most).contains(&requests), "{path}: {requests} requests, at least {least} and at most {most}");
    }
    // A walk by id asks for the highest id and for what follows the last row; one by cursor for an empty page twice, and for a count.
    let (overlapping, disjoint) = ((MANY - 1).div_ceil(PAGE - 1), MANY.div_ceil(PAGE));
    for (path, walks, pages, others) in [
        // And for the highest of the archived orders, and theirs.
        ("v2/orders", 1, overlapping, 2 + 2),
        // The products, what belongs to all of them, and their ids.
        ("v3/catalog/products", 3, disjoint, 2),
        ("v3/customers", 3, disjoint, 3),
    ] {
        assert_eq!(asked[path], walks * (pages + others), "{path}");
    }
}
