//! customer_metafields: what apps keep with customers.

use super::{List, Replication, Source, Stream, customers};

/// The list.
pub static LIST: List = List::by_cursor("v3/customers/metafields", customers::SCOPE);

/// The stream.
pub static STREAM: Stream = Stream {
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: false },
    ..Stream::full_table("customer_metafields", include_str!("customer_metafields.json"), Source::List(&LIST))
};
