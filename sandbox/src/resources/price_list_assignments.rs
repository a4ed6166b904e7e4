//! `/v3/pricelists/assignments`.

use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::Scope;
use crate::resource::{Make, Resource, plain};
use crate::seed::make::{Field, Is};

const RULES: &[Rule] =
    &[Rule::Each(&["id"], &[Op::In]), Rule::Each(&["price_list_id", "customer_group_id", "channel_id"], &[Op::Equal, Op::In])];

const FIELDS: &[Field] = &[
    Field("id", Is::Id),
    Field("price_list_id", Is::Of(Kind::PRICE_LISTS)),
    Field("customer_group_id", Is::Of(Kind::CUSTOMER_GROUPS)),
    Field("channel_id", Is::Of(Kind::CHANNELS)),
];

pub(crate) static RESOURCE: Resource = Resource {
    filters: RULES,
    ..plain(Kind::PRICE_LIST_ASSIGNMENTS, "pricelists/assignments", Scope::Products, Make::Fields(FIELDS, &[]))
};
