//! `/v3/channels`.

use crate::dates;
use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::refusal::Version;
use crate::resource::{Dates, Include, Make, Part, Resource, below, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] = &[Rule::Each(&["date_created", "date_modified"], &[Op::Min, Op::Max])];

const OF_LISTINGS: &[Rule] = &[
    Rule::Named("after", "listing_id", Op::Greater),
    Rule::Each(&["product_id"], &[Op::In]),
    Rule::Each(&["date_created", "date_modified"], &[Op::Equal, Op::Min, Op::Max]),
];

const LISTING: &[Field] = &[
    Field("channel_id", Is::Parent),
    Field("listing_id", Is::RowId),
    Field("external_id", Is::Words),
    Field("product_id", Is::EachOf(Kind::PRODUCTS)),
    Field(
        "state",
        Is::Text(&[
            "active",
            "disabled",
            "error",
            "pending",
            "pending_disable",
            "pending_delete",
            "partially_rejected",
            "queued",
            "rejected",
            "submitted",
            "deleted",
        ]),
    ),
    Field("name", Is::Words),
    Field("description", Is::Words),
    Field("date_created", Is::Created),
    Field("date_modified", Is::Modified),
    Field(
        "variants",
        Is::Rows(
            3,
            &[
                Field("channel_id", Is::Parent),
                Field("product_id", Is::EachOf(Kind::PRODUCTS)),
                Field("variant_id", Is::VariantOf(&Is::EachOf(Kind::PRODUCTS))),
                Field("external_id", Is::Words),
                Field("state", Is::Text(&["active", "disabled", "deleted"])),
                Field("name", Is::Words),
                Field("description", Is::Words),
                Field("date_created", Is::Created),
                Field("date_modified", Is::Modified),
            ],
        ),
    ),
];

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("external_id", Is::Words),
    Field("is_listable_from_ui", Is::Flag),
    Field("is_enabled", Is::Flag),
    Field("is_visible", Is::Flag),
    Field(
        "status",
        Is::Text(&["active", "prelaunch", "inactive", "connected", "disconnected", "archived", "deleted", "terminated"]),
    ),
    Field("name", Is::Names(&["Online-Shop", "Kasse – Zürich", "Marketplace", "Großhandel"])),
    Field("type", Is::Text(&["pos", "marketplace", "storefront", "marketing"])),
    Field("platform", Is::Words),
    Field("date_created", Is::Created),
    Field("date_modified", Is::Modified),
    Field("icon_url", Is::Words),
    Field(
        "currencies",
        Is::Object(&[
            Field("channel_id", Is::Id),
            Field("enabled_currencies", Is::List(3)),
            Field("default_currency", Is::Text(&["USD", "EUR"])),
        ]),
    ),
];

pub(crate) static RESOURCE: Resource = Resource {
    dates: Dates { created: Some("date_created"), modified: Some("date_modified"), write: dates::iso_z },
    filters: RULES,
    parts: &[Part {
        filters: OF_LISTINGS,
        ..below("listings", Version::V3, "channels/{id}/listings", Scope::Listings).of_stream("channel_listings")
    }],
    includes: &[Include::field("currencies")],
    ..plain(Kind::CHANNELS, "channels", Scope::Channels, Make::Fields(FIELDS, &[("listings", 30, LISTING)]))
};
