//! order_fees: the fees of orders, which orders hold themselves. A fee does not name its order.

use super::{Replication, Source, Stream, orders};

/// The stream.
pub static STREAM: Stream = Stream {
    key: &["order_id", "id"],
    replication: Replication::Incremental { key: "order_date_modified", heeds_start_date: true },
    changes_alone: true,
    ..Stream::full_table("order_fees", include_str!("order_fees.json"), Source::With { parent: &orders::STREAM, rows: &orders::FEES })
};
