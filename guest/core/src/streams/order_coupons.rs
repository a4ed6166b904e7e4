//! order_coupons: the coupons that were applied to orders, from the same walk and the same requests.

use super::{Replication, Source, Stream, orders};

/// The stream.
pub static STREAM: Stream = Stream {
    replication: Replication::Incremental { key: "order_date_modified", heeds_start_date: true },
    ..Stream::full_table("order_coupons", include_str!("order_coupons.json"), Source::With { parent: &orders::STREAM, rows: &orders::COUPONS })
};
