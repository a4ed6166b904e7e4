//! `/v2/blog/posts`.

use crate::kind::Kind;
use crate::options::Scope;
use crate::refusal::Version;
use crate::resource::{Make, Resource, plain};
use crate::seed::make::{Field, Is};

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("title", Is::Name("Neues aus der Küche, Teil")),
    Field("url", Is::Text(&["", "/blog/welcome-bigcommerce/"])),
    Field("preview_url", Is::Text(&["", "/blog/welcome-bigcommerce/"])),
    Field("body", Is::Words),
    Field("tags", Is::List(3)),
    Field("summary", Is::Words),
    Field("is_published", Is::Flag),
    Field(
        "published_date",
        Is::Object(&[
            Field("timezone_type", Is::Whole(0, 90)),
            Field("date", Is::Text(&["2022-08-10 14:39:15.000000"])),
            Field("timezone", Is::Text(&["", "+00:00"])),
        ]),
    ),
    Field("published_date_iso8601", Is::Text(&["5/18/2023 1:26:42 PM", ""])),
    Field("meta_description", Is::Maybe(30, &Is::Words)),
    Field("meta_keywords", Is::Maybe(30, &Is::Words)),
    Field("author", Is::Maybe(30, &Is::Words)),
    Field("thumbnail_path", Is::Maybe(30, &Is::Words)),
];

pub(crate) static RESOURCE: Resource = Resource {
    api: Version::V2,
    has_one: true,
    ..plain(Kind::BLOG_POSTS, "blog/posts", Scope::Content, Make::Fields(FIELDS, &[]))
};
