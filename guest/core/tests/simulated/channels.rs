//! The setting `channel_id`.

use crate::world::{FAMILIES, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tap_bigcommerce_core::error::Kind as Failure;
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_sandbox::Kind;

#[test]
fn channels_restrict_orders_customers_and_products() {
    let channel =
        |value: &Value, id: u64| value.as_u64() == Some(id) || value.as_array().is_some_and(|ids| ids.contains(&json!(id)));
    for (setting, ids) in [(json!(664_179), vec![664_179]), (json!("1, 664179"), vec![1, 664_179]), (json!([1]), vec![1])] {
        let mut world = World::new(FAMILIES.with(Kind::ORDERS, 60));
        world.config.insert("channel_id".into(), setting.clone());
        let run = world.select("orders.id,orders.channel_id,customers.channel_ids,customers.origin_channel_id,products.channels");
        let due = |kind: Kind, field: &str| -> BTreeSet<u64> {
            let store = world.store.borrow();
            let is_due = |id: &u64| {
                let record = store.record(kind, *id).unwrap();
                let value = record.fields.get(field).filter(|value| !value.is_null()).or(record.fields.get("origin_channel_id"));
                let value = value.or(record.parts.get(field)).cloned().unwrap_or_default();
                ids.iter().any(|id| channel(&value, *id))
            };
            store.ids(kind).filter(is_due).collect()
        };
        for (stream, kind, field) in [
            ("orders", Kind::ORDERS, "channel_id"),
            ("customers", Kind::CUSTOMERS, "channel_ids"),
            ("products", Kind::PRODUCTS, "channels"),
        ] {
            let came: BTreeSet<u64> = run.ids(stream).into_iter().collect();
            assert_eq!(came, due(kind, field), "{stream} of {setting}");
        }
        assert_eq!(run.verdict(), None);
    }
    let mut world = World::new(FAMILIES);
    world.config.insert("channel_id".into(), json!("web"));
    assert_eq!(world.run(None).failure().kind, Failure::Config);
}

#[test]
fn channels_that_the_last_run_left_out_are_read_from_their_start() {
    let mut world = World::new(FAMILIES.with(Kind::ORDERS, 60));
    let select = |world: &World, state: Option<&Value>| {
        let request = Inputs { select: Some(vec!["orders.channel_id".to_owned()]), ..world.inputs(state) };
        world.run_with(request, None).ok()
    };
    world.config.insert("channel_id".into(), json!(1));
    let one = select(&world, None);
    let again = select(&world, Some(one.state()));
    assert!(again.ids("orders").len() < one.ids("orders").len(), "the same channel resumes at its bookmark");
    for wider in [json!("1,664179"), json!("")] {
        world.config.insert("channel_id".into(), wider.clone());
        let more = select(&world, Some(one.state()));
        let due = |id: &u64| {
            let channel = world.store.borrow().record(Kind::ORDERS, *id).unwrap().fields["channel_id"].clone();
            wider == json!("") || [1, 664_179].iter().any(|known| channel == json!(known))
        };
        let due: BTreeSet<u64> = world.store.borrow().ids(Kind::ORDERS).filter(due).collect();
        assert_eq!(more.ids("orders").into_iter().collect::<BTreeSet<u64>>(), due, "{wider}");
        assert!(more.warnings().iter().any(|warning| warning.contains("channel_id")), "{:?}", more.warnings());
        // A part of what is known needs no new start.
        world.config.insert("channel_id".into(), json!(1));
        assert!(select(&world, Some(more.state())).ids("orders").len() < one.ids("orders").len());
    }
}

#[test]
fn an_end_date_leaves_nothing_of_a_new_channel_out_for_good() {
    let mut world = World::new(FAMILIES.with(Kind::ORDERS, 60));
    world.config.insert("channel_id".into(), json!(1));
    let one = world.select("orders.channel_id");
    world.config.insert("channel_id".into(), json!("1,664179"));
    world.config.insert("end_date".into(), json!("2023-01-01T00:00:00Z"));
    let two = world.select_from("orders.channel_id", Some(one.state()));
    world.config.shift_remove("end_date");
    let three = world.select_from("orders.channel_id", Some(two.state()));
    let came: BTreeSet<u64> = [&one, &two, &three].iter().flat_map(|run| run.ids("orders")).collect();
    let store = world.store.borrow();
    let is_due = |id: &u64| [json!(1), json!(664_179)].contains(&store.record(Kind::ORDERS, *id).unwrap().fields["channel_id"]);
    let due: BTreeSet<u64> = store.ids(Kind::ORDERS).filter(is_due).collect();
    assert_eq!(due.difference(&came).collect::<Vec<_>>(), Vec::<&u64>::new());
    assert!(two.ids("orders").len() < due.len(), "the end date counts");
}
