//! customer_attribute_values: what customers have in their attributes.

use super::{Dates, List, Replication, Source, Stream, customers};

/// The list.
pub static LIST: List = List {
    dates: Some(Dates { field: "date_modified", since: "date_modified:min", until: "date_modified:max", newest_first: &[] }),
    ..List::v3("v3/customers/attribute-values", customers::SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream {
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: false },
    ..Stream::full_table("customer_attribute_values", include_str!("customer_attribute_values.json"), Source::List(&LIST))
};
