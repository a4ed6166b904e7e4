//! transactions: the payments of orders, with a request for each order and a scope of their own.

use super::{Replication, Source, Stream, orders};

/// The stream.
pub static STREAM: Stream = Stream {
    replication: Replication::Incremental { key: "order_date_modified", heeds_start_date: true },
    changes_alone: true,
    ..Stream::full_table("transactions", include_str!("transactions.json"), Source::With { parent: &orders::STREAM, rows: &orders::TRANSACTIONS })
};
