//! `stream_maps`: what becomes of streams and records, and what stays as it is.

use crate::registry;
use crate::world::{Run, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tap_bigcommerce_core::error::{Failure, Kind as Fault};
use tap_bigcommerce_core::plan::{Inputs, Plan};
use tap_bigcommerce_core::streams::ALL;
use tap_bigcommerce_sandbox::{Counts, Kind};

fn mapped(maps: Value) -> World {
    let mut world = registry::world();
    world.config.insert("stream_maps".into(), maps);
    world
}

fn messages<'r>(run: &'r Run, kind: &str) -> Vec<&'r Value> {
    run.messages.iter().filter(|message| message["type"] == kind).collect()
}

/// The states of a run, without the hashes of the selection, which depend on the form of the messages.
pub(crate) fn states(run: &Run) -> Vec<Value> {
    messages(run, "STATE").into_iter().map(|state| without_marks(state.clone())).collect()
}

fn without_marks(mut state: Value) -> Value {
    match &mut state {
        Value::Object(map) => {
            map.shift_remove("selection");
            map.values_mut().for_each(|value| *value = without_marks(value.take()));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| *value = without_marks(value.take())),
        _ => {}
    }
    state
}

fn schema<'r>(run: &'r Run, stream: &str) -> &'r Value {
    messages(run, "SCHEMA").into_iter().find(|message| message["stream"] == stream).unwrap_or_else(|| panic!("no {stream}"))
}

/// Why a map is refused for a selection.
fn refused(maps: Value, select: &str) -> Failure {
    let world = mapped(maps.clone());
    let inputs = Inputs { select: Some(vec![select.to_owned()]), ..world.inputs(None) };
    Plan::new(&inputs).err().unwrap_or_else(|| panic!("{maps} is not refused"))
}

#[test]
fn a_filter_moves_no_bookmark_and_counts_what_it_leaves_out() {
    for stream in ALL {
        let key = stream.key.last().unwrap();
        for filter in [format!("{key} is None"), format!("'3' in str({key})")] {
            let (plain, world) = (registry::world(), mapped(json!({ stream.name: { "__filter__": filter } })));
            let (whole, some) = (plain.select(stream.name), world.select(stream.name));
            assert_eq!(states(&some), states(&whole), "{} with {filter}", stream.name);
            let passes = |record: &&Value| filter.contains("str(") && record[*key].to_string().contains('3');
            let wanted: Vec<&Value> = whole.records(stream.name).into_iter().filter(passes).collect();
            assert_eq!(some.records(stream.name), wanted, "{} with {filter}", stream.name);
            let summary = &some.result.as_ref().unwrap().streams[0];
            let left_out = (whole.records(stream.name).len() - wanted.len()) as u64;
            assert_eq!(
                (summary.filtered, summary.records, summary.complete),
                (left_out, wanted.len() as u64, true),
                "{}",
                stream.name
            );
            let said = |part: &str| some.log.iter().any(|(_, line)| line.contains(part));
            assert!(
                said("\"metric\":\"filtered_record_count\"")
                    && (left_out == 0 || said(&format!("{left_out} left out by the filter"))),
                "{}",
                stream.name
            );
            let (again, without) =
                (world.select_from(stream.name, Some(some.state())), plain.select_from(stream.name, Some(whole.state())));
            assert_eq!(states(&again), states(&without), "{} again", stream.name);
        }
    }
}

#[test]
fn a_filter_fills_limits_as_what_is_written() {
    let limited = |maps: Value| {
        let world = mapped(maps);
        let (mut states, mut ids): (Vec<Value>, Vec<u64>) = (Vec::new(), Vec::new());
        loop {
            let run = world
                .run_with(
                    Inputs { max_records: Some(7), select: Some(vec!["orders".into()]), ..world.inputs(states.last()) },
                    None,
                )
                .ok();
            states.push(run.state().clone());
            ids.extend(run.ids("orders"));
            if run.result.as_ref().unwrap().complete {
                return (states, ids);
            }
            assert!(states.len() < 50, "no end");
        }
    };
    let (whole, all) = limited(json!({}));
    assert!(whole.len() > 4 && all.len() > 30, "too few to show anything");
    let wanted = [all[3], all[20]];
    let (some, ids) = limited(json!({ "orders": { "__filter__": format!("id in [{}, {}]", wanted[0], wanted[1]) } }));
    let without = |states: Vec<Value>| states.into_iter().map(without_marks).collect::<Vec<_>>();
    assert_eq!(without(some), without(whole));
    assert_eq!(ids, all.iter().copied().filter(|id| wanted.contains(id)).collect::<Vec<_>>());
}

