//! What belongs to products, and is made from fields: complex rules, category assignments.

use crate::resource::More;
use crate::seed::make::{Field, Is};

const RULE: &[Field] = &[
    Field("id", Is::RowId),
    Field("product_id", Is::Parent),
    Field("sort_order", Is::Whole(0, 90)),
    Field("enabled", Is::Flag),
    Field("stop", Is::Flag),
    Field("purchasing_disabled", Is::Flag),
    Field("purchasing_disabled_message", Is::Words),
    Field("purchasing_hidden", Is::Flag),
    Field("image_url", Is::Words),
    Field(
        "price_adjuster",
        Is::Object(&[Field("adjuster", Is::Text(&["relative", "percentage"])), Field("adjuster_value", Is::Money)]),
    ),
    Field(
        "weight_adjuster",
        Is::Object(&[Field("adjuster", Is::Text(&["relative", "percentage"])), Field("adjuster_value", Is::Money)]),
    ),
    Field(
        "conditions",
        Is::Rows(
            3,
            &[
                Field("id", Is::RowId),
                Field("rule_id", Is::Maybe(30, &Is::Whole(1, 9))),
                Field("modifier_id", Is::Maybe(30, &Is::Whole(1, 9))),
                Field("modifier_value_id", Is::Maybe(30, &Is::Whole(1, 9))),
                Field("variant_id", Is::Maybe(30, &Is::Whole(1, 9))),
                Field("combination_id", Is::Whole(0, 90)),
            ],
        ),
    ),
];

const ASSIGNMENT: &[Field] = &[Field("product_id", Is::Parent), Field("category_id", Is::Place)];

const INVENTORY: &[Field] = &[
    Field(
        "identity",
        Is::Object(&[
            Field("sku", Is::Text(&["RE-130", ""])),
            Field("variant_id", Is::RowId),
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

pub(crate) const MORE: More = &[("complex_rules", 2, RULE), ("category_assignments", 3, ASSIGNMENT), ("inventory", 3, INVENTORY)];
