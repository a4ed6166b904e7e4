//! The numbers of versions, and what stays uncertain from one run to the next.

use crate::versions::{activated, limited, reasons, world};
use crate::world::{Run, World};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tap_bigcommerce_core::error::Kind as Failure;
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_sandbox::{Action, Fault, Kind};

/// The versions that a stream's records carry, those without one left out.
fn carried(run: &Run, stream: &str) -> BTreeSet<u64> {
    let of_stream = |message: &&Value| message["type"] == "RECORD" && message["stream"] == stream;
    run.messages.iter().filter(of_stream).filter_map(|message| message["version"].as_u64()).collect()
}

fn last_version(run: &Run, stream: &str) -> u64 {
    run.state()["bookmarks"][stream]["table_version"].as_u64().unwrap()
}

fn no_activation_but(run: &Run, why: &str) {
    assert_eq!(activated(run), [""; 0]);
    assert!(reasons(run).len() == 1 && reasons(run)[0].contains(why), "{why}: {:?}", run.log);
}

#[test]
fn a_version_is_higher_than_the_last_one_whatever_the_clock_says_and_however_a_walk_begins() {
    let mut world = world();
    let first = world.select("coupons");
    let mut last = last_version(&first, "coupons");
    assert_eq!(carried(&first, "coupons"), [last].into());
    // This machine's clock goes back by a month.
    world.skew = TimeDelta::days(-30);
    let refresh = |select: &str, state: &Value| {
        let (select, full_refresh) = (Some(vec![select.to_owned()]), vec!["coupons".to_owned()]);
        world.run_with(Inputs { select, full_refresh, ..world.inputs(Some(state)) }, None).ok()
    };
    let partial = limited(&world, "coupons", Some(first.state()), 11);
    let runs = [
        ("another run", world.select_from("coupons", Some(first.state()))),
        ("a full refresh", refresh("coupons", first.state())),
        ("a walk that is not finished", partial),
    ];
    for (what, run) in &runs {
        assert_eq!(carried(run, "coupons"), [last + 1].into(), "{what}");
    }
    last += 1;
    let state = runs[2].1.state();
    for (what, run) in [
        ("a full refresh of it", refresh("coupons", state)),
        ("a changed selection", world.select_from("coupons.name", Some(state))),
    ] {
        assert_eq!(carried(&run, "coupons"), [last + 1].into(), "{what}");
        assert_eq!(activated(&run), ["coupons"], "{what}");
    }
}

#[test]
fn a_version_that_leaves_no_room_for_another_is_a_state_error_where_it_matters() {
    let mut world = world();
    let state = |version: Value| json!({"bookmarks": {"coupons": {"table_version": version}}});
    for wrong in [json!("7"), json!(-1), json!(1.5), json!((1_u64 << 53) - 1)] {
        let inputs = world.inputs(Some(&state(wrong.clone())));
        assert_eq!(world.run_with(inputs, None).failure().kind, Failure::State, "{wrong}");
    }
    let highest = (1_u64 << 53) - 2;
    let run = world.select_from("coupons", Some(&state(json!(highest))));
    assert_eq!((last_version(&run, "coupons"), activated(&run)), (highest + 1, vec!["coupons"]));
    world.config.remove("emit_activate_version_messages");
    assert_eq!(world.select_from("coupons", Some(&state(json!("7")))).verdict(), None);
}

#[test]
fn what_is_uncertain_stays_so_through_a_resumption() {
    let world = world();
    world.store.borrow_mut().add_fault(Fault::on("/v2/coupons?", Action::NoBody));
    let first = limited(&world, "coupons", None, 11);
    assert_eq!(first.state()["bookmarks"]["coupons"]["walk"]["certainty"], json!({"coupons": "no_body"}));
    let second = world.select_from("coupons", Some(first.state()));
    no_activation_but(&second, "had no body");
    assert_eq!(carried(&second, "coupons"), carried(&first, "coupons"));
    let third = world.select_from("coupons", Some(second.state()));
    assert_eq!(activated(&third), ["coupons"]);
    assert!(last_version(&third, "coupons") > last_version(&second, "coupons"));
}

