//! `/v3/channels`.

use serde_json::{Map, Value};

use crate::context::Context;
use crate::dates;
use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::resource::{Dates, Include, Make, Resource, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] = &[Rule::Each(&["date_created", "date_modified"], &[Op::Min, Op::Max])];

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
    Field("name", Is::Name("Größe")),
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
    includes: &[Include { name: "currencies", part: None, most: None, page: None }],
    show: Some(show),
    ..plain(Kind::CHANNELS, "channels", Scope::Channels, Make::Fields(FIELDS, &[]))
};

/// A channel shows its currencies only if it is asked to.
fn show(context: &Context<'_>, _: u64, _: &Record, fields: &mut Map<String, Value>) -> Result<(), Refusal> {
    if !context.query.list("include").contains(&"currencies") {
        fields.shift_remove("currencies");
    }
    Ok(())
}
