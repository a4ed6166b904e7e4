//! Lists inside one record that are long, or whose answers say too little.

use crate::world::{FAMILIES, World};
use serde_json::json;
use tap_bigcommerce_core::error::Kind as Failure;
use tap_bigcommerce_sandbox::{Action, Fault, Kind, OddAnswer};

#[test]
fn a_store_that_knows_one_page_of_a_list_loses_no_record_for_it() {
    let mut world = World::new(FAMILIES);
    world.config.insert("page_size".into(), json!(10));
    let id = world.store.borrow().ids(Kind::ORDERS).nth(5).unwrap();
    let at = world.now() - chrono::TimeDelta::days(1);
    world.store.borrow_mut().edit(Kind::ORDERS, id, at, |order| {
        let payments = (0..10_u64).map(|place| json!({"id": 7_000_000 + place, "order_id": id.to_string()}));
        order.parts.insert("transactions".into(), payments.collect());
    });
    world.store.borrow_mut().add_fault(Fault::on("/transactions", Action::DuplicatePage).always());
    let run = world.select("transactions");
    let came =
        run.records("transactions").iter().filter(|row| row["order_id"].to_string().trim_matches('"') == id.to_string()).count();
    assert_eq!((run.verdict(), came), (None, 10), "{:?}", run.warnings());
}

#[test]
fn a_full_page_of_customers_that_says_nothing_more_ends_no_walk() {
    let mut world = World::new(FAMILIES);
    world.config.insert("page_size".into(), json!(50));
    world.store.borrow_mut().quirks.odd_answers.insert("/v3/customers".into(), [OddAnswer::MetaAsList].into());
    let run = world.select("customers");
    assert_eq!(run.verdict(), Some(Failure::Api));
    assert!(run.warnings().iter().any(|warning| warning.contains("neither how to continue")), "{:?}", run.warnings());
}

#[test]
fn a_list_inside_a_record_that_does_not_end_is_set_aside() {
    let world = World::new(FAMILIES);
    let id = world.store.borrow().ids(Kind::ORDERS).nth(5).unwrap();
    let at = world.now() - chrono::TimeDelta::days(1);
    world.store.borrow_mut().edit(Kind::ORDERS, id, at, |order| {
        let payments = (0..100_300_u64).map(|place| json!({"id": 9_000_000 + place, "order_id": id.to_string()}));
        order.parts.insert("transactions".into(), payments.collect());
    });
    let run = world.select("transactions");
    assert_eq!((run.verdict(), run.aside("transactions")), (Some(Failure::SetAside), json!([id])), "{:?}", run.warnings());
}
