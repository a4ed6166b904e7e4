//! category_metafields: what apps keep with categories.

use super::{List, Replication, Source, Stream, products};

/// The list.
pub static LIST: List = List::by_cursor("v3/catalog/categories/metafields", products::SCOPE);

/// The stream.
pub static STREAM: Stream = Stream {
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: false },
    ..Stream::full_table("category_metafields", include_str!("category_metafields.json"), Source::List(&LIST))
};
