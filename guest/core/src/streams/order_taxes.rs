//! order_taxes: the taxes of orders' lines, with a request for each order.

use super::{Replication, Source, Stream, orders};

/// The stream.
pub static STREAM: Stream = Stream {
    replication: Replication::Incremental { key: "order_date_modified", heeds_start_date: true },
    changes_alone: true,
    ..Stream::full_table("order_taxes", include_str!("order_taxes.json"), Source::With { parent: &orders::STREAM, rows: &orders::TAXES })
};
