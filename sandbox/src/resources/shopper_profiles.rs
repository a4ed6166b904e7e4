//! `/v3/shopper-profiles`.

use crate::dates;
use crate::kind::Kind;
use crate::options::Scope;
use crate::resource::{Dates, Make, Resource, plain};
use crate::seed::make::{Field, Is, id_uuid};

const FIELDS: &[Field] = &[
    Field("id", Is::IdUuid),
    Field("customer_id", Is::SamePlace(Kind::CUSTOMERS)),
    Field("created_at", Is::Created),
    Field("updated_at", Is::Modified),
];

pub(crate) static RESOURCE: Resource = Resource {
    id_of: id_uuid,
    dates: Dates { created: Some("created_at"), modified: Some("updated_at"), write: dates::iso_z },
    ..plain(Kind::SHOPPER_PROFILES, "shopper-profiles", Scope::Customers, Make::Fields(FIELDS, &[]))
};
