//! `/v3/content/pages`.

use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::resource::{Include, Make, Resource, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] =
    &[Rule::Each(&["id"], &[Op::In]), Rule::Each(&["channel_id"], &[Op::Equal]), Rule::Each(&["name"], &[Op::Equal, Op::Like])];

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("channel_id", Is::Of(Kind::CHANNELS)),
    Field("name", Is::Names(&["Über uns", "Shipping & Returns", "Contact Us", "RSS", "利用規約"])),
    Field("is_visible", Is::Flag),
    Field("parent_id", Is::Under(Kind::PAGES, 5)),
    Field("sort_order", Is::Whole(0, 90)),
    Field("type", Is::Text(&["page", "raw", "contact_form", "link", "blog"])),
    Field("is_homepage", Is::Flag),
    Field("is_customers_only", Is::Flag),
    Field("url", Is::Text(&["", "/my-store-page"])),
    Field("meta_title", Is::Maybe(30, &Is::Words)),
    Field("meta_keywords", Is::Maybe(30, &Is::Words)),
    Field("meta_description", Is::Maybe(30, &Is::Words)),
    Field("search_keywords", Is::Maybe(30, &Is::Words)),
    Field("email", Is::Words),
    Field("contact_fields", Is::Text(&["", "fullname,companyname,phone,orderno,rma"])),
    Field("body", Is::Maybe(30, &Is::Words)),
    Field("content_type", Is::Text(&["", "text/html"])),
    Field("link", Is::Words),
];

pub(crate) static RESOURCE: Resource = Resource {
    filters: RULES,
    includes: &[Include::field("body")],
    ..plain(Kind::PAGES, "content/pages", Scope::Content, Make::Fields(FIELDS, &[]))
};
