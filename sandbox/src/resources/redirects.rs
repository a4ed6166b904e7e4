//! `/v3/storefront/redirects`.

use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::resource::{Include, Make, Resource, Sorts, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] = &[Rule::Each(&["id"], &[Op::In, Op::Min, Op::Max]), Rule::Each(&["site_id"], &[Op::Equal])];

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("site_id", Is::Of(Kind::SITES)),
    Field("from_path", Is::Text(&["", "/old-url"])),
    Field(
        "to",
        Is::Object(&[
            Field("type", Is::Text(&["product", "brand", "category", "page", "post", "url"])),
            Field("entity_id", Is::Of(Kind::PRODUCTS)),
            Field("url", Is::Text(&["", "/new-url/"])),
        ]),
    ),
    Field("to_url", Is::Text(&["", "https://store-domain.com/new-url"])),
];

pub(crate) static RESOURCE: Resource = Resource {
    filters: RULES,
    sorts: Sorts::Undocumented(&["from_path", "site_id", "id"]),
    includes: &[Include::field("to_url")],
    ..plain(Kind::REDIRECTS, "storefront/redirects", Scope::Content, Make::Fields(FIELDS, &[]))
};
