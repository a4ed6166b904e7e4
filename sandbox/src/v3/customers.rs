//! `/v3/customers`: pages by number or by cursor.

use chrono::NaiveTime;
use serde_json::{Map, Value};

use super::{body, includes, page};
use crate::answer::Context;
use crate::cursor;
use crate::filter::{Filters, Op, Rule};
use crate::http::Response;
use crate::refusal::Refusal;
use crate::store::Kind;
use crate::store::table::Sort;
use crate::wire;

/// There are no ranges of ids here (customers v3 reference).
const RULES: &[Rule] = &[
    Rule("id:in", "id", Op::In),
    Rule("date_created", "date_created", Op::Equal),
    Rule("date_created:min", "date_created", Op::Min),
    Rule("date_created:max", "date_created", Op::Max),
    Rule("date_modified", "date_modified", Op::Equal),
    Rule("date_modified:min", "date_modified", Op::Min),
    Rule("date_modified:max", "date_modified", Op::Max),
    Rule("email:in", "email", Op::In),
    Rule("company:in", "company", Op::In),
    Rule("customer_group_id:in", "customer_group_id", Op::In),
    Rule("name:in", "name", Op::In),
    Rule("name:like", "name", Op::Like),
    Rule("phone:in", "phone", Op::In),
    Rule("registration_ip_address:in", "registration_ip_address", Op::In),
];

/// What `include` calls a part, and where it stands in the record.
const PARTS: &[(&str, &str)] = &[
    ("addresses", "addresses"),
    ("storecredit", "store_credit_amounts"),
    ("attributes", "attributes"),
    ("formfields", "form_fields"),
    ("shopper_profile_id", "shopper_profile_id"),
    ("segment_ids", "segment_ids"),
];

pub(super) fn list(context: &Context<'_>) -> Result<Response, Refusal> {
    let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
    let include = includes(context, &names)?;
    let filters = Filters::read(&context.query, RULES, context.store.quirks.bounds_exclusive, NaiveTime::MIN)?;
    let ids = context.store.table(Kind::Customer).select(context.list(filters, sort(context)?));
    let (ids, meta) = paged(context, &ids)?;
    let data: Vec<Value> = ids.iter().filter_map(|id| customer(context, *id, &include)).collect();
    Ok(body(data, meta))
}

fn sort(context: &Context<'_>) -> Result<Sort, Refusal> {
    let Some(text) = context.query.get("sort") else { return Ok(Sort::by_id()) };
    match text.split_once(':') {
        Some((field @ ("date_created" | "date_modified" | "last_name"), direction @ ("asc" | "desc"))) => {
            Ok(Sort { field: field.to_owned(), descending: direction == "desc" })
        }
        _ => Err(Refusal::parameter("sort", "date_created, date_modified or last_name with :asc or :desc is needed")),
    }
}

/// The rows of the page and its `meta`. The first page has both blocks, later numbers only `pagination`, cursors only
/// `cursor_pagination` (bigcommerce/docs pull request 769).
fn paged<'a>(context: &Context<'_>, ids: &'a [u64]) -> Result<(&'a [u64], Map<String, Value>), Refusal> {
    let page = page(context)?;
    let mut meta = Map::new();
    let span = match (context.query.get("after"), context.query.get("before")) {
        (Some(_), Some(_)) => return Err(Refusal::parameter("after", "it cannot be used together with before")),
        (Some(after), None) => {
            let start = position("after", after, ids)?.1;
            start..start.saturating_add(page.limit).min(ids.len())
        }
        (None, Some(before)) => {
            let end = position("before", before, ids)?.0;
            end.saturating_sub(page.limit)..end
        }
        (None, None) => {
            let rows = page.cut(ids);
            meta.insert("pagination".to_owned(), page.meta(&context.query, ids.len(), rows.len()).into());
            if page.number > 1 {
                return Ok((rows, meta));
            }
            0..rows.len()
        }
    };
    meta.insert("cursor_pagination".to_owned(), cursor_meta(context, ids, &span, page.limit).into());
    Ok((&ids[span], meta))
}

/// Where a cursor's row begins and ends in the list. A row that is gone has a place only in a list by id.
fn position(parameter: &str, text: &str, ids: &[u64]) -> Result<(usize, usize), Refusal> {
    let id = cursor::decode(text).ok_or_else(|| Refusal::parameter(parameter, "this is not a cursor"))?;
    if let Some(place) = ids.iter().position(|known| *known == id) {
        return Ok((place, place + 1));
    }
    if ids.is_sorted() {
        let place = ids.partition_point(|known| *known < id);
        return Ok((place, place));
    }
    Err(Refusal::parameter(parameter, "this cursor is no longer valid"))
}

fn cursor_meta(context: &Context<'_>, ids: &[u64], span: &std::ops::Range<usize>, limit: usize) -> Map<String, Value> {
    let (first, last) = (ids[span.clone()].first(), ids[span.clone()].last());
    let link = |name: &str, id: &u64| {
        context.query.link(&["page", "limit", "after", "before"], &[("limit", limit.to_string()), (name, cursor::encode(*id))])
    };
    let mut links = Map::new();
    if let Some(first) = first.filter(|_| span.start > 0) {
        links.insert("previous".to_owned(), link("before", first).into());
    }
    if let Some(last) = last.filter(|_| span.end < ids.len()) {
        links.insert("next".to_owned(), link("after", last).into());
    }
    let mut meta = object! { "count": span.len(), "per_page": limit };
    if let (Some(first), Some(last)) = (first, last) {
        meta.insert("start_cursor".to_owned(), cursor::encode(*first).into());
        meta.insert("end_cursor".to_owned(), cursor::encode(*last).into());
    }
    meta.insert("links".to_owned(), links.into());
    meta
}

/// A customer with the parts asked for; embedded addresses and attributes stop at ten.
fn customer(context: &Context<'_>, id: u64, include: &[&str]) -> Option<Value> {
    let record = context.record(Kind::Customer, id)?;
    let mut fields = record.fields.clone();
    for (_, part) in PARTS.iter().filter(|(name, _)| include.contains(name)) {
        let mut value = wire::field(&record.parts, part);
        if let (Some(rows), "addresses" | "attributes") = (value.as_array_mut(), *part) {
            rows.truncate(context.store.options.caps.embedded);
        }
        fields.insert((*part).to_owned(), value);
    }
    Some(fields.into())
}
