//! brand_metafields: what apps keep with brands.

use super::{List, Replication, Source, Stream, products};

/// The list.
pub static LIST: List = List::by_cursor("v3/catalog/brands/metafields", products::SCOPE);

/// The stream.
pub static STREAM: Stream = Stream {
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: false },
    ..Stream::full_table("brand_metafields", include_str!("brand_metafields.json"), Source::List(&LIST))
};
