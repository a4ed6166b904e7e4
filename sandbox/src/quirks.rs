//! Behaviour that BigCommerce does not document, made switchable.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::faults::Action;
use crate::kind::Kind;
use crate::odd::{OddAnswer, OddField};
use crate::quota::RateHeaders;

/// What `items_total` of an order may count; the documents do not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ItemsTotal {
    /// The quantities of all lines.
    #[default]
    Quantities,
    /// The lines.
    Lines,
    /// The quantities of physical goods only.
    Physical,
}

/// Alternatives where the behaviour is not documented. The default is the most likely behaviour. Set them through
/// [`Store::quirks`](crate::Store::quirks) at any time; each stays in effect until it is changed back.
///
/// Endpoints are named by the part of their path after the store's hash, with `{id}` for each number in it:
/// `/v2/orders/{id}/products`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// `min_id`, `max_id`, `min_date_…`, `max_date_…`, `:min` and `:max` leave their bound out. Default: bounds are inclusive.
    pub bounds_exclusive: bool,
    /// Archived orders are in the list. Default: they are left out unless `is_deleted=true` asks for them.
    pub archived_listed: bool,
    /// Query parameters that the server acts as if it had not seen, by exact name (`min_id`, `date_modified:min`, `sort`, `limit`, …).
    pub ignored_parameters: BTreeSet<String>,
    /// Query parameters that the server refuses, by exact name: 400 on v2, 422 on v3.
    pub refused_parameters: BTreeSet<String>,
    /// The server uses only this many of the values in a `:in` filter, and does not say so.
    pub most_values: Option<usize>,
    /// The server gives no more rows a page than this, whatever `limit` says, and does not say so on v2.
    pub page_cap: Option<usize>,
    /// Answers carry no `Date`.
    pub no_date_header: bool,
    /// Answers carry no rate-limit headers and no `X-Retry-After`; the quota is enforced all the same.
    pub no_rate_headers: bool,
    /// What the rate-limit headers say. Default: the documented headers.
    pub rate_headers: RateHeaders,
    /// Added to the number that `/v2/orders/count` and `/v2/coupons/count` give; it is never below 0.
    pub count_off_by: i64,
    /// Query parameters that the two counts act as if they had not seen, by exact name; `*` stands for all (bigcommerce/docs pull
    /// request 374).
    pub count_ignores: BTreeSet<String>,
    /// `/v2/orders/count` leaves archived orders out, as the list does. Default: it counts them (bigcommerce/docs issue 360).
    pub count_leaves_out_archived: bool,
    /// A list that is to be sorted downward is sorted upward.
    pub descending_ignored: bool,
    /// A list that is sorted downward does not heed its filters by date.
    pub descending_ignores_dates: bool,
    /// Lists filter and sort by what a record's `date_modified` was before its last change, until the change is this old. The record
    /// itself shows its new date. Default: at once.
    pub index_lag: Duration,
    /// A consignment that is included with its lines holds at most this many of them, and `__warning__` next to them says so
    /// (bigcommerce/docs issue 960 has 50). Default: all lines.
    pub consignment_lines: Option<usize>,
    /// Consignments of some orders, those whose id is a multiple of this, come without their lines (bigcommerce/dev-docs issue 2052). Default: none.
    pub consignments_without_lines: Option<u64>,
    /// What an order's `items_total` counts.
    pub items_total: ItemsTotal,
    /// Some records have a field that is not documented, as the API adds them. Default: none.
    pub unannounced_fields: bool,
    /// Fields by name, and what is odd about them.
    pub odd_fields: BTreeMap<String, OddField>,
    /// Endpoints, and what is odd about their answers.
    pub odd_answers: BTreeMap<String, BTreeSet<OddAnswer>>,
    /// Records that break every answer that shows them, in a list or alone, and how. Lists below a record have paths of their
    /// own.
    pub broken_records: BTreeMap<(Kind, u64), Action>,
    /// What happens to every request of a path, whatever its query is; the path begins behind the store's hash: `/v2/orders/102/products`.
    pub broken_paths: BTreeMap<String, Action>,
}
