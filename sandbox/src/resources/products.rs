//! `/v3/catalog/products`; and what belongs to products.

use crate::dates;
use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::{Caps, Scope};
use crate::resource::{Dates, Ids, Include, Make, Part, Resource, Sorts, across, plain};
use crate::seed::products;

/// There is no filter by creation date (products reference).
const RULES: &[Rule] = &[
    Rule("id", "id", Op::Equal),
    Rule("id:in", "id", Op::In),
    Rule("id:not_in", "id", Op::NotIn),
    Rule("id:min", "id", Op::Min),
    Rule("id:max", "id", Op::Max),
    Rule("id:greater", "id", Op::Greater),
    Rule("id:less", "id", Op::Less),
    Rule("date_modified", "date_modified", Op::Equal),
    Rule("date_modified:min", "date_modified", Op::Min),
    Rule("date_modified:max", "date_modified", Op::Max),
    Rule("date_last_imported", "date_last_imported", Op::Equal),
    Rule("date_last_imported:min", "date_last_imported", Op::Min),
    Rule("date_last_imported:max", "date_last_imported", Op::Max),
    Rule("channel_id:in", "channels", Op::In),
    Rule("name", "name", Op::Equal),
    Rule("keyword", "name", Op::Like),
    Rule("sku", "sku", Op::Equal),
    Rule("sku:in", "sku", Op::In),
    Rule("upc", "upc", Op::Equal),
    Rule("mpn", "mpn", Op::Equal),
    Rule("price", "price", Op::Equal),
    Rule("weight", "weight", Op::Equal),
    Rule("condition", "condition", Op::Equal),
    Rule("brand_id", "brand_id", Op::Equal),
    Rule("type", "type", Op::Equal),
    Rule("availability", "availability", Op::Equal),
    Rule("categories", "categories", Op::Equal),
    Rule("categories:in", "categories", Op::In),
    Rule("is_visible", "is_visible", Op::Equal),
    Rule("is_featured", "is_featured", Op::Equal),
    Rule("is_free_shipping", "is_free_shipping", Op::Equal),
    Rule("total_sold", "total_sold", Op::Equal),
    Rule("inventory_level", "inventory_level", Op::Equal),
    Rule("inventory_level:in", "inventory_level", Op::In),
    Rule("inventory_level:not_in", "inventory_level", Op::NotIn),
    Rule("inventory_level:min", "inventory_level", Op::Min),
    Rule("inventory_level:max", "inventory_level", Op::Max),
    Rule("inventory_level:greater", "inventory_level", Op::Greater),
    Rule("inventory_level:less", "inventory_level", Op::Less),
];

const OF_VARIANTS: &[Rule] = &[
    Rule("id", "id", Op::Equal),
    Rule("sku", "sku", Op::Equal),
    Rule("upc", "upc", Op::Equal),
    Rule("product_id:in", "product_id", Op::In),
];

const OF_ASSIGNMENTS: &[Rule] = &[Rule("product_id:in", "product_id", Op::In), Rule("channel_id:in", "channel_id", Op::In)];

pub(crate) static RESOURCE: Resource = Resource {
    ids: Ids { first: 77, gap: 23 },
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
    ],
    seen: Some(|product, field| (field == "channels").then(|| product.parts.get(field).cloned()).flatten()),
    ..plain(Kind::PRODUCTS, "catalog/products", Scope::Products, Make::Hand(products::product))
};

const fn include(name: &'static str, page: Option<fn(&Caps) -> usize>) -> Include {
    Include { name, part: Some(name), most: None, page }
}
