//! `/v2/banners`.

use serde_json::Map;

use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::refusal::Version;
use crate::resource::{Make, Resource, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] = &[Rule::Named("min_id", "id", Op::Min), Rule::Named("max_id", "id", Op::Max)];

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("date_created", Is::Text(&["1409939123"])),
    Field("name", Is::Name("Räumungsverkauf")),
    Field("content", Is::Text(&["", "<p> Sale! Tuesday at 9am! </p>"])),
    Field("page", Is::Text(&["home_page", "category_page", "brand_page", "search_page"])),
    Field("location", Is::Text(&["top", "bottom"])),
    Field("date_type", Is::Text(&["always", "custom"])),
    Field("date_from", Is::Text(&["0", "1409939123"])),
    Field("date_to", Is::Text(&["0"])),
    Field("visible", Is::Text(&["", "1"])),
    Field("item_id", Is::Text(&["", "35"])),
];

pub(crate) static RESOURCE: Resource = Resource {
    api: Version::V2,
    filters: RULES,
    has_one: true,
    count: Some(|_| Map::new()),
    ..plain(Kind::BANNERS, "banners", Scope::Marketing, Make::Fields(FIELDS, &[]))
};
