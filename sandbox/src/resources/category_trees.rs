//! `/v3/catalog/trees`.

use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::resource::{Make, Resource, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] = &[Rule::Each(&["id"], &[Op::In])];

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("name", Is::Names(&["Hauptkatalog", "Wholesale", "卸売"])),
    Field("channels", Is::Ids(3, Kind::CHANNELS)),
];

pub(crate) static RESOURCE: Resource =
    Resource { filters: RULES, ..plain(Kind::CATEGORY_TREES, "catalog/trees", Scope::Products, Make::Fields(FIELDS, &[])) };
