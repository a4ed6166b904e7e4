//! Streams that share a walk: each starts by itself, and fails by itself.

use crate::world::{Run, World};
use serde_json::{Value, json};
use tap_bigcommerce_core::error::Kind as Failure;
use tap_bigcommerce_core::plan::Inputs;
use tap_bigcommerce_sandbox::{Action, Counts, Fault, Kind, Options, Scope};

const SMALL: Counts = Counts::of([(Kind::ORDERS, 40), (Kind::CUSTOMERS, 0), (Kind::PRODUCTS, 0), (Kind::COUPONS, 0)]);

/// Of how many orders this list was asked for.
fn of_orders(world: &World, list: &str) -> usize {
    let requests = world.store.borrow();
    let paths = requests.requests().iter().filter_map(|seen| seen.target.split('?').next().filter(|path| path.ends_with(list)));
    paths.filter(|path| path.contains("/v2/orders/")).collect::<std::collections::BTreeSet<_>>().len()
}

fn orders(world: &World) -> usize {
    world.store.borrow().ids(Kind::ORDERS).count()
}

#[test]
fn a_stream_that_is_added_costs_its_own_requests_and_no_more() {
    let world = World::new(SMALL);
    let first = world.select("orders");
    let before = ["/coupons", "/shipping_addresses"].map(|part| world.asked(part));
    world.store.borrow_mut().clear_requests();
    let second = world.select_from("orders,order_products", Some(first.state()));
    let after = ["/coupons", "/shipping_addresses"].map(|part| world.asked(part));
    // The last order is at the bookmark, and comes with each run.
    let repeated = second.ids("orders").len();
    assert!(repeated <= 2, "{:?}", second.ids("orders"));
    assert!(before.iter().all(|asked| *asked >= orders(&world)));
    assert_eq!(after, [repeated; 2], "nothing more is asked of orders that are not written");
    assert_eq!(of_orders(&world, "/products"), orders(&world));
    let lines: usize = first.records("orders").iter().map(|order| order["products"].as_array().unwrap().len()).sum();
    assert_eq!(second.ids("order_products").len(), lines);
    assert!(second.state()["bookmarks"]["order_products"]["order_date_modified"].is_string());
    let third = world.select_from("orders,order_products", Some(second.state()));
    assert!(third.ids("order_products").len() < lines / 4, "it has its own bookmark now");
}

#[test]
fn an_order_without_a_date_is_left_out_for_nobody() {
    let world = World::new(SMALL);
    let first = world.select("orders");
    let id = first.ids("orders")[3];
    assert!(world.store.borrow_mut().set_date_text(Kind::ORDERS, id, "soon"));
    let second = world.select_from("orders,order_products", Some(first.state()));
    assert!(second.ids("orders").contains(&id), "{:?}", second.ids("orders"));
}

#[test]
fn a_list_that_is_refused_fails_the_streams_that_show_it_and_no_other() {
    let world = World::new(SMALL);
    world.store.borrow_mut().add_fault(Fault::on("/coupons", Action::status(403)).always());
    let run = world.select("orders,order_products");
    assert_eq!(run.verdict(), Some(Failure::MissingScope));
    let summary = run.result.as_ref().unwrap();
    let failed: Vec<bool> = summary.streams.iter().map(|stream| stream.failure.is_some()).collect();
    assert_eq!(failed, [true, false], "{:?}", summary.streams);
    assert!(summary.streams[1].complete && !summary.complete);
    assert!(run.ids("orders").is_empty());
    let bookmarks = &run.state()["bookmarks"];
    assert!(bookmarks["order_products"]["order_date_modified"].is_string());
    assert!(bookmarks["orders"].get("date_modified").is_none() && bookmarks["orders"].get("walk").is_none(), "{bookmarks}");
    assert_eq!(of_orders(&world, "/products"), orders(&world));
    // Three of the list's own records, and three for the archived ones.
    assert_eq!(world.asked("/v2/orders?"), 6, "one walk");
}

