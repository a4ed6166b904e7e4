//! shipping_zones: where the store ships to.

use super::{End, List, Lookup, Paging, Source, Stream};

pub(super) const SCOPE: &str = "store_v2_information_read_only";

/// The list.
pub static LIST: List = List {
    paging: Paging::Once,
    end: End::Answer,
    one: Some(Lookup::Path("v2/shipping/zones/{id}")),
    ..List::v2("v2/shipping/zones", SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("shipping_zones", include_str!("shipping_zones.json"), Source::List(&LIST));
