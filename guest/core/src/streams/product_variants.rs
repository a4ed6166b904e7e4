//! product_variants: the variants of all products, by the products' ids. Variants change without a new date of their product, so all are read.
//! One whose product is gone (`product_id` 0) belongs to none, and is not among them.

use super::{Source, Stream, products};

/// The stream.
pub static STREAM: Stream = Stream::full_table(
    "product_variants",
    include_str!("product_variants.json"),
    Source::With { parent: &products::STREAM, rows: &products::ALL_VARIANTS },
);
