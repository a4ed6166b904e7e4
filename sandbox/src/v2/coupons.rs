//! `/v2/coupons`: by id upward, no sort, no dates to filter by.

use serde_json::Value;

use super::{count_query, counted, filters, page};
use crate::answer::Context;
use crate::filter::{Op, Rule};
use crate::http::Response;
use crate::refusal::Refusal;
use crate::store::Kind;
use crate::store::table::Sort;

const RULES: &[Rule] = &[
    Rule("id", "id", Op::Equal),
    Rule("min_id", "id", Op::Min),
    Rule("max_id", "id", Op::Max),
    Rule("code", "code", Op::Equal),
    Rule("name", "name", Op::Equal),
    Rule("type", "type", Op::Equal),
    Rule("exclude_type", "type", Op::NotIn),
];

pub(super) fn list(context: &Context<'_>) -> Result<Response, Refusal> {
    let list = context.list(filters(context, &context.query, RULES)?, Sort::by_id());
    let ids = context.store.table(Kind::Coupon).page(list, page(context)?);
    let rows: Vec<Value> = ids.into_iter().filter_map(|id| coupon(context, id)).collect();
    Ok(Response::rows(&rows))
}

pub(super) fn count(context: &Context<'_>) -> Result<Response, Refusal> {
    let list = context.list(filters(context, &count_query(context), RULES)?, Sort::by_id());
    let ids = context.store.table(Kind::Coupon).select(list);
    Ok(Response::json(200, &Value::from(object! { "count": counted(context, ids.len()) })))
}

pub(super) fn one(context: &Context<'_>, id: u64) -> Result<Response, Refusal> {
    coupon(context, id).map(|coupon| Response::json(200, &coupon)).ok_or_else(Refusal::not_found)
}

fn coupon(context: &Context<'_>, id: u64) -> Option<Value> {
    Some(Value::from(context.record(Kind::Coupon, id)?.fields.clone()))
}
