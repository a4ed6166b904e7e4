//! `/v3/orders/payment_actions/refunds`: dated by `created`. A token with the scope of orders or of transactions reads them.

use crate::dates;
use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::resource::{Dates, Make, Resource, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] = &[Rule::Each(&["id", "order_id"], &[Op::In]), Rule::Each(&["created"], &[Op::Min, Op::Max])];

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("order_id", Is::Of(Kind::ORDERS)),
    Field("user_id", Is::Whole(1, 9)),
    Field("created", Is::Created),
    Field("reason", Is::Words),
    Field("total_amount", Is::Money),
    Field("total_tax", Is::Money),
    Field("uses_merchant_override_values", Is::Flag),
    Field(
        "items",
        Is::Rows(
            3,
            &[
                Field("item_type", Is::Text(&["PRODUCT", "GIFT_WRAPPING", "SHIPPING", "HANDLING", "ORDER", "FEE"])),
                Field("item_id", Is::Whole(1, 90_000)),
                Field("reason", Is::Words),
                Field("quantity", Is::Whole(1, 4)),
                Field("requested_amount", Is::Money),
                Field("adjustments", Is::Rows(2, &[Field("amount", Is::Number(-10.2)), Field("description", Is::Words)])),
            ],
        ),
    ),
    Field(
        "payments",
        Is::Rows(
            2,
            &[
                Field("id", Is::RowId),
                Field("provider_id", Is::Text(&["storecredit", "braintree", "custom"])),
                Field("amount", Is::Money),
                Field("offline", Is::Flag),
                Field("is_declined", Is::Flag),
                Field("declined_message", Is::Text(&["", "Nicht gedeckt"])),
                Field("transaction_id", Is::Written(&Is::Id)),
            ],
        ),
    ),
];

pub(crate) static RESOURCE: Resource = Resource {
    dates: Dates { created: Some("created"), modified: None, write: dates::iso_offset },
    filters: RULES,
    ..plain(Kind::REFUNDS, "orders/payment_actions/refunds", Scope::Orders, Make::Fields(FIELDS, &[]))
};
