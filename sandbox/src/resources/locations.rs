//! `/v3/inventory/locations`.

use crate::dates;
use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::resource::{Dates, Make, Resource, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] = &[Rule::Named("location_id:in", "id", Op::In)];

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("code", Is::Text(&["", "BIGC-1"])),
    Field("label", Is::Names(&["Lager Süd", "Café Zürich", "Main Street", "横浜店"])),
    Field("description", Is::Text(&["", "Central shop of the world"])),
    Field("managed_by_external_source", Is::Flag),
    Field("type_id", Is::Text(&["PHYSICAL", "VIRTUAL"])),
    Field("enabled", Is::Flag),
    Field(
        "operating_hours",
        Is::Object(&[
            Field(
                "sunday",
                Is::Object(&[
                    Field("open", Is::Flag),
                    Field("opening", Is::Text(&["", "08:00"])),
                    Field("closing", Is::Text(&["", "16:00"])),
                ]),
            ),
            Field(
                "monday",
                Is::Object(&[
                    Field("open", Is::Flag),
                    Field("opening", Is::Text(&["", "08:00"])),
                    Field("closing", Is::Text(&["", "16:00"])),
                ]),
            ),
            Field(
                "tuesday",
                Is::Object(&[
                    Field("open", Is::Flag),
                    Field("opening", Is::Text(&["", "08:00"])),
                    Field("closing", Is::Text(&["", "16:00"])),
                ]),
            ),
            Field(
                "wednesday",
                Is::Object(&[
                    Field("open", Is::Flag),
                    Field("opening", Is::Text(&["", "08:00"])),
                    Field("closing", Is::Text(&["", "16:00"])),
                ]),
            ),
            Field(
                "thursday",
                Is::Object(&[
                    Field("open", Is::Flag),
                    Field("opening", Is::Text(&["", "08:00"])),
                    Field("closing", Is::Text(&["", "16:00"])),
                ]),
            ),
            Field(
                "friday",
                Is::Object(&[
                    Field("open", Is::Flag),
                    Field("opening", Is::Text(&["", "08:00"])),
                    Field("closing", Is::Text(&["", "16:00"])),
                ]),
            ),
            Field(
                "saturday",
                Is::Object(&[
                    Field("open", Is::Flag),
                    Field("opening", Is::Text(&["", "08:00"])),
                    Field("closing", Is::Text(&["", "16:00"])),
                ]),
            ),
        ]),
    ),
    Field("time_zone", Is::Text(&["Etc/GMT+12"])),
    Field("created_at", Is::Created),
    Field("updated_at", Is::Modified),
    Field(
        "address",
        Is::Object(&[
            Field("address1", Is::Text(&["", "Central Park"])),
            Field("address2", Is::Words),
            Field("city", Is::Text(&["", "New York City"])),
            Field("state", Is::Text(&["", "NY"])),
            Field("zip", Is::Text(&["", "11111"])),
            Field("email", Is::Text(&["", "admin@example.com"])),
            Field("phone", Is::Text(&["", "800-555-0198"])),
            Field("geo_coordinates", Is::Object(&[Field("latitude", Is::Money), Field("longitude", Is::Money)])),
            Field("country_code", Is::Text(&["", "US"])),
        ]),
    ),
    Field("storefront_visibility", Is::Flag),
    Field(
        "special_hours",
        Is::Rows(
            3,
            &[
                Field("label", Is::Text(&["", "Thanksgiving"])),
                Field("date", Is::Text(&["", "2022-09-29"])),
                Field("open", Is::Flag),
                Field("opening", Is::Text(&["", "09:00"])),
                Field("closing", Is::Text(&["", "09:00"])),
                Field("all_day", Is::Flag),
                Field("annual", Is::Flag),
            ],
        ),
    ),
];

pub(crate) static RESOURCE: Resource = Resource {
    dates: Dates { created: Some("created_at"), modified: Some("updated_at"), write: dates::iso_z },
    filters: RULES,
    ..plain(Kind::LOCATIONS, "inventory/locations", Scope::Locations, Make::Fields(FIELDS, &[]))
};
