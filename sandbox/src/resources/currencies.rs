//! `/v2/currencies`.

use crate::dates;
use crate::kind::Kind;
use crate::options::Scope;
use crate::refusal::Version;
use crate::resource::{Dates, Make, Resource, plain};
use crate::seed::make::{Field, Is};

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("is_default", Is::First),
    Field("country_iso2", Is::Text(&["", "EU"])),
    Field("default_for_country_codes", Is::List(3)),
    Field("currency_code", Is::Names(&["USD", "EUR", "GBP", "JPY"])),
    Field("currency_exchange_rate", Is::Text(&["0", "12.95", "5.0000"])),
    Field("auto_update", Is::Flag),
    Field("token_location", Is::Text(&["", "left"])),
    Field("token", Is::Text(&["", "€"])),
    Field("decimal_token", Is::Text(&["", "."])),
    Field("thousands_token", Is::Text(&["", ","])),
    Field("decimal_places", Is::Whole(0, 3)),
    Field("name", Is::Names(&["US Dollar", "Euro", "Pound Sterling", "日本円"])),
    Field("enabled", Is::Flag),
    Field("is_transactional", Is::Flag),
    Field("use_default_name", Is::Flag),
    Field("last_updated", Is::Modified),
];

pub(crate) static RESOURCE: Resource = Resource {
    api: Version::V2,
    dates: Dates { created: None, modified: Some("last_updated"), write: dates::rfc2822 },
    has_one: true,
    ..plain(Kind::CURRENCIES, "currencies", Scope::Information, Make::Fields(FIELDS, &[]))
};
