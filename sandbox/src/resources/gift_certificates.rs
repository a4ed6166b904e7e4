//! `/v2/gift_certificates`.

use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::refusal::Version;
use crate::resource::{Make, Resource, Sorts, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] =
    &[Rule::Named("min_id", "id", Op::Min), Rule::Named("max_id", "id", Op::Max), Rule::Each(&["order_id"], &[Op::Equal])];

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("to_name", Is::Text(&["", "John Doe"])),
    Field("to_email", Is::Text(&["", "johndoe@example.com"])),
    Field("from_name", Is::Text(&["", "Jane Doe"])),
    Field("from_email", Is::Text(&["", "janedoe@example.com"])),
    Field("amount", Is::Text(&["0", "12.95", "5.0000"])),
    Field("customer_id", Is::Of(Kind::CUSTOMERS)),
    Field("order_id", Is::Of(Kind::ORDERS)),
    Field("balance", Is::Text(&["0", "12.95", "5.0000"])),
    Field("purchase_date", Is::Text(&["1603306", "0"])),
    Field("expiry_date", Is::Text(&["1694738", "0"])),
    Field(
        "template",
        Is::Text(&["birthday.html", "girl.html", "boy.html", "celebration.html", "christmas.html", "general.html"]),
    ),
    Field("message", Is::Text(&["", "Congratulations!"])),
    Field("code", Is::Text(&["", "FFZ-5N4-C7M-S78"])),
    Field("status", Is::Text(&["active", "pending", "disabled", "expired"])),
    Field("currency_code", Is::Text(&["", "USD"])),
];

pub(crate) static RESOURCE: Resource = Resource {
    api: Version::V2,
    filters: RULES,
    sorts: Sorts::Apart(&["id"]),
    has_one: true,
    ..plain(Kind::GIFT_CERTIFICATES, "gift_certificates", Scope::Marketing, Make::Fields(FIELDS, &[]))
};
