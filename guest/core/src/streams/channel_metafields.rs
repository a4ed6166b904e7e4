//! channel_metafields: what apps keep with channels.

use super::{List, Replication, Source, Stream};

/// The list.
pub static LIST: List = List::by_cursor("v3/channels/metafields", "store_channel_settings_read_only");

/// The stream.
pub static STREAM: Stream = Stream {
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: false },
    ..Stream::full_table("channel_metafields", include_str!("channel_metafields.json"), Source::List(&LIST))
};
