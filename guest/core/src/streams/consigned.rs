//! Line items and shipping addresses out of an order's consignments, which the list of orders brings when it is asked to. What does not prove that
//! it is whole is not taken: the order's own lists are asked for then.

use super::list::{Embedded, Needed};
use super::{Include, Rows, orders};
use crate::json::{self, Key};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// How the list of orders is asked for consignments. Without the structure an older shape comes that may go away (orders.v2,
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

/// From so many lines on some of them may be left out (bigcommerce/docs#960).
const CUT_AT: usize = 50;
/// The documents show it nowhere, and some stores send it with lines.
const RARE: &str = "fulfillment_source";
const ORDER_ID: &str = "order_id";

/// The fields of an order that count. One that comes twice is an error.
#[derive(Deserialize)]
struct Order<'o> {
    #[serde(borrow)]
    id: &'o RawValue,
    #[serde(borrow)]
    items_total: &'o RawValue,
    #[serde(borrow)]
    shipping_address_count: &'o RawValue,
    #[serde(borrow)]
    consignments: Consignments<'o>,
}

/// The structure as it is documented (orders.v2). A group may be absent or null.
#[derive(Deserialize)]
struct Consignments<'o> {
    #[serde(borrow, default)]
    shipping: Option<Vec<Fields<'o>>>,
    #[serde(borrow, default)]
    pickups: Option<Vec<Fields<'o>>>,
    #[serde(borrow, default)]
    downloads: Option<Vec<Fields<'o>>>,
    #[serde(borrow, default)]
    email: Option<Email<'o>>,
    #[serde(default, rename = "__warning__")]
    cut: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Email<'o> {
    #[serde(borrow, default)]
    gift_certificates: Option<Vec<Fields<'o>>>,
    #[serde(default, rename = "__warning__")]
    cut: Option<IgnoredAny>,
}

/// An object's fields, as they came.
struct Fields<'o>(Vec<(Cow<'o, str>, &'o RawValue)>);

impl<'o, 'de: 'o> Deserialize<'de> for Fields<'o> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Fields<'o>, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::with_capacity(64);
                while let Some(Key(key)) = map.next_key()? {
                    fields.push((key, map.next_value()?));
                }
                Ok(Fields(fields))
            }
        }
        from.deserialize_map(Read)
    }
}

impl<'o> Fields<'o> {
    fn get(&self, name: &str) -> Option<&'o RawValue> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    /// Whether each needed field is there. What the order adds, and what is rare, is not needed.
    fn have(&self, needed: &[String]) -> bool {
        let keys: HashSet<&str> = self.0.iter().map(|(key, _)| &**key).collect();
        needed.iter().all(|name| keys.contains(name.as_str()) || name == ORDER_ID || name == RARE)
    }

    fn id(&self) -> Option<u64> {
        self.get("id").and_then(json::count)
    }
}

/// Takes lines and shipping addresses out of an order. None: something shows that they may not be whole, or does not show that they are.
fn take(order: &RawValue, needed: &Needed) -> Option<Vec<Vec<Box<RawValue>>>> {
    let order: Order = serde_json::from_str(order.get()).ok()?;
    let id = json::count(order.id)?;
    let [lines, addresses] = ROWS.map(|rows| needed.of(rows));
    let Consignments { shipping, pickups, downloads, email, cut } = order.consignments;
    let shipping = shipping.unwrap_or_default();
    let certificates = match email {
        Some(Email { cut: Some(_), .. }) => return None,
        email => email.and_then(|email| email.gift_certificates).unwrap_or_default(),
    };
    if cut.is_some() || json::count(order.shipping_address_count)? != shipping.len() as u64 {
        return None;
    }
    let others = [pickups.unwrap_or_default(), downloads.unwrap_or_default(), certificates];
    let (mut taken, mut quantity) = (Vec::new(), 0_u64);
    for consignment in shipping.iter().chain(others.iter().flatten()) {
        if consignment.get(json::CUT).is_some() {
            return None;
        }
        let items: Vec<&RawValue> = serde_json::from_str(consignment.get("line_items")?.get()).ok()?;
        // Some orders come with consignments whose lines are left out (bigcommerce/dev-docs#2052).
        if items.is_empty() {
            return None;
        }
        for item in items {
            let line: Fields = serde_json::from_str(item.get()).ok()?;
            if !lines.is_none_or(|lines| line.have(lines)) {
                return None;
            }
            quantity = quantity.checked_add(json::count(line.get("quantity")?)?)?;
            taken.push((line.id()?, of_order(&line, id, item)?));
        }
    }
    if taken.is_empty() || taken.len() >= CUT_AT || quantity != json::count(order.items_total)? {
        return None;
    }
    let mut shipped = Vec::with_capacity(shipping.len());
    for address in &shipping {
        if !addresses.is_none_or(|addresses| address.have(addresses)) {
            return None;
        }
        shipped.push((address.id()?, address_of(address, id)?));
    }
    Some(vec![in_order(taken)?, in_order(shipped)?])
}

/// Rows in the order of the lists that they stand for. None: two have one id.
fn in_order(mut rows: Vec<(u64, Box<RawValue>)>) -> Option<Vec<Box<RawValue>>> {
    rows.sort_by_key(|(id, _)| *id);
    let is_distinct = rows.windows(2).all(|pair| pair[0].0 != pair[1].0);
    is_distinct.then(|| rows.into_iter().map(|(_, row)| row).collect())
}

/// A line that names its order.
fn of_order(line: &Fields, order: u64, raw: &RawValue) -> Option<Box<RawValue>> {
    match line.get(ORDER_ID) {
        Some(own) if json::count(own)? != order => None,
        Some(_) => Some(raw.to_owned()),
        None => object(order, line.0.iter()),
    }
}

/// A shipping consignment as the list of shipping addresses shows it: with its order, and without its lines.
fn address_of(consignment: &Fields, order: u64) -> Option<Box<RawValue>> {
    object(order, consignment.0.iter().filter(|(key, _)| key != "line_items" && key != ORDER_ID))
}

fn object<'f>(order: u64, fields: impl Iterator<Item = &'f (Cow<'f, str>, &'f RawValue)>) -> Option<Box<RawValue>> {
    let mut text = format!("{{\"{ORDER_ID}\":{order}");
    for (key, value) in fields {
        text.push(',');
        text.push_str(&serde_json::to_string(key).ok()?);
        text.push(':');
        text.push_str(value.get());
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
        let changes: [(&str, Value); 17] = [
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
        for place in ["/consignments", "/consignments/email"] {
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
