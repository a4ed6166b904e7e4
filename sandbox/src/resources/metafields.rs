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

const FIELDS: &[Field] = &[
    Field("permission_set", Is::Text(&["app_only", "read", "write", "read_and_sf_access", "write_and_sf_access"])),
    Field("namespace", Is::Text(&["Warehouse", "ERP"])),
    Field("key", Is::Name("Größe")),
    Field("value", Is::Words),
    Field("description", Is::Words),
    Field("resource_type", Is::Text(&["order", "brand", "product", "variant", "category"])),
    Field("resource_id", Is::Whole(1, 900)),
    Field("id", Is::Id),
    Field("date_created", Is::Created),
    Field("date_modified", Is::Modified),
    Field("owner_client_id", Is::Text(&["asdfasdf", ""])),
];

const fn of(kind: Kind, path: &'static str, scope: Scope) -> Resource {
    Resource {
        dates: Dates { created: Some("date_created"), modified: Some("date_modified"), write: dates::iso_offset },
        paging: Paging::Cursor,
        filters: RULES,
        ..plain(kind, path, scope, Make::Fields(FIELDS, &[]))
    }
}

pub(crate) static ORDERS: Resource = of(Kind::ORDER_METAFIELDS, "orders/metafields", Scope::Orders);
pub(crate) static PRODUCTS: Resource = of(Kind::PRODUCT_METAFIELDS, "catalog/products/metafields", Scope::Products);
pub(crate) static VARIANTS: Resource = of(Kind::VARIANT_METAFIELDS, "catalog/variants/metafields", Scope::Products);
pub(crate) static CATEGORIES: Resource = of(Kind::CATEGORY_METAFIELDS, "catalog/categories/metafields", Scope::Products);
pub(crate) static BRANDS: Resource = of(Kind::BRAND_METAFIELDS, "catalog/brands/metafields", Scope::Products);
pub(crate) static CUSTOMERS: Resource = of(Kind::CUSTOMER_METAFIELDS, "customers/metafields", Scope::Customers);
pub(crate) static CHANNELS: Resource = of(Kind::CHANNEL_METAFIELDS, "channels/metafields", Scope::Channels);
pub(crate) static LOCATIONS: Resource = of(Kind::LOCATION_METAFIELDS, "inventory/locations/metafields", Scope::Locations);
