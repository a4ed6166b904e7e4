//! redirects: old addresses and what they lead to now.

use super::{End, List, Lookup, Paging, Source, Stream};

/// The list.
pub static LIST: List = List {
    fixed: &[("include", "to_url"), ("sort", "id"), ("direction", "asc")],
    paging: Paging::Id { after: "id:min" },
    end: End::AllSeen,
    one: Some(Lookup::Filter("id:in")),
    range: Some(("id:min", "id:max")),
    ..List::v3("v3/storefront/redirects", "store_v2_content_read_only")
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("redirects", include_str!("redirects.json"), Source::List(&LIST));
