//! gift_certificates: API v2, by id.

use super::{End, List, Lookup, Paging, Source, Stream};

/// The list.
pub static LIST: List = List {
    fixed: &[("sort", "id"), ("direction", "asc")],
    paging: Paging::Id { after: "min_id" },
    end: End::Highest(&[("sort", "id"), ("direction", "desc")]),
    one: Some(Lookup::Path("v2/gift_certificates/{id}")),
    range: Some(("min_id", "max_id")),
    ..List::v2("v2/gift_certificates", "store_v2_marketing_read_only")
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("gift_certificates", include_str!("gift_certificates.json"), Source::List(&LIST));