#[test]
fn a_table_of_which_a_filter_leaves_nothing_is_activated_all_the_same() {
    let mut world = mapped(json!({ "brands": { "__filter__": "False", "__alias__": "makers" } }));
    world.config.insert("emit_activate_version_messages".into(), json!(true));
    let run = world.select("brands");
    assert_eq!((run.records("makers").len(), run.verdict()), (0, None));
    let activated = messages(&run, "ACTIVATE_VERSION");
    assert_eq!(activated.iter().map(|message| &message["stream"]).collect::<Vec<_>>(), ["makers"]);
}

#[test]
fn an_alias_is_in_every_message_and_not_in_the_state() {
    let mut world = mapped(json!({ "orders": { "__alias__": "sales" }, "brands": { "__alias__": "Größen.v2" } }));
    world.config.insert("emit_activate_version_messages".into(), json!(true));
    let run = world.select("orders,brands");
    let names: BTreeSet<&str> = run.messages.iter().filter_map(|message| message["stream"].as_str()).collect();
    assert_eq!(names, BTreeSet::from(["sales", "Größen.v2"]));
    assert_eq!(schema(&run, "sales")["bookmark_properties"], json!(["date_modified"]));
    assert!(run.state()["bookmarks"]["orders"]["date_modified"].is_string(), "{}", run.state());
    assert!(!run.state().to_string().contains("sales"));
    assert_eq!(run.records("sales").len(), world.rows("orders"));
    assert_eq!(run.result.as_ref().unwrap().streams.iter().map(|of| of.name).collect::<Vec<_>>(), ["orders", "brands"]);
}

#[test]
fn a_renamed_or_hashed_key_stays_the_key() {
    let maps = json!({
        "orders": { "order": "id", "id": null, "changed": "date_modified", "date_modified": null },
        "customers": { "id": "md5(config['seed'] + str(self))", "email": "sha256(email.strip().lower())" },
        "order_products": { "line": "'line-' + str(id)", "id": "__NULL__" },
        "products": { "__key_properties__": ["sku"] },
        "coupons": { "id": null, "__key_properties__": null },
    });
    let mut world = mapped(maps);
    world.config.insert("stream_map_config".into(), json!({ "seed": "s3" }));
    let run = world.select("orders,customers,order_products,products,coupons");
    let key = |stream: &str| schema(&run, stream)["key_properties"].clone();
    assert_eq!((key("orders"), key("customers")), (json!(["order"]), json!(["id"])));
    assert_eq!((key("order_products"), key("products"), key("coupons")), (json!(["line"]), json!(["sku"]), json!([])));
    assert_eq!(schema(&run, "orders")["bookmark_properties"], json!(["changed"]));
    let of = |stream: &str| schema(&run, stream)["schema"]["properties"].clone();
    assert_eq!(of("orders")["order"], json!({ "type": "integer" }));
    assert_eq!(of("customers")["id"], json!({ "type": "string" }));
    assert_eq!(of("customers")["email"], json!({ "type": ["string", "null"] }));
    assert!(of("orders").get("id").is_none() && of("coupons").get("id").is_none());
    let plain = registry::world().select("orders,customers,order_products");
    for (order, was) in run.records("orders").iter().zip(plain.records("orders")) {
        assert_eq!((&order["order"], &order["changed"]), (&was["id"], &was["date_modified"]));
        assert!(order.get("id").is_none() && order.get("date_modified").is_none());
    }
    for (line, was) in run.records("order_products").iter().zip(plain.records("order_products")) {
        assert_eq!(line["line"], format!("line-{}", was["id"]));
    }
    let hashes: BTreeSet<&str> = run.records("customers").iter().map(|customer| customer["id"].as_str().unwrap()).collect();
    assert!(hashes.len() == world.rows("customers") && hashes.iter().all(|hash| hash.len() == 32));
    assert!(run.records("customers").iter().all(|customer| customer["email"].as_str().is_none_or(|hash| hash.len() == 64)));
    assert_eq!(run.state()["bookmarks"]["orders"]["date_modified"], plain.state()["bookmarks"]["orders"]["date_modified"]);
}

