//! `/v3/hooks`.

use crate::kind::Kind;
use crate::options::Scope;
use crate::resource::{Make, Resource, plain};
use crate::seed::make::{Field, Is};

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("client_id", Is::Words),
    Field("store_hash", Is::Words),
    Field("scope", Is::Text(&["store/order/*", "store/product/updated"])),
    Field("destination", Is::Text(&["https://example.com/hook"])),
    Field("headers", Is::Object(&[Field("authorization", Is::Words), Field("x-größe", Is::List(2))])),
    Field("is_active", Is::Flag),
    Field("created_at", Is::Whole(1_400_000_000, 1_700_000_000)),
    Field("updated_at", Is::Whole(1_400_000_000, 1_700_000_000)),
];

pub(crate) static RESOURCE: Resource = plain(Kind::WEBHOOKS, "hooks", Scope::Default, Make::Fields(FIELDS, &[]));
