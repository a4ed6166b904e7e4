//! price_lists: API v3, by cursor.

use super::{Dates, End, List, Lookup, Paging, Replication, Source, Stream, products};

/// When a price list, or a record of it, was modified.
pub(super) const DATES: Dates =
    Dates { field: "date_modified", since: "date_modified:min", until: "date_modified:max", newest_first: &[] };

/// The list.
pub static LIST: List = List {
    dates: Some(DATES),
    paging: Paging::Cursor { after: "after" },
    end: End::CoveredSeen,
    one: Some(Lookup::Filter("id:in")),
    ..List::v3("v3/pricelists", products::SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream {
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: false },
    ..Stream::full_table("price_lists", include_str!("price_lists.json"), Source::List(&LIST))
};
