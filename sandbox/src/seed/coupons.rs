//! Coupons.

use fastrand::Rng;
use serde_json::{Map, Value};

use super::draw::percent;
use super::head::Head;
use crate::dates;
use crate::record::Record;
use crate::wire::money;

const TYPES: [&str; 6] =
    ["per_item_discount", "percentage_discount", "per_total_discount", "shipping_discount", "free_shipping", "promotion"];

pub(crate) fn coupon(rng: &mut Rng, _: u64, id: u64, head: &Head) -> Record {
    let kind = TYPES[(head.index % 6) as usize];
    let is_promotion = kind == "promotion";
    let fields = object! {
        "id": id,
        "name": format!("Sommer-Aktion ☀ {id}"),
        "type": kind,
        "amount": money(if is_promotion { 0 } else { rng.i64(100..5_000) }),
        "min_purchase": money(if is_promotion { 0 } else { rng.i64(0..3) * 2_500 }),
        "expires": if percent(rng, 50) { String::new() } else { dates::rfc2822(head.modified) },
        "enabled": percent(rng, 80),
        "code": format!("SAVE{id}"),
        "applies_to": applies_to(rng, is_promotion),
        "num_uses": rng.u32(..400),
        "max_uses": rng.u32(..2) * 100,
        "max_uses_per_customer": rng.u32(..2),
        "restricted_to": restricted_to(head.index, is_promotion),
        "shipping_methods": if is_promotion || percent(rng, 50) { Value::Null } else { Value::from(["0", "shipping_upsonline"]) },
        "date_created": "",
    };
    Record { fields, parts: Map::new() }
}

/// Blank on promotions, whose rules live elsewhere (marketing reference).
fn applies_to(rng: &mut Rng, is_promotion: bool) -> Map<String, Value> {
    if is_promotion {
        return object! { "entity": "", "ids": [0_u32; 0] };
    }
    if rng.bool() {
        object! { "entity": "categories", "ids": [0] }
    } else {
        object! { "entity": "products", "ids": [77, 80] }
    }
}

/// An object, an empty object or an empty array: all three have been seen.
fn restricted_to(index: u64, is_promotion: bool) -> Value {
    match index % 4 {
        _ if is_promotion => Value::Array(Vec::new()),
        0 => Value::from(object! { "countries": "AU" }),
        1 => Value::Array(Vec::new()),
        _ => Value::Object(Map::new()),
    }
}
