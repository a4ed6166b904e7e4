//! `/v3/tax/rates`.

use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::resource::{Make, Resource, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] = &[Rule::Each(&["id", "tax_zone_id"], &[Op::In])];

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("class_rates", Is::Rows(3, &[Field("rate", Is::Money), Field("tax_class_id", Is::Of(Kind::TAX_CLASSES))])),
    Field("enabled", Is::Flag),
    Field("name", Is::Names(&["Mehrwertsteuer", "GST", "消費税", "State Tax"])),
    Field("priority", Is::Whole(0, 90)),
    Field("tax_zone_id", Is::Of(Kind::TAX_ZONES)),
];

pub(crate) static RESOURCE: Resource =
    Resource { filters: RULES, ..plain(Kind::TAX_RATES, "tax/rates", Scope::Information, Make::Fields(FIELDS, &[])) };
