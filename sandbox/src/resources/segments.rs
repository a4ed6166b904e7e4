//! `/v3/segments`.

use crate::dates;
use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::resource::{Dates, Make, Resource, plain};
use crate::seed::make::{Field, Is, id_uuid};

const RULES: &[Rule] = &[Rule::Each(&["id"], &[Op::In])];

const FIELDS: &[Field] = &[
    Field("id", Is::IdUuid),
    Field("name", Is::Names(&["Vielkäufer", "Lapsed", "Newsletter", "誕生日"])),
    Field("description", Is::Text(&["", "Description"])),
    Field("created_at", Is::Created),
    Field("updated_at", Is::Modified),
];

pub(crate) static RESOURCE: Resource = Resource {
    id_of: id_uuid,
    dates: Dates { created: Some("created_at"), modified: Some("updated_at"), write: dates::iso_z },
    filters: RULES,
    ..plain(Kind::SEGMENTS, "segments", Scope::Customers, Make::Fields(FIELDS, &[]))
};
