//! Products.

use fastrand::Rng;
use serde_json::{Map, Value};

use super::card::Card;
use super::draw::{code, percent, pick};
use super::head::Head;
use super::make::{self, For, base_variant};
use super::{inventory, options, variants, words};
use crate::dates;
use crate::kind::Kind;
use crate::record::Record;
use crate::wire::{self, amount};

pub(crate) fn product(rng: &mut Rng, seed: u64, id: u64, head: &Head) -> Record {
    let card = Card::of(seed, head.index);
    let variant_count = match head.index {
        9 => 30,
        index if index % 10 == 0 => 1,
        _ => rng.u64(1..=6),
    };
    let options = options::options(id, variant_count);
    let variants = variants::variants(rng, &card, variant_count, &options);
    let images = images(rng, id, head);
    let mut fields = selling(rng, id, &card, head);
    fields.extend(showing(rng, &card, head));
    fields.insert("base_variant_id".to_owned(), if variant_count == 1 { Value::from(base_variant(id)) } else { Value::Null });
    rarities(head, &mut fields);
    let relations = if percent(rng, 4) {
        vec![Value::from(object! { "type": "modifier", "product_id": id.saturating_sub(1), "attribute_id": 3 })]
    } else {
        Vec::new()
    };
    let bulk_pricing_rules = bulk_pricing(rng, id);
    let channels = if percent(rng, 10) { vec![1, 664_179] } else { vec![1] };
    let assignment = |channel: &u64| Value::from(object! { "product_id": id, "channel_id": *channel });
    let category = |category: &Value| Value::from(object! { "product_id": id, "category_id": category.clone() });
    let parts = object! {
        "bulk_pricing_rules": bulk_pricing_rules,
        "channel_assignments": channels.iter().map(assignment).collect::<Vec<_>>(),
        "category_assignments": wire::array(&fields, "categories").iter().map(category).collect::<Vec<_>>(),
        "channels": channels.clone(),
        "custom_fields": custom_fields(rng, id),
        "primary_image": images.first().map(primary),
        "images": images,
        "inventory": make::rows(inventory::FIELDS, &mut For { rng, id, row: None, head, write: dates::iso_offset }, variant_count),
        "modifiers": options::modifiers(rng, id),
        "options": options,
        "parent_relations": relations,
        "reviews": reviews(rng, id, head),
        "variants": variants,
        "videos": videos(rng, id),
    };
    Record { fields, parts }
}

/// What it is and what it costs.
fn selling(rng: &mut Rng, id: u64, card: &Card, head: &Head) -> Map<String, Value> {
    let on_sale = percent(rng, 15);
    let sale_price = if on_sale { card.price * 4 / 5 } else { 0 };
    object! {
        "id": id,
        "name": card.name.as_str(),
        "type": if percent(rng, 6) { "digital" } else { "physical" },
        "sku": card.sku.as_str(),
        "description": format!("<p>{} – {}</p>", card.name, pick(rng, words::TEXTS)),
        "weight": amount(rng.i64(0..900)),
        "width": amount(rng.i64(0..5_000)),
        "depth": 0,
        "height": 12.5,
        "price": amount(card.price),
        "cost_price": amount(card.price / 2),
        "retail_price": amount(if on_sale { card.price } else { 0 }),
        "sale_price": amount(sale_price),
        "map_price": 0,
        "calculated_price": amount(if on_sale { sale_price } else { card.price }),
        "tax_class_id": rng.u8(..3),
        "product_tax_code": "",
        "categories": (0..rng.u64(..4)).map(|place| Kind::CATEGORIES.id(place * 3)).collect::<Vec<_>>(),
        "brand_id": brand(rng.u64(..50)),
        "option_set_id": if percent(rng, 15) { Value::from(rng.u32(1..90)) } else { Value::Null },
        "option_set_display": "right",
        "inventory_level": if head.index == 3 { 9_007_199_254_740_993 } else { rng.i64(-2..500) },
        "inventory_warning_level": 0,
        "inventory_tracking": pick(rng, &["none", "product", "variant"]),
        "reviews_rating_sum": rng.u32(..50),
        "reviews_count": rng.u32(..12),
        "total_sold": rng.u32(..3_000),
        "fixed_cost_shipping_price": amount(rng.i64(0..2) * 999),
        "is_free_shipping": percent(rng, 10),
        "is_visible": percent(rng, 88),
        "is_featured": percent(rng, 10),
    }
}

/// Some have none.
fn brand(index: u64) -> u64 {
    if index < Kind::BRANDS.usual() { Kind::BRANDS.id(index) } else { 0 }
}

