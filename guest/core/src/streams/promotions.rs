//! promotions: discounts, automatic or by coupon.

use super::{List, Lookup, Source, Stream};

pub(super) const SCOPE: &str = "store_v2_marketing_read_only";

/// The list.
pub static LIST: List = List {
    fixed: &[("sort", "id"), ("direction", "asc")],
    one: Some(Lookup::Filter("id")),
    ..List::v3("v3/promotions", SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("promotions", include_str!("promotions.json"), Source::List(&LIST));