#[test]
fn limited_runs_activate_a_list_by_id_and_none_by_page_number() {
    for (stream, kind) in [("coupons", Kind::COUPONS), ("categories", Kind::CATEGORIES)] {
        let (world, mut state, mut all) = (world(), None::<Value>, Vec::new());
        for runs in 0.. {
            assert!(runs < 20, "{stream}: no end");
            let run = limited(&world, stream, state.as_ref(), 5);
            state = Some(run.state().clone());
            all.extend(activated(&run).iter().map(|name| (*name).to_owned()));
            if run.result.as_ref().unwrap().complete {
                let why = if kind == Kind::COUPONS { 0 } else { 1 };
                assert_eq!(reasons(&run).len(), why, "{stream}: {:?}", run.log);
                break;
            }
        }
        assert_eq!(all.len(), usize::from(kind == Kind::COUPONS), "{stream}");
        let whole = world.select_from(stream, state.as_ref());
        assert_eq!(activated(&whole), [stream]);
    }
}

#[test]
fn a_walk_of_which_a_part_was_written_without_versions_activates_none() {
    let setting =
        |world: &mut World, is_on: bool| drop(world.config.insert("emit_activate_version_messages".into(), json!(is_on)));
    let mut world = world();
    // The setting is off, then on; or it is on, off, then on again.
    for first_is_on in [false, true] {
        setting(&mut world, first_is_on);
        let mut left = limited(&world, "coupons", None, 3);
        if first_is_on {
            setting(&mut world, false);
            left = limited(&world, "coupons", Some(left.state()), 3);
        }
        setting(&mut world, true);
        let resumed = world.select_from("coupons", Some(left.state()));
        no_activation_but(&resumed, "before the setting was on");
        let next = world.select_from("coupons", Some(resumed.state()));
        assert_eq!(activated(&next), ["coupons"]);
    }
}

#[test]
fn a_version_is_activated_once_what_was_aside_has_come() {
    let world = world();
    let id = world.store.borrow().ids(Kind::COUPONS).nth(3).unwrap();
    world.store.borrow_mut().quirks.broken_records = [((Kind::COUPONS, id), Action::status(500))].into();
    let first = world.select("coupons");
    no_activation_but(&first, "is set aside");
    let second = world.select_from("coupons", Some(first.state()));
    no_activation_but(&second, "is set aside");
    world.store.borrow_mut().quirks.broken_records.clear();
    let third = world.select_from("coupons", Some(second.state()));
    assert_eq!(activated(&third), ["coupons"]);
    assert_eq!(carried(&third, "coupons"), [last_version(&third, "coupons")].into(), "what was aside carries it, too");
}

#[test]
fn of_two_streams_of_one_walk_each_is_certain_by_itself() {
    for (action, fails) in [(Action::NoBody, false), (Action::status(500), true)] {
        let world = world();
        world.store.borrow_mut().add_fault(Fault::on("/images", action).always());
        let run = world.select("product_variants,product_images");
        assert_eq!(activated(&run), ["product_variants"]);
        let images = run.result.as_ref().unwrap().streams.iter().find(|stream| stream.name == "product_images").unwrap();
        assert_eq!(images.failure.is_some(), fails);
        assert_eq!(reasons(&run).len(), usize::from(!fails), "a stream that fails says so itself");
    }
}

#[test]
fn a_stream_that_joins_a_walk_that_is_resumed_has_a_version_of_its_own() {
    let world = world();
    let first = limited(&world, "product_variants", None, 11);
    let second = world.select_from("product_variants,product_images", Some(first.state()));
    let both = ["product_variants", "product_images"];
    assert_eq!(activated(&second), both, "{:?}", second.log);
    for stream in both {
        assert_eq!(carried(&second, stream), [last_version(&second, stream)].into(), "{stream}");
    }
}
