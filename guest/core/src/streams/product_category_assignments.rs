//! product_category_assignments: which categories show a product, by the products' ids.

use super::{Source, Stream, products};

/// The stream.
pub static STREAM: Stream = Stream {
    key: &["product_id", "category_id"],
    ..Stream::full_table("product_category_assignments", include_str!("product_category_assignments.json"), Source::With { parent: &products::STREAM, rows: &products::CATEGORY_ASSIGNMENTS })
};
