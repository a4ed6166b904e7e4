//! Variants of products.

use fastrand::Rng;
use serde_json::{Map, Value};

use super::card::Card;
use super::draw::percent;
use crate::wire::{self, amount};

/// Variant ids are unique in the store: a product has room for this many.
pub(super) const VARIANTS_A_PRODUCT: u64 = 1000;

/// One variant for each value of the product's option; a product without choice has its base variant alone.
pub(super) fn variants(rng: &mut Rng, card: &Card, count: u64, options: &[Value]) -> Vec<Value> {
    (1..=count).map(|place| variant(rng, card, place, options).into()).collect()
}

fn variant(rng: &mut Rng, card: &Card, place: u64, options: &[Value]) -> Map<String, Value> {
    let id = card.id * VARIANTS_A_PRODUCT + place;
    let is_base = options.is_empty();
    // Null means: as the product has it.
    let own_price = (!is_base && percent(rng, 30)).then(|| card.price + 250);
    let sku = if is_base { card.sku.clone() } else { format!("{}-{place}", card.sku) };
    object! {
        "id": id,
        "product_id": card.id,
        "sku": sku,
        "sku_id": (!is_base).then_some(id + 7),
        "price": own_price.map(amount),
        "calculated_price": amount(own_price.unwrap_or(card.price)),
        "sale_price": (),
        "retail_price": (),
        "map_price": (),
        "weight": percent(rng, 20).then_some(1.75),
        "calculated_weight": 1.75,
        "width": (),
        "height": (),
        "depth": (),
        "is_free_shipping": false,
        "fixed_cost_shipping_price": (),
        "purchasing_disabled": percent(rng, 5),
        "purchasing_disabled_message": "",
        "image_url": "",
        "cost_price": amount(card.price / 2),
        "upc": if percent(rng, 70) { Value::from("") } else { Value::Null },
        "mpn": "",
        "gtin": "",
        "inventory_level": rng.u32(..200),
        "inventory_warning_level": 0,
        "bin_picking_number": "",
        "option_values": options.iter().filter_map(|option| choice(option, place)).collect::<Vec<Value>>(),
    }
}

fn choice(option: &Value, place: u64) -> Option<Value> {
    let option = option.as_object()?;
    let value = wire::array(option, "option_values").get(usize::try_from(place).ok()? - 1)?.as_object()?;
    Some(Value::from(object! {
        "option_display_name": wire::field(option, "display_name"),
        "label": wire::field(value, "label"),
        "id": wire::field(value, "id"),
        "option_id": wire::field(option, "id"),
    }))
}
