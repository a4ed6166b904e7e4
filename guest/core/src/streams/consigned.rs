//! Takes line items and shipping addresses from an order's consignments, which the list of orders includes on request. If an
//! order is not provably complete, its own lists are requested instead.

use super::list::{Embedded, Needed, RawRows};
use super::{Include, Rows, orders};
use crate::json::{self, items, members};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;

/// The parameters that include consignments. Without the structure the API sends an older form, which may be removed (orders.v2,
/// `consignment_structure`).
pub(super) const INCLUDE: Include = Include {
    field: "consignments",
    value: "consignments,consignments.line_items",
    with: Some(("consignment_structure", "object")),
    page_at_most: None,
    undated: None,
};

/// What orders hold in their consignments.
pub(super) static EMBEDDED: Embedded = Embedded { include: &INCLUDE, rows: &ROWS, take };
static ROWS: [&Rows; 2] = [&orders::PRODUCTS, &orders::SHIPPING_ADDRESSES];

/// With this many lines or more, some may be left out (bigcommerce/docs#960).
const CUT_AT: usize = 50;
/// Undocumented; some stores send it with lines.
const RARE: &str = "fulfillment_source";
const ORDER_ID: &str = "order_id";
/// Always a link, even in a complete consignment.
const QUOTES: &str = "shipping_quotes";

/// An object's fields, as they came.
struct Fields<'o>(Vec<(Cow<'o, str>, &'o str)>);

impl<'o> Fields<'o> {
    fn read(object: &'o str) -> Option<Fields<'o>> {
        Some(Fields(members(object)?.collect()))
    }

    /// The value of a key that is there exactly once.
    fn get(&self, name: &str) -> Option<&'o str> {
        let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| *value);
        values.next().filter(|_| values.next().is_none())
    }

    fn has_been_cut(&self) -> bool {
        self.0.iter().any(|(key, _)| key == json::CUT)
    }

    fn count(&self, name: &str) -> Option<u64> {
        json::count(self.get(name)?)
    }

    /// Whether each needed field is there, and is not just a link. The order's id, which is added, and the rare field are not
    /// needed.
    fn have(&self, needed: Option<&[String]>) -> bool {
        let is_there = |(key, value): &&(Cow<str>, &str)| key == QUOTES || !json::is_link(value);
        let keys: HashSet<&str> = self.0.iter().filter(is_there).map(|(key, _)| &**key).collect();
        needed.into_iter().flatten().all(|name| keys.contains(name.as_str()) || name == ORDER_ID || name == RARE)
    }
}

/// An order's consignments (orders.v2).
#[derive(Default)]
struct Consignments<'o> {
    shipping: Vec<Fields<'o>>,
    /// What is picked up, downloaded or sent by email.
    others: Vec<Fields<'o>>,
}

impl<'o> Consignments<'o> {
    /// None: they have another structure than the documented one, or are cut. A group may be absent or null.
    fn read(object: &'o str) -> Option<Consignments<'o>> {
        let mut read = Consignments::default();
        for (group, value) in members(object)? {
            match &*group {
                "shipping" => read.shipping.extend(consignments(value)?),
                "pickups" | "downloads" => read.others.extend(consignments(value)?),
                "email" if value != "null" => {
                    let email = Fields::read(value)?;
                    if email.has_been_cut() {
                        return None;
                    }
                    read.others.extend(email.get("gift_certificates").map_or(Some(Vec::new()), consignments)?);
                }
                json::CUT => return None,
                _ => {}
            }
        }
        Some(read)
    }
}

fn consignments(list: &str) -> Option<Vec<Fields<'_>>> {
    if list == "null" { Some(Vec::new()) } else { items(list)?.map(Fields::read).collect() }
}

