//! Behaviour that BigCommerce does not document, made switchable.

use crate::quota::RateHeaders;
use std::collections::BTreeSet;

/// The other answers to what is not documented. The default is the most likely behaviour. Set them through
/// [`Store::quirks`](crate::Store::quirks) at any time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// `min_id`, `max_id`, `min_date_…`, `max_date_…`, `:min` and `:max` leave their bound out. Default: bounds are inclusive.
    pub bounds_exclusive: bool,
    /// Archived orders are left out of lists and counts unless `is_deleted=true` asks for them. Default: they are listed.
    pub archived_hidden: bool,
    /// Query parameters that the server acts as if it had not seen, by exact name (`min_id`, `date_modified:min`, `sort`, `limit`, …).
    pub ignored_parameters: BTreeSet<String>,
    /// The server gives no more rows a page than this, whatever `limit` says, and does not say so on v2.
    pub page_cap: Option<usize>,
    /// Answers carry no `Date`.
    pub no_date_header: bool,
    /// Answers carry no rate-limit headers and no `X-Retry-After`; the quota is enforced all the same.
    pub no_rate_headers: bool,
    /// What the rate-limit headers say. Default: the documented headers.
    pub rate_headers: RateHeaders,
    /// Added to every number that `/v2/orders/count` and `/v2/coupons/count` give.
    pub count_off_by: i64,
}
