//! The transactions of orders (orders v3 reference). There is no list of those of all orders.

use super::make::{Field, Is};

pub(super) const FIELDS: &[Field] = &[
    Field("id", Is::RowId),
    Field("order_id", Is::Written(&Is::Parent)),
    Field("event", Is::Text(&["purchase", "authorization", "capture", "refund", "void", "pending", "settled"])),
    Field("method", Is::Text(&["credit_card", "gift_certificate", "store_credit", "offline", "custom"])),
    Field("amount", Is::Money),
    Field("currency", Is::Text(&["USD", "EUR"])),
    Field("gateway", Is::Text(&["braintree", "custom", "storecredit"])),
    Field("gateway_transaction_id", Is::Maybe(20, &Is::Uuid)),
    Field("date_created", Is::Created),
    Field("test", Is::Flag),
    Field("status", Is::Text(&["ok", "error"])),
    Field("fraud_review", Is::Flag),
    Field("reference_transaction_id", Is::Maybe(60, &Is::Whole(1, 900))),
    Field("offline", Is::Maybe(80, &Is::Object(&[Field("display_name", Is::Words)]))),
    Field("custom", Is::Maybe(80, &Is::Object(&[Field("payment_method", Is::Words)]))),
    Field("payment_method_id", Is::Text(&["", "braintree.credit_card"])),
    Field("payment_instrument_token", Is::Null),
    Field("provider_instrument_token", Is::Maybe(80, &Is::Uuid)),
    Field("provider_customer_id", Is::Null),
    Field(
        "avs_result",
        Is::Object(&[
            Field("code", Is::Text(&["", "A"])),
            Field("message", Is::Text(&[""])),
            Field("street_match", Is::Text(&["", "M"])),
            Field("postal_match", Is::Text(&["", "M"])),
        ]),
    ),
    Field("cvv_result", Is::Object(&[Field("code", Is::Text(&["", "M"])), Field("message", Is::Text(&[""]))])),
    Field(
        "credit_card",
        Is::Maybe(
            40,
            &Is::Object(&[
                Field("card_type", Is::Text(&["visa", "mastercard"])),
                Field("card_iin", Is::Text(&["411111"])),
                Field("card_last4", Is::Text(&["1111"])),
                Field("card_expiry_month", Is::Whole(1, 12)),
                Field("card_expiry_year", Is::Whole(2026, 2034)),
            ]),
        ),
    ),
    Field(
        "gift_certificate",
        Is::Maybe(
            85,
            &Is::Object(&[
                Field("code", Is::Text(&["TDR-R7J-6KN-JLV"])),
                Field("original_balance", Is::Money),
                Field("starting_balance", Is::Money),
                Field("remaining_balance", Is::Money),
                Field("status", Is::Text(&["active", "expired"])),
            ]),
        ),
    ),
    Field("store_credit", Is::Maybe(85, &Is::Object(&[Field("remaining_balance", Is::Money)]))),
    Field(
        "custom_provider_field_result",
        Is::Maybe(
            85,
            &Is::Object(&[
                Field("receipt_number", Is::Maybe(50, &Is::Uuid)),
                Field("authorization_code", Is::Null),
                Field("fraud_response", Is::Null),
                Field("amount_received", Is::Money),
            ]),
        ),
    ),
];
