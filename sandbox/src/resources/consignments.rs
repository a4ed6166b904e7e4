//! Consignments: an order's lines by the way they reach the buyer (orders reference).

use serde_json::{Map, Value};

use crate::context::Context;
use crate::serve::announce;
use crate::wire;

/// With `objects` the documented object, else the older array of shipping consignments alone. With `whole` the lines are there
/// themselves, else links to them.
pub(super) fn build(context: &Context<'_>, order_id: u64, parts: &Map<String, Value>, whole: bool, objects: bool) -> Value {
    let most = context.quirks.consignment_lines.filter(|_| whole);
    let lines = wire::array(parts, "products");
    let is_without = context.quirks.consignments_without_lines.is_some_and(|each| order_id.is_multiple_of(each));
    let items = |wanted: &dyn Fn(&Value) -> bool| -> Vec<Value> {
        if is_without {
            return Vec::new();
        }
        let item = |line: &Value| if whole { whole_line(context, line) } else { linked(context, order_id, line) };
        lines.iter().filter(|line| wanted(line)).map(item).collect()
    };
    let shipping: Vec<Value> = wire::array(parts, "shipping_addresses")
        .iter()
        .filter_map(Value::as_object)
        .map(|address| {
            let consignment = shipping(context, order_id, address);
            with_lines(consignment, items(&|line| line["order_address_id"] == address["id"]), most)
        })
        .collect();
    if !objects {
        return Value::Array(shipping);
    }
    let addresses = wire::array(parts, "shipping_addresses");
    let is_certificate = |line: &Value| line["type"] == "giftcertificate";
    let is_picked_up = |line: &Value| line["order_pickup_method_id"] != 0;
    let is_shipped = |line: &Value| addresses.iter().any(|address| address["id"] == line["order_address_id"]);
    let picked_up = items(&is_picked_up);
    let group = |items: Vec<Value>| -> Vec<Value> {
        let consignment = object! { "recipient_email": "recipient@example.com" };
        if items.is_empty() { Vec::new() } else { vec![with_lines(consignment, items, most)] }
    };
    Value::from(object! {
        "pickups": if picked_up.is_empty() { Vec::new() } else { vec![with_lines(pickup(order_id), picked_up, most)] },
        "shipping": shipping,
        // Whatever goes no other way.
        "downloads": group(items(&|line| !is_certificate(line) && !is_picked_up(line) && !is_shipped(line))),
        "email": object! { "gift_certificates": group(items(&is_certificate)) },
    })
}

fn whole_line(context: &Context<'_>, line: &Value) -> Value {
    let mut line = line.clone();
    line.as_object_mut().into_iter().for_each(|fields| announce(context, fields));
    line
}

fn linked(context: &Context<'_>, order_id: u64, line: &Value) -> Value {
    Value::from(context.link(&format!("/orders/{order_id}/products/{}", line["id"])))
}

/// A shipping address as a consignment: costs are numbers here, and there is no `order_id`.
fn shipping(context: &Context<'_>, order_id: u64, address: &Map<String, Value>) -> Map<String, Value> {
    let mut consignment = address.clone();
    consignment.shift_remove("order_id");
    for (name, value) in &mut consignment {
        if name.contains("cost") && !name.ends_with("_id") {
            *value = wire::amount(wire::cents(Some(value)));
        }
    }
    let quotes = format!("/orders/{order_id}/consignments/shipping/{}/shipping_quotes", address["id"]);
    consignment.insert("shipping_quotes".to_owned(), context.link(&quotes).into());
    consignment
}

fn pickup(order_id: u64) -> Map<String, Value> {
    object! {
        "id": order_id * 100 + 99,
        "pickup_method_id": 1,
        "pickup_method_display_name": "Abholung im Laden",
        "collection_instructions": "Bring your ID",
        "collection_time_description": "9am - 6pm",
        "location": object! {
            "id": 1,
            "name": "Lager Süd",
            "code": "LOCATION-1",
            "address_line_1": "1 Main Street",
            "address_line_2": "",
            "city": "Austin",
            "state": "Texas",
            "postal_code": "78726",
            "country_alpha2": "US",
            "email": "location1@example.com",
            "phone": "",
        },
    }
}

/// Adds its lines to a consignment: all of them, or `most` and a warning.
fn with_lines(mut consignment: Map<String, Value>, mut items: Vec<Value>, most: Option<usize>) -> Value {
    if let Some(most) = most.filter(|most| items.len() > *most) {
        items.truncate(most);
        let message = format!("Not all line items of this consignment are returned, only {most} are included.");
        consignment.insert("__warning__".to_owned(), object! { "message": message }.into());
    }
    consignment.insert("line_items".to_owned(), items.into());
    consignment.into()
}
