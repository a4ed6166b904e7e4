//! The documented forms of a list, for every stream: no content, PHP's list, nothing at all.

use crate::registry::{came, due, expect, run, small, world};
use crate::world::World;
use tap_bigcommerce_core::streams::{ALL, Source, Way};
use tap_bigcommerce_sandbox::{Action, Counts, Fault, Kind, OddAnswer, Quirks};

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

#[test]
fn a_list_may_come_in_the_form_of_a_php_array() {
    for stream in ALL {
        let world = world();
        let own = match stream.source {
            Source::List(list) | Source::Below { list, .. } => Some(list.path),
            Source::With { rows, .. } => rows.ask().map(|ask| ask.path),
        };
        let odd = own.map(|path| (format!("/{path}"), [OddAnswer::NumberedRows].into()));
        world.store.borrow_mut().quirks = Quirks { odd_answers: odd.into_iter().collect(), ..Quirks::default() };
        let run = run(&world, stream.name, None);
        assert_eq!(run.verdict(), None, "{}: {:?}", stream.name, run.warnings());
        expect(stream, &due(&world, stream, |_| true), &came(stream, &[&run]), "as an array of PHP");
    }
}
