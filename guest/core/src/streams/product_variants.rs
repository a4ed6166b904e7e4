//! product_variants: the variants of all products, by the products' ids. Variants change without a new date of their product, so all are read.
//! One whose product is gone (`product_id` 0) belongs to none, and is not among them.

use super::{Ask, Way, Rows, Source, Stream, products};
use crate::api::list::Form;

/// No maximum is documented for the ids of one request.
const MOST: usize = 50;

/// The variants of some products.
pub static ROWS: Rows = Rows {
    name: "product_variants",
    key: &["id"],
    from: &[Way::Batch {
        ask: Ask { path: "v3/catalog/variants", query: &[], form: Form::Envelope, scope: products::SCOPE },
        filter: "product_id:in",
        owner: "product_id",
        most: MOST,
    }],
    announced_by: None,
    adds: &[],
};

/// The stream.
pub static STREAM: Stream =
    Stream::full_table("product_variants", include_str!("product_variants.json"), Source::With { parent: &products::STREAM, rows: &ROWS });
