//! Options (which make variants) and modifiers (which do not) of products.

use fastrand::Rng;
use serde_json::{Map, Value};

use super::draw::percent;

/// One option with a value for each variant; none for a product without choice.
pub(super) fn options(product_id: u64, variants: u64) -> Vec<Value> {
    if variants == 1 {
        return Vec::new();
    }
    let option_id = product_id * 100 + 1;
    let value = |place: u64| {
        object! {
            "id": option_id * 100 + place,
            "label": format!("Größe {place}"),
            "sort_order": place,
            "value_data": if place.is_multiple_of(2) { Value::from(object! { "colors": ["#FF0000"] }) } else { Value::Null },
            "is_default": place == 1,
        }
        .into()
    };
    vec![
        object! {
            "id": option_id,
            "product_id": product_id,
            "name": format!("Größe-{product_id}"),
            "display_name": "Größe",
            "type": if product_id.is_multiple_of(3) { "swatch" } else { "rectangles" },
            "sort_order": 0,
            "config": empty_config(product_id),
            "option_values": (1..=variants).map(value).collect::<Vec<Value>>(),
        }
        .into(),
    ]
}

/// An empty config is an object on some products and an array on others (modifiers and options references).
fn empty_config(product_id: u64) -> Value {
    if product_id.is_multiple_of(2) { Value::Array(Vec::new()) } else { Value::Object(Map::new()) }
}

pub(super) fn modifiers(rng: &mut Rng, product_id: u64) -> Vec<Value> {
    let mut modifiers = Vec::new();
    if percent(rng, 20) {
        let config =
            object! { "default_value": "", "text_characters_limited": true, "text_min_length": 0, "text_max_length": 255 };
        modifiers.push(modifier(product_id, 50, "text", "Gravur", config.into(), Vec::new()));
    }
    if percent(rng, 10) {
        let config = object! { "checked_by_default": false, "checkbox_label": "Ja, bitte" };
        modifiers.push(modifier(product_id, 51, "checkbox", "Geschenk?", config.into(), vec![wrapped(product_id)]));
    }
    if percent(rng, 5) {
        let config = object! { "file_types_mode": "specific", "file_types_supported": ["images"], "file_types_other": ["pdf"], "file_max_size": 8 };
        modifiers.push(modifier(product_id, 52, "file", "Artwork", config.into(), Vec::new()));
    }
    if percent(rng, 12) {
        modifiers.push(modifier(product_id, 53, "date", "Liefertag", empty_config(product_id), Vec::new()));
    }
    modifiers
}

fn modifier(product_id: u64, place: u64, kind: &str, name: &str, config: Value, values: Vec<Value>) -> Value {
    Value::from(object! {
        "id": product_id * 100 + place,
        "product_id": product_id,
        "name": format!("{name}-{place}"),
        "display_name": name,
        "type": kind,
        "required": false,
        "sort_order": place,
        "config": config,
        "option_values": values,
    })
}

fn wrapped(product_id: u64) -> Value {
    let option_id = product_id * 100 + 51;
    Value::from(object! {
        "id": option_id * 100 + 1,
        "option_id": option_id,
        "label": "Yes",
        "sort_order": 0,
        "value_data": object! { "checked_value": true },
        "is_default": false,
        "adjusters": object! {
            "price": object! { "adjuster": "relative", "adjuster_value": 4.5 },
            "weight": (),
            "image_url": "",
            "purchasing_disabled": object! { "status": false, "message": "" },
        },
    })
}