#[test]
fn a_stream_that_is_dropped_costs_no_request_and_keeps_its_bookmark() {
    let plain = registry::world().select("orders,customers");
    for maps in [
        json!({ "orders": null }),
        json!({ "orders": "__NULL__" }),
        json!({ "customers": {}, "__else__": null }),
        json!({ "ord*": null }),
    ] {
        let world = mapped(maps.clone());
        let run = world.select_from("orders,customers", Some(plain.state()));
        assert_eq!(
            messages(&run, "SCHEMA").iter().map(|message| &message["stream"]).collect::<Vec<_>>(),
            ["customers"],
            "{maps}"
        );
        assert_eq!(world.asked("/orders"), 0, "{maps}");
        let kept = |run: &Run| run.state()["bookmarks"]["orders"]["date_modified"].clone();
        assert_eq!(kept(&run), kept(&plain), "{maps}");
    }
}

#[test]
fn a_field_that_is_dropped_is_not_asked_for_unless_something_reads_it() {
    let asked = |maps: Value| {
        let world = mapped(maps);
        let run = world.select("orders");
        assert!(run.records("orders").iter().all(|order| order.get("products").is_none()) && run.verdict().is_none());
        world.asked("/products")
    };
    assert_eq!(asked(json!({ "orders": { "products": null } })), 0);
    assert_eq!(asked(json!({ "orders": { "total": "total_inc_tax", "__else__": null } })), 0);
    assert!(asked(json!({ "orders": { "products": null, "has_lines": "products" } })) > 0);
}

#[test]
fn only_what_is_named_is_written_with_the_key() {
    let maps = json!({ "customers": {
        "__else__": null, "mail": "email", "zero": "0", "rate": "1.50", "source": "'shop ' + config['shop']", "is_ours": "True", "address": "addresses"
    } });
    let mut world = mapped(maps);
    world.config.insert("stream_map_config".into(), json!({ "shop": "n\u{b0}1" }));
    let run = world.select("customers");
    let properties = schema(&run, "customers")["schema"]["properties"].as_object().unwrap();
    assert_eq!(properties.keys().collect::<Vec<_>>(), ["id", "mail", "zero", "rate", "source", "is_ours", "address"]);
    let kinds: Vec<&Value> = ["zero", "rate", "source", "is_ours"].map(|name| &properties[name]["type"]).into();
    assert_eq!(kinds, ["integer", "number", "string", "boolean"]);
    let plain = registry::world().select("customers");
    let records = run.records("customers");
    assert_eq!(records.len(), plain.records("customers").len());
    for (record, was) in records.iter().zip(plain.records("customers")) {
        let wanted = json!({ "id": was["id"], "mail": was["email"], "zero": 0, "rate": 1.5, "source": "shop n\u{b0}1", "is_ours": true, "address": was["addresses"] });
        assert_eq!(**record, wanted);
    }
}

#[test]
fn of_several_maps_of_a_stream_the_last_one_counts() {
    let run = mapped(json!({ "*": { "__alias__": "x" }, "br*": { "name": null }, "coupons": {} })).select("brands,coupons");
    assert!(schema(&run, "brands")["schema"]["properties"].get("name").is_none());
    assert!(schema(&run, "coupons")["schema"]["properties"].get("name").is_some());
}

#[test]
fn settings_that_are_text_do_the_same() {
    let maps = json!({ "brands": { "__filter__": "id > 3", "label": "name" } });
    let of = |maps: Value| mapped(maps).select("brands").messages;
    assert_eq!(of(maps.to_string().into()), of(maps));
    let mut world = registry::world();
    for maps in [json!([]), json!("{"), json!("[]"), json!(true)] {
        world.config.insert("stream_maps".into(), maps);
        let failure = Plan::new(&world.inputs(None)).unwrap_err();
        assert!(failure.message.contains("stream_maps must be a JSON object, or its text"), "{failure}");
    }
}

