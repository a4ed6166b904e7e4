//! What belongs to products, and is made from fields: complex rules.

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

pub(crate) const MORE: More = &[("complex_rules", 2, RULE)];
