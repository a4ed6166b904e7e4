//! order_products: the line items of orders as a stream of their own, from the same walk and the same requests.

use super::{Replication, Source, Stream, orders};

/// The stream. A line item has no date of its own; its bookmark is its order's.
pub static STREAM: Stream = Stream {
    name: "order_products",
    schema: include_str!("order_products.json"),
    key: &["id"],
    replication: Replication::Incremental { key: "order_date_modified", heeds_start_date: true },
    source: Source::With { parent: &orders::STREAM, rows: &orders::PRODUCTS },
    selected_by_default: true,
    off_by_default: &[],
    changes_alone: false,
};
