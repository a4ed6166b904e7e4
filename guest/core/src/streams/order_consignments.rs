//! order_consignments: how each order reaches its buyer, with a request for each order. Its lines are links: order_products has them whole.

use super::{Replication, Source, Stream, orders};

/// The stream.
pub static STREAM: Stream = Stream {
    key: &["order_id"],
    replication: Replication::Incremental { key: "order_date_modified", heeds_start_date: true },
    changes_alone: true,
    ..Stream::full_table(
        "order_consignments",
        include_str!("order_consignments.json"),
        Source::With { parent: &orders::STREAM, rows: &orders::CONSIGNMENTS },
    )
};
