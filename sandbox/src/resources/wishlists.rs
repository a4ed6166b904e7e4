//! `/v3/wishlists`.

use crate::kind::Kind;
use crate::options::Scope;
use crate::resource::{Make, Resource, plain};
use crate::seed::make::{Field, Is};

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("customer_id", Is::Of(Kind::CUSTOMERS)),
    Field("name", Is::Name("Wunschliste")),
    Field("is_public", Is::Flag),
    Field("token", Is::Uuid),
    Field(
        "items",
        Is::Rows(
            3,
            &[
                Field("id", Is::RowId),
                Field("product_id", Is::EachOf(Kind::PRODUCTS)),
                Field("variant_id", Is::VariantOf(&Is::EachOf(Kind::PRODUCTS))),
            ],
        ),
    ),
];

pub(crate) static RESOURCE: Resource = plain(Kind::WISHLISTS, "wishlists", Scope::Customers, Make::Fields(FIELDS, &[]));