#[test]
fn a_stream_that_fails_takes_the_start_that_it_alone_had_set_with_it() {
    let mut world = World::new(SMALL.with(Kind::ORDERS, 200));
    world.config.insert("page_size".into(), json!(10));
    let first = world.select("orders.id");
    let pages = world.asked("/v2/orders?");
    world.store.borrow_mut().add_fault(Fault::on("/products", Action::status(403)).always());
    let second = world.select_from("orders.id,order_products", Some(first.state()));
    assert_eq!(second.verdict(), Some(Failure::MissingScope));
    // The first pages of the walk from the beginning, then what is new: not the whole store.
    assert!(world.asked("/v2/orders?") - pages < pages / 2, "{} pages", world.asked("/v2/orders?") - pages);
    assert!(second.ids("orders").len() <= 2, "{:?}", second.ids("orders"));
    let of_orders = second.result.as_ref().unwrap().streams.iter().find(|stream| stream.name == "orders").unwrap();
    assert!(of_orders.complete && of_orders.failure.is_none());
}

#[test]
fn a_walk_resumes_without_the_stream_that_failed_and_the_next_walk_has_it_again() {
    let mut world = World::new(SMALL);
    world.config.insert("max_concurrency".into(), json!(1));
    world.store.borrow_mut().add_fault(Fault::on("/coupons", Action::status(403)).times(1));
    let request = Inputs { select: Some(vec!["orders,order_products".to_owned()]), ..world.inputs(None) };
    let first = world.run_with(Inputs { max_records: Some(20), ..request.clone() }, None).ok();
    let state = first.state().clone();
    assert!(
        state["bookmarks"]["order_products"]["walk"].is_object() && state["bookmarks"]["orders"].get("walk").is_none(),
        "{state}"
    );
    let rest = world.run_with(Inputs { state: Some(state.to_string()), ..request }, None).ok();
    assert_eq!(rest.verdict(), None);
    let mut ids: Vec<u64> = rest.ids("orders");
    ids.sort_unstable();
    let all: Vec<u64> = world.store.borrow().ids(Kind::ORDERS).collect();
    assert_eq!(ids, all, "orders is read whole by the walk that follows");
}

#[test]
fn an_outage_of_a_list_that_orders_show_keeps_the_position() {
    let world = World::new(SMALL);
    world.store.borrow_mut().add_fault(Fault::on("/coupons", Action::status(502)).skip(20).always());
    let first = world.select("orders,order_products");
    assert_eq!(first.verdict(), Some(Failure::Api));
    let bookmarks = first.state()["bookmarks"].clone();
    assert!(bookmarks["orders"]["walk"].is_object() && bookmarks["order_products"]["walk"].is_object(), "{bookmarks}");
    world.store.borrow_mut().clear_faults();
    let rest = world.select_from("orders,order_products", Some(first.state()));
    assert_eq!(rest.verdict(), None);
}

#[test]
fn a_list_that_one_order_cannot_bring_sets_it_aside_for_the_streams_of_that_list_alone() {
    for status in [500, 400, 422] {
        let world = World::new(SMALL);
        let id = world.store.borrow().ids(Kind::ORDERS).nth(7).unwrap();
        let path = format!("/v3/orders/{id}/transactions");
        world.store.borrow_mut().add_fault(Fault::on(&path, Action::status(status)).always());
        let first = world.select("orders.id,transactions");
        assert_eq!(
            (first.verdict(), first.aside("transactions"), first.aside("orders")),
            (Some(Failure::SetAside), json!([id]), Value::Null)
        );
        assert_eq!(first.ids("orders").len(), orders(&world), "{status}: the orders have all that they show");
        world.store.borrow_mut().clear_faults();
        let second = world.select_from("orders.id,transactions", Some(first.state()));
        assert_eq!((second.verdict(), second.aside("transactions")), (None, json!([])));
        assert!(!second.ids("orders").contains(&id), "nobody wants the order again");
        let came = |run: &Run| run.records("transactions").len();
        assert!(came(&first) + came(&second) >= world.store.borrow().truth("transactions").unwrap().len());
        let is_of_order = |row: &&&Value| row["order_id"].to_string().trim_matches('"') == id.to_string();
        assert!(second.records("transactions").iter().filter(is_of_order).count() > 0);
    }
}

