//! What belongs to orders, and is made from fields: shipments, taxes, messages, pickups.

use crate::kind::Kind;
use crate::resource::More;
use crate::seed::lines::LINES_AN_ORDER as LINES;
use crate::seed::make::{Field, Is};
use crate::seed::orders::ADDRESSES_AN_ORDER as ADDRESSES;

const SHIPMENT: &[Field] = &[
    Field("id", Is::RowId),
    Field("order_id", Is::Parent),
    Field("customer_id", Is::Shopper),
    Field("order_address_id", Is::FirstOf(ADDRESSES)),
    Field("date_created", Is::Created),
    Field("tracking_number", Is::Text(&["", "w4se4b6ASFEW4T"])),
    Field("merchant_shipping_cost", Is::Text(&["1.0000", "0.0000"])),
    Field("shipping_method", Is::Text(&["", "Ship by Weight"])),
    Field(
        "shipping_provider",
        Is::Text(&[
            "auspost",
            "canadapost",
            "endicia",
            "usps",
            "fedex",
            "ups",
            "upsready",
            "upsonline",
            "shipperhq",
            "royalmail",
            "",
        ]),
    ),
    Field("tracking_carrier", Is::Words),
    Field("tracking_link", Is::Words),
    Field("comments", Is::Words),
    Field(
        "billing_address",
        Is::Object(&[
            Field("first_name", Is::Text(&["", "Jane"])),
            Field("last_name", Is::Text(&["", "Doe"])),
            Field("company", Is::Words),
            Field("street_1", Is::Text(&["", "123 Main Street"])),
            Field("street_2", Is::Words),
            Field("city", Is::Text(&["", "Austin"])),
            Field("state", Is::Text(&["", "TX"])),
            Field("zip", Is::Text(&["", "12345"])),
            Field("country", Is::Text(&["", "United States"])),
            Field("country_iso2", Is::Text(&["", "US"])),
            Field("phone", Is::Words),
            Field("email", Is::Text(&["", "janedoe@example.com"])),
        ]),
    ),
    Field(
        "shipping_address",
        Is::Object(&[
            Field("first_name", Is::Text(&["", "Jane"])),
            Field("last_name", Is::Text(&["", "Doe"])),
            Field("company", Is::Words),
            Field("street_1", Is::Text(&["", "123 Main Street"])),
            Field("street_2", Is::Words),
            Field("city", Is::Text(&["", "Austin"])),
            Field("state", Is::Text(&["", "Texas"])),
            Field("zip", Is::Text(&["", "12345"])),
            Field("country", Is::Text(&["", "United States"])),
            Field("country_iso2", Is::Text(&["", "US"])),
            Field("phone", Is::Words),
            Field("email", Is::Text(&["", "janedoe@example.com"])),
        ]),
    ),
    Field(
        "items",
        Is::Rows(
            3,
            &[
                Field("order_product_id", Is::FirstOf(LINES)),
                Field("product_id", Is::Of(Kind::PRODUCTS)),
                Field("quantity", Is::Whole(0, 90)),
            ],
        ),
    ),
    Field("shipping_provider_display_name", Is::Words),
    Field("generated_tracking_link", Is::Words),
];

const TAX: &[Field] = &[
    Field("id", Is::RowId),
    Field("order_id", Is::Parent),
    Field("order_address_id", Is::FirstOf(ADDRESSES)),
    Field("tax_rate_id", Is::Of(Kind::TAX_RATES)),
    Field("sales_tax_id", Is::Text(&["", "TaxId123"])),
    Field("tax_class_id", Is::Maybe(20, &Is::Of(Kind::TAX_CLASSES))),
    Field("name", Is::Text(&["Mehrwertsteuer", "Versand-Ökosteuer"])),
    Field("class", Is::Text(&["", "Gift Wrapping"])),
    Field("rate", Is::Text(&["8.0000"])),
    Field("priority", Is::Whole(0, 2)),
    Field("priority_amount", Is::Text(&["1.5200"])),
    Field("line_amount", Is::Text(&["1.5200", "0.0000"])),
    Field("order_pickup_method_id", Is::Whole(0, 3)),
    Field("order_product_id", Is::Maybe(30, &Is::Written(&Is::FirstOf(LINES)))),
    Field("line_item_type", Is::Text(&["item", "shipping", "handling", "gift-wrapping"])),
];

const MESSAGE: &[Field] = &[
    Field("id", Is::RowId),
    Field("order_id", Is::Parent),
    Field("staff_id", Is::Whole(0, 90)),
    Field("customer_id", Is::Shopper),
    Field("type", Is::Text(&["customer", "staff"])),
    Field("subject", Is::Words),
    Field("message", Is::Words),
    Field("status", Is::Text(&["read", "unread"])),
    Field("is_flagged", Is::Flag),
    Field("date_created", Is::Created),
    Field("customer", Is::Object(&[])),
];

const PICKUP: &[Field] = &[
    Field("id", Is::RowId),
    Field("pickup_method_id", Is::Whole(0, 90)),
    Field("order_id", Is::Parent),
    Field("ready_at", Is::Created),
    Field("created_at", Is::Created),
    Field("updated_at", Is::Modified),
    Field(
        "pickup_items",
        Is::Rows(
            3,
            &[
                Field("id", Is::RowId),
                Field("order_product_id", Is::FirstOf(LINES)),
                Field("quantity", Is::Whole(0, 90)),
                Field("status", Is::Text(&["AWAITING_COLLECTION", "COLLECTED"])),
                Field("collected_at", Is::Maybe(30, &Is::Created)),
            ],
        ),
    ),
];

pub(crate) const MORE: More = &[("shipments", 2, SHIPMENT), ("taxes", 4, TAX), ("messages", 2, MESSAGE), ("pickups", 1, PICKUP)];
