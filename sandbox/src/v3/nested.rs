//! Lists of what belongs to many customers or products: addresses, attribute values, form field values, variants.

use chrono::NaiveTime;
use serde_json::{Map, Value};

use super::{body, includes, page, trim};
use crate::answer::Context;
use crate::filter::{Cell, Filters, Op, Rule};
use crate::http::Response;
use crate::paging::Page;
use crate::query::split;
use crate::refusal::Refusal;
use crate::store::Kind;
use crate::wire;

type Row = Map<String, Value>;

pub(super) fn addresses(context: &Context<'_>) -> Result<Response, Refusal> {
    const RULES: &[Rule] =
        &[Rule("id:in", "id", Op::In), Rule("customer_id:in", "customer_id", Op::In), Rule("company:in", "company", Op::In)];
    let with_fields = includes(context, &["formfields"])?.contains(&"formfields");
    parts(context, RULES, Kind::Customer, "addresses", "customer_id:in", |row| {
        if !with_fields {
            row.shift_remove("form_fields");
        }
    })
}

pub(super) fn attribute_values(context: &Context<'_>) -> Result<Response, Refusal> {
    const RULES: &[Rule] = &[
        Rule("customer_id:in", "customer_id", Op::In),
        Rule("attribute_id:in", "attribute_id", Op::In),
        Rule("date_created:min", "date_created", Op::Min),
        Rule("date_created:max", "date_created", Op::Max),
        Rule("date_modified:min", "date_modified", Op::Min),
        Rule("date_modified:max", "date_modified", Op::Max),
    ];
    parts(context, RULES, Kind::Customer, "attributes", "customer_id:in", |_| {})
}

/// Values of customers, each with `customer_id`, and of their addresses, with `address_id`. Only page numbers are served here.
pub(super) fn form_field_values(context: &Context<'_>) -> Result<Response, Refusal> {
    const RULES: &[Rule] = &[
        Rule("customer_id", "customer_id", Op::Equal),
        Rule("address_id", "address_id", Op::Equal),
        Rule("field_name", "name", Op::Equal),
    ];
    let mut rows = Vec::new();
    for id in owners(context, Kind::Customer, "customer_id")? {
        let Some(customer) = context.store.table(Kind::Customer).record(id) else { continue };
        rows.extend(objects(&customer.parts, "form_fields").cloned());
        for address in objects(&customer.parts, "addresses") {
            rows.extend(objects(address, "form_fields").map(|field| {
                object! { "address_id": wire::field(address, "id"), "name": wire::field(field, "name"), "value": wire::field(field, "value") }
            }));
        }
    }
    paged(context, &row_filters(context, RULES)?, rows, |_| {})
}

pub(super) fn variants(context: &Context<'_>) -> Result<Response, Refusal> {
    const RULES: &[Rule] = &[
        Rule("id", "id", Op::Equal),
        Rule("sku", "sku", Op::Equal),
        Rule("upc", "upc", Op::Equal),
        Rule("product_id:in", "product_id", Op::In),
    ];
    parts(context, RULES, Kind::Product, "variants", "product_id:in", |row| trim(context, row, &["id"]))
}

/// The records whose rows can be in the answer: those named, else all.
fn owners(context: &Context<'_>, kind: Kind, parameter: &str) -> Result<Vec<u64>, Refusal> {
    match context.query.get(parameter) {
        Some(text) => numbers(parameter, text),
        None => Ok(context.store.ids(kind).collect()),
    }
}

/// Ids from a list, upward and once each.
fn numbers(parameter: &str, text: &str) -> Result<Vec<u64>, Refusal> {
    let ids: Result<Vec<u64>, _> = split(text).into_iter().map(str::parse).collect();
    let mut ids = ids.map_err(|_| Refusal::parameter(parameter, "whole numbers are needed"))?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// A page of the rows that records have in a part; `named` is the parameter that names the records.
fn parts(
    context: &Context<'_>,
    rules: &[Rule],
    kind: Kind,
    part: &str,
    named: &str,
    finish: impl Fn(&mut Row),
) -> Result<Response, Refusal> {
    let filters = row_filters(context, rules)?;
    if filters.is_empty() {
        return unfiltered(context, kind, part, finish);
    }
    let table = context.store.table(kind);
    let mut rows = Vec::new();
    for record in owners(context, kind, named)?.into_iter().filter_map(|id| table.record(id)) {
        rows.extend(objects(&record.parts, part).cloned());
    }
    paged(context, &filters, rows, finish)
}

/// A page of all rows. Records that have none on the page are not built.
fn unfiltered(context: &Context<'_>, kind: Kind, part: &str, finish: impl Fn(&mut Row)) -> Result<Response, Refusal> {
    let (page, table) = (page(context)?, context.store.table(kind));
    let lengths = table.part_lengths(part);
    let total = lengths.iter().map(|(_, length)| length).sum();
    let skip = (page.number - 1).saturating_mul(page.limit);
    let (mut place, mut data) = (0, Vec::new());
    for (id, length) in lengths.iter() {
        let begins = place;
        place += length;
        if place <= skip || data.len() >= page.limit {
            continue;
        }
        if let Some(record) = table.record(*id) {
            let rows = objects(&record.parts, part).skip(skip.saturating_sub(begins)).take(page.limit - data.len());
            data.extend(rows.cloned());
        }
    }
    Ok(finished(context, page, total, data, finish))
}

fn objects<'a>(map: &'a Row, name: &str) -> impl Iterator<Item = &'a Row> {
    wire::array(map, name).iter().filter_map(Value::as_object)
}

fn row_filters(context: &Context<'_>, rules: &[Rule]) -> Result<Filters, Refusal> {
    Filters::read(&context.query, rules, context.store.quirks.bounds_exclusive, NaiveTime::MIN)
}

fn paged(context: &Context<'_>, filters: &Filters, mut rows: Vec<Row>, finish: impl Fn(&mut Row)) -> Result<Response, Refusal> {
    let page = page(context)?;
    rows.retain(|row| filters.match_all(|field| row.get(field).cloned().map(Cell::Value)));
    Ok(finished(context, page, rows.len(), page.cut(&rows).to_vec(), finish))
}

fn finished(context: &Context<'_>, page: Page, total: usize, mut data: Vec<Row>, finish: impl Fn(&mut Row)) -> Response {
    data.iter_mut().for_each(finish);
    let meta = object! { "pagination": page.meta(&context.query, total, data.len()) };
    body(data, meta)
}
