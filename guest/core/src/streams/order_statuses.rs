//! order_statuses: what the numbers in orders' `status_id` mean. Fifteen rows, with the names that the store gives them.

use super::{End, List, Lookup, Paging, Source, Stream, orders};

/// The list.
pub static LIST: List = List {
    paging: Paging::Once,
    end: End::Answer,
    one: Some(Lookup::Path("v2/order_statuses/{id}")),
    ..List::v2("v2/order_statuses", orders::SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("order_statuses", include_str!("order_statuses.json"), Source::List(&LIST));
