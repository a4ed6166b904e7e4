//! `/v2/orders` and below.

use serde_json::{Map, Value};

use super::{consignments, count_query, counted, filters, page};
use crate::answer::Context;
use crate::filter::{Filters, Op, Rule};
use crate::http::Response;
use crate::refusal::Refusal;
use crate::seed::STATUSES;
use crate::store::Kind;
use crate::store::table::Sort;
use crate::wire;

/// `is_deleted` was documented up to 2021 and is still sent by clients; the others are in the orders reference.
const RULES: &[Rule] = &[
    Rule("min_id", "id", Op::Min),
    Rule("max_id", "id", Op::Max),
    Rule("min_date_modified", "date_modified", Op::Min),
    Rule("max_date_modified", "date_modified", Op::Max),
    Rule("min_date_created", "date_created", Op::Min),
    Rule("max_date_created", "date_created", Op::Max),
    Rule("is_deleted", "is_deleted", Op::Equal),
    Rule("status_id", "status_id", Op::Equal),
    Rule("customer_id", "customer_id", Op::Equal),
    Rule("min_total", "total_inc_tax", Op::Min),
    Rule("max_total", "total_inc_tax", Op::Max),
    Rule("email", "email", Op::Equal),
    Rule("cart_id", "cart_id", Op::Equal),
    Rule("payment_method", "payment_method", Op::Equal),
    Rule("channel_id", "channel_id", Op::Equal),
    Rule("external_order_id", "external_order_id", Op::Equal),
];

const SORTS: &[&str] = &["id", "customer_id", "date_created", "date_modified", "status_id", "channel_id", "external_id"];

pub(super) fn list(context: &Context<'_>) -> Result<Response, Refusal> {
    let page = page(context)?;
    let shape = Shape::read(context)?;
    let list = context.list(list_filters(context)?, sort(context)?);
    let ids = context.store.table(Kind::Order).page(list, page);
    let rows: Vec<Value> = ids.into_iter().filter_map(|id| order(context, id, &shape)).collect();
    Ok(Response::rows(&rows))
}

pub(super) fn one(context: &Context<'_>, id: u64) -> Result<Response, Refusal> {
    let shape = Shape::read(context)?;
    order(context, id, &shape).map(|order| Response::json(200, &order)).ok_or_else(Refusal::not_found)
}

/// `/v2/orders/count`: all statuses, and one number for all (orders reference).
pub(super) fn count(context: &Context<'_>) -> Result<Response, Refusal> {
    let table = context.store.table(Kind::Order);
    let filters = filters(context, &count_query(context), RULES)?;
    let filters = if context.store.quirks.count_includes_archived { filters } else { without_archived(context, filters) };
    let ids = table.select(context.list(filters, Sort::by_id()));
    let mut counts = vec![0_u64; STATUSES.len()];
    for status in ids.iter().filter_map(|id| table.status_id(*id)) {
        if let Some(count) = counts.get_mut(usize::from(status)) {
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
    let statuses: Vec<Value> = STATUSES.iter().zip(counts).enumerate().map(status).collect();
    Ok(Response::json(200, &Value::from(object! { "statuses": statuses, "count": counted(context, ids.len()) })))
}

/// One of the lists below an order.
pub(super) fn part(context: &Context<'_>, id: u64, part: &str) -> Result<Response, Refusal> {
    let part = match part {
        "products" | "coupons" | "shipping_addresses" | "fees" => part,
        "shippingaddresses" => "shipping_addresses",
        "consignments" => {
            let shape = Shape { consignments: true, objects: true, ..Shape::read(context)? };
            let order = context.store.table(Kind::Order).record(id).ok_or_else(Refusal::not_found)?;
            return Ok(Response::json(200, &consignments::build(context, id, &order.parts, shape.line_items, true)));
        }
        _ => return Err(Refusal::not_found()),
    };
    let order = context.store.table(Kind::Order).record(id).ok_or_else(Refusal::not_found)?;
    Ok(Response::rows(page(context)?.cut(wire::array(&order.parts, part))))
}

fn list_filters(context: &Context<'_>) -> Result<Filters, Refusal> {
    Ok(without_archived(context, filters(context, &context.query, RULES)?))
}

/// Hides archived orders from a request that does not ask for them, where a quirk says so.
fn without_archived(context: &Context<'_>, filters: Filters) -> Filters {
    let hide = context.store.quirks.archived_hidden && !filters.look_at("is_deleted");
    if hide { filters.and("is_deleted", "false") } else { filters }
}

/// `sort=field:asc`; the direction may be left out. There is no `direction` parameter.
fn sort(context: &Context<'_>) -> Result<Sort, Refusal> {
    let Some(text) = context.query.get("sort") else { return Ok(Sort::by_id()) };
    let (field, direction) = text.split_once(':').unwrap_or((text, "asc"));
    if !SORTS.contains(&field) || !matches!(direction, "asc" | "desc") {
        return Err(Refusal::parameter("sort", "a sortable field and asc or desc are needed"));
    }
    Ok(Sort { field: field.to_owned(), descending: direction == "desc" })
}

/// What is embedded instead of linked.
#[derive(Debug)]
struct Shape {
    fees: bool,
    consignments: bool,
    line_items: bool,
    /// `consignment_structure=object`; else the older array.
    objects: bool,
}

impl Shape {
    fn read(context: &Context<'_>) -> Result<Self, Refusal> {
        let include = context.query.list("include");
        if let Some(unknown) = include.iter().find(|name| !["fees", "consignments", "consignments.line_items"].contains(name)) {
            return Err(Refusal::parameter("include", &format!("{unknown} cannot be included")));
        }
        let line_items = include.contains(&"consignments.line_items");
        Ok(Self {
            fees: include.contains(&"fees"),
            consignments: line_items || include.contains(&"consignments"),
            line_items,
            objects: context.query.get("consignment_structure") == Some("object"),
        })
    }
}

fn order(context: &Context<'_>, id: u64, shape: &Shape) -> Option<Value> {
    let record = context.record(Kind::Order, id)?;
    let mut fields = record.fields.clone();
    let link_to = |name: &str| Value::from(link(context, &format!("/orders/{id}/{name}")));
    fields.insert("products".to_owned(), link_to("products"));
    fields.insert("shipping_addresses".to_owned(), link_to("shippingaddresses"));
    fields.insert("coupons".to_owned(), link_to("coupons"));
    let consignments = if shape.consignments {
        consignments::build(context, id, &record.parts, shape.line_items, shape.objects)
    } else {
        link_to("consignments")
    };
    fields.insert("consignments".to_owned(), consignments);
    let fees = if shape.fees { wire::field(&record.parts, "fees") } else { link_to("fees") };
    fields.insert("fees".to_owned(), fees);
    Some(fields.into())
}

/// A link as BigCommerce writes it: to its own host, never to this one, so that a client which follows it gives itself away.
pub(super) fn link(context: &Context<'_>, resource: &str) -> Map<String, Value> {
    let hash = &context.store.options.store_hash;
    object! { "url": format!("https://api.bigcommerce.com/stores/{hash}/v2{resource}"), "resource": resource }
}