#[test]
fn what_a_map_cannot_do_is_refused_with_what_to_write() {
    for (maps, said) in [
        (json!({ "order": {} }), "stream_maps.order names no stream; did you mean \"orders\"?"),
        (
            json!({ "orders": { "states": null } }),
            "stream_maps.orders.states is to be dropped, but there is no such field; did you mean \"status\"?",
        ),
        (json!({ "customers": { "emails": null } }), "did you mean \"email\"?"),
        (
            json!({ "orders": { "__filter__": "states == 'x'" } }),
            "it names the field \"states\", which is not there; did you mean \"status\"?",
        ),
        (json!({ "orders": { "__filter__": "status == 5" } }), "text is never equal to a number"),
        (
            json!({ "orders": { "__filter__": "billing_address['county'] == 'x'" } }),
            "\"billing_address\" has no field \"county\"; did you mean \"country\"?",
        ),
        (json!({ "orders": { "__filter__": "status['x'] == 'x'" } }), "\"status\" is not an object"),
        (json!({ "orders": { "__filter__": "consignments == 'x'" } }), "the field \"consignments\" is not selected"),
        (json!({ "orders": { "__filter__": 5 } }), "must be text that holds an expression"),
        (
            json!({ "orders": { "__filter__": "id = 5" } }),
            "stream_maps.orders.__filter__ cannot be used: column 4: '=' is not supported; write == to compare",
        ),
        (json!({ "orders": { "id": null } }), "stream_maps.orders.id cannot be used for orders: the key is no longer written"),
        (json!({ "orders": { "id": "'x'" } }), "the key is no longer written"),
        (json!({ "orders": { "id": "customer_id" } }), "the key is no longer written"),
        (json!({ "orders": { "__key_properties__": ["ID"] } }), "no field \"ID\" is written"),
        (json!({ "orders": { "__key_properties__": "id" } }), "must be a list of field names"),
        (json!({ "orders": { "__else__": null, "__key_properties__": null } }), "leaves no field of orders"),
        (json!({ "orders": { "__else__": "id" } }), "can only be null"),
        (json!({ "__else__": {} }), "stream_maps.__else__ can only be null"),
        (json!({ "__alias__": "x" }), "stream_maps.__alias__ is not an option"),
        (json!({ "orders": { "__flatten__": true } }), "stream_maps.orders.__flatten__ is not an option"),
        (json!({ "copy": { "__source__": "orders" } }), "stream_maps.copy.__source__ is not supported"),
        (json!({ "orders": { "billing_address": { "email": null } } }), "--exclude"),
        (json!({ "orders": "sales" }), "stream_maps.orders must be an object"),
        (json!({ "orders": { "new": "id == 5" } }), "put conditions into __filter__"),
        (json!({ "orders": { "new": "None" } }), "write null"),
        (json!({ "orders": { "new name": "id" } }), "cannot be used as a name"),
        (json!({ "orders": { "__alias__": "../x" } }), "cannot be used as a name"),
        (json!({ "orders": { "__alias__": "a\"b" } }), "cannot be used as a name"),
        (json!({ "orders": { "__alias__": "" } }), "cannot be used as a name"),
        (json!({ "orders": { "__alias__": "order_products" } }), "would both be written as \"order_products\""),
        (json!({ "*": { "__alias__": "all" } }), "would both be written as \"all\""),
    ] {
        let failure = refused(maps.clone(), "orders,order_products,orders.products");
        assert_eq!(failure.kind, Fault::Config, "{maps}: {failure}");
        assert!(failure.message.contains(said), "{maps}: {failure}");
    }
    let several = refused(json!({ "orders": { "__filter__": "x = 1" }, "coupons": { "a": "b(" }, "__x__": 1 }), "orders").message;
    assert!(["orders.__filter__", "coupons.a", "__x__"].iter().all(|part| several.contains(part)), "{several}");
}

#[test]
fn a_deselected_field_may_be_dropped_and_not_read() {
    let world = mapped(json!({ "orders": { "staff_notes": null } }));
    let inputs = Inputs { exclude: vec!["orders.staff_notes".into()], ..world.inputs(None) };
    Plan::new(&inputs).unwrap();
    let failure = refused(json!({ "orders": { "note": "staff_notes" } }), "orders.status");
    assert!(failure.message.contains("the field \"staff_notes\" is not selected; select it, and write null for it"), "{failure}");
}

#[test]
fn constants_of_a_map_are_in_no_log_line() {
    let mut world =
        mapped(json!({ "customers": { "email": "md5('s3cret' + config['seed'] + email)", "__filter__": "email != 's3cret'" } }));
    world.config.insert("stream_map_config".into(), json!({ "seed": "s3cret" }));
    let run = world.select("customers");
    assert!(run.log.iter().all(|(_, line)| !line.contains("s3cret")), "{:?}", run.log);
    let inputs = Inputs { select: Some(vec!["customers".into()]), ..world.inputs(None) };
    assert!(!format!("{:?}", Plan::new(&inputs).unwrap()).contains("s3cret"));
}

