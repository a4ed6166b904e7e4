//! `/v3/store/systemlogs`.

use crate::dates;
use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::resource::{Dates, Make, Resource, Sorts, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] = &[Rule::Each(&["id"], &[Op::In])];

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("type", Is::Words),
    Field("module", Is::Words),
    Field("severity", Is::Words),
    Field("summary", Is::Words),
    Field("message", Is::Words),
    Field("date_created", Is::Created),
];

pub(crate) static RESOURCE: Resource = Resource {
    dates: Dates { created: Some("date_created"), modified: None, write: dates::iso_z },
    filters: RULES,
    sorts: Sorts::Apart(&["date_created"]),
    ..plain(Kind::SYSTEM_LOGS, "store/systemlogs", Scope::Logs, Make::Fields(FIELDS, &[]))
};
