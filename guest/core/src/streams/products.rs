//! products: API v3, with variants, images, options and the other nested lists that are selected.

use super::{Ask, ByChannel, Dates, End, Include, List, Lookup, Paging, Replication, Rows, Source, Stream, Way, include};
use crate::api::list::Form;

pub(super) const SCOPE: &str = "store_v2_products_read_only";
/// No maximum is documented for the ids of one request.
const MOST: usize = 50;

/// A list that cuts the API's pages to ten products (products_catalog.v3, `include`).
const fn heavy(field: &'static str) -> Include {
    Include { page_at_most: Some(10), ..include(field, field) }
}

/// The request for the rows of products.
const fn batch(path: &'static str) -> Way {
    let ask = Ask { path, query: &[], form: Form::Envelope, scope: SCOPE };
    Way::Batch { ask, filter: "product_id:in", owner: "product_id", most: MOST }
}

/// All variants, for the stream of them.
pub static ALL_VARIANTS: Rows = Rows {
    name: "product_variants",
    key: &["id"],
    from: &[batch("v3/catalog/variants")],
    announced_by: None,
    adds: &[],
};
/// The channels that sell a product.
pub static CHANNEL_ASSIGNMENTS: Rows = Rows {
    name: "product_channel_assignments",
    key: &["product_id", "channel_id"],
    from: &[batch("v3/catalog/products/channel-assignments")],
    announced_by: None,
    adds: &[],
};
/// The categories that show a product.
pub static CATEGORY_ASSIGNMENTS: Rows = Rows {
    name: "product_category_assignments",
    key: &["product_id", "category_id"],
    from: &[batch("v3/catalog/products/category-assignments")],
    announced_by: None,
    adds: &[],
};

/// Rows that a product also contains; as a stream of their own they take a request for each product.
const fn below(name: &'static str, from: &'static [Way]) -> Rows {
    Rows { name, key: &["id"], from, announced_by: None, adds: &[] }
}

/// The request for such rows.
const fn each(path: &'static str) -> Way {
    Way::Each(Ask { path, query: &[], form: Form::Envelope, scope: SCOPE })
}

/// Its images.
pub static IMAGES: Rows = below("product_images", &[each("v3/catalog/products/{id}/images")]);
/// Its options.
pub static OPTIONS: Rows = below("product_options", &[each("v3/catalog/products/{id}/options")]);
/// Its modifiers.
pub static MODIFIERS: Rows = below("product_modifiers", &[each("v3/catalog/products/{id}/modifiers")]);
/// Its rules.
pub static COMPLEX_RULES: Rows = below("product_complex_rules", &[each("v3/catalog/products/{id}/complex-rules")]);
/// Its reviews. They do not name the product.
pub static REVIEWS: Rows =
    Rows { adds: &[("product_id", "id")], ..below("product_reviews", &[each("v3/catalog/products/{id}/reviews")]) };

/// What is in stock of its variants. The ids are inside an object.
pub static INVENTORY: Rows = Rows {
    name: "inventory_items",
    key: &["identity.variant_id"],
    from: &[Way::Batch {
        ask: Ask { path: "v3/inventory/items", query: &[], form: Form::Envelope, scope: "store_inventory_read_only" },
        filter: "product_id:in",
        owner: "identity.product_id",
        most: MOST,
    }],
    announced_by: None,
    adds: &[],
};

/// The list.
pub static LIST: List = List {
    fixed: &[("sort", "id"), ("direction", "asc")],
    dates: Some(Dates {
        field: "date_modified",
        since: "date_modified:min",
        until: "date_modified:max",
        newest_first: &[("sort", "date_modified"), ("direction", "desc")],
    }),
    paging: Paging::Id { after: "id:greater" },
    end: End::Highest(&[("sort", "id"), ("direction", "desc")]),
    includes: &[
        // They change without a new date of their product (third-party reports).
        Include { undated: Some("product_variants"), ..include("variants", "variants") },
        include("images", "images"),
        include("custom_fields", "custom_fields"),
        include("bulk_pricing_rules", "bulk_pricing_rules"),
        include("primary_image", "primary_image"),
        include("videos", "videos"),
        include("reviews", "reviews"),
        heavy("options"),
        heavy("modifiers"),
        include("parent_relations", "parent_relations"),
        include("channels", "channels"),
    ],
    rows: &[
        &ALL_VARIANTS,
        &CHANNEL_ASSIGNMENTS,
        &CATEGORY_ASSIGNMENTS,
        &IMAGES,
        &OPTIONS,
        &MODIFIERS,
        &COMPLEX_RULES,
        &REVIEWS,
        &INVENTORY,
    ],
    one: Some(Lookup::Filter("id:in")),
    ids_only: &[("include_fields", "date_modified")],
    channels: Some(ByChannel { filter: "channel_id:in", field: None }),
    range: Some(("id:min", "id:max")),
    ..List::v3("v3/catalog/products", SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream {
    name: "products",
    schema: include_str!("products.json"),
    key: &["id"],
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: false },
    source: Source::List(&LIST),
    selected_by_default: true,
    // They cut the API's pages to ten products.
    off_by_default: &["options", "modifiers"],
    changes_alone: false,
};
