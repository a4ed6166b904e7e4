//! `/v2/shipping/zones`.

use crate::kind::Kind;
use crate::options::Scope;
use crate::paging::Paging;
use crate::refusal::Version;
use crate::resource::{Make, Part, Resource, below, plain};
use crate::seed::make::{Field, Is};

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("name", Is::Names(&["United States", "Österreich & Schweiz", "日本", "Rest of the World"])),
    Field("type", Is::Text(&["zip", "country", "state", "global"])),
    Field(
        "locations",
        Is::Rows(
            3,
            &[
                Field("id", Is::Whole(0, 90)),
                Field("zip", Is::Text(&["", "12345"])),
                Field("country_iso2", Is::Text(&["", "US"])),
                Field("state_iso2", Is::Text(&["", "TX"])),
            ],
        ),
    ),
    Field(
        "free_shipping",
        Is::Object(&[
            Field("enabled", Is::Flag),
            Field("minimum_sub_total", Is::Text(&["0", "12.95", "5.0000"])),
            Field("exclude_fixed_shipping_products", Is::Flag),
        ]),
    ),
    Field(
        "handling_fees",
        Is::Object(&[
            Field("fixed_surcharge", Is::Text(&["0", "12.95", "5.0000"])),
            Field("display_separately", Is::Flag),
            Field("percentage_surcharge", Is::Text(&["0", "12.95", "5.0000"])),
        ]),
    ),
    Field("enabled", Is::Flag),
];

const METHOD: &[Field] = &[
    Field("id", Is::Place),
    Field("name", Is::Words),
    Field(
        "type",
        Is::Text(&[
            "perorder",
            "peritem",
            "weight",
            "total",
            "auspost",
            "canadapost",
            "endicia",
            "usps",
            "fedex",
            "royalmail",
            "upsready",
            "freeshipping",
        ]),
    ),
    Field(
        "settings",
        Is::Object(&[
            Field("rate", Is::Number(12.0)),
            Field(
                "range",
                Is::Rows(
                    3,
                    &[
                        Field("lower_limit", Is::Whole(0, 9)),
                        Field("upper_limit", Is::Whole(9, 99)),
                        Field("shipping_cost", Is::Money),
                    ],
                ),
            ),
            Field("carrier_options", Is::Object(&[Field("delivery_services", Is::List(3)), Field("packaging_type", Is::Words)])),
        ]),
    ),
    Field("enabled", Is::Flag),
    Field("handling_fees", Is::Object(&[Field("fixed_surcharge", Is::Text(&["0", "12.95"]))])),
    Field("is_fallback", Is::Flag),
    Field("channel_ids", Is::Ids(3, Kind::CHANNELS)),
];

pub(crate) static RESOURCE: Resource = Resource {
    api: Version::V2,
    paging: Paging::Whole,
    has_one: true,
    parts: &[Part {
        paging: Paging::Whole,
        ..below("methods", Version::V2, "shipping/zones/{id}/methods", Scope::Information).of_stream("shipping_methods")
    }],
    ..plain(Kind::SHIPPING_ZONES, "shipping/zones", Scope::Information, Make::Fields(FIELDS, &[("methods", 12, METHOD)]))
};
