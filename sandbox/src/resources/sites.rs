//! `/v3/sites`.

use crate::dates;
use crate::kind::Kind;
use crate::options::Scope;
use crate::resource::{Dates, Make, Resource, plain};
use crate::seed::make::{Field, Is};

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("url", Is::Text(&["", "https://kittens.mybigcommerce.com/"])),
    Field("channel_id", Is::SamePlace(Kind::CHANNELS)),
    Field("created_at", Is::Created),
    Field("updated_at", Is::Modified),
    Field("ssl_status", Is::Text(&["dedicated", "shared"])),
    Field(
        "urls",
        Is::Rows(
            3,
            &[
                Field("url", Is::Words),
                Field("type", Is::Text(&["primary", "canonical", "checkout"])),
                Field("created_at", Is::Created),
                Field("updated_at", Is::Modified),
            ],
        ),
    ),
    Field("is_checkout_url_customized", Is::Flag),
];

pub(crate) static RESOURCE: Resource = Resource {
    dates: Dates { created: Some("created_at"), modified: Some("updated_at"), write: dates::iso_z },
    ..plain(Kind::SITES, "sites", Scope::Sites, Make::Fields(FIELDS, &[]))
};
