//! `/v3/catalog/brands`.

use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::resource::{Make, Resource, Sorts, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] = &[
    Rule::Each(&["id"], Op::OF_NUMBERS),
    Rule::Each(&["name"], &[Op::Equal, Op::Like]),
    Rule::Each(&["page_title"], &[Op::Equal]),
];

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("name", Is::Name("Marke ☀")),
    Field("page_title", Is::Words),
    Field("meta_keywords", Is::Maybe(10, &Is::List(3))),
    Field("meta_description", Is::Words),
    Field("search_keywords", Is::Text(&["", "kitchen, laundry"])),
    Field("image_url", Is::Text(&["", "https://cdn.example.com/brand.png"])),
    Field("custom_url", Is::Object(&[Field("url", Is::Name("/marke")), Field("is_customized", Is::Flag)])),
];

pub(crate) static RESOURCE: Resource = Resource {
    filters: RULES,
    sorts: Sorts::Apart(&["name"]),
    always: Some(&["id"]),
    has_one: true,
    ..plain(Kind::BRANDS, "catalog/brands", Scope::Products, Make::Fields(FIELDS, &[]))
};
