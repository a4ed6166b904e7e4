//! products: API v3, with variants, images, options and the other nested lists that are selected.

use super::{End, Include, List, Position, Record, Replication, Source, Stream, include};
use crate::api::list::Form;

/// A list that cuts the API's pages to ten products (products_catalog.v3, `include`).
const fn heavy(field: &'static str) -> Include {
    Include { field, value: field, with: None, page_at_most: Some(10) }
}

/// The stream.
pub static STREAM: Stream = Stream {
    name: "products",
    schema: include_str!("products.json"),
    scope: "store_v2_products_read_only",
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: false },
    source: Source::List(List {
        path: "v3/catalog/products",
        form: Form::Envelope,
        fixed: &[("sort", "id"), ("direction", "asc")],
        position: Position::Id { after: "id:greater" },
        since: Some("date_modified:min"),
        until: Some("date_modified:max"),
        newest_first: &[("sort", "date_modified"), ("direction", "desc")],
        end: End::Highest(&[("sort", "id"), ("direction", "desc")]),
        count: None,
        includes: &[
            include("variants", "variants"),
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
        parts: &[],
        record: Record::Filter("id:in"),
        range: Some(("id:min", "id:max")),
    }),
    off_by_default: &[],
};
