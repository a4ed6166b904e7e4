//! What leaves the list of what is aside: records that have come, or that are gone as far as a store can prove it.

use crate::aside::{SMALL, break_lines, orders};
use crate::world::World;
use serde_json::json;
use tap_bigcommerce_core::error::Kind;
use tap_bigcommerce_sandbox::{Action, Fault, Kind as Records};

#[test]
fn what_is_gone_from_the_store_leaves_the_state() {
    let world = World::new(SMALL);
    let ids = orders(&world);
    break_lines(&world, &[ids[5]], Action::status(500));
    let first = world.run(None).ok();
    assert_eq!(first.aside("orders"), json!([ids[5]]));
    world.store.borrow_mut().delete(Records::ORDERS, ids[5]);
    let second = world.run(Some(first.state())).ok();
    assert_eq!((second.verdict(), second.aside("orders")), (None, json!([])));
}

#[test]
fn a_list_that_is_not_found_says_nothing_of_the_records_that_are_aside_in_it() {
    let mut world = World::new(SMALL);
    world.config.insert("page_size".into(), json!(10));
    let ids = orders(&world);
    world.store.borrow_mut().quirks.broken_records = [((Records::ORDERS, ids[5]), Action::status(500))].into();
    let first = world.run(None).ok();
    assert_eq!(first.aside("orders").as_array().unwrap().len(), 1);
    world.store.borrow_mut().quirks.broken_records.clear();
    world.store.borrow_mut().add_fault(Fault::on("max_id=", Action::NotFound).always());
    let second = world.run(Some(first.state())).ok();
    assert_eq!(second.aside("orders"), first.aside("orders"));
    world.store.borrow_mut().clear_faults();
    let third = world.run(Some(second.state())).ok();
    assert!(third.ids("orders").contains(&ids[5]));
}

#[test]
fn an_empty_answer_that_says_there_is_a_row_takes_nothing_out_of_the_state() {
    let mut world = World::new(SMALL);
    world.config.insert("page_size".into(), json!(10));
    let ids: Vec<u64> = world.store.borrow().ids(Records::PRODUCTS).collect();
    world.store.borrow_mut().quirks.broken_records = [((Records::PRODUCTS, ids[5]), Action::status(500))].into();
    let first = world.run(None).ok();
    assert_eq!(first.verdict(), Some(Kind::SetAside));
    world.store.borrow_mut().quirks.broken_records.clear();
    world.store.borrow_mut().add_fault(Fault::on("id:max=", Action::EmptyPage).always());
    let second = world.run(Some(first.state())).ok();
    assert_eq!(second.aside("products"), first.aside("products"), "{:?}", second.warnings());
    world.store.borrow_mut().clear_faults();
    let third = world.run(Some(second.state())).ok();
    assert_eq!((third.verdict(), third.aside("products")), (None, json!([])));
    assert!(third.ids("products").contains(&ids[5]));
}

#[test]
fn empty_answers_of_the_whole_list_take_nothing_out_of_the_state() {
    let mut world = World::new(SMALL);
    world.config.insert("page_size".into(), json!(10));
    let ids = orders(&world);
    world.store.borrow_mut().quirks.broken_records = [((Records::ORDERS, ids[5]), Action::status(500))].into();
    let first = world.run(None).ok();
    world.store.borrow_mut().quirks.broken_records.clear();
    world.store.borrow_mut().add_fault(Fault::on("/v2/orders?", Action::EmptyPage).always());
    let second = world.run(Some(first.state())).ok();
    assert_eq!(second.aside("orders"), first.aside("orders"));
    assert!(second.warnings().iter().any(|warning| warning.contains("still set aside")), "{:?}", second.warnings());
    world.store.borrow_mut().clear_faults();
    let third = world.run(Some(second.state())).ok();
    assert_eq!((third.verdict(), third.aside("orders")), (None, json!([])));
    assert!(third.ids("orders").contains(&ids[5]));
}

