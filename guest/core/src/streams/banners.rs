//! banners: API v2, by id.

use super::{End, List, Lookup, Paging, Source, Stream};

/// The list.
pub static LIST: List = List {
    paging: Paging::Id { after: "min_id" },
    end: End::AllSeen,
    count: Some("v2/banners/count"),
    one: Some(Lookup::Path("v2/banners/{id}")),
    range: Some(("min_id", "max_id")),
    ..List::v2("v2/banners", "store_v2_marketing_read_only")
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("banners", include_str!("banners.json"), Source::List(&LIST));
