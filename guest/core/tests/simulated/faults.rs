//! What the tap makes of a store in trouble.

use crate::world::World;
use serde_json::json;
use tap_bigcommerce_core::error::Kind;
use tap_bigcommerce_core::log::Level;
use tap_bigcommerce_core::plan;
use tap_bigcommerce_sandbox::{Action, Counts, Delivery, Fault, Kind as Records, Options, Request, Scope};

const SMALL: Counts =
    Counts::of([(Records::ORDERS, 40), (Records::CUSTOMERS, 30), (Records::PRODUCTS, 20), (Records::COUPONS, 12)]);

fn everything(world: &World) -> [usize; 4] {
    let store = world.store.borrow();
    [Records::ORDERS, Records::CUSTOMERS, Records::PRODUCTS, Records::COUPONS].map(|kind| store.ids(kind).count())
}

fn read(run: &crate::world::Run) -> [usize; 4] {
    ["orders", "customers", "products", "coupons"].map(|stream| run.records(stream).len())
}

#[test]
fn passing_trouble_costs_time_and_no_record() {
    let actions: [fn() -> Action; 8] = [
        || Action::status(500),
        || Action::status(502),
        || Action::status(503),
        || Action::status(423),
        || Action::Html200,
        || Action::TruncatedJson,
        || Action::Throttle { headers: true },
        || Action::Throttle { headers: false },
    ];
    for action in actions {
        let world = World::new(SMALL);
        for path in ["/v2/orders?", "/products?", "/v3/customers?", "/catalog/products?", "/v2/coupons?", "/count"] {
            world.store.borrow_mut().add_fault(Fault::on(path, action()).times(2));
        }
        let run = world.run(None).ok();
        assert_eq!(read(&run), everything(&world), "{:?}", action());
    }
}

#[test]
fn broken_connections_and_silence_are_tried_again() {
    for delivery in [Delivery::ResetMidBody, Delivery::Stall, Delivery::CloseBeforeAnswer] {
        let world = World::new(SMALL);
        world.store.borrow_mut().add_fault(Fault::on("/products?", Action::Deliver(delivery)).skip(3).times(2));
        let run = world.run(None).ok();
        assert_eq!(read(&run), everything(&world), "{delivery:?}");
    }
}

#[test]
fn a_store_that_never_answers_is_asked_no_more_than_four_times() {
    for stream in ["orders", "customers", "products", "coupons"] {
        let world = World::new(SMALL);
        world.store.borrow_mut().add_fault(Fault::on("/", Action::Deliver(Delivery::CloseBeforeAnswer)).always());
        let selected = json!([{"breadcrumb": [], "metadata": {"selected": true}}]);
        let catalog = json!({"streams": [{"stream": stream, "metadata": selected}]}).to_string();
        let run = world.run_with(plan::Inputs { catalog: Some(catalog), ..world.inputs(None) }, None);
        assert_eq!(run.failure().kind, Kind::Unreachable, "{stream}");
        assert!(world.store.borrow().requests().len() <= 4, "{stream}");
    }
}

#[test]
fn lasting_trouble_ends_the_stream_with_a_state_to_resume_from_and_spares_the_others() {
    let mut world = World::new(SMALL);
    world.config.insert("page_size".into(), json!(10));
    world.store.borrow_mut().add_fault(Fault::on("/v2/orders?", Action::status(502)).skip(2).always());
    let broken = world.run(None).ok();
    let summary = broken.result.as_ref().unwrap();
    assert!(!summary.complete);
    assert_eq!(summary.verdict().map(|failure| failure.kind), Some(Kind::Api));
    assert_eq!(read(&broken)[1..], everything(&world)[1..], "the other streams are read");
    assert!(broken.state()["bookmarks"]["orders"]["walk"]["position"]["id"].is_u64());
    world.store.borrow_mut().clear_faults();
    let resumed = world.run(Some(broken.state())).ok();
    let seen = crate::world::versions(&[&broken, &resumed], "orders");
    assert_eq!(seen.len(), everything(&world)[0]);
}

#[test]
fn a_refused_token_is_told_at_once_and_nothing_else_is_tried() {
    let mut world = World::new(SMALL);
    world.config.insert("access_token".into(), json!("wrong-token"));
    let run = world.run(None);
    assert_eq!(run.failure().kind, Kind::Unauthorized);
    assert_eq!(world.store.borrow().requests().len(), 1);
    assert!(!format!("{:?}{:?}{}", run.messages, run.log, run.failure()).contains("wrong-token"));
}

