//! Version 2: bare arrays, 204 for no rows, RFC 2822 dates.

mod consignments;
mod coupons;
mod information;
mod orders;

use crate::answer::{Context, Segments};
use crate::filter::{Filters, Rule};
use crate::http::Response;
use crate::paging::Page;
use crate::query::Query;
use crate::refusal::Refusal;

pub(crate) fn route(context: &Context<'_>, path: &Segments<'_>) -> Result<Response, Refusal> {
    match path {
        ["time"] => Ok(information::time(context)),
        ["store"] => Ok(information::store(context)),
        ["orders"] => orders::list(context),
        ["orders", "count"] => orders::count(context),
        ["orders", id] => orders::one(context, number(id)?),
        ["orders", id, part] => orders::part(context, number(id)?, part),
        ["coupons"] => coupons::list(context),
        ["coupons", "count"] => coupons::count(context),
        ["coupons", id] => coupons::one(context, number(id)?),
        _ => Err(Refusal::not_found()),
    }
}

fn number(text: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_| Refusal::not_found())
}

fn page(context: &Context<'_>) -> Result<Page, Refusal> {
    Page::v2(&context.query, context.store.options.caps.v2_limit, &context.store.quirks)
}

/// A day without a time starts at midnight.
fn filters(context: &Context<'_>, query: &Query, rules: &[Rule]) -> Result<Filters, Refusal> {
    Filters::read(query, rules, context.store.quirks.bounds_exclusive, chrono::NaiveTime::MIN)
}

/// The query of a count, without what a count does not heed.
fn count_query(context: &Context<'_>) -> Query {
    context.query.without(&context.store.quirks.count_ignores)
}

/// A count as the quirks have it, never below 0.
fn counted(context: &Context<'_>, count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX).saturating_add(context.store.quirks.count_off_by).max(0)
}