/// How it is shown.
fn showing(rng: &mut Rng, card: &Card, head: &Head) -> Map<String, Value> {
    let preorder = percent(rng, 4);
    object! {
        "related_products": if percent(rng, 80) { vec![-1] } else { vec![77, 78, 80] },
        "warranty": if percent(rng, 20) { pick(rng, words::TEXTS) } else { "" },
        "bin_picking_number": "",
        "layout_file": "product.html",
        "upc": if percent(rng, 30) { code(rng, 12) } else { String::new() },
        "mpn": "",
        "gtin": "",
        "date_last_imported": if rng.bool() { Value::from("") } else { Value::from(dates::iso_offset(head.created)) },
        "search_keywords": "Geschenk, ギフト, gift",
        "availability": if preorder { "preorder" } else { "available" },
        "availability_description": "Usually ships in 24 hours.",
        "gift_wrapping_options_type": "any",
        "gift_wrapping_options_list": if percent(rng, 90) { Value::from([0_u32; 0]) } else { Value::from([1, 2]) },
        "sort_order": rng.i32(-5..50),
        "condition": pick(rng, &["New", "New", "Used", "Refurbished"]),
        "is_condition_shown": percent(rng, 10),
        "order_quantity_minimum": 0,
        "order_quantity_maximum": 0,
        "page_title": "",
        "meta_keywords": if percent(rng, 30) { vec!["tea", "お茶"] } else { Vec::new() },
        "meta_description": "",
        "date_created": "",
        "date_modified": "",
        "view_count": rng.u32(..90_000),
        "preorder_release_date": if preorder { Value::from(dates::iso_offset(head.modified)) } else { Value::Null },
        "preorder_message": "",
        "is_preorder_only": preorder,
        "is_price_hidden": false,
        "price_hidden_label": "",
        "custom_url": object! { "url": format!("/product-{}/", head.index + 1), "is_customized": percent(rng, 10), "create_redirect": false },
        "open_graph_type": "product",
        "open_graph_title": card.name.as_str(),
        "open_graph_description": "",
        "open_graph_use_meta_description": true,
        "open_graph_use_product_name": true,
        "open_graph_use_image": true,
    }
}

/// What happens now and then: numbers and booleans as text, a missing date, a field that nobody announced.
fn rarities(head: &Head, fields: &mut Map<String, Value>) {
    match head.index % 17 {
        2 => {
            fields.insert("reviews_count".to_owned(), Value::from("3"));
            fields.insert("is_featured".to_owned(), Value::from("true"));
        }
        5 => drop(fields.shift_remove("date_last_imported")),
        6 => drop(fields.insert("date_last_imported".to_owned(), Value::Null)),
        11 => drop(fields.insert("sandbox_unannounced".to_owned(), Value::from(["x", "y"]))),
        _ => {}
    }
}

fn images(rng: &mut Rng, id: u64, head: &Head) -> Vec<Value> {
    let count = if head.index % 8 == 3 { 0 } else { rng.u64(1..=4) };
    let image = |place: u64| {
        let url = |size: &str| format!("https://cdn.example.com/products/{id}/{place}/größe-{size}.jpg");
        object! {
            "id": id * 100 + place,
            "product_id": id,
            "is_thumbnail": place == 0,
            "sort_order": place,
            "description": if place == 1 { "Rückseite" } else { "" },
            "image_url": url("full"),
            "url_zoom": url("zoom"),
            "url_standard": url("standard"),
            "url_thumbnail": url("thumbnail"),
            "url_tiny": url("tiny"),
            "date_modified": dates::iso_offset(head.modified),
        }
        .into()
    };
    (0..count).map(image).collect()
}

/// The first image, as `primary_image` shows it: with `image_file` for `image_url`.
fn primary(image: &Value) -> Value {
    let mut primary = image.clone();
    if let Some(fields) = primary.as_object_mut() {
        fields.shift_remove("image_url");
        fields.insert("image_file".to_owned(), Value::from("größe.jpg"));
    }
    primary
}

fn bulk_pricing(rng: &mut Rng, id: u64) -> Vec<Value> {
    if !percent(rng, 10) {
        return Vec::new();
    }
    vec![
        object! { "id": id * 10, "quantity_min": 10, "quantity_max": 49, "type": "percent", "amount": ".05" }.into(),
        object! { "id": id * 10 + 1, "quantity_min": 50, "quantity_max": 0, "type": "fixed", "amount": "8.7500" }.into(),
    ]
}

fn custom_fields(rng: &mut Rng, id: u64) -> Vec<Value> {
    let field =
        |place: u64| object! { "id": id * 100 + place, "name": format!("Feld {place}"), "value": pick(rng, words::TEXTS) }.into();
    (0..id % 4).map(field).collect()
}

fn reviews(rng: &mut Rng, id: u64, head: &Head) -> Vec<Value> {
    if !percent(rng, 20) {
        return Vec::new();
    }
    let date = dates::iso_offset(head.modified);
    vec![
        object! {
            "id": id * 10,
            "title": "Très bien ⭐",
            "text": pick(rng, words::TEXTS),
            "status": "approved",
            "rating": rng.u8(..6),
            "email": "",
            "name": pick(rng, words::FIRST_NAMES),
            "date_reviewed": date.as_str(),
            "date_created": date.as_str(),
            "date_modified": date.as_str(),
        }
        .into(),
    ]
}

fn videos(rng: &mut Rng, id: u64) -> Vec<Value> {
    if !percent(rng, 8) {
        return Vec::new();
    }
    vec![
        object! {
            "id": id,
            "product_id": id,
            "title": "How it is made",
            "description": "",
            "sort_order": 0,
            "type": "youtube",
            "video_id": code(rng, 11),
            "length": "06:46",
        }
        .into(),
    ]
}
