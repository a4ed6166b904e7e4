//! shipping_methods: how each zone is shipped to.

use super::{End, List, Paging, Source, Stream, shipping_zones};

/// The list below a zone.
pub static LIST: List = List {
    paging: Paging::Once,
    end: End::Answer,
    ..List::v2("v2/shipping/zones/{id}/methods", shipping_zones::SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream {
    key: &["zone_id", "id"],
    ..Stream::full_table(
        "shipping_methods",
        include_str!("shipping_methods.json"),
        Source::Below { parent: &shipping_zones::STREAM, list: &LIST, adds: Some("zone_id") },
    )
};
