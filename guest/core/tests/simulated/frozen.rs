//! States that version 0.1.0 has written still resume, and are written in the present form. The files are as it wrote them, for the very store
//! that these tests use.

use crate::world::{Run, World, archived};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_sandbox::{Counts, Kind};

const SMALL: Counts = Counts::of([(Kind::ORDERS, 30), (Kind::CUSTOMERS, 40), (Kind::PRODUCTS, 25), (Kind::COUPONS, 12)]);

fn world() -> World {
    let mut world = World::new(SMALL);
    world.config.insert("page_size".into(), json!(10));
    world
}

fn state(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn resume(world: &World, select: Option<&str>, state: &Value) -> Run {
    let select = select.map(|select| vec![select.to_owned()]);
    let run = world.run_with(Inputs { select, ..world.inputs(Some(state)) }, None).ok();
    assert_eq!(run.verdict(), None, "{:?}", run.warnings());
    let warnings: Vec<&str> = run.warnings();
    assert!(
        warnings
            .iter()
            .all(|warning| warning.starts_with("products: the selected fields, or the settings that shape them, have changed")),
        "{warnings:?}"
    );
    run
}

fn has_resumed(run: &Run, stream: &str) -> bool {
    run.log.iter().any(|(_, text)| text == &format!("{stream}: resuming where the last run ended"))
}

fn ids(world: &World, kind: Kind) -> BTreeSet<u64> {
    world.store.borrow().ids(kind).collect()
}

/// What a run has written of a stream until the walk that it resumed was complete.
fn of_first_walk(run: &Run, stream: &str) -> Vec<u64> {
    let has_ended = |message: &Value| message["type"] == "STATE" && message["value"]["bookmarks"][stream].get("walk").is_none();
    let first = run.messages.iter().take_while(|message| !has_ended(message));
    first.filter(|message| message["stream"] == stream).filter_map(|message| message["record"]["id"].as_u64()).collect()
}

#[test]
fn a_finished_state_continues_from_its_bookmarks() {
    let world = world();
    let run = resume(&world, None, &state(include_str!("../data/0.1.0/finished.json")));
    assert!(run.ids("orders").len() <= 2 && run.ids("customers").len() <= 2 && run.ids("products").len() <= 2);
    assert_eq!(run.ids("coupons").len(), 12);
    let bookmarks = |state: &Value, stream: &str, key: &str| state["bookmarks"][stream][key].clone();
    let before = state(include_str!("../data/0.1.0/finished.json"));
    for (stream, key) in [("orders", "date_modified"), ("order_products", "order_date_modified"), ("customers", "date_modified")]
    {
        assert_eq!(bookmarks(run.state(), stream, key), bookmarks(&before, stream, key), "{stream}");
    }
}

#[test]
fn a_walk_by_id_resumes() {
    let world = world();
    let run = resume(&world, Some("orders,order_products"), &state(include_str!("../data/0.1.0/by_id.json")));
    assert!(has_resumed(&run, "orders"));
    let first = of_first_walk(&run, "orders");
    assert!(first.iter().all(|id| *id > 111 || archived(&world).contains(id)) && first.contains(&112), "{first:?}");
    let mut rest = ids(&world, Kind::ORDERS).split_off(&112);
    // 0.1.0 did not ask for those that the list hides.
    rest.extend(archived(&world));
    assert_eq!(run.ids("orders").into_iter().collect::<BTreeSet<_>>(), rest);
}

#[test]
fn a_walk_by_cursor_resumes() {
    let world = world();
    let run = resume(&world, Some("customers"), &state(include_str!("../data/0.1.0/by_cursor.json")));
    assert!(has_resumed(&run, "customers"));
    assert!(of_first_walk(&run, "customers").iter().all(|id| *id > 21));
    let rest = ids(&world, Kind::CUSTOMERS).split_off(&22);
    assert_eq!(run.ids("customers").into_iter().collect::<BTreeSet<_>>(), rest);
}

#[test]
fn a_walk_of_a_full_table_resumes_and_reads_the_rest_once_more() {
    let world = world();
    let run = resume(&world, Some("coupons"), &state(include_str!("../data/0.1.0/full_table.json")));
    assert!(has_resumed(&run, "coupons"));
    assert!(of_first_walk(&run, "coupons").iter().all(|id| *id > 5));
    assert_eq!(run.ids("coupons").into_iter().collect::<BTreeSet<_>>(), ids(&world, Kind::COUPONS));
    let run = resume(&world, Some("coupons"), &state(include_str!("../data/0.1.0/full_table_again.json")));
    assert!(has_resumed(&run, "coupons"));
    assert_eq!(run.ids("coupons").into_iter().collect::<BTreeSet<_>>(), ids(&world, Kind::COUPONS));
}

#[test]
fn a_second_walk_resumes() {
    let world = world();
    world.wait(Duration::from_secs(2 * 3600));
    let run = resume(&world, Some("orders,order_products"), &state(include_str!("../data/0.1.0/second_walk.json")));
    assert!(has_resumed(&run, "orders"));
    assert!(of_first_walk(&run, "orders").iter().all(|id| *id > 118 || archived(&world).contains(id)));
}

#[test]
fn what_is_aside_is_asked_for_again() {
    let world = world();
    let run = resume(&world, None, &state(include_str!("../data/0.1.0/aside.json")));
    assert!(run.ids("orders").contains(&105));
    assert_eq!((run.aside("orders"), run.aside("order_products")), (json!([]), json!([])));
}

#[test]
fn a_state_of_0_1_0_is_rewritten_in_the_present_form() {
    let world = world();
    let state = state(include_str!("../data/0.1.0/by_id.json"));
    let request =
        Inputs { max_records: Some(3), select: Some(vec!["orders,order_products".into()]), ..world.inputs(Some(&state)) };
    let run = world.run_with(request, None).ok();
    let walk = &run.state()["bookmarks"]["orders"]["walk"];
    assert_eq!(walk["v"], 2);
    assert!(walk["position"]["id"].as_u64() > Some(111), "{walk}");
    assert_eq!(walk["members"], json!({ "orders": null, "order_products": null }));
    assert!(walk.get("version").is_none() && walk["tap"].is_string());
}
