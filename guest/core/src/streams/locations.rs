//! locations: where stock is kept.

use super::{List, Lookup, Source, Stream};

/// The list.
pub static LIST: List = List {
    one: Some(Lookup::Filter("location_id:in")),
    ..List::v3("v3/inventory/locations", "store_locations_read_only")
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("locations", include_str!("locations.json"), Source::List(&LIST));
