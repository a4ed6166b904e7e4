//! subscribers: who gets the newsletter.

use super::{Dates, List, Lookup, Replication, Source, Stream, customers};

/// The list.
pub static LIST: List = List {
    dates: Some(Dates { field: "date_modified", since: "date_modified:min", until: "date_modified:max", newest_first: &[] }),
    one: Some(Lookup::Filter("id:in")),
    ..List::v3("v3/customers/subscribers", customers::SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream {
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: false },
    ..Stream::full_table("subscribers", include_str!("subscribers.json"), Source::List(&LIST))
};