#[test]
fn more_than_a_hundred_broken_lists_fail_the_stream_of_that_list_alone() {
    let world = World::new(SMALL.with(Kind::ORDERS, 160));
    let ids: Vec<u64> = world.store.borrow().ids(Kind::ORDERS).collect();
    let is_broken = |request: &tap_bigcommerce_sandbox::Request| {
        let order = request.path.strip_suffix("/transactions").and_then(|path| path.rsplit('/').next()?.parse::<u64>().ok());
        // The last ones prove that the list is served.
        order.is_some_and(|id| id % 10 != 0)
    };
    world.store.borrow_mut().add_fault(Fault::when(is_broken, Action::status(500)).always());
    let run = world.select("orders.id,transactions");
    assert_eq!(run.verdict(), Some(Failure::Api));
    assert_eq!(run.ids("orders"), ids);
    let summary = run.result.as_ref().unwrap();
    let failed: Vec<bool> = summary.streams.iter().map(|stream| stream.failure.is_some()).collect();
    assert_eq!(failed, [false, true]);
    assert_eq!(run.aside("transactions").as_array().map(Vec::len), Some(100));
}

#[test]
fn what_is_aside_for_a_stream_that_waits_for_its_walk_stays_aside_until_then() {
    let mut world = World::new(SMALL);
    world.config.insert("max_concurrency".into(), json!(1));
    let before = world.select("order_products");
    let id = before.records("order_products")[0]["order_id"].clone();
    let select = Some(vec!["orders.id,order_products".to_owned()]);
    let request = Inputs { select: select.clone(), max_records: Some(20), ..world.inputs(None) };
    let mut state = world.run_with(request, None).ok().state().clone();
    state["bookmarks"]["order_products"] = before.state()["bookmarks"]["order_products"].clone();
    state["bookmarks"]["order_products"]["aside"] = json!([id]);
    let last = world.run_with(Inputs { select, ..world.inputs(Some(&state)) }, None).ok();
    assert_eq!((last.verdict(), last.aside("order_products")), (None, json!([])), "{:?}", last.warnings());
    let lines = |run: &Run| run.records("order_products").iter().filter(|line| line["order_id"] == id).count();
    assert!(lines(&before) > 0);
    assert_eq!(lines(&last), lines(&before));
}

#[test]
fn a_full_table_that_resumes_moves_no_bookmark_past_what_was_edited_meanwhile() {
    let mut world = World::new(Counts::of([(Kind::PRODUCTS, 60), (Kind::ORDERS, 0), (Kind::CUSTOMERS, 0), (Kind::COUPONS, 0)]));
    world.config.insert("page_size".into(), json!(10));
    let catalog = json!({"streams": [{
        "stream": "products", "tap_stream_id": "products", "replication_method": "FULL_TABLE",
        "schema": {"type": "object", "properties": {"id": {"type": "integer"}}},
        "metadata": [{"breadcrumb": [], "metadata": {"selected": true, "forced-replication-method": "FULL_TABLE"}}],
    }]});
    let request = |world: &World, state: Option<&Value>| Inputs { catalog: Some(catalog.to_string()), ..world.inputs(state) };
    let first = world.run_with(Inputs { max_records: Some(30), ..request(&world, None) }, None).ok();
    let edited = first.ids("products")[0];
    world.wait(std::time::Duration::from_secs(3_600));
    world
        .store
        .borrow_mut()
        .edit(Kind::PRODUCTS, edited, world.now(), |product| drop(product.fields.insert("name".into(), json!("new"))));
    world.wait(std::time::Duration::from_secs(3_600));
    let second = world.run_with(request(&world, Some(first.state())), None).ok();
    assert!(second.ids("products").contains(&edited), "what changed behind the position comes with the same run");
}

#[test]
fn one_entry_too_many_for_one_stream_is_not_lost_for_the_other() {
    let world = World::new(SMALL.with(Kind::ORDERS, 160));
    let ids: Vec<u64> = world.store.borrow().ids(Kind::ORDERS).collect();
    let broken = ids[150];
    let select = "orders.id,orders.products,order_products";
    let mut state = world.select(select).state().clone();
    world.store.borrow_mut().touch(Kind::ORDERS, broken, world.now());
    world.store.borrow_mut().add_fault(Fault::on(&format!("/v2/orders/{broken}/products"), Action::status(500)).always());
    // None of these orders is served alone, so they stay.
    state["bookmarks"]["order_products"]["aside"] = (0..100).map(|place| json!(ids[place])).collect();
    let is_kept = move |request: &tap_bigcommerce_sandbox::Request| {
        request.path.rsplit_once("/v2/orders/").is_some_and(|(_, id)| id.parse::<u64>().is_ok())
    };
    world.store.borrow_mut().add_fault(Fault::when(is_kept, Action::status(500)).always());
    let run = world.select_from(select, Some(&state));
    assert_eq!(run.aside("orders"), json!([broken]), "{:?}", run.warnings());
    assert_eq!(run.aside("order_products").as_array().map(Vec::len), Some(100), "{:?}", run.warnings());
    let failed: Vec<bool> = run.result.as_ref().unwrap().streams.iter().map(|stream| stream.failure.is_some()).collect();
    assert_eq!(failed, [false, true]);
}

