//! `/v3/promotions`.

use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::paging::Paging;
use crate::refusal::Version;
use crate::resource::{Make, Part, Resource, Sorts, below, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] = &[Rule::Each(&["id", "status", "redemption_type", "currency_code"], &[Op::Equal])];

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("redemption_type", Is::Text(&["AUTOMATIC", "COUPON"])),
    Field("name", Is::Name("Frühlingsaktion 🌷")),
    Field("display_name", Is::Text(&["", "WOW!!! FREE SHIPPING for Product X"])),
    Field("channels", Is::Rows(3, &[Field("id", Is::Of(Kind::CHANNELS))])),
    Field(
        "customer",
        Is::Object(&[
            Field("group_ids", Is::Ids(2, Kind::CUSTOMER_GROUPS)),
            Field("minimum_order_count", Is::Whole(0, 3)),
            Field("segments", Is::Object(&[Field("id", Is::List(2))])),
        ]),
    ),
    Field(
        "rules",
        Is::Rows(
            2,
            &[
                Field(
                    "action",
                    Is::Object(&[Field(
                        "cart_value",
                        Is::Object(&[Field("discount", Is::Object(&[Field("fixed_amount", Is::Text(&["12.95"]))]))]),
                    )]),
                ),
                Field("apply_once", Is::Flag),
                Field("stop", Is::Flag),
                Field(
                    "condition",
                    Is::Object(&[Field(
                        "cart",
                        Is::Object(&[
                            Field("items", Is::Object(&[Field("not", Is::Object(&[Field("brands", Is::Ids(3, Kind::BRANDS))]))])),
                            Field("minimum_spend", Is::Text(&["12.95"])),
                        ]),
                    )]),
                ),
            ],
        ),
    ),
    Field("current_uses", Is::Whole(0, 90)),
    Field("max_uses", Is::Whole(0, 90)),
    Field("status", Is::Text(&["ENABLED", "DISABLED", "INVALID"])),
    Field("start_date", Is::Created),
    Field("end_date", Is::Maybe(50, &Is::Modified)),
    Field("stop", Is::Flag),
    Field("can_be_used_with_other_promotions", Is::Flag),
    Field("currency_code", Is::Text(&["", "USD"])),
    Field(
        "notifications",
        Is::Rows(
            3,
            &[
                Field("content", Is::Words),
                Field("type", Is::Text(&["UPSELL", "ELIGIBLE", "APPLIED"])),
                Field("locations", Is::List(3)),
            ],
        ),
    ),
    Field(
        "shipping_address",
        Is::Object(&[Field("countries", Is::Rows(2, &[Field("iso2_country_code", Is::Text(&["US", "DE"]))]))]),
    ),
    Field(
        "schedule",
        Is::Object(&[
            Field("week_frequency", Is::Whole(0, 90)),
            Field("week_days", Is::List(3)),
            Field("daily_start_time", Is::Text(&["", "01:20:00"])),
            Field("daily_end_time", Is::Text(&["", "23:59:00"])),
        ]),
    ),
    Field("created_from", Is::Text(&["react_ui", "legacy_ui", "api"])),
    Field(
        "codes",
        Is::Maybe(
            50,
            &Is::Object(&[
                Field("id", Is::Id),
                Field("code", Is::Text(&["X"])),
                Field("current_uses", Is::Whole(0, 9)),
                Field("max_uses", Is::Whole(0, 9)),
                Field("max_uses_per_customer", Is::Whole(0, 9)),
                Field("created", Is::Created),
            ]),
        ),
    ),
    Field("coupon_overrides_other_promotions", Is::Flag),
    Field("coupon_overrides_automatic_when_offering_higher_discounts", Is::Flag),
    Field("multiple_codes", Is::Object(&[Field("has_multiple_codes", Is::Flag)])),
    Field("coupon_type", Is::Text(&["SINGLE", "BULK"])),
];

const OF_CODES: &[Rule] = &[Rule::Each(&["code"], &[Op::Equal])];

const CODE: &[Field] = &[
    Field("id", Is::RowId),
    Field("code", Is::Text(&["TEST-COUPON-CODE", "SPRING 26", "a_b"])),
    Field("current_uses", Is::Whole(0, 9)),
    Field("max_uses", Is::Whole(0, 9)),
    Field("max_uses_per_customer", Is::Whole(0, 9)),
    Field("created", Is::Created),
];

pub(crate) static RESOURCE: Resource = Resource {
    filters: RULES,
    sorts: Sorts::Apart(&["id", "name"]),
    parts: &[Part {
        paging: Paging::Cursor,
        filters: OF_CODES,
        ..below("coupon_codes", Version::V3, "promotions/{id}/codes", Scope::Marketing).of_stream("coupon_codes")
    }],
    ..plain(Kind::PROMOTIONS, "promotions", Scope::Marketing, Make::Fields(FIELDS, &[("coupon_codes", 30, CODE)]))
};
