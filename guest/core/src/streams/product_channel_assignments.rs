//! product_channel_assignments: which channels sell a product, by the products' ids.

use super::{Ask, Way, Rows, Source, Stream, products};
use crate::api::list::Form;

/// No maximum is documented for the ids of one request.
const MOST: usize = 50;

/// The channels of some products.
pub static ROWS: Rows = Rows {
    name: "product_channel_assignments",
    key: &["product_id", "channel_id"],
    from: &[Way::Batch {
        ask: Ask { path: "v3/catalog/products/channel-assignments", query: &[], form: Form::Envelope, scope: products::SCOPE },
        filter: "product_id:in",
        owner: "product_id",
        most: MOST,
    }],
    announced_by: None,
    adds: &[],
};

/// The stream.
pub static STREAM: Stream = Stream {
    key: &["product_id", "channel_id"],
    ..Stream::full_table("product_channel_assignments", include_str!("product_channel_assignments.json"), Source::With { parent: &products::STREAM, rows: &ROWS })
};
