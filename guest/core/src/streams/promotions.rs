//! promotions: discounts, automatic or by coupon.

use super::{List, Lookup, Source, Stream};

/// The list.
pub static LIST: List = List {
    fixed: &[("sort", "id"), ("direction", "asc")],
    one: Some(Lookup::Filter("id")),
    ..List::v3("v3/promotions", "store_v2_marketing_read_only")
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("promotions", include_str!("promotions.json"), Source::List(&LIST));
