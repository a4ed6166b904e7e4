//! `/v2/orders` and below.

use serde_json::{Map, Value};

use crate::context::Context;
use crate::dates;
use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::paging::Paging;
use crate::quirks::ItemsTotal;
use crate::record::Record;
use crate::refusal::{Refusal, Version};
use crate::resource::{Dates, Include, Make, Part, Resource, Sorts, across, below};
use crate::resources::{consignments, order_rows};
use crate::seed::head::Head;
use crate::seed::orders;
use crate::seed::statuses::STATUSES;
use crate::wire;

/// `is_deleted` was documented up to 2021 and is still sent by clients; the others are in the orders reference.
const RULES: &[Rule] = &[
    Rule::Named("min_id", "id", Op::Min),
    Rule::Named("max_id", "id", Op::Max),
    Rule::Named("min_date_modified", "date_modified", Op::Min),
    Rule::Named("max_date_modified", "date_modified", Op::Max),
    Rule::Named("min_date_created", "date_created", Op::Min),
    Rule::Named("max_date_created", "date_created", Op::Max),
    Rule::Each(&["is_deleted", "status_id", "customer_id"], &[Op::Equal]),
    Rule::Named("min_total", "total_inc_tax", Op::Min),
    Rule::Named("max_total", "total_inc_tax", Op::Max),
    Rule::Each(&["email", "cart_id", "payment_method", "channel_id", "external_order_id"], &[Op::Equal]),
];

const OF_PICKUPS: &[Rule] = &[Rule::Each(&["order_id"], &[Op::In])];

pub(crate) static RESOURCE: Resource = Resource {
    kind: Kind::ORDERS,
    api: Version::V2,
    path: "orders",
    scope: Scope::Orders,
    id: "id",
    id_of: Value::from,
    dates: Dates { created: Some("date_created"), modified: Some("date_modified"), write: dates::rfc2822 },
    make: Make::Hand(orders::order, order_rows::MORE),
    paging: Paging::Number,
    filters: RULES,
    sorts: Sorts::Joined(&["id", "customer_id", "date_created", "date_modified", "status_id", "channel_id", "external_id"]),
    includes: &[Include::field("fees"), Include::field("consignments"), Include::field("consignments.line_items")],
    always: None,
    has_one: true,
    count: Some(statuses),
    hides: Some(("is_deleted", "false")),
    parts: &[
        below("products", Version::V2, "orders/{id}/products", Scope::Orders).of_stream("order_products"),
        below("coupons", Version::V2, "orders/{id}/coupons", Scope::Orders).of_stream("order_coupons"),
        below("shipping_addresses", Version::V2, "orders/{id}/shipping_addresses", Scope::Orders)
            .of_stream("order_shipping_addresses"),
        below("shipping_addresses", Version::V2, "orders/{id}/shippingaddresses", Scope::Orders),
        below("fees", Version::V2, "orders/{id}/fees", Scope::Orders).of_stream("order_fees"),
        Part {
            built: Some(|context, id, order| {
                consignments::build(
                    context,
                    id,
                    &order.parts,
                    context.query.list("include").contains(&"consignments.line_items"),
                    true,
                )
            }),
            ..below("consignments", Version::V2, "orders/{id}/consignments", Scope::Orders).of_stream("order_consignments")
        },
        below("shipments", Version::V2, "orders/{id}/shipments", Scope::Orders).of_stream("order_shipments"),
        Part {
            details: &["order_product_id", "line_item_type"],
            ..below("taxes", Version::V2, "orders/{id}/taxes", Scope::Orders).of_stream("order_taxes")
        },
        below("messages", Version::V2, "orders/{id}/messages", Scope::Orders).of_stream("order_messages"),
        across("pickups", "orders/pickups", "order_id:in", Scope::Fulfillment, OF_PICKUPS).of_stream("order_pickups"),
        below("transactions", Version::V3, "orders/{id}/transactions", Scope::Transactions).of_stream("transactions"),
    ],
    show: Some(show),
    seen: Some(|order, field| (field == "email").then(|| order.fields.get("billing_address")?.get("email").cloned()).flatten()),
};

/// `/v2/orders/count` names every status (orders reference).
fn statuses(orders: &mut dyn Iterator<Item = &Head>) -> Map<String, Value> {
    let mut counts = vec![0_u64; STATUSES.len()];
    for order in orders {
        if let Some(count) = counts.get_mut(usize::from(order.status_id)) {
            *count += 1;
        }
    }
    let status = |(id, (name, count)): (usize, (&&str, u64))| {
        Value::from(object! {
            "id": id,
            "name": *name,
            "system_label": *name,
            "custom_label": *name,
            "system_description": "",
            "count": count,
            "sort_order": id,
        })
    };
    object! { "statuses": STATUSES.iter().zip(counts).enumerate().map(status).collect::<Vec<_>>() }
}

/// An order with what is embedded, and links to the rest.
fn show(context: &Context<'_>, id: u64, record: &Record, fields: &mut Map<String, Value>) -> Result<(), Refusal> {
    let included = context.query.list("include");
    let link_to = |name: &str| Value::from(context.link(&format!("/orders/{id}/{name}")));
    fields.insert("products".to_owned(), link_to("products"));
    fields.insert("shipping_addresses".to_owned(), link_to("shippingaddresses"));
    fields.insert("coupons".to_owned(), link_to("coupons"));
    let with_lines = included.contains(&"consignments.line_items");
    let consignments = if with_lines || included.contains(&"consignments") {
        // Else the older array.
        let objects = context.query.get("consignment_structure") == Some("object");
        consignments::build(context, id, &record.parts, with_lines, objects)
    } else {
        link_to("consignments")
    };
    fields.insert("consignments".to_owned(), consignments);
    let lines = wire::array(&record.parts, "products");
    let physical = || lines.iter().filter(|line| line["type"] == "physical").map(|line| wire::whole(line.get("quantity")));
    match context.quirks.items_total {
        ItemsTotal::Quantities => {}
        ItemsTotal::Lines => drop(fields.insert("items_total".to_owned(), lines.len().into())),
        ItemsTotal::Physical => drop(fields.insert("items_total".to_owned(), physical().sum::<i64>().into())),
    }
    let fees = if included.contains(&"fees") { wire::field(&record.parts, "fees") } else { link_to("fees") };
    fields.insert("fees".to_owned(), fees);
    Ok(())
}
