//! location_metafields: what apps keep with locations.

use super::{List, Replication, Source, Stream};

/// The list.
pub static LIST: List = List::by_cursor("v3/inventory/locations/metafields", "store_locations_read_only");

/// The stream.
pub static STREAM: Stream = Stream {
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: false },
    ..Stream::full_table("location_metafields", include_str!("location_metafields.json"), Source::List(&LIST))
};