#[test]
fn nothing_is_read_twice_for_a_map() {
    let asked = |world: World| {
        world.select("orders,order_products");
        world.store.borrow().requests().len()
    };
    let filter = json!({ "orders": { "__filter__": "False" }, "order_products": { "__alias__": "lines" } });
    assert_eq!(asked(mapped(filter)), asked(registry::world()));
}

/// The record is checked against its own schema before it is mapped.
#[test]
fn a_value_that_fits_no_schema_fails_a_strict_stream_with_a_map_as_without() {
    let run_of = |maps: Value| {
        let mut world = mapped(maps);
        world.config.insert("strict".into(), json!(true));
        let id = world.store.borrow().ids(Kind::BRANDS).nth(4).unwrap();
        let at = world.now();
        let broken = json!({ "url": "/a/", "is_customized": "perhaps" });
        world.store.borrow_mut().edit(Kind::BRANDS, id, at, |record| drop(record.fields.insert("custom_url".to_owned(), broken)));
        let run = world.run_with(Inputs { select: Some(vec!["brands".into()]), ..world.inputs(None) }, None).ok();
        (run.verdict(), run.messages.len())
    };
    let plain = run_of(json!({}));
    assert_eq!(plain.0, Some(Fault::Api), "it shows nothing");
    for map in [json!({ "label": "name" }), json!({ "__filter__": "False" })] {
        assert_eq!(run_of(json!({ "brands": map })).0, plain.0, "{map}");
    }
}

#[test]
fn a_map_that_never_applies_and_an_alias_that_is_another_streams_name_are_refused() {
    for (maps, words) in [
        (json!({ "customers": { "email": "sha256(email)" }, "*": {} }), "stream_maps.customers never applies"),
        (json!({ "customers": { "__alias__": "orders" } }), "the name of another stream"),
        (json!({ "orders": { "__key_properties__": ["billing_address"] } }), "a list or an object"),
        (json!({ "orders": { "__key_properties__": ["id", "id"] } }), "there twice"),
    ] {
        let failure = refused(maps, "customers,orders.id,orders.billing_address");
        assert!(failure.message.contains(words), "{failure}");
    }
    let swapped = json!({ "customers": { "__alias__": "orders" }, "orders": { "__alias__": "sales" } });
    assert_eq!(mapped(swapped).select("customers").verdict(), None);
    let dropped = json!({ "customers": { "__alias__": "orders" }, "orders": null });
    assert_eq!(mapped(dropped).select("customers").verdict(), None);
}

#[test]
fn a_map_that_differs_from_that_of_the_last_run_gives_a_warning() {
    let warned = |first: Value, then: Value| {
        let state = mapped(first).select("orders").state().clone();
        let run = mapped(then).select_from("orders", Some(&state));
        run.log.iter().any(|(_, line)| line.contains("the settings that shape them, have changed"))
    };
    let (some, all) = (json!({ "orders": { "__filter__": "status == 'Shipped'" } }), json!({}));
    assert!(warned(some.clone(), all.clone()) && warned(all.clone(), some.clone()));
    assert!(warned(all.clone(), json!({ "orders": { "__alias__": "sales" } })));
    assert!(!warned(some.clone(), some) && !warned(all.clone(), all));
}

#[test]
fn a_full_refresh_knows_a_stream_by_both_of_its_names() {
    let world = mapped(json!({ "orders": { "__alias__": "sales" } }));
    let state = world.select("orders").state().clone();
    for name in ["orders", "sales"] {
        let inputs =
            Inputs { select: Some(vec!["orders".into()]), full_refresh: vec![name.to_owned()], ..world.inputs(Some(&state)) };
        assert_eq!(world.run_with(inputs, None).ok().records("sales").len(), world.rows("orders"), "{name}");
    }
}

#[test]
fn a_filter_that_leaves_out_all_of_many_records_is_warned_of() {
    let warned = |orders: u64, filter: &str| {
        let mut world = World::new(Counts::of([(Kind::ORDERS, orders), (Kind::CUSTOMERS, 5), (Kind::PRODUCTS, 5)]));
        world.config.insert("stream_maps".into(), json!({ "orders": { "__filter__": filter } }));
        let run = world.run_with(Inputs { select: Some(vec!["orders".to_owned()]), ..world.inputs(None) }, None).ok();
        run.log.iter().any(|(_, line)| line.contains("left out all of"))
    };
    assert!(warned(150, "status == 'shipped'"));
    assert!(!warned(20, "status == 'shipped'"), "so few can well be left out");
    assert!(!warned(150, "id > 0"));
}
