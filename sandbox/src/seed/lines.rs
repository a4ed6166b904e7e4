//! Line items of orders.

use fastrand::Rng;
use serde_json::{Map, Value};

use super::card::Card;
use super::draw::{code, percent, pick};
use super::make::base_variant;
use super::words;
use crate::wire::{self, money};

/// Lines refer to this many products, however many there are.
const PRODUCT_POOL: u64 = 200;
/// Line ids are unique in the store: an order has room for this many.
pub(crate) const LINES_AN_ORDER: u64 = 10_000;

/// What the lines of one order have in common.
pub(super) struct Basket {
    pub(super) order_id: u64,
    pub(super) digital: bool,
    pub(super) pickup: bool,
    /// Shipping addresses to choose from.
    pub(super) address_ids: Vec<u64>,
}

/// How many lines the order at a place has: the edges of paging at fixed places, else mostly 1 to 5.
pub(super) fn count(rng: &mut Rng, index: u64) -> u64 {
    match index {
        3 | 17 => 0,
        11 => 50,
        12 => 51,
        23 => 250,
        24 => 251,
        31 => 300,
        _ if percent(rng, 2) => 0,
        _ if percent(rng, 3) => rng.u64(6..40),
        _ => rng.u64(1..=5),
    }
}

pub(super) fn line(rng: &mut Rng, seed: u64, basket: &Basket, place: u64) -> Map<String, Value> {
    let product_index = rng.u64(..PRODUCT_POOL);
    let product = Card::of(seed, product_index);
    let id = basket.order_id * LINES_AN_ORDER + place + 1;
    let kind = match rng.u32(..100) {
        _ if basket.digital => "digital",
        0..3 => "giftcertificate",
        3..6 => "digital",
        _ => "physical",
    };
    let shipped_to = match kind {
        "physical" if !basket.pickup && !basket.address_ids.is_empty() => {
            basket.address_ids[rng.usize(..basket.address_ids.len())]
        }
        _ => 0,
    };
    let is_certificate = kind == "giftcertificate";
    let custom = !is_certificate && percent(rng, 3);
    let quantity = if is_certificate { 1 } else { rng.i64(1..=4) };
    let price = product.price;
    let tax = price / 10;
    let cost = price / 2;
    let name = if is_certificate { "Gift Certificate" } else { product.name.as_str() };
    let mut line = object! {
        "id": id,
        "order_id": basket.order_id,
        "product_id": if custom || is_certificate { 0 } else { product.id },
        "variant_id": if custom || is_certificate { 0 } else { base_variant(product.id) },
        "order_pickup_method_id": u8::from(basket.pickup && kind == "physical"),
        "order_address_id": shipped_to,
        "name": name,
        "name_customer": name,
        "name_merchant": name,
        "sku": if custom { String::new() } else { product.sku.clone() },
        "upc": "",
        "type": kind,
        "base_price": money(price),
        "price_ex_tax": money(price),
        "price_inc_tax": money(price + tax),
        "price_tax": money(tax),
        "base_total": money(price * quantity),
        "total_ex_tax": money(price * quantity),
        "total_inc_tax": money((price + tax) * quantity),
        "total_tax": money(tax * quantity),
        "weight": if percent(rng, 15) { Value::from(1.25) } else { Value::from("1.2500") },
        "width": "0.0000",
        "height": "0.0000",
        "depth": "12.5000",
        "quantity": quantity,
        "base_cost_price": money(cost),
        "cost_price_inc_tax": money(cost + cost / 10),
        "cost_price_ex_tax": money(cost),
        "cost_price_tax": money(cost / 10),
        "is_refunded": percent(rng, 4),
        "quantity_refunded": 0,
        "refund_amount": "0.0000",
        "return_id": 0,
        "wrapping_id": u8::from(place % 9 == 4),
        "wrapping_name": (place % 9 == 4).then_some("Gift 🎁 box"),
        "base_wrapping_cost": if percent(rng, 20) { Value::from(0) } else { Value::from("0.0000") },
        "wrapping_cost_ex_tax": "0.0000",
        "wrapping_cost_inc_tax": "0.0000",
        "wrapping_cost_tax": "0.0000",
        "wrapping_message": if place % 9 == 4 { pick(rng, words::TEXTS) } else { "" },
        "quantity_shipped": if kind == "physical" { rng.i64(0..=quantity) } else { 0 },
        "event_name": Value::Null,
        "event_date": Value::Null,
        "fixed_shipping_cost": "0.0000",
        "ebay_item_id": "",
        "ebay_transaction_id": "",
        "option_set_id": percent(rng, 20).then(|| rng.u32(1..90)),
        "parent_order_product_id": Value::Null,
        "is_bundled_product": false,
        "bin_picking_number": "",
        "external_id": external_id(rng),
        "brand": pick(rng, words::BRANDS),
        "gift_certificate_id": is_certificate.then(|| rng.u32(1..500)),
        "discounted_total_inc_tax": money((price + tax) * quantity),
        "applied_discounts": discounts(rng),
        "product_options": product_options(rng, id, is_certificate),
        "configurable_fields": Value::Array(Vec::new()),
    };
    rarities(rng, &mut line, id, place);
    line
}

