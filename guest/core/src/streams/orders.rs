//! orders: API v2, with line items, coupons and shipping addresses fetched for each order.

use super::{consigned, Announced, Ask, ByChannel, Dates, End, Hidden, Way, List, Lookup, Params, Replication, Rows, Source, Stream, include};
use crate::api::list::Form;

pub(super) const SCOPE: &str = "store_v2_orders_read_only";
/// No maximum is documented for the ids of one request.
const MOST: usize = 50;
/// What a stream of an order's rows takes from the order: its date, since they have none of their own.
const DATED: Params = &[("order_date_modified", "date_modified")];

/// A list below an order's own path.
const fn below(name: &'static str, from: &'static [Way], announced_by: Option<Announced>) -> Rows {
    Rows { name, key: &["id"], from, announced_by, adds: DATED }
}

/// The request for such a list.
const fn ask(path: &'static str) -> Ask {
    Ask { path, query: &[], form: Form::Bare, scope: SCOPE }
}

/// Its line items.
pub static PRODUCTS: Rows =
    below("products", &[Way::Each(ask("v2/orders/{id}/products"))], Some(Announced::Sum { field: "items_total", of: "quantity" }));
/// The coupons that were applied.
pub static COUPONS: Rows = below("coupons", &[Way::Each(ask("v2/orders/{id}/coupons"))], None);
/// Where it is shipped to.
pub static SHIPPING_ADDRESSES: Rows = below(
    "shipping_addresses",
    &[Way::Each(ask("v2/orders/{id}/shipping_addresses"))],
    Some(Announced::Some("shipping_address_count")),
);

/// The order's id and date, for rows that do not contain them.
const OF_ORDER: Params = &[("order_id", "id"), ("order_date_modified", "date_modified")];
/// Its fees. Where the store sends a link in their place they are asked for, and three forms of the answer are documented (orders.v2).
pub static FEES: Rows = Rows {
    adds: OF_ORDER,
    ..below("fees", &[Way::Inside { full: None }, Way::Each(Ask { form: Form::Named("fees"), ..ask("v2/orders/{id}/fees") })], None)
};
/// Its payments. Orders do not show them. A payment names its order as free text (orders.v3), so the order's own id is used
/// instead.
pub static TRANSACTIONS: Rows = Rows {
    adds: OF_ORDER,
    ..below(
        "transactions",
        &[Way::Each(Ask {
            path: "v3/orders/{id}/transactions",
            query: &[],
            form: Form::Envelope,
            scope: "store_v2_transactions_read_only",
        })],
        None,
    )
};

/// What was sent of it.
pub static SHIPMENTS: Rows = below("shipments", &[Way::Each(ask("v2/orders/{id}/shipments"))], None);
/// The taxes of its lines. Without the parameter they do not name the line (orders.v2, `details`).
pub static TAXES: Rows =
    below("taxes", &[Way::Each(Ask { query: &[("details", "true")], ..ask("v2/orders/{id}/taxes") })], None);
/// What shop and customer wrote to each other.
pub static MESSAGES: Rows = below("messages", &[Way::Each(ask("v2/orders/{id}/messages"))], None);
/// What the customer collects.
pub static PICKUPS: Rows = below(
    "order_pickups",
    &[Way::Batch {
        // A scope of its own (pickup.v3).
        ask: Ask { path: "v3/orders/pickups", query: &[], form: Form::Envelope, scope: "store_order_fulfillment_read_only" },
        filter: "order_id:in",
        owner: "order_id",
        most: MOST,
    }],
    None,
);

/// How it reaches its buyer: one object for each order.
pub static CONSIGNMENTS: Rows = Rows {
    key: &[],
    adds: &[("order_id", "id"), ("order_date_modified", "date_modified")],
    ..below(
        "order_consignments",
        &[Way::Each(Ask { form: Form::Object, ..ask("v2/orders/{id}/consignments") })],
        None,
    )
};

/// The list.
pub static LIST: List = List {
    fixed: &[("sort", "id:asc")],
    dates: Some(Dates {
        field: "date_modified",
        since: "min_date_modified",
        until: "max_date_modified",
        newest_first: &[("sort", "date_modified:desc")],
    }),
    end: End::Highest(&[("sort", "id:desc")]),
    // It counts archived orders that the list hides (bigcommerce/docs#360), and some of its filters have no effect (bigcommerce/docs#374).
    count: Some("v2/orders/count"),
    includes: &[include("fees", "fees"), consigned::INCLUDE],
    rows: &[&PRODUCTS, &COUPONS, &SHIPPING_ADDRESSES, &FEES, &TRANSACTIONS, &SHIPMENTS, &TAXES, &MESSAGES, &PICKUPS, &CONSIGNMENTS],
    one: Some(Lookup::Path("v2/orders/{id}")),
    channels: Some(ByChannel { filter: "channel_id", field: Some("channel_id") }),
    range: Some(("min_id", "max_id")),
    // It is not documented whether the list shows archived orders. The filter was, until 2021 (bigcommerce/api-specs, orders.v2),
    // and clients still send it. A store may ignore it, refuse it, or show the same orders without it; `walk/hidden.rs` handles
    // all three.
    hidden: &[Hidden { name: "archived orders", filter: ("is_deleted", "true"), mark: "is_deleted" }],
    embedded: Some(&consigned::EMBEDDED),
    ..List::v2("v2/orders", SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream {
    name: "orders",
    schema: include_str!("orders.json"),
    key: &["id"],
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: true },
    source: Source::List(&LIST),
    selected_by_default: true,
    // They repeat products and shipping_addresses, and make pages slow.
    off_by_default: &["consignments"],
    changes_alone: false,
};
