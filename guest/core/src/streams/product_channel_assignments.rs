//! product_channel_assignments: which channels sell a product, by the products' ids.

use super::{Source, Stream, products};

/// The stream.
pub static STREAM: Stream = Stream {
    key: &["product_id", "channel_id"],
    ..Stream::full_table(
        "product_channel_assignments",
        include_str!("product_channel_assignments.json"),
        Source::With { parent: &products::STREAM, rows: &products::CHANNEL_ASSIGNMENTS },
    )
};