#[test]
fn a_missing_scope_is_named_and_the_other_streams_are_read() {
    let world = World::with(Options { counts: SMALL, missing_scopes: [Scope::Customers].into(), ..Options::default() });
    let run = world.run(None).ok();
    let failure = run.result.as_ref().unwrap().verdict().unwrap();
    assert_eq!(failure.kind, Kind::MissingScope);
    assert!(failure.message.contains("store_v2_customers_read_only"), "{failure}");
    let [orders, _, products, coupons] = everything(&world);
    assert_eq!(read(&run), [orders, 0, products, coupons]);
}

#[test]
fn a_part_that_is_not_found_is_believed_only_when_its_order_is_gone() {
    let world = World::new(SMALL);
    let id = world.store.borrow().ids(Records::ORDERS).nth(5).unwrap();
    let mut deleted = false;
    world.store.borrow_mut().on_request(move |request, store| {
        if !deleted && request.path.ends_with(&format!("/orders/{id}/products")) {
            deleted = store.delete(Records::ORDERS, id);
        }
    });
    let run = world.run(None).ok();
    assert_eq!(run.records("orders").len(), 39);
    assert_eq!(run.result.unwrap().streams[0].skipped, 1);

    // Nothing says that the order has coupons.
    let world = World::new(SMALL);
    world.store.borrow_mut().add_fault(Fault::on(&format!("/orders/{id}/coupons"), Action::NotFound).always());
    let run = world.run(None).ok();
    assert_eq!((run.result.as_ref().unwrap().verdict(), run.records("orders").len()), (None, 40));
    assert!(run.warnings().iter().any(|warning| warning.contains(&format!("record {id}: the list of coupons does not exist"))));

    // It says that it has items.
    let world = World::new(SMALL);
    world.store.borrow_mut().add_fault(Fault::on(&format!("/orders/{id}/products"), Action::NotFound).always());
    let run = world.run(None).ok();
    assert_eq!(run.result.as_ref().unwrap().verdict().unwrap().kind, Kind::SetAside);
    assert_eq!((run.records("orders").len(), run.aside("orders")), (39, json!([id])));
}

#[test]
fn a_customer_that_is_deleted_while_its_addresses_are_read_is_skipped() {
    let world = World::new(SMALL);
    let most = {
        let store = world.store.borrow();
        let addresses =
            |id: &u64| store.record(Records::CUSTOMERS, *id).unwrap().parts["addresses"].as_array().map_or(0, Vec::len);
        store.ids(Records::CUSTOMERS).max_by_key(addresses).unwrap()
    };
    let mut deleted = false;
    world.store.borrow_mut().on_request(move |request, store| {
        let asked = request.query.split('&').find_map(|filter| filter.strip_prefix("customer_id:in=")).unwrap_or_default();
        let asks_for_it = asked.replace("%2C", ",").split(',').any(|id| id == most.to_string());
        if !deleted && request.path.ends_with("/customers/addresses") && asks_for_it {
            deleted = store.delete(Records::CUSTOMERS, most);
        }
    });
    let run = world.run(None).ok();
    assert_eq!(run.records("customers").len(), 29);
    let summary = run.result.unwrap();
    assert_eq!((summary.verdict(), summary.streams.iter().map(|stream| stream.skipped).sum::<u64>()), (None, 1));
}

