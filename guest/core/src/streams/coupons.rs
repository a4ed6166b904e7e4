//! coupons: API v2. They have no modification date, so each run takes all of them, and edits are replicated too.

use super::{List, Lookup, Source, Stream};

/// The list.
pub static LIST: List = List {
    count: Some("v2/coupons/count"),
    one: Some(Lookup::Path("v2/coupons/{id}")),
    range: Some(("min_id", "max_id")),
    ..List::v2("v2/coupons", "store_v2_marketing_read_only")
};

/// The stream.
pub static STREAM: Stream =
    Stream { selected_by_default: true, ..Stream::full_table("coupons", include_str!("coupons.json"), Source::List(&LIST)) };
