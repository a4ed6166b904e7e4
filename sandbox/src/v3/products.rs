//! `/v3/catalog/products`.

use serde_json::{Map, Value};

use super::{body, includes, page, trim};
use crate::answer::Context;
use crate::filter::{Filters, Op, Rule};
use crate::http::Response;
use crate::refusal::Refusal;
use crate::store::Kind;
use crate::store::table::Sort;
use crate::wire;

/// There is no filter by creation date (products reference).
const RULES: &[Rule] = &[
    Rule("id", "id", Op::Equal),
    Rule("id:in", "id", Op::In),
    Rule("id:not_in", "id", Op::NotIn),
    Rule("id:min", "id", Op::Min),
    Rule("id:max", "id", Op::Max),
    Rule("id:greater", "id", Op::Greater),
    Rule("id:less", "id", Op::Less),
    Rule("date_modified", "date_modified", Op::Equal),
    Rule("date_modified:min", "date_modified", Op::Min),
    Rule("date_modified:max", "date_modified", Op::Max),
    Rule("date_last_imported", "date_last_imported", Op::Equal),
    Rule("date_last_imported:min", "date_last_imported", Op::Min),
    Rule("date_last_imported:max", "date_last_imported", Op::Max),
    Rule("name", "name", Op::Equal),
    Rule("keyword", "name", Op::Like),
    Rule("sku", "sku", Op::Equal),
    Rule("sku:in", "sku", Op::In),
    Rule("upc", "upc", Op::Equal),
    Rule("mpn", "mpn", Op::Equal),
    Rule("price", "price", Op::Equal),
    Rule("weight", "weight", Op::Equal),
    Rule("condition", "condition", Op::Equal),
    Rule("brand_id", "brand_id", Op::Equal),
    Rule("type", "type", Op::Equal),
    Rule("availability", "availability", Op::Equal),
    Rule("categories", "categories", Op::Equal),
    Rule("categories:in", "categories", Op::In),
    Rule("is_visible", "is_visible", Op::Equal),
    Rule("is_featured", "is_featured", Op::Equal),
    Rule("is_free_shipping", "is_free_shipping", Op::Equal),
    Rule("total_sold", "total_sold", Op::Equal),
    Rule("inventory_level", "inventory_level", Op::Equal),
    Rule("inventory_level:in", "inventory_level", Op::In),
    Rule("inventory_level:not_in", "inventory_level", Op::NotIn),
    Rule("inventory_level:min", "inventory_level", Op::Min),
    Rule("inventory_level:max", "inventory_level", Op::Max),
    Rule("inventory_level:greater", "inventory_level", Op::Greater),
    Rule("inventory_level:less", "inventory_level", Op::Less),
];

const SORTS: &[&str] = &[
    "id",
    "name",
    "sku",
    "price",
    "date_modified",
    "date_last_imported",
    "inventory_level",
    "is_visible",
    "total_sold",
    "calculated_price",
];

const PARTS: &[&str] = &[
    "bulk_pricing_rules",
    "channels",
    "custom_fields",
    "images",
    "modifiers",
    "options",
    "parent_relations",
    "primary_image",
    "reviews",
    "variants",
    "videos",
];

pub(super) fn list(context: &Context<'_>) -> Result<Response, Refusal> {
    let include = includes(context, PARTS)?;
    let mut page = page(context)?;
    if include.iter().any(|name| matches!(*name, "options" | "modifiers")) {
        page.limit = page.limit.min(context.store.options.caps.heavy_products);
    }
    // A day without a time gets the time of the request: the documented trap of this endpoint.
    let filters = Filters::read(&context.query, RULES, context.store.quirks.bounds_exclusive, context.now.time())?;
    let ids = context.store.table(Kind::Product).select(context.list(filters, sort(context)?));
    let data: Vec<Value> = page.cut(&ids).iter().filter_map(|id| product(context, *id, &include)).collect();
    let meta = object! { "pagination": page.meta(&context.query, ids.len(), data.len()) };
    Ok(body(data, meta))
}

pub(super) fn one(context: &Context<'_>, id: u64) -> Result<Response, Refusal> {
    let include = includes(context, PARTS)?;
    product(context, id, &include).map(|product| body(product, Map::new())).ok_or_else(Refusal::not_found)
}

/// `sort` and `direction` are parameters of their own here.
fn sort(context: &Context<'_>) -> Result<Sort, Refusal> {
    let field = context.query.get("sort").unwrap_or("id");
    if !SORTS.contains(&field) {
        return Err(Refusal::parameter("sort", "this field cannot be sorted by"));
    }
    let descending = match context.query.get("direction").unwrap_or("asc") {
        "asc" => false,
        "desc" => true,
        _ => return Err(Refusal::parameter("direction", "asc or desc is needed")),
    };
    Ok(Sort { field: field.to_owned(), descending })
}

fn product(context: &Context<'_>, id: u64, include: &[&str]) -> Option<Value> {
    let record = context.record(Kind::Product, id)?;
    let mut fields = record.fields.clone();
    trim(context, &mut fields, &["id", "gift_wrapping_options_list"]);
    for part in include {
        fields.insert((*part).to_owned(), wire::field(&record.parts, part));
    }
    Some(fields.into())
}