#[test]
fn an_end_that_the_store_contradicts_is_asked_again_and_then_an_error() {
    for (path, stream) in [
        ("/v2/orders?", "orders"),
        ("/v3/customers?", "customers"),
        ("/catalog/products?", "products"),
        ("/v2/coupons?", "coupons"),
    ] {
        let world = World::new(SMALL);
        world.store.borrow_mut().add_fault(Fault::on(path, Action::EmptyPage).times(1));
        let run = world.run(None).ok();
        assert_eq!(read(&run), everything(&world), "{stream}: one empty page");

        for body in ["", "[]", r#"{"data": []}"#, r#"{"data": [], "meta": {"pagination": {}}}"#] {
            let mut world = World::new(SMALL);
            world.config.insert("page_size".into(), json!(10));
            let nothing = Action::Status { code: 200, body: Some(body.into()), headers: Vec::new() };
            world.store.borrow_mut().add_fault(Fault::on(path, nothing).skip(1));
            let run = world.run(None).ok();
            assert_eq!(read(&run), everything(&world), "{stream}: {body:?} in place of the second page");
        }

        let world = World::new(SMALL);
        world.store.borrow_mut().add_fault(Fault::on(path, Action::EmptyPage).always());
        let run = world.run(None).ok();
        let failed =
            run.result.as_ref().unwrap().streams.iter().find(|summary| summary.failure.is_some()).map(|summary| summary.name);
        match stream {
            // Upward and downward they say the same.
            "orders" => {
                assert_eq!(failed, None, "an empty list for ever");
                let counted = |warning: &&str| warning.contains("the list is empty, but the store counts 40");
                assert!(run.warnings().iter().any(counted), "{:?}", run.warnings());
            }
            _ => assert_eq!(failed, Some(stream), "an empty page for ever"),
        }

        if let Some(position) = [("orders", "min_id="), ("products", "id:greater=")].iter().find(|(of, _)| *of == stream) {
            let mut world = World::new(SMALL);
            world.config.insert("page_size".into(), json!(10));
            world.store.borrow_mut().add_fault(Fault::on(position.1, Action::EmptyPage).always());
            let failure = world.run(None).ok().result.unwrap().verdict().unwrap();
            assert!(failure.message.contains("its row with the highest id is"), "{failure}");
        }
    }
}

#[test]
fn a_store_that_ignores_the_position_is_an_error_and_no_endless_run() {
    for (parameter, stream) in [("min_id", "orders"), ("after", "customers"), ("id:greater", "products")] {
        let mut world = World::new(SMALL);
        world.config.insert("page_size".into(), json!(10));
        world.store.borrow_mut().quirks.ignored_parameters.insert(parameter.to_owned());
        let run = world.run(None).ok();
        let failures: Vec<&str> = run
            .result
            .as_ref()
            .unwrap()
            .streams
            .iter()
            .filter(|summary| summary.failure.is_some())
            .map(|summary| summary.name)
            .collect();
        assert!(failures.contains(&stream), "{parameter}: {failures:?}");
    }
}

#[test]
fn a_customers_further_addresses_are_believed_only_if_they_are_all_and_its_own() {
    let path = "/v3/customers/addresses";
    let world = World::new(SMALL);
    world.store.borrow_mut().add_fault(Fault::on(path, Action::EmptyPage).times(1));
    assert_eq!(read(&world.run(None).ok()), everything(&world));

    let world = World::new(SMALL);
    world.store.borrow_mut().add_fault(Fault::on(path, Action::EmptyPage).always());
    let run = world.run(None).ok();
    assert_eq!(run.result.as_ref().unwrap().verdict().unwrap().kind, Kind::SetAside);
    assert!(run.warnings().iter().any(|warning| warning.contains("the list of addresses returns no new rows")));

    let world = World::new(SMALL);
    world.store.borrow_mut().quirks.ignored_parameters.insert("customer_id:in".to_owned());
    let run = world.run(None).ok();
    assert_eq!(run.result.as_ref().unwrap().verdict().unwrap().kind, Kind::SetAside);
    assert!(run.warnings().iter().any(|warning| warning.contains("rows of other records")));
    assert!(run.records("customers").len() + run.aside("customers").as_array().unwrap().len() == 30);
}

#[test]
fn a_cursor_that_leads_in_a_circle_is_an_error() {
    let mut world = World::new(SMALL.with(Records::CUSTOMERS, 60));
    world.config.insert("page_size".into(), json!(10));
    let first = world.run(None).ok();
    let cursors: Vec<String> =
        world.store.borrow().requests().iter().filter_map(|seen| Some(seen.target.split_once("after=")?.1.to_owned())).collect();
    let page = |after: &str| {
        let mut store = world.store.borrow_mut();
        let target = format!(
            "/stores/sandbox/v3/customers?limit=10&after={after}&include=addresses,attributes,formfields,storecredit,shopper_profile_id,segment_ids"
        );
        store
            .respond(
                &tap_bigcommerce_sandbox::Request::get(&target).with_header("x-auth-token", "sandbox-access-token"),
                world.now(),
            )
            .body
    };
    let second = page(cursors[0].trim_end_matches("&limit=10"));
    let circle = Action::Status { code: 200, body: Some(second), headers: Vec::new() };
    world.store.borrow_mut().add_fault(
        Fault::when(|request| request.path.ends_with("/v3/customers") && request.query.contains("after="), circle)
            .skip(2)
            .always(),
    );
    let run = world.run(None).ok();
    assert!(run.result.as_ref().unwrap().verdict().is_some(), "a circle");
    assert!(first.records("customers").len() == 60 && run.records("customers").len() < 100);
}