/// Null, text, or a number (reference tap, change log 1.1.2); some numbers are beyond what a binary float holds.
fn external_id(rng: &mut Rng) -> Value {
    match rng.u32(..20) {
        0 => Value::from(format!("ERP-{}", code(rng, 6))),
        1 => Value::from(rng.u32(1000..99_999)),
        2 => Value::from(9_007_199_254_740_993_u64 + rng.u64(..1000) * 2),
        _ => Value::Null,
    }
}

fn rarities(rng: &mut Rng, line: &mut Map<String, Value>, id: u64, place: u64) {
    if place > 0 && percent(rng, 3) {
        line.insert("parent_order_product_id".to_owned(), Value::from(id - 1));
        line.insert("is_bundled_product".to_owned(), Value::from(true));
    }
    if percent(rng, 4) {
        line.insert("event_name".to_owned(), Value::from("Delivery Date"));
        line.insert("event_date".to_owned(), Value::from("2025-02-28"));
    }
    if percent(rng, 4) {
        line.insert("quantity".to_owned(), Value::from(wire::whole(line.get("quantity")).to_string()));
        line.insert("is_refunded".to_owned(), Value::from("false"));
    }
    if percent(rng, 2) {
        let fields = [object! { "name": "Monogramm", "value": "ÄÖ" }];
        line.insert("configurable_fields".to_owned(), Value::from(fields));
    }
    if percent(rng, 3) {
        line.insert("sandbox_unannounced".to_owned(), Value::from("a field that nobody announced"));
    }
}

fn discounts(rng: &mut Rng) -> Vec<Value> {
    let mut discounts = Vec::new();
    if percent(rng, 8) {
        discounts.push(
            object! { "id": "coupon", "amount": "2.5000", "name": "Sommer ☀", "code": code(rng, 8), "target": "order" }.into(),
        );
    }
    if percent(rng, 3) {
        discounts.push(
            object! { "id": "manual-discount", "amount": "1.0000", "name": "Manual Discount", "code": (), "target": "product" }
                .into(),
        );
    }
    discounts
}

/// Option kinds with the values they have: an option value's id, free text, a date, or JSON text for an upload (orders reference).
fn product_options(rng: &mut Rng, line_id: u64, is_certificate: bool) -> Vec<Value> {
    if is_certificate || !percent(rng, 35) {
        return Vec::new();
    }
    (0..rng.u64(1..=3)).map(|place| product_option(rng, line_id, place)).collect()
}

fn product_option(rng: &mut Rng, line_id: u64, place: u64) -> Value {
    let upload = "{\"originalName\":\"Entwurf – größer.png\",\"temporaryPath\":\"\",\"path\":\"e2f/größer.png\"}";
    let (kind, style, name, value) = match rng.u32(..7) {
        0 => ("Multiple choice", "Dropdown", "Größe", rng.u32(60..900).to_string()),
        1 => ("Text field", "", "Engraving", pick(rng, words::TEXTS).to_owned()),
        2 => ("Multi-line text field", "", "Message", "Dear 祖母,\n\nI hope \"this\" arrives.\n".to_owned()),
        3 => ("File Upload", "", "Artwork", upload.to_owned()),
        4 => ("Checkbox", "", "Express?", "1".to_owned()),
        5 => ("Date field", "", "Deliver on", "1740700800".to_owned()),
        _ => ("Swatch", "", "Colour", rng.u32(60..900).to_string()),
    };
    let shown = if kind == "File Upload" { "Entwurf – größer.png" } else { value.as_str() };
    Value::from(object! {
        "id": line_id * 10 + place,
        "option_id": 20 + place,
        "order_product_id": line_id,
        "product_option_id": 100 + place,
        "display_name": name,
        "display_name_customer": name,
        "display_name_merchant": name,
        "display_value": shown,
        "display_value_customer": shown,
        "display_value_merchant": shown,
        "value": value.as_str(),
        "type": kind,
        "name": name,
        "display_style": style,
    })
}