/// Takes lines and shipping addresses from an order. None if the order does not prove that they are complete.
fn take(order: &RawValue, needed: &Needed) -> Option<Vec<RawRows>> {
    let order = Fields::read(order.get()).filter(|order| !order.has_been_cut())?;
    let id = order.count("id")?;
    let [of_lines, of_addresses] = ROWS.map(|rows| needed.of(rows));
    let Consignments { shipping, others } = Consignments::read(order.get("consignments")?)?;
    let (mut lines, mut quantity) = (Vec::new(), 0_u64);
    for consignment in shipping.iter().chain(&others) {
        let mut inside = items(consignment.get("line_items")?)?.peekable();
        // Some orders come with consignments whose lines are left out (bigcommerce/dev-docs#2052).
        if consignment.has_been_cut() || inside.peek().is_none() {
            return None;
        }
        for text in inside {
            let line = Fields::read(text).filter(|line| !line.has_been_cut() && line.have(of_lines))?;
            quantity = quantity.checked_add(line.count("quantity")?)?;
            lines.push((line.count("id")?, of_order(&line, id, text)?));
        }
    }
    let is_whole = (1..CUT_AT).contains(&lines.len()) && quantity == order.count("items_total")?;
    if !is_whole || shipping.len() as u64 != order.count("shipping_address_count")? {
        return None;
    }
    let address = |address: &Fields| address.have(of_addresses).then_some((address.count("id")?, address_of(address, id)?));
    let addresses: Option<Vec<_>> = shipping.iter().map(address).collect();
    Some(vec![in_order(lines)?, in_order(addresses?)?])
}

/// Rows in the order of the lists that they stand for. None: two have one id.
fn in_order(mut rows: Vec<(u64, Box<RawValue>)>) -> Option<RawRows> {
    rows.sort_by_key(|(id, _)| *id);
    let is_distinct = rows.windows(2).all(|pair| pair[0].0 != pair[1].0);
    is_distinct.then(|| rows.into_iter().map(|(_, row)| row).collect())
}

/// A line that names its order.
fn of_order(line: &Fields, order: u64, text: &str) -> Option<Box<RawValue>> {
    match line.get(ORDER_ID) {
        Some(own) if json::count(own)? != order => None,
        Some(_) => RawValue::from_string(text.to_owned()).ok(),
        None => object(order, line.0.iter()),
    }
}

/// A shipping consignment as the list of shipping addresses shows it: with its order, and without its lines.
fn address_of(consignment: &Fields, order: u64) -> Option<Box<RawValue>> {
    object(order, consignment.0.iter().filter(|(key, _)| key != "line_items" && key != ORDER_ID))
}