#[test]
fn a_record_that_was_aside_is_gone_with_all_others_whatever_the_count_says() {
    let world = World::new(SMALL);
    let ids = orders(&world);
    break_lines(&world, &[ids[5]], Action::status(500));
    let first = world.run(None).ok();
    assert_eq!(first.aside("orders"), json!([ids[5]]));
    ids.iter().for_each(|id| assert!(world.store.borrow_mut().delete(Records::ORDERS, *id)));
    world.store.borrow_mut().quirks.count_off_by = 500;
    let second = world.run(Some(first.state())).ok();
    assert_eq!((second.verdict(), second.aside("orders")), (None, json!([])), "{:?}", second.warnings());
}

#[test]
fn one_answer_that_a_record_is_not_found_takes_nothing_out_of_the_state() {
    let world = World::new(SMALL);
    let ids = orders(&world);
    break_lines(&world, &[ids[5]], Action::status(500));
    let first = world.run(None).ok();
    world.store.borrow_mut().quirks.broken_paths.clear();
    let (order, lines) = (format!("/v2/orders/{}", ids[5]), format!("/v2/orders/{}/products", ids[5]));
    let exactly =
        |path: String, skip| Fault::when(move |request| request.path.ends_with(&path), Action::NotFound).skip(skip).times(1);
    world.store.borrow_mut().add_fault(exactly(lines, 0));
    world.store.borrow_mut().add_fault(exactly(order, 1));
    let second = world.run(Some(first.state())).ok();
    let third = world.run(Some(second.state())).ok();
    assert!([&second, &third].iter().any(|run| run.ids("orders").contains(&ids[5])), "{:?}", second.log);
    assert_eq!((third.verdict(), third.aside("orders")), (None, json!([])));
}

#[test]
fn in_a_store_that_has_been_emptied_nothing_stays_aside() {
    for kind in [Records::ORDERS, Records::PRODUCTS, Records::COUPONS] {
        let mut world = World::new(SMALL);
        world.config.insert("page_size".into(), json!(10));
        let ids: Vec<u64> = world.store.borrow().ids(kind).collect();
        world.store.borrow_mut().quirks.broken_records = [((kind, ids[5]), Action::status(500))].into();
        let first = world.run(None).ok();
        assert_eq!(first.verdict(), Some(Kind::SetAside), "{kind:?}");
        for id in ids {
            world.store.borrow_mut().delete(kind, id);
        }
        let second = world.run(Some(first.state())).ok();
        assert_eq!(second.verdict(), None, "{kind:?}: {:?}", second.warnings());
    }
}

#[test]
fn a_store_that_finds_nothing_at_all_takes_nothing_out_of_the_state() {
    for kind in [Records::ORDERS, Records::PRODUCTS, Records::COUPONS] {
        let world = World::new(SMALL);
        let (stream, path) = match kind {
            Records::ORDERS => ("orders", "/v2/orders"),
            Records::PRODUCTS => ("products", "/catalog/products"),
            _ => ("coupons", "/v2/coupons"),
        };
        let ids: Vec<u64> = world.store.borrow().ids(kind).collect();
        let mut state = world.run(None).ok().state().clone();
        state["bookmarks"][stream]["aside"] = json!([ids[3]]);
        world.store.borrow_mut().add_fault(Fault::on(path, Action::NotFound).always());
        let second = world.run(Some(&state)).ok();
        assert_eq!((second.verdict(), second.aside(stream)), (Some(Kind::Api), json!([ids[3]])));
        world.store.borrow_mut().clear_faults();
        let third = world.run(Some(second.state())).ok();
        assert_eq!((third.verdict(), third.aside(stream)), (None, json!([])));
        assert!(third.ids(stream).contains(&ids[3]), "{stream}");
    }
}

#[test]
fn no_order_counts_as_deleted_while_the_store_finds_nothing_at_all() {
    for skip in [3, 20, 50] {
        let world = World::new(SMALL);
        world.store.borrow_mut().add_fault(Fault::on("/v2/", Action::NotFound).skip(skip).always());
        let first = world.run(None).ok();
        assert_eq!(first.verdict(), Some(Kind::Api));
        world.store.borrow_mut().clear_faults();
        let second = world.run(Some(first.state())).ok();
        assert_eq!(second.verdict(), None);
        let read: std::collections::BTreeSet<u64> = [&first, &second].iter().flat_map(|run| run.ids("orders")).collect();
        assert_eq!(read.into_iter().collect::<Vec<_>>(), orders(&world), "after {skip} requests");
    }
}