#[test]
fn a_quota_that_stays_spent_ends_the_run_after_an_hour() {
    let world = World::new(SMALL);
    world.store.borrow_mut().add_fault(Fault::on("/products?", Action::Throttle { headers: true }).always());
    let began = world.now();
    let run = world.run(None);
    assert_eq!(run.failure().kind, Kind::RateLimited);
    let hours = (world.now() - began).num_minutes() as f64 / 60.0;
    assert!((0.9..3.0).contains(&hours), "{hours} h");
}

#[test]
fn an_order_whose_list_brings_the_same_page_again_is_set_aside() {
    let world = World::new(SMALL.with(Records::ORDERS, 200));
    world.store.borrow_mut().quirks.ignored_parameters.insert("page".to_owned());
    let run = world.run(None).ok();
    assert_eq!(run.result.as_ref().unwrap().verdict().unwrap().kind, Kind::SetAside);
    assert_eq!(run.records("orders").len() + run.aside("orders").as_array().unwrap().len(), 200);
}

#[test]
fn a_redirect_is_not_followed() {
    let world = World::new(SMALL);
    world.store.borrow_mut().add_fault(Fault::on("/v2/coupons?", Action::Redirect("https://elsewhere.example/".into())).always());
    let run = world.run(None).ok();
    let failure = run.result.as_ref().unwrap().verdict().unwrap();
    assert!(failure.message.contains("redirects"), "{failure}");
}

#[test]
fn a_page_that_the_store_cannot_carry_is_asked_for_in_halves() {
    let world = World::new(SMALL.with(Records::ORDERS, 300));
    world.store.borrow_mut().add_fault(
        Fault::when(|request| request.path.ends_with("/v2/orders") && request.query.contains("limit=250"), Action::status(504))
            .always(),
    );
    let run = world.run(None).ok();
    assert_eq!(read(&run)[0], 300);
    assert!(world.store.borrow().requests().iter().any(|seen| seen.target.contains("limit=125")));
}

#[test]
fn a_cursor_that_the_store_forgot_starts_the_walk_over() {
    let mut world = World::new(SMALL);
    world.config.insert("page_size".into(), json!(10));
    world.store.borrow_mut().add_fault(Fault::on("/v3/customers?", Action::status(502)).skip(2).always());
    let broken = world.run(None).ok();
    let mut state = broken.state().clone();
    assert!(state["bookmarks"]["customers"]["walk"]["position"]["cursor"].is_string());
    state["bookmarks"]["customers"]["walk"]["position"]["cursor"] = json!("forgotten");
    world.store.borrow_mut().clear_faults();
    let resumed = world.run(Some(&state)).ok();
    assert!(resumed.warnings().iter().any(|warning| warning.contains("last run's position")), "{:?}", resumed.warnings());
    assert_eq!(crate::world::versions(&[&broken, &resumed], "customers").len(), everything(&world)[1]);
}

#[test]
fn a_cursor_that_leads_nowhere_any_more_starts_the_walk_over() {
    let mut world = World::new(SMALL);
    world.config.insert("page_size".into(), json!(10));
    world.store.borrow_mut().add_fault(Fault::on("/v3/customers?", Action::status(502)).skip(2).always());
    let broken = world.run(None).ok();
    let cursor = broken.state()["bookmarks"]["customers"]["walk"]["position"]["cursor"].as_str().unwrap().to_owned();
    world.store.borrow_mut().clear_faults();
    let of_cursor = move |request: &Request| request.query.contains(&format!("after={}", cursor.trim_end_matches('=')));
    world.store.borrow_mut().add_fault(Fault::when(of_cursor, Action::EmptyPage).times(4));
    let resumed = world.run(Some(broken.state())).ok();
    assert!(resumed.warnings().iter().any(|warning| warning.contains("last run's position")), "{:?}", resumed.warnings());
    assert_eq!(resumed.result.as_ref().unwrap().verdict(), None);
    assert_eq!(crate::world::versions(&[&broken, &resumed], "customers").len(), everything(&world)[1]);
}

