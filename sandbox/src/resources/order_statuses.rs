//! `/v2/order_statuses`.

use crate::kind::Kind;
use crate::options::Scope;
use crate::paging::Paging;
use crate::refusal::Version;
use crate::resource::{Make, Resource, plain};
use crate::seed::make::{Field, Is};
use crate::seed::statuses::STATUSES;

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("name", Is::Names(&STATUSES)),
    Field("system_label", Is::Names(&STATUSES)),
    Field("custom_label", Is::Names(&STATUSES)),
    Field("system_description", Is::Words),
    Field("order", Is::Id),
];

pub(crate) static RESOURCE: Resource = Resource {
    api: Version::V2,
    paging: Paging::Whole,
    has_one: true,
    ..plain(Kind::ORDER_STATUSES, "order_statuses", Scope::Orders, Make::Fields(FIELDS, &[]))
};
