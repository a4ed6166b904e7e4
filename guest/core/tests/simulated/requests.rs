//! What a run of all streams costs, in requests.

use crate::world::World;
use std::collections::BTreeMap;
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_core::streams::{ALL, Paging, Rows, Source, Stream, Way};
use tap_bigcommerce_sandbox::{Counts, Kind, Options};

/// So many orders, customers and products.
const MANY: u64 = 1000;
/// So many rows has a page.
const PAGE: usize = 250;

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

/// How many rows each record has in this stream.
fn lengths(world: &World, stream: &Stream) -> BTreeMap<Option<(Kind, u64)>, usize> {
    let mut lengths = BTreeMap::new();
    for truth in world.store.borrow().truth(stream.name).unwrap() {
        *lengths.entry(truth.of).or_default() += 1;
    }
    lengths
}

/// The least and the most requests for a list of so many rows: its pages, once or twice, and what confirms its end.
fn of_list(rows: usize) -> (usize, usize) {
    let pages = rows.div_ceil(PAGE).max(1);
    (pages, 2 * pages + 4)
}

/// The least and the most requests for the rows of records.
fn of_rows(world: &World, stream: &Stream, parents: usize, rows: &Rows) -> Option<(&'static str, usize, usize)> {
    if rows.is_inside() {
        return None;
    }
    let lengths = lengths(world, stream);
    rows.from.iter().find_map(|way| match way {
        Way::Inside { .. } => None,
        // A list of ten rows or more may have been cut there, and an empty page is asked for twice.
        Way::Each(ask) => {
            let long = lengths.values().filter(|length| **length >= 10).count();
            Some((ask.path, parents, parents + 2 * long))
        }
        // Records of which nothing comes are asked for once more, together.
        Way::Batch { ask, most, .. } => {
            let batches = parents.div_ceil(*most);
            let full = lengths.values().sum::<usize>().div_ceil(PAGE);
            Some((ask.path, batches, 2 * (batches + 2 * full) + 2))
        }
    })
}

#[test]
fn all_streams_cost_one_request_for_each_record_of_their_own_endpoints_and_one_for_each_page_or_batch_of_the_rest() {
    let counts = Counts::default().with(Kind::ORDERS, MANY).with(Kind::CUSTOMERS, MANY).with(Kind::PRODUCTS, MANY);
    let world = World::with(Options { counts, log_requests: 100_000, ..Options::default() });
    let select = Some(ALL.iter().map(|stream| stream.name.to_owned()).collect());
    let run = world.run_with(Inputs { select, ..world.inputs(None) }, None).ok();
    assert_eq!(run.verdict(), None, "{:?}", run.warnings());
    let asked = asked(&world);
    let (mut least, mut most) = (BTreeMap::<&str, usize>::new(), BTreeMap::<&str, usize>::new());
    let mut add = |(path, from, to): (&'static str, usize, usize)| {
        *least.entry(path).or_default() += from;
        *most.entry(path).or_default() += to;
    };
    for stream in ALL {
        match stream.source {
            Source::List(list) => {
                let (from, to) = of_list(world.rows(stream.name));
                add((list.path, if list.paging == Paging::Once { 1 } else { from }, to));
                // Of lists that records hold themselves, those that are too long for that.
                for ask in list.rows.iter().filter(|rows| rows.is_inside()).filter_map(|rows| rows.ask()) {
                    add((ask.path, 0, of_list(world.rows(stream.name)).1 * 5));
                }
            }
            Source::Below { parent, list, .. } => {
                let (lengths, parents) = (lengths(&world, stream), world.rows(parent.name));
                add((list.path, parents, parents * 3 + lengths.values().map(|rows| of_list(*rows).1).sum::<usize>()));
            }
            Source::With { parent, rows } => {
                of_rows(&world, stream, world.rows(parent.name), rows).into_iter().for_each(&mut add);
            }
        }
    }
    // Lists that are walked once more for streams of another mode, and as parents of lists below them.
    for stream in ALL {
        if let Source::Below { parent, .. } | Source::With { parent, .. } = stream.source {
            *most.entry(parent.list().path).or_default() += of_list(world.rows(parent.name)).1;
        }
    }
    for (path, requests) in &asked {
        let known = most.get(path.as_str());
        assert!(known.is_none_or(|most| requests <= most), "{path}: {requests} requests, at most {known:?}");
    }
    for (path, from) in least.into_iter().filter(|(_, from)| *from > 0) {
        assert!(
            asked.get(path).is_some_and(|requests| *requests >= from),
            "{path}: {:?} requests, at least {from}",
            asked.get(path)
        );
    }
    let unknown: Vec<&String> = asked.keys().filter(|path| !most.contains_key(path.as_str())).collect();
    assert!(unknown.len() < 8, "{unknown:?}");
}
