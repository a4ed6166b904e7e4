//! What is in stock: a row for each variant.

use super::make::{Field, Is};
use super::variants::VARIANTS_A_PRODUCT;

pub(super) const FIELDS: &[Field] = &[
    Field(
        "identity",
        Is::Object(&[
            Field("sku", Is::Text(&["RE-130", ""])),
            Field("variant_id", Is::RowOf(VARIANTS_A_PRODUCT)),
            Field("product_id", Is::Parent),
            Field("sku_id", Is::Maybe(50, &Is::Whole(1, 900))),
        ]),
    ),
    Field(
        "locations",
        Is::Rows(
            3,
            &[
                Field("location_id", Is::Place),
                Field("location_code", Is::Text(&["BC-LOCATION-1", "SÜD"])),
                Field("location_name", Is::Words),
                Field("available_to_sell", Is::Whole(0, 90)),
                Field("total_inventory_onhand", Is::Whole(0, 90)),
                Field("location_enabled", Is::Flag),
                Field(
                    "settings",
                    Is::Object(&[
                        Field("safety_stock", Is::Whole(0, 9)),
                        Field("is_in_stock", Is::Flag),
                        Field("warning_level", Is::Whole(0, 9)),
                        Field("bin_picking_number", Is::Text(&["", "1"])),
                    ]),
                ),
            ],
        ),
    ),
];
