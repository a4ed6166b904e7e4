//! customer_addresses: the addresses of all customers, by the customers' ids. Whether a new address gives its customer a new date is not
//! documented, so all are read.

use super::{Source, Stream, customers};

/// The stream.
pub static STREAM: Stream = Stream::full_table(
    "customer_addresses",
    include_str!("customer_addresses.json"),
    Source::With { parent: &customers::STREAM, rows: &customers::ALL_ADDRESSES },
);
