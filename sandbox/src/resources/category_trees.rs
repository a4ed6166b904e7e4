//! `/v3/catalog/trees`.

use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::resource::{Make, Resource, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] = &[Rule::Each(&["id"], &[Op::In])];

const FIELDS: &[Field] = &[Field("id", Is::Id), Field("name", Is::Name("Größe")), Field("channels", Is::Numbers(3))];

pub(crate) static RESOURCE: Resource =
    Resource { filters: RULES, ..plain(Kind::CATEGORY_TREES, "catalog/trees", Scope::Products, Make::Fields(FIELDS, &[])) };
