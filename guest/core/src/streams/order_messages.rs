//! order_messages: what shop and customer wrote to each other about orders, with a request for each order.

use super::{Replication, Source, Stream, orders};

/// The stream.
pub static STREAM: Stream = Stream {
    replication: Replication::Incremental { key: "order_date_modified", heeds_start_date: true },
    changes_alone: true,
    ..Stream::full_table("order_messages", include_str!("order_messages.json"), Source::With { parent: &orders::STREAM, rows: &orders::MESSAGES })
};
