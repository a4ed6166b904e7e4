//! orders: API v2, with line items, coupons and shipping addresses fetched for each order.

use super::{Announced, End, Include, List, Part, Position, Record, Replication, Source, Stream, include};
use crate::api::list::Form;

/// A part of an order; its list lies below the order's own path.
const fn part(field: &'static str, path: &'static str, announced_by: Option<&'static str>) -> Part {
    let announced_by = match announced_by {
        Some(field) => Some(Announced::Some(field)),
        None => None,
    };
    Part { field, path, owner: None, query: &[], form: Form::Bare, when_full: None, announced_by }
}

/// The stream.
pub static STREAM: Stream = Stream {
    name: "orders",
    schema: include_str!("orders.json"),
    scope: "store_v2_orders_read_only",
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: true },
    source: Source::List(List {
        path: "v2/orders",
        form: Form::Bare,
        fixed: &[("sort", "id:asc")],
        position: Position::Id { after: "min_id" },
        since: Some("min_date_modified"),
        until: Some("max_date_modified"),
        newest_first: &[("sort", "date_modified:desc")],
        end: End::Highest(&[("sort", "id:desc")]),
        // It counts archived orders that the list hides (bigcommerce/docs#360), and some of its filters have no effect (bigcommerce/docs#374).
        count: Some("v2/orders/count"),
        includes: &[
            include("fees", "fees"),
            // Without the structure an older shape comes that may go away (orders.v2, `consignment_structure`).
            Include {
                field: "consignments",
                value: "consignments,consignments.line_items",
                with: Some(("consignment_structure", "object")),
                page_at_most: None,
            },
        ],
        parts: &[
            part("products", "v2/orders/{id}/products", Some("items_total")),
            part("coupons", "v2/orders/{id}/coupons", None),
            part("shipping_addresses", "v2/orders/{id}/shipping_addresses", Some("shipping_address_count")),
        ],
        record: Record::Path("v2/orders/{id}"),
        range: Some(("min_id", "max_id")),
    }),
    // They repeat products and shipping_addresses, and make pages slow.
    off_by_default: &["consignments"],
};
