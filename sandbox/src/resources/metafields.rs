//! What apps keep with records: `/v3/orders/metafields` and its like.

use crate::dates;
use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::paging::Paging;
use crate::resource::{Dates, Make, Resource, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] = &[
    Rule::Each(&["date_created", "date_modified"], &[Op::Equal, Op::Min, Op::Max]),
    Rule::Each(&["key", "namespace"], &[Op::Equal, Op::In]),
];

/// The fields of those that belong to records of one kind.
const fn fields(resource_type: &'static [&'static str; 1], resource_id: Is) -> [Field; 11] {
    [
        Field("permission_set", Is::Text(&["app_only", "read", "write", "read_and_sf_access", "write_and_sf_access"])),
        Field("namespace", Is::Text(&["Warehouse", "ERP"])),
        Field("key", Is::Name("größe")),
        Field("value", Is::Words),
        Field("description", Is::Words),
        Field("resource_type", Is::Text(resource_type)),
        Field("resource_id", resource_id),
        Field("id", Is::Id),
        Field("date_created", Is::Created),
        Field("date_modified", Is::Modified),
        Field("owner_client_id", Is::Text(&["asdfasdf", ""])),
    ]
}

const fn of(kind: Kind, path: &'static str, scope: Scope, fields: &'static [Field]) -> Resource {
    Resource {
        dates: Dates { created: Some("date_created"), modified: Some("date_modified"), write: dates::iso_offset },
        paging: Paging::Cursor,
        filters: RULES,
        ..plain(kind, path, scope, Make::Fields(fields, &[]))
    }
}

pub(crate) static ORDERS: Resource =
    of(Kind::ORDER_METAFIELDS, "orders/metafields", Scope::Orders, const { &fields(&["order"], Is::Of(Kind::ORDERS)) });
pub(crate) static PRODUCTS: Resource = of(
    Kind::PRODUCT_METAFIELDS,
    "catalog/products/metafields",
    Scope::Products,
    const { &fields(&["product"], Is::Of(Kind::PRODUCTS)) },
);
pub(crate) static VARIANTS: Resource = of(
    Kind::VARIANT_METAFIELDS,
    "catalog/variants/metafields",
    Scope::Products,
    const { &fields(&["variant"], Is::VariantOf(&Is::Of(Kind::PRODUCTS))) },
);
pub(crate) static CATEGORIES: Resource = of(
    Kind::CATEGORY_METAFIELDS,
    "catalog/categories/metafields",
    Scope::Products,
    const { &fields(&["category"], Is::Of(Kind::CATEGORIES)) },
);
pub(crate) static BRANDS: Resource =
    of(Kind::BRAND_METAFIELDS, "catalog/brands/metafields", Scope::Products, const { &fields(&["brand"], Is::Of(Kind::BRANDS)) });
pub(crate) static CUSTOMERS: Resource = of(
    Kind::CUSTOMER_METAFIELDS,
    "customers/metafields",
    Scope::Customers,
    const { &fields(&["customer"], Is::Of(Kind::CUSTOMERS)) },
);
pub(crate) static CHANNELS: Resource =
    of(Kind::CHANNEL_METAFIELDS, "channels/metafields", Scope::Channels, const { &fields(&["channel"], Is::Of(Kind::CHANNELS)) });
pub(crate) static LOCATIONS: Resource = of(
    Kind::LOCATION_METAFIELDS,
    "inventory/locations/metafields",
    Scope::Locations,
    const { &fields(&["location"], Is::Of(Kind::LOCATIONS)) },
);
