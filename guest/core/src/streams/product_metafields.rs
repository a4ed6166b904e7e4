//! product_metafields: what apps keep with products.

use super::{List, Replication, Source, Stream, products};

/// The list.
pub static LIST: List = List::by_cursor("v3/catalog/products/metafields", products::SCOPE);

/// The stream.
pub static STREAM: Stream = Stream {
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: false },
    ..Stream::full_table("product_metafields", include_str!("product_metafields.json"), Source::List(&LIST))
};
