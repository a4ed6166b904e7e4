//! `/v2/coupons`: by id upward, no sort, no dates to filter by.

use serde_json::Map;

use crate::dates;
use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::refusal::Version;
use crate::resource::{Dates, Make, Resource, plain};
use crate::seed::coupons;

const RULES: &[Rule] = &[
    Rule::Each(&["id"], &[Op::Equal]),
    Rule::Named("min_id", "id", Op::Min),
    Rule::Named("max_id", "id", Op::Max),
    Rule::Each(&["code", "name", "type"], &[Op::Equal]),
    Rule::Named("exclude_type", "type", Op::NotIn),
];

pub(crate) static RESOURCE: Resource = Resource {
    api: Version::V2,
    dates: Dates { created: Some("date_created"), modified: None, write: dates::rfc2822 },
    filters: RULES,
    has_one: true,
    count: Some(|_| Map::new()),
    ..plain(Kind::COUPONS, "coupons", Scope::Marketing, Make::Hand(coupons::coupon, &[]))
};