#[test]
fn a_row_that_cannot_be_written_keeps_no_row_behind_it() {
    let world = World::new(SMALL);
    let id = world.store.borrow().ids(Kind::ORDERS).nth(5).unwrap();
    let at = world.now() - chrono::TimeDelta::days(1);
    world.store.borrow_mut().edit(Kind::ORDERS, id, at, |order| {
        let lines = json!([{"name": "no id"}, {"id": 9_000_001, "order_id": id}, {"id": 9_000_002, "order_id": id}]);
        order.parts.insert("products".into(), lines);
    });
    let run = world.select("order_products");
    let came: Vec<u64> = run.ids("order_products").into_iter().filter(|id| *id > 9_000_000).collect();
    assert_eq!((run.verdict(), came), (Some(Failure::SetAside), vec![9_000_001, 9_000_002]));
}

#[test]
fn a_page_that_is_not_found_is_no_end_of_a_list_without_a_total() {
    let mut world = World::new(SMALL);
    world.config.insert("page_size".into(), json!(10));
    let id = world.store.borrow().ids(Kind::ORDERS).nth(5).unwrap();
    let at = world.now() - chrono::TimeDelta::days(1);
    world.store.borrow_mut().edit(Kind::ORDERS, id, at, |order| {
        let coupons = (0..14_u64).map(|place| json!({"id": 9_000_000 + place, "order_id": id}));
        order.parts.insert("coupons".into(), coupons.collect());
    });
    let is_second =
        |request: &tap_bigcommerce_sandbox::Request| request.path.ends_with("/coupons") && request.query.contains("page=2");
    world.store.borrow_mut().add_fault(Fault::when(is_second, Action::NotFound).always());
    let run = world.select("order_coupons");
    assert_eq!((run.verdict(), run.aside("order_coupons")), (Some(Failure::SetAside), json!([id])), "{:?}", run.warnings());
}

/// A page behind the end of a list: an answer without a body, or none at all.
#[test]
fn what_a_store_answers_behind_the_end_of_a_list_costs_no_row() {
    for action in [Action::Status { code: 204, body: Some(Vec::new()), headers: Vec::new() }, Action::NotFound] {
        let mut world = World::new(SMALL);
        world.config.insert("page_size".into(), json!(10));
        let id = world.store.borrow().ids(Kind::ORDERS).nth(5).unwrap();
        let at = world.now() - chrono::TimeDelta::days(1);
        world.store.borrow_mut().edit(Kind::ORDERS, id, at, |order| {
            let payments = (0..10_u64).map(|place| json!({"id": 9_000_000 + place, "order_id": id.to_string()}));
            order.parts.insert("transactions".into(), payments.collect());
        });
        let is_behind = |request: &tap_bigcommerce_sandbox::Request| {
            request.path.ends_with("/transactions") && request.query.contains("page=2")
        };
        world.store.borrow_mut().add_fault(Fault::when(is_behind, action).always());
        let run = world.select("transactions");
        let of_order = |row: &&&Value| row["order_id"].to_string().trim_matches('"') == id.to_string();
        assert_eq!(
            (run.verdict(), run.records("transactions").iter().filter(of_order).count()),
            (None, 10),
            "{:?}",
            run.warnings()
        );
    }
}

#[test]
fn orders_without_payments_may_come_without_a_body() {
    let world = World::new(SMALL);
    let ids: Vec<u64> = world.store.borrow().ids(Kind::ORDERS).collect();
    let at = world.now() - chrono::TimeDelta::days(1);
    for id in &ids[..20] {
        world.store.borrow_mut().edit(Kind::ORDERS, *id, at, |order| drop(order.parts.insert("transactions".into(), json!([]))));
        world.store.borrow_mut().add_fault(Fault::on(&format!("/orders/{id}/transactions"), Action::NoBody).always());
    }
    let run = world.select("transactions");
    assert_eq!(run.verdict(), None, "{:?}", run.warnings());
    assert!(world.asked("/transactions") < 120, "{} requests", world.asked("/transactions"));
}

