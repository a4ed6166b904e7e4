//! inventory_items: what is in stock of each variant, at each location.

use super::{Source, Stream, products};

/// The stream.
pub static STREAM: Stream = Stream {
    key: &["variant_id"],
    ..Stream::full_table(
        "inventory_items",
        include_str!("inventory_items.json"),
        Source::With { parent: &products::STREAM, rows: &products::INVENTORY },
    )
};
