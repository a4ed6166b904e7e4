//! `/v3/catalog/products`; and what belongs to products.

use crate::dates;
use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::{Caps, Scope};
use crate::refusal::Version;
use crate::resource::{Dates, Include, Make, Part, Resource, Sorts, across, below, plain};
use crate::resources::product_rows;
use crate::seed::products;

/// There is no filter by creation date (products reference).
const RULES: &[Rule] = &[
    Rule::Each(&["id"], Op::OF_NUMBERS),
    Rule::Each(&["date_modified", "date_last_imported"], &[Op::Equal, Op::Min, Op::Max]),
    Rule::Named("channel_id:in", "channels", Op::In),
    Rule::Each(&["name"], &[Op::Equal]),
    Rule::Named("keyword", "name", Op::Like),
    Rule::Each(&["sku"], &[Op::Equal, Op::In]),
    Rule::Each(&["upc", "mpn", "price", "weight", "condition", "brand_id", "type", "availability"], &[Op::Equal]),
    Rule::Each(&["categories"], &[Op::Equal, Op::In]),
    Rule::Each(&["is_visible", "is_featured", "is_free_shipping", "total_sold"], &[Op::Equal]),
    Rule::Each(&["inventory_level"], Op::OF_NUMBERS),
];

const OF_VARIANTS: &[Rule] = &[Rule::Each(&["id", "sku", "upc"], &[Op::Equal]), Rule::Each(&["product_id"], &[Op::In])];

const OF_ASSIGNMENTS: &[Rule] = &[Rule::Each(&["product_id", "channel_id"], &[Op::In])];

const OF_CATEGORIES: &[Rule] = &[Rule::Each(&["product_id", "category_id"], &[Op::In])];

const OF_INVENTORY: &[Rule] = &[Rule::Each(&["sku", "variant_id", "product_id"], &[Op::In])];

pub(crate) static RESOURCE: Resource = Resource {
    dates: Dates { created: Some("date_created"), modified: Some("date_modified"), write: dates::iso_offset },
    filters: RULES,
    sorts: Sorts::Apart(&[
        "id",
        "name",
        "sku",
        "price",
        "date_modified",
        "date_last_imported",
        "inventory_level",
        "is_visible",
        "total_sold",
        "calculated_price",
    ]),
    includes: &[
        include("bulk_pricing_rules", None),
        include("channels", None),
        include("custom_fields", None),
        include("images", None),
        include("modifiers", Some(|caps| caps.heavy_products)),
        include("options", Some(|caps| caps.heavy_products)),
        include("parent_relations", None),
        include("primary_image", None),
        include("reviews", None),
        include("variants", None),
        include("videos", None),
    ],
    always: Some(&["id", "gift_wrapping_options_list"]),
    has_one: true,
    parts: &[
        Part {
            stream: Some("product_variants"),
            always: Some(&["id"]),
            ..across("variants", "catalog/variants", "product_id:in", Scope::Products, OF_VARIANTS)
        },
        across("channel_assignments", "catalog/products/channel-assignments", "product_id:in", Scope::Products, OF_ASSIGNMENTS)
            .of_stream("product_channel_assignments"),
        across("category_assignments", "catalog/products/category-assignments", "product_id:in", Scope::Products, OF_CATEGORIES)
            .of_stream("product_category_assignments"),
        each("images", "catalog/products/{id}/images").of_stream("product_images"),
        each("options", "catalog/products/{id}/options").of_stream("product_options"),
        each("modifiers", "catalog/products/{id}/modifiers").of_stream("product_modifiers"),
        each("complex_rules", "catalog/products/{id}/complex-rules").of_stream("product_complex_rules"),
        each("reviews", "catalog/products/{id}/reviews").of_stream("product_reviews"),
        across("inventory", "inventory/items", "product_id:in", Scope::Inventory, OF_INVENTORY).of_stream("inventory_items"),
    ],
    seen: Some(|product, field| (field == "channels").then(|| product.parts.get(field).cloned()).flatten()),
    ..plain(Kind::PRODUCTS, "catalog/products", Scope::Products, Make::Hand(products::product, product_rows::MORE))
};

const fn each(name: &'static str, path: &'static str) -> Part {
    below(name, Version::V3, path, Scope::Products)
}

const fn include(name: &'static str, page: Option<fn(&Caps) -> usize>) -> Include {
    Include { name, part: Some(name), most: None, page }
}
