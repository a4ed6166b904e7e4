//! channels: where the store sells: storefronts, marketplaces, points of sale.

use super::{Dates, List, Replication, Source, Stream, include};

/// The list.
pub static LIST: List = List {
    dates: Some(Dates { field: "date_modified", since: "date_modified:min", until: "date_modified:max", newest_first: &[] }),
    includes: &[include("currencies", "currencies")],
    ..List::v3("v3/channels", "store_channel_settings_read_only")
};

/// The stream.
pub static STREAM: Stream = Stream {
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: false },
    ..Stream::full_table("channels", include_str!("channels.json"), Source::List(&LIST))
};
