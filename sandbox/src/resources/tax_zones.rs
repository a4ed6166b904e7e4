//! `/v3/tax/zones`.

use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::paging::Paging;
use crate::resource::{Make, Resource, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] = &[Rule::Each(&["id"], &[Op::In])];

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("name", Is::Names(&["Default", "Österreich", "Australia", "日本"])),
    Field("enabled", Is::Flag),
    Field(
        "price_display_settings",
        Is::Object(&[
            Field("show_inclusive", Is::Flag),
            Field("show_both_on_detail_view", Is::Flag),
            Field("show_both_on_list_view", Is::Flag),
        ]),
    ),
    Field(
        "shopper_target_settings",
        Is::Object(&[
            Field(
                "locations",
                Is::Rows(
                    3,
                    &[
                        Field("country_code", Is::Text(&["", "AU"])),
                        Field("subdivision_codes", Is::List(3)),
                        Field("postal_codes", Is::List(3)),
                    ],
                ),
            ),
            Field("customer_groups", Is::Ids(3, Kind::CUSTOMER_GROUPS)),
        ]),
    ),
];

pub(crate) static RESOURCE: Resource = Resource {
    paging: Paging::Whole,
    filters: RULES,
    ..plain(Kind::TAX_ZONES, "tax/zones", Scope::Information, Make::Fields(FIELDS, &[]))
};