#[test]
fn a_list_that_is_found_nowhere_takes_nothing_out_of_the_state() {
    let world = World::new(SMALL);
    let id = world.store.borrow().ids(Kind::ORDERS).nth(5).unwrap();
    let state = json!({"bookmarks": {"transactions": {"order_date_modified": "2030-01-01T00:00:00Z", "aside": [id]}}});
    world.store.borrow_mut().add_fault(Fault::on("/transactions", Action::NotFound).always());
    let request = Inputs { select: Some(vec!["transactions".to_owned()]), ..world.inputs(Some(&state)) };
    let run = world.run_with(request, None);
    let last = run.messages.iter().rev().find(|message| message["type"] == "STATE").unwrap();
    assert_eq!(last["value"]["bookmarks"]["transactions"]["aside"], json!([id]), "{:?}", run.warnings());
}

#[test]
fn a_stream_that_waits_is_not_held_up_by_one_that_always_fails() {
    let mut world = World::new(SMALL);
    world.config.insert("max_concurrency".into(), json!(1));
    let select = Some(vec!["orders.id,transactions".to_owned()]);
    let first = Inputs { select: select.clone(), max_records: Some(20), ..world.inputs(None) };
    let mut state = world.run_with(first, None).ok().state().clone();
    // As after --full-refresh orders.
    state["bookmarks"].as_object_mut().unwrap().remove("orders");
    world.store.borrow_mut().add_fault(Fault::on("/transactions", Action::status(403)).always());
    let run = world.run_with(Inputs { select, ..world.inputs(Some(&state)) }, None).ok();
    assert_eq!((run.verdict(), run.ids("orders").len()), (Some(Failure::MissingScope), orders(&world)), "{:?}", run.warnings());
}

#[test]
fn a_state_whose_streams_are_missing_or_named_otherwise_loses_nothing() {
    let mut world = World::new(SMALL);
    world.config.insert("max_concurrency".into(), json!(1));
    let select = Some(vec!["orders.id,order_products,order_coupons".to_owned()]);
    let first = Inputs { select: select.clone(), max_records: Some(40), ..world.inputs(None) };
    let first = world.run_with(first, None).ok();
    assert!(first.state()["bookmarks"]["orders"]["walk"].is_object(), "{}", first.state());
    let names = ["orders", "order_products", "order_coupons"];
    let key = |stream: &str, run: &Run| run.records(stream).iter().map(|record| record["id"].to_string()).collect::<Vec<_>>();
    for name in names {
        for renamed in [None, Some("a_stream_of_another_tap")] {
            let mut state = first.state().clone();
            let bookmarks = state["bookmarks"].as_object_mut().unwrap();
            let own = bookmarks.remove(name).unwrap();
            renamed.into_iter().for_each(|renamed| drop(bookmarks.insert(renamed.to_owned(), own.clone())));
            let rest = world.run_with(Inputs { select: select.clone(), ..world.inputs(Some(&state)) }, None).ok();
            assert_eq!(rest.verdict(), None, "{name} as {renamed:?}: {:?}", rest.warnings());
            for stream in names {
                let came: std::collections::BTreeSet<String> = match stream == name {
                    // Nothing is known of what it had.
                    true => key(stream, &rest).into_iter().collect(),
                    false => [&first, &rest].into_iter().flat_map(|run| key(stream, run)).collect(),
                };
                let truth = world.store.borrow().truth(stream).map_or_else(|| orders(&world), |truth| truth.len());
                assert_eq!(came.len(), truth, "{stream} where {name} is {renamed:?}");
            }
        }
    }
}

#[test]
fn limited_runs_come_past_a_stream_whose_scope_is_missing() {
    for most in [1_u64, 5, 20] {
        let counts = SMALL.with(Kind::COUPONS, 5);
        let world = World::with(Options { counts, missing_scopes: [Scope::Transactions].into(), ..Options::default() });
        let (mut state, mut coupons) = (None::<Value>, 0);
        for runs in 0.. {
            assert!(runs < 150, "{most} records a run: {coupons} coupons; {state:?}");
            let select = Some(vec!["orders.id,transactions,coupons".to_owned()]);
            let run = world.run_with(Inputs { select, max_records: Some(most), ..world.inputs(state.as_ref()) }, None).ok();
            coupons += run.records("coupons").len();
            if coupons >= 5 {
                break;
            }
            state = Some(run.state().clone());
        }
    }
}
