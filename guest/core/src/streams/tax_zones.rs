//! tax_zones: where which taxes apply.

use super::{End, List, Lookup, Paging, Source, Stream};

/// The list.
pub static LIST: List = List {
    paging: Paging::Once,
    end: End::Answer,
    one: Some(Lookup::Filter("id:in")),
    ..List::v3("v3/tax/zones", "store_v2_information_read_only")
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("tax_zones", include_str!("tax_zones.json"), Source::List(&LIST));
