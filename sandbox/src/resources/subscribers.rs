//! `/v3/customers/subscribers`.

use crate::dates;
use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::resource::{Dates, Make, Resource, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] = &[
    Rule::Each(&["date_created", "date_modified"], &[Op::Min, Op::Max]),
    Rule::Each(&["id"], &[Op::In]),
    Rule::Each(&["email", "source"], &[Op::Equal]),
];

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("email", Is::Name("ada@example.com")),
    Field("first_name", Is::Words),
    Field("last_name", Is::Words),
    Field("source", Is::Text(&["storefront", "order"])),
    Field("order_id", Is::Maybe(60, &Is::Of(Kind::ORDERS))),
    Field("channel_id", Is::Of(Kind::CHANNELS)),
    Field("consents", Is::List(2)),
    Field("date_modified", Is::Modified),
    Field("date_created", Is::Created),
];

pub(crate) static RESOURCE: Resource = Resource {
    dates: Dates { created: Some("date_created"), modified: Some("date_modified"), write: dates::iso_offset },
    filters: RULES,
    ..plain(Kind::SUBSCRIBERS, "customers/subscribers", Scope::Customers, Make::Fields(FIELDS, &[]))
};
