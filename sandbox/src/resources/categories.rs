//! `/v3/catalog/trees/categories`: the id is `category_id`.

use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::resource::{Make, Resource, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] = &[
    Rule::Each(&["category_id"], &[Op::In, Op::NotIn]),
    Rule::Each(&["tree_id", "parent_id"], &[Op::In]),
    Rule::Each(&["name"], &[Op::Equal, Op::Like]),
    Rule::Each(&["is_visible"], &[Op::Equal]),
];

const FIELDS: &[Field] = &[
    Field("category_id", Is::Id),
    Field("category_uuid", Is::Uuid),
    Field("name", Is::Name("Küche & Bad")),
    Field("tree_id", Is::Of(Kind::CATEGORY_TREES)),
    Field("parent_id", Is::Under(Kind::CATEGORIES, 9)),
    Field("description", Is::Text(&["", "<p>Alles für die Küche</p>"])),
    Field("views", Is::Whole(0, 5_000)),
    Field("sort_order", Is::Whole(0, 20)),
    Field("page_title", Is::Words),
    Field("meta_keywords", Is::List(3)),
    Field("meta_description", Is::Words),
    Field("layout_file", Is::Text(&["category.html"])),
    Field("image_url", Is::Maybe(40, &Is::Text(&["https://cdn.example.com/category.png"]))),
    Field("is_visible", Is::Flag),
    Field("search_keywords", Is::Text(&["", "bath"])),
    Field("default_product_sort", Is::Text(&["use_store_settings", "featured", "price_desc"])),
    Field("url", Is::Object(&[Field("path", Is::Name("/kategorie")), Field("is_customized", Is::Flag)])),
];

pub(crate) static RESOURCE: Resource = Resource {
    id: "category_id",
    filters: RULES,
    always: Some(&["category_id"]),
    ..plain(Kind::CATEGORIES, "catalog/trees/categories", Scope::Products, Make::Fields(FIELDS, &[]))
};
