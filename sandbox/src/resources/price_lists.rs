//! `/v3/pricelists`, and the records of each price list.

use crate::dates;
use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::paging::Paging;
use crate::refusal::Version;
use crate::resource::{Dates, Make, Part, Resource, below, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] = &[
    Rule::Each(&["id"], &[Op::In]),
    Rule::Each(&["name"], &[Op::Equal, Op::Like]),
    Rule::Each(&["date_created", "date_modified"], &[Op::Min, Op::Max]),
];

const OF_RECORDS: &[Rule] = &[
    Rule::Each(&["variant_id", "product_id"], &[Op::In]),
    Rule::Each(&["currency"], &[Op::Equal]),
    Rule::Each(&["date_created", "date_modified"], &[Op::Min, Op::Max]),
];

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("date_created", Is::Created),
    Field("date_modified", Is::Modified),
    Field("name", Is::Name("Großhandel")),
    Field("active", Is::Flag),
];

const RECORD: &[Field] = &[
    Field("calculated_price", Is::Money),
    Field("date_created", Is::Created),
    Field("date_modified", Is::Modified),
    Field("product_id", Is::EachOf(Kind::PRODUCTS)),
    Field("price_list_id", Is::Parent),
    Field("variant_id", Is::VariantOf(&Is::EachOf(Kind::PRODUCTS))),
    Field("sku", Is::Text(&["", "SMB-123", "ÄÖ-9"])),
    Field("currency", Is::Text(&["usd", "eur"])),
    Field("price", Is::Money),
    Field("sale_price", Is::Maybe(60, &Is::Money)),
    Field("retail_price", Is::Maybe(60, &Is::Money)),
    Field("map_price", Is::Maybe(60, &Is::Money)),
    Field(
        "bulk_pricing_tiers",
        Is::Rows(
            2,
            &[
                Field("quantity_min", Is::Place),
                Field("quantity_max", Is::Maybe(50, &Is::Whole(10, 99))),
                Field("type", Is::Text(&["fixed", "price", "percent"])),
                Field("amount", Is::Money),
            ],
        ),
    ),
];

pub(crate) static RESOURCE: Resource = Resource {
    dates: Dates { created: Some("date_created"), modified: Some("date_modified"), write: dates::iso_z },
    paging: Paging::Cursor,
    filters: RULES,
    has_one: true,
    parts: &[Part {
        stream: Some("price_list_records"),
        paging: Paging::Cursor,
        filters: OF_RECORDS,
        includes: &[("bulk_pricing_tiers", "bulk_pricing_tiers"), ("sku", "sku")],
        ..below("records", Version::V3, "pricelists/{id}/records", Scope::Products)
    }],
    ..plain(Kind::PRICE_LISTS, "pricelists", Scope::Products, Make::Fields(FIELDS, &[("records", 70, RECORD)]))
};
