//! `/v2/tax_classes`.

use serde_json::Value;

use crate::dates;
use crate::kind::Kind;
use crate::options::Scope;
use crate::refusal::Version;
use crate::resource::{Dates, Make, Resource, plain};
use crate::seed::make::{Field, Is};

const FIELDS: &[Field] = &[
    Field("id", Is::Written(&Is::Id)),
    Field("name", Is::Names(&["Default Tax Class", "Non-Taxable Products", "Shipping", "Gift Wrapping", "Bücher"])),
    Field("created_at", Is::Created),
    Field("updated_at", Is::Modified),
];

pub(crate) static RESOURCE: Resource = Resource {
    api: Version::V2,
    dates: Dates { created: Some("created_at"), modified: Some("updated_at"), write: dates::iso_z },
    id_of: |id| Value::from(id.to_string()),
    has_one: true,
    ..plain(Kind::TAX_CLASSES, "tax_classes", Scope::Information, Make::Fields(FIELDS, &[]))
};
