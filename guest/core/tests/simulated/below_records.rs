//! Lists below the records of another list.

use crate::world::{FAMILIES, Run, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tap_bigcommerce_core::error::Kind as Failure;
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_sandbox::{Action, Delivery, Fault, Kind, Request};

#[test]
fn lists_below_records_are_read_ten_at_a_time_and_no_more() {
    let mut world = World::new(FAMILIES);
    world.config.insert("page_size".into(), json!(10));
    let run = world.select("price_list_records");
    assert_eq!(run.records("price_list_records").len(), world.rows("price_list_records"));
    let store = world.store.borrow();
    let seen: Vec<_> = store.requests().iter().filter(|seen| seen.target.contains("/records?")).collect();
    let at_once = |at| seen.iter().filter(|seen| seen.at == at).count();
    assert_eq!(seen.iter().map(|seen| at_once(seen.at)).max(), Some(10));
}

#[test]
fn runs_of_one_record_come_to_an_end_below_records_too() {
    let world = World::new(FAMILIES.with(Kind::PRICE_LISTS, 3));
    let (mut state, mut came, mut runs) = (None::<Value>, BTreeSet::new(), 0);
    loop {
        let select = Some(vec!["price_list_records".to_owned()]);
        let run = world.run_with(Inputs { select, max_records: Some(1), ..world.inputs(state.as_ref()) }, None).ok();
        came.extend(run.records("price_list_records").into_iter().map(|record| {
            let part = |name: &str| record[name].to_string();
            (part("price_list_id"), part("variant_id"), part("currency"))
        }));
        runs += 1;
        assert!(runs < 200, "runs with a limit do not come to an end: {:?}", run.state());
        if run.result.as_ref().unwrap().complete {
            break;
        }
        state = Some(run.state().clone());
    }
    assert_eq!(came.len(), world.rows("price_list_records"));
}

#[test]
fn a_record_whose_key_cannot_be_read_ends_no_stream() {
    let world = World::new(FAMILIES.with(Kind::PRICE_LISTS, 6));
    let list = world.store.borrow().ids(Kind::PRICE_LISTS).nth(2).unwrap();
    let set = |currency: Value, at| {
        world.store.borrow_mut().edit(Kind::PRICE_LISTS, list, at, |list| {
            let records = list.parts["records"].as_array_mut().unwrap();
            records[0]["currency"] = currency;
        });
    };
    let at = world.now() - chrono::TimeDelta::days(100);
    set(Value::Null, at);
    let of_store = world.rows("price_list_records");
    let run = |state: Option<&Value>| world.select_from("price_list_records", state);
    let first = run(None);
    assert_eq!((first.verdict(), first.records("price_list_records").len()), (Some(Failure::SetAside), of_store - 1));
    assert!(first.warnings().iter().any(|warning| warning.contains("currency (none)")), "{:?}", first.warnings());
    let second = run(Some(first.state()));
    assert_eq!(second.verdict(), Some(Failure::SetAside), "it is still there, and still cannot be written");
    assert_eq!(second.aside("price_list_records").as_array().map(Vec::len), Some(1));
    set(json!("chf"), at);
    let third = run(Some(second.state()));
    assert_eq!((third.verdict(), third.aside("price_list_records")), (None, json!([])));
    assert!(third.records("price_list_records").iter().any(|record| record["currency"] == "chf"), "its date did not change");
}

#[test]
fn a_price_list_without_a_list_of_records_is_passed_with_a_warning() {
    let world = World::new(FAMILIES);
    let lists: Vec<u64> = world.store.borrow().ids(Kind::PRICE_LISTS).collect();
    for id in [lists[0], lists[17]] {
        world.store.borrow_mut().add_fault(Fault::on(&format!("/pricelists/{id}/records"), Action::NotFound).always());
    }
    let run = world.select("price_list_records");
    assert_eq!(run.verdict(), None, "{:?}", run.warnings());
    let came: BTreeSet<u64> =
        run.records("price_list_records").iter().map(|record| record["price_list_id"].as_u64().unwrap()).collect();
    assert!(!came.contains(&lists[0]) && came.contains(&lists[1]) && came.contains(&lists[24]));
    let warned = run.warnings().iter().filter(|warning| warning.contains("but its list does not (status 404)")).count();
    assert_eq!(warned, 2, "{:?}", run.warnings());
}

#[test]
fn a_price_list_whose_records_are_never_served_holds_up_no_other() {
    let stalls = Action::Deliver(Delivery::Stall);
    for (place, action) in [(0, Action::status(500)), (17, Action::status(500)), (17, stalls)] {
        let world = World::new(FAMILIES);
        let list = world.store.borrow().ids(Kind::PRICE_LISTS).nth(place).unwrap();
        world.store.borrow_mut().add_fault(Fault::on(&format!("/pricelists/{list}/records"), action).always());
        let run = |state: Option<&Value>| {
            let request = Inputs { select: Some(vec!["price_list_records".to_owned()]), ..world.inputs(state) };
            world.run_with(request, None).ok()
        };
        let first = run(None);
        assert_eq!(first.verdict(), Some(Failure::SetAside), "{:?}", first.warnings());
        world.store.borrow_mut().clear_faults();
        let second = run(Some(first.state()));
        assert_eq!((second.verdict(), second.aside("price_list_records")), (None, json!([])));
        let key = |record: &&Value| format!("{} {} {}", record["price_list_id"], record["variant_id"], record["currency"]);
        let came: BTreeSet<String> =
            [&first, &second].iter().flat_map(|run| run.records("price_list_records")).map(|record| key(&record)).collect();
        assert_eq!(came.len(), world.rows("price_list_records"));
    }
}

#[test]
fn a_page_of_listings_that_is_not_served_holds_up_no_other_channel_and_comes_later() {
    for served in [0, 1] {
        let mut world = World::new(FAMILIES.with(Kind::CHANNELS, 4));
        world.config.insert("page_size".into(), json!(10));
        let channel = world.store.borrow().ids(Kind::CHANNELS).nth(1).unwrap();
        let path = format!("/channels/{channel}/listings?");
        world.store.borrow_mut().add_fault(Fault::on(&path, Action::status(500)).skip(served).always());
        let first = world.select("channel_listings");
        assert_eq!(first.verdict(), Some(Failure::SetAside), "{:?}", first.warnings());
        let of = |run: &Run, own: bool| -> BTreeSet<u64> {
            let records = run.records("channel_listings").into_iter();
            let records = records.filter(|record| (record["channel_id"] == channel) == own);
            records.map(|record| record["listing_id"].as_u64().unwrap()).collect()
        };
        let still = world.select_from("channel_listings", Some(first.state()));
        assert_eq!(still.verdict(), Some(Failure::SetAside), "{:?}", still.warnings());
        world.store.borrow_mut().clear_faults();
        let last = world.select_from("channel_listings", Some(still.state()));
        assert_eq!((last.verdict(), last.aside("channel_listings")), (None, json!([])), "{:?}", last.warnings());
        let due: Vec<u64> = world
            .store
            .borrow()
            .truth("channel_listings")
            .unwrap()
            .iter()
            .filter(|truth| truth.of == Some((Kind::CHANNELS, channel)))
            .map(|truth| truth.row["listing_id"].as_u64().unwrap())
            .collect();
        assert!(due.len() > 10 && due.iter().all(|id| of(&last, true).contains(id)), "{:?}", last.warnings());
        assert_eq!(due.len() + of(&first, false).len(), world.rows("channel_listings"));
    }
}

/// No other list is left that could show that the store serves such lists.
#[test]
fn channels_that_are_all_deleted_while_their_listings_are_read_end_the_stream_well() {
    for gone in [2, 3] {
        let mut world = World::new(FAMILIES.with(Kind::CHANNELS, 3));
        world.config.insert("page_size".into(), json!(10));
        let ids: Vec<u64> = world.store.borrow().ids(Kind::CHANNELS).take(gone).collect();
        let (path, mut is_done) = (format!("/channels/{}/listings", ids[0]), false);
        world.store.borrow_mut().on_request(move |request, store| {
            if !is_done && request.path.ends_with(&path) && request.query.contains("after=") {
                is_done = ids.iter().all(|id| store.delete(Kind::CHANNELS, *id));
            }
        });
        let run = world.select("channel_listings");
        assert_eq!(run.verdict(), None, "{gone}: {:?}", run.warnings());
        assert!(!run.records("channel_listings").is_empty());
        let info = run.log.iter().filter(|(_, line)| line.contains("was deleted while it was read")).count();
        assert_eq!(info, gone, "{:?}", run.log);
    }
}

/// The channels are there, so that it is the lists that fail.
#[test]
fn listings_that_no_channel_has_fail_the_stream() {
    let world = World::new(FAMILIES.with(Kind::CHANNELS, 3));
    world.store.borrow_mut().add_fault(Fault::on("/listings", Action::status(404)).always());
    assert_eq!(world.select("channel_listings").verdict(), Some(Failure::Api));
}

#[test]
fn a_zone_whose_methods_come_empty_once_is_asked_again() {
    let world = World::new(FAMILIES.with(Kind::SHIPPING_ZONES, 5));
    let due = world.rows("shipping_methods");
    let zone = world.store.borrow().truth("shipping_methods").unwrap().iter().find_map(|truth| truth.of).unwrap().1;
    let nothing = Action::Status { code: 204, body: Some(Vec::new()), headers: Vec::new() };
    world.store.borrow_mut().add_fault(Fault::on(&format!("/shipping/zones/{zone}/methods"), nothing));
    let run = world.select("shipping_methods");
    assert_eq!((run.verdict(), run.records("shipping_methods").len()), (None, due), "{:?}", run.warnings());
}

#[test]
fn a_price_list_whose_id_cannot_be_read_is_not_asked_for_and_not_forgotten() {
    let world = World::new(FAMILIES.with(Kind::PRICE_LISTS, 3));
    let id = world.store.borrow().ids(Kind::PRICE_LISTS).next().unwrap();
    let page = json!({
        "data": [{"id": id, "name": "a"}, {"id": null, "name": "b"}, {"id": 7.0, "name": "c"}],
        "meta": {"pagination": {"total": 3, "count": 3}},
    });
    let is_list = |request: &Request| request.path.ends_with("/pricelists");
    let action = Action::Status { code: 200, body: Some(page.to_string().into_bytes()), headers: Vec::new() };
    world.store.borrow_mut().add_fault(Fault::when(is_list, action));
    let run = world.select("price_list_records");
    assert_eq!(run.verdict(), Some(Failure::SetAside), "{:?}", run.warnings());
    assert_eq!(run.aside("price_list_records").as_array().map(Vec::len), Some(2));
    assert!(run.warnings().iter().any(|warning| warning.contains("id is not a number")), "{:?}", run.warnings());
    let asked: BTreeSet<String> = world.store.borrow().requests().iter().map(|seen| seen.target.clone()).collect();
    let own = format!("/pricelists/{id}/records");
    assert!(asked.iter().filter(|target| target.contains("/records")).all(|target| target.contains(&own)), "{asked:?}");
    let next = world.select_from("price_list_records", Some(run.state()));
    assert_eq!((next.verdict(), next.aside("price_list_records")), (None, json!([])), "{:?}", next.warnings());
    assert_eq!(next.records("price_list_records").len(), world.rows("price_list_records"));
}

#[test]
fn a_price_list_with_many_pages_is_read_page_by_page() {
    let mut world = World::new(FAMILIES.with(Kind::PRICE_LISTS, 2));
    world.config.insert("page_size".into(), json!(50));
    let list = world.store.borrow().ids(Kind::PRICE_LISTS).next().unwrap();
    let at = world.now() - chrono::TimeDelta::days(1);
    world.store.borrow_mut().edit(Kind::PRICE_LISTS, list, at, |list| {
        let first = list.parts["records"][0].clone();
        let records = (0..1_000_u64).map(|variant| {
            let mut record = first.clone();
            record["variant_id"] = json!(variant + 1);
            record
        });
        list.parts.insert("records".into(), records.collect());
    });
    let run = world.select("price_list_records");
    assert_eq!((run.verdict(), run.records("price_list_records").len()), (None, world.rows("price_list_records")));
    let pages = world.asked(&format!("/pricelists/{list}/records"));
    assert!((20..=23).contains(&pages), "{pages} pages");
}

#[test]
fn price_lists_that_are_broken_side_by_side_at_the_start_hold_up_no_other() {
    for (action, verdict) in [(Action::status(500), Some(Failure::SetAside)), (Action::NotFound, None)] {
        let world = World::new(FAMILIES);
        let lists: Vec<u64> = world.store.borrow().ids(Kind::PRICE_LISTS).collect();
        for list in &lists[..4] {
            let fault = Fault::on(&format!("/pricelists/{list}/records"), action.clone());
            world.store.borrow_mut().add_fault(fault.always());
        }
        let first = world.select("price_list_records");
        assert_eq!(first.verdict(), verdict, "{:?}", first.warnings());
        let came: BTreeSet<u64> =
            first.records("price_list_records").iter().map(|record| record["price_list_id"].as_u64().unwrap()).collect();
        let has_records = |list: &&u64| {
            !world.store.borrow().record(Kind::PRICE_LISTS, **list).unwrap().parts["records"].as_array().unwrap().is_empty()
        };
        assert_eq!(came, lists[4..].iter().filter(has_records).copied().collect());
        // With one record per run, no other list has been read that could show that the store works.
        let mut state = None::<Value>;
        for runs in 0.. {
            assert!(runs < 100, "limited runs do not come past them: {state:?}");
            let select = Some(vec!["price_list_records".to_owned()]);
            let run = world.run_with(Inputs { select, max_records: Some(1), ..world.inputs(state.as_ref()) }, None).ok();
            if !run.records("price_list_records").is_empty() {
                break;
            }
            state = Some(run.state().clone());
        }
    }
}