#[test]
fn an_empty_page_is_no_end_even_if_a_record_that_was_read_is_deleted_meanwhile() {
    for (path, position, kind, stream) in
        [("/v3/customers", "after=", Records::CUSTOMERS, "customers"), ("/v2/coupons", "min_id=", Records::COUPONS, "coupons")]
    {
        let mut world = World::new(SMALL);
        world.config.insert("page_size".into(), json!(10));
        let (first, last) = (world.store.borrow().ids(kind).next().unwrap(), world.store.borrow().ids(kind).last().unwrap());
        let mut deleted = false;
        world.store.borrow_mut().on_request(move |request, store| {
            if !deleted && request.path.ends_with(path) && request.query.contains(position) {
                deleted = store.delete(kind, first);
            }
        });
        world.store.borrow_mut().add_fault(Fault::when(
            move |request| request.path.ends_with(path) && request.query.contains(position),
            Action::EmptyPage,
        ));
        let run = world.run(None).ok();
        assert_eq!(run.ids(stream).last(), Some(&last), "{stream}");
    }
}

#[test]
fn a_sink_that_blocks_the_run_makes_no_request_time_out() {
    let mut world = World::new(SMALL);
    world.sink_pause = std::time::Duration::from_secs(90);
    world.config.insert("request_timeout_seconds".into(), json!(5));
    let run = world.run(None).ok();
    assert_eq!(read(&run), everything(&world));
    assert_eq!(run.result.unwrap().counts.retries, 0);
}

#[test]
fn strict_turns_a_value_that_does_not_fit_into_an_error() {
    let spoil = |world: &World| {
        let mut store = world.store.borrow_mut();
        let id = store.ids(Records::ORDERS).next().unwrap();
        let at = store.date_modified(Records::ORDERS, id).unwrap();
        store.edit(Records::ORDERS, id, at, |order| drop(order.fields.insert("items_total".into(), json!("a dozen"))));
        id
    };
    let world = World::new(SMALL);
    let id = spoil(&world);
    let run = world.run(None).ok();
    assert_eq!(run.records("orders").len(), 40, "the record stays");
    assert!(run.records("orders")[0]["items_total"].is_null());
    assert!(run.warnings().iter().any(|warning| warning.contains(&format!("record {id}")) && warning.contains("items_total")));
    assert_eq!(run.result.as_ref().unwrap().streams[0].nulled, 1);

    let mut world = World::new(SMALL);
    spoil(&world);
    world.config.insert("strict".into(), json!(true));
    let run = world.run(None).ok();
    assert_eq!(run.result.as_ref().unwrap().verdict().map(|failure| failure.kind), Some(Kind::Api));
}

#[test]
fn the_log_tells_names_and_never_values() {
    let world = World::new(SMALL);
    let run = world.run(None).ok();
    let log = run.log.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n");
    for customer in run.records("customers") {
        assert!(!log.contains(customer["email"].as_str().unwrap()));
    }
    assert!(!log.contains("sandbox-access-token"));
    assert!(run.log.iter().all(|(level, _)| *level != Level::Critical));
}

#[test]
fn a_list_that_ends_the_run_keeps_only_one_run_from_the_other_streams() {
    for (action, kind) in [
        (Action::Deliver(Delivery::Stall), Kind::Unreachable),
        (Action::Throttle { headers: false }, Kind::RateLimited),
        (Action::status(401), Kind::Unauthorized),
    ] {
        let world = World::new(SMALL);
        world.store.borrow_mut().add_fault(Fault::on("/v2/orders?", action).always());
        let first = world.run(None);
        assert_eq!(first.failure().kind, kind);
        let second = world.run(Some(first.state()));
        assert_eq!(second.failure().kind, kind);
        let all = everything(&world);
        assert_eq!(read(&second)[1..], all[1..], "{kind}: the run begins with the other streams");
        world.store.borrow_mut().clear_faults();
        assert_eq!(read(&world.run(Some(second.state())).ok())[0], all[0], "{kind}");
    }
}
