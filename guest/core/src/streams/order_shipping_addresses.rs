//! order_shipping_addresses: where orders are shipped to, from the same walk and the same requests.

use super::{Replication, Source, Stream, orders};

/// The stream.
pub static STREAM: Stream = Stream {
    replication: Replication::Incremental { key: "order_date_modified", heeds_start_date: true },
    ..Stream::full_table("order_shipping_addresses", include_str!("order_shipping_addresses.json"), Source::With { parent: &orders::STREAM, rows: &orders::SHIPPING_ADDRESSES })
};