fn object<'f>(order: u64, fields: impl Iterator<Item = &'f (Cow<'f, str>, &'f str)>) -> Option<Box<RawValue>> {
    let mut text = format!("{{\"{ORDER_ID}\":{order}");
    for (key, value) in fields {
        text.push(',');
        text.push_str(&serde_json::to_string(key).ok()?);
        text.push(':');
        text.push_str(value);
    }
    text.push('}');
    RawValue::from_string(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn line(id: u64, quantity: u64) -> Value {
        json!({ "id": id, "order_id": 7, "quantity": quantity, "name": "Tea" })
    }

    /// An order with an address to which two lines go, and a line of each other group.
    fn order() -> Value {
        json!({ "id": 7, "items_total": 9, "shipping_address_count": 1, "consignments": {
            "shipping": [{ "id": 70, "city": "Austin", "line_items": [line(1, 2), line(2, 1)] }],
            "pickups": [{ "id": 71, "line_items": [line(3, 3)] }],
            "downloads": [{ "recipient_email": "a@example.com", "line_items": [line(4, 2)] }],
            "email": { "gift_certificates": [{ "line_items": [line(5, 1)] }] },
        } })
    }

    fn needed(lines: &[&str], addresses: &[&str]) -> Needed {
        let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        Needed(vec![(&orders::PRODUCTS, of(lines)), (&orders::SHIPPING_ADDRESSES, of(addresses))])
    }

    fn taken(order: &Value) -> Option<Vec<Vec<Value>>> {
        let raw = RawValue::from_string(order.to_string()).unwrap();
        let taken = take(&raw, &needed(&["id", "name", "order_id", RARE], &["id", "city", "order_id"]))?;
        Some(taken.iter().map(|rows| rows.iter().map(|row| serde_json::from_str(row.get()).unwrap()).collect()).collect())
    }

    #[test]
    fn an_order_that_is_whole_gives_its_lines_and_addresses() {
        let taken = taken(&order()).unwrap();
        assert_eq!(taken[0], [(1, 2), (2, 1), (3, 3), (4, 2), (5, 1)].map(|(id, quantity)| line(id, quantity)));
        assert_eq!(taken[1], [json!({ "order_id": 7, "id": 70, "city": "Austin" })]);
    }

    #[test]
    fn a_line_without_its_order_gets_it() {
        let mut order = order();
        let line = &mut order["consignments"]["shipping"][0]["line_items"][0];
        line.as_object_mut().unwrap().shift_remove("order_id");
        assert_eq!(taken(&order).unwrap()[0][0], super::tests::line(1, 2));
    }

    #[test]
    fn groups_may_be_absent_or_null() {
        let mut order = order();
        order["items_total"] = json!("3");
        order["consignments"]["downloads"] = Value::Null;
        for group in ["pickups", "email"] {
            order["consignments"].as_object_mut().unwrap().shift_remove(group);
        }
        assert_eq!(taken(&order).unwrap()[0].len(), 2);
    }

    #[test]
    fn an_order_that_may_not_be_whole_gives_nothing() {
        let many: Vec<Value> = (1..=50).map(|id| line(id, 1)).collect();
        let cut = json!({ "message": "Not all line items are returned" });
        let changes: [(&str, Value); 18] = [
            ("/items_total", json!(8)),
            ("/items_total", json!(5)),
            ("/items_total", Value::Null),
            ("/shipping_address_count", json!(2)),
            ("/shipping_address_count", json!(0)),
            ("/consignments", json!({ "url": "https://example.com", "resource": "/orders/7/consignments" })),
            ("/consignments", json!([])),
            ("/consignments/shipping/0/line_items", json!([])),
            ("/consignments/shipping/0/line_items", json!([line(1, 2), line(1, 1)])),
            ("/consignments/shipping/0/line_items", json!([{ "url": "x", "resource": "y" }])),
            ("/consignments/shipping/0/line_items", json!({ "url": "x", "resource": "y" })),
            ("/consignments/shipping/0/line_items/0/order_id", json!(8)),
            ("/consignments/shipping/0/line_items/0/name", json!({ "url": "x", "resource": "y" })),
            ("/consignments/shipping/0/line_items/0", json!({ "id": 1, "quantity": 2 })),
            ("/consignments/shipping/0/line_items/0/quantity", json!(null)),
            (
                "/consignments/shipping/0",
                json!({ "id": 70, "city": "Austin", "line_items": [line(1, 2), line(2, 1)], "__warning__": cut }),
            ),
            ("/consignments/shipping/0", json!({ "id": 70, "line_items": [line(1, 2), line(2, 1)] })),
            ("/consignments/pickups/0/line_items", Value::Null),
        ];
        for (place, value) in changes {
            let mut order = order();
            *order.pointer_mut(place).unwrap() = value.clone();
            assert_eq!(taken(&order), None, "{place}: {value}");
        }
        for place in ["", "/consignments", "/consignments/email", "/consignments/shipping/0/line_items/1"] {
            let mut order = order();
            order.pointer_mut(place).unwrap()["__warning__"] = cut.clone();
            assert_eq!(taken(&order), None, "{place}: cut");
        }
        let mut long = order();
        long["consignments"] = json!({ "shipping": [{ "id": 70, "city": "Austin", "line_items": many }] });
        long["items_total"] = json!(50);
        assert_eq!(taken(&long), None);
        let mut none = order();
        (none["consignments"], none["items_total"], none["shipping_address_count"]) = (json!({}), json!(0), json!(0));
        assert_eq!(taken(&none), None);
    }

    #[test]
    fn a_field_that_comes_twice_is_not_trusted() {
        let text = order().to_string().replacen("\"items_total\":9", "\"items_total\":9,\"items_total\":9", 1);
        let raw = RawValue::from_string(text).unwrap();
        assert!(take(&raw, &needed(&[], &[])).is_none());
    }
}
