//! `/v3/customers/attributes`.

use crate::dates;
use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::resource::{Dates, Make, Resource, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] =
    &[Rule::Each(&["date_created", "date_modified"], &[Op::Min, Op::Max]), Rule::Each(&["name"], &[Op::Equal, Op::Like])];

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("name", Is::Names(&["Schuhgröße", "Birthday", "Club number", "好きな色"])),
    Field("type", Is::Text(&["string", "number", "date"])),
    Field("date_modified", Is::Modified),
    Field("date_created", Is::Created),
];

pub(crate) static RESOURCE: Resource = Resource {
    dates: Dates { created: Some("date_created"), modified: Some("date_modified"), write: dates::iso_z },
    filters: RULES,
    ..plain(Kind::CUSTOMER_ATTRIBUTES, "customers/attributes", Scope::Customers, Make::Fields(FIELDS, &[]))
};
