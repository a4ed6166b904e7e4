//! customer_ids: the ids and dates of all customers, so that a target can tell which customers are gone. The API has no parameter that leaves out the other
//! fields (customers.v3): they come, and are dropped.

use super::{ByChannel, Dates, End, List, Lookup, Paging, Source, Stream, customers};

/// The list.
pub static LIST: List = List {
    dates: Some(Dates {
        field: "date_modified",
        since: "date_modified:min",
        until: "date_modified:max",
        newest_first: &[("sort", "date_modified:desc")],
    }),
    paging: Paging::Cursor { after: "after" },
    end: End::CoveredSeen,
    one: Some(Lookup::Filter("id:in")),
    channels: Some(ByChannel { filter: "channel_id:in", field: None }),
    ..List::v3("v3/customers", customers::SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("customer_ids", include_str!("customer_ids.json"), Source::List(&LIST));
