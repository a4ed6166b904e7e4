//! customer_groups: API v2, which filters by date as API v3 does.

use super::{Dates, End, List, Lookup, Paging, Replication, Source, Stream, customers};

/// The list.
pub static LIST: List = List {
    dates: Some(Dates { field: "date_modified", since: "date_modified:min", until: "date_modified:max", newest_first: &[] }),
    paging: Paging::Page,
    end: End::Again,
    one: Some(Lookup::Path("v2/customer_groups/{id}")),
    ..List::v2("v2/customer_groups", customers::SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream {
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: false },
    ..Stream::full_table("customer_groups", include_str!("customer_groups.json"), Source::List(&LIST))
};
