//! `/v2/customer_groups`.

use crate::dates;
use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::refusal::Version;
use crate::resource::{Dates, Make, Resource, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] = &[
    Rule::Each(&["date_created", "date_modified"], &[Op::Min, Op::Max]),
    Rule::Each(&["name"], &[Op::Equal, Op::Like]),
    Rule::Each(&["is_default"], &[Op::Equal]),
];

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("name", Is::Names(&["Endkunden", "Wholesale", "Stammgäste", "VIP ✨"])),
    Field("is_default", Is::First),
    Field(
        "category_access",
        Is::Object(&[Field("type", Is::Text(&["all", "specific", "none"])), Field("categories", Is::Ids(3, Kind::CATEGORIES))]),
    ),
    Field(
        "discount_rules",
        Is::Rows(
            3,
            &[
                Field("type", Is::Text(&["price_list", "all", "category", "product"])),
                Field("method", Is::Text(&["percent", "fixed", "price"])),
                Field("amount", Is::Text(&["0", "12.95", "5.0000"])),
                Field("price_list_id", Is::Of(Kind::PRICE_LISTS)),
                Field("category_id", Is::Of(Kind::CATEGORIES)),
                Field("product_id", Is::Of(Kind::PRODUCTS)),
            ],
        ),
    ),
    Field("date_created", Is::Created),
    Field("date_modified", Is::Modified),
    Field("is_group_for_guests", Is::Flag),
];

pub(crate) static RESOURCE: Resource = Resource {
    api: Version::V2,
    dates: Dates { created: Some("date_created"), modified: Some("date_modified"), write: dates::iso_z },
    filters: RULES,
    has_one: true,
    ..plain(Kind::CUSTOMER_GROUPS, "customer_groups", Scope::Customers, Make::Fields(FIELDS, &[]))
};
