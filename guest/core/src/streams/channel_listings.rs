//! channel_listings: the products that each channel offers, and how.

use super::{Dates, End, List, Paging, Replication, Source, Stream, channels};

/// The list below a channel. `after` is the id of the last listing (channels.v3), not a cursor.
pub static LIST: List = List {
    key: &["listing_id"],
    dates: Some(Dates { field: "date_modified", since: "date_modified:min", until: "date_modified:max", newest_first: &[] }),
    paging: Paging::Id { after: "after" },
    end: End::CoveredSeen,
    ..List::v3("v3/channels/{id}/listings", "store_channel_listings_read_only")
};

/// The stream.
pub static STREAM: Stream = Stream {
    key: &["channel_id", "listing_id"],
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: false },
    ..Stream::full_table(
        "channel_listings",
        include_str!("channel_listings.json"),
        Source::Below { parent: &channels::STREAM, list: &LIST, adds: Some("channel_id") },
    )
};
