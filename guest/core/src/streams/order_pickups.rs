//! order_pickups: what customers collect themselves, for some orders with each request.

use super::{Replication, Source, Stream, orders};

/// The stream.
pub static STREAM: Stream = Stream {
    replication: Replication::Incremental { key: "order_date_modified", heeds_start_date: true },
    ..Stream::full_table("order_pickups", include_str!("order_pickups.json"), Source::With { parent: &orders::STREAM, rows: &orders::PICKUPS })
};
