//! refunds: those of all orders, by the date of the refund. A refund is never changed or deleted.

use super::{Dates, List, Lookup, Replication, Source, Stream, orders};

/// The list. Its token needs the scope of orders or that of transactions.
pub static LIST: List = List {
    dates: Some(Dates { field: "created", since: "created:min", until: "created:max", newest_first: &[] }),
    one: Some(Lookup::Filter("id:in")),
    ..List::v3("v3/orders/payment_actions/refunds", orders::SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream {
    replication: Replication::Incremental { key: "created", heeds_start_date: true },
    ..Stream::full_table("refunds", include_str!("refunds.json"), Source::List(&LIST))
};
