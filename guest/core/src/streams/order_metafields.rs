//! order_metafields: what apps keep with orders.

use super::{List, Replication, Source, Stream, orders};

/// The list.
pub static LIST: List = List::by_cursor("v3/orders/metafields", orders::SCOPE);

/// The stream.
pub static STREAM: Stream = Stream {
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: false },
    ..Stream::full_table("order_metafields", include_str!("order_metafields.json"), Source::List(&LIST))
};
