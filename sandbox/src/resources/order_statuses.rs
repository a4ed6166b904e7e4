//! `/v2/order_statuses`.

use crate::kind::Kind;
use crate::options::Scope;
use crate::paging::Paging;
use crate::refusal::Version;
use crate::resource::{Make, Resource, plain};
use crate::seed::make::{Field, Is};

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("name", Is::Name("Größe")),
    Field("system_label", Is::Text(&["", "Incomplete"])),
    Field("custom_label", Is::Text(&["", "Incomplete- Waiting on Shipment"])),
    Field("system_description", Is::Words),
    Field("order", Is::Whole(0, 14)),
];

pub(crate) static RESOURCE: Resource = Resource {
    api: Version::V2,
    paging: Paging::Whole,
    has_one: true,
    ..plain(Kind::ORDER_STATUSES, "order_statuses", Scope::Orders, Make::Fields(FIELDS, &[]))
};
