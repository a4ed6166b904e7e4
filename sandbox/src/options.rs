//! What a store is made of.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::kind::Counts;
use crate::quota::Quota;

/// How to build a [`Store`](crate::Store) and serve it. Each field has a default that suits a demonstration.
#[derive(Clone, Debug)]
pub struct Options {
    /// Decides all data. Default 7.
    pub seed: u64,
    /// The store's name in every path. Default `sandbox`.
    pub store_hash: String,
    /// The only `X-Auth-Token` that is let in. Default `sandbox-access-token`.
    pub access_token: String,
    /// How many records of each kind.
    pub counts: Counts,
    /// Requests allowed in a window. `None` sends no rate-limit headers and never refuses. Default 20,000 in 30 s.
    pub quota: Option<Quota>,
    /// Scopes that the token lacks: their paths answer 403. Default none.
    pub missing_scopes: BTreeSet<Scope>,
    /// The documented maxima.
    pub caps: Caps,
    /// How long the shell holds each answer back. Default none. Without it the shell answers one request after the other, so
    /// [`Sandbox::max_in_flight`](crate::Sandbox::max_in_flight) says nothing.
    pub latency: Duration,
    /// After how many requests the shell closes a connection: with GOAWAY on HTTP/2, and on HTTP/1.1 as soon as it is idle, which the client
    /// learns when it sends the next request. Default never.
    pub requests_per_connection: Option<u64>,
    /// How many requests [`Store::requests`](crate::Store::requests) holds at most. Beyond it the older half is dropped, so that a
    /// store that serves for days does not grow. Default 10,000.
    pub log_requests: usize,
    /// Whether an answer is made once for each path and query, and then sent again and again, so that a benchmark measures its client and not
    /// the store. Later changes, faults and quirks do not affect a cached answer. Default no.
    pub keep_answers: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 7,
            store_hash: "sandbox".to_owned(),
            access_token: "sandbox-access-token".to_owned(),
            counts: Counts::default(),
            quota: Some(Quota { requests: 20_000, window: Duration::from_secs(30) }),
            missing_scopes: BTreeSet::new(),
            caps: Caps::default(),
            latency: Duration::ZERO,
            requests_per_connection: None,
            log_requests: 10_000,
            keep_answers: false,
        }
    }
}

/// What a token may read (BigCommerce docs, API accounts: OAuth scopes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// `/v2/orders` and below, and refunds.
    Orders,
    /// `/v3/orders/{id}/transactions`.
    Transactions,
    /// `/v3/orders/pickups`.
    Fulfillment,
    /// `/v3/customers` and below.
    Customers,
    /// `/v3/catalog` and `/v3/pricelists`, and below.
    Products,
    /// `/v2/coupons` and below.
    Marketing,
    /// `/v2/time`, `/v2/store`, currencies, taxes, shipping.
    Information,
    /// `/v3/content`, `/v2/blog`, redirects.
    Content,
    /// `/v3/channels`.
    Channels,
    /// `/v3/channels/{id}/listings`.
    Listings,
    /// `/v3/sites`.
    Sites,
    /// `/v3/inventory/locations`.
    Locations,
    /// `/v3/inventory/items`.
    Inventory,
    /// `/v3/store/systemlogs`.
    Logs,
    /// `/v3/hooks`: every token has it.
    Default,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 15] = [
        Self::Orders,
        Self::Transactions,
        Self::Fulfillment,
        Self::Customers,
        Self::Products,
        Self::Marketing,
        Self::Information,
        Self::Content,
        Self::Channels,
        Self::Listings,
        Self::Sites,
        Self::Locations,
        Self::Inventory,
        Self::Logs,
        Self::Default,
    ];

    /// Its name for reading only, as API accounts have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Orders => "store_v2_orders_read_only",
            Self::Transactions => "store_v2_transactions_read_only",
            Self::Fulfillment => "store_order_fulfillment_read_only",
            Self::Customers => "store_v2_customers_read_only",
            Self::Products => "store_v2_products_read_only",
            Self::Marketing => "store_v2_marketing_read_only",
            Self::Information => "store_v2_information_read_only",
            Self::Content => "store_v2_content_read_only",
            Self::Channels => "store_channel_settings_read_only",
            Self::Listings => "store_channel_listings_read_only",
            Self::Sites => "store_sites_read_only",
            Self::Locations => "store_locations_read_only",
            Self::Inventory => "store_inventory_read_only",
            Self::Logs => "store_logs_read_only",
            Self::Default => "default",
        }
    }
}

/// The maxima of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Highest `limit` of a v2 list; more is a 413. Default 250 (orders reference; the 413 names it in `details.max_limit`).
    pub v2_limit: usize,
    /// Highest `limit` of a v3 list; more is taken as this. Default 250.
    pub v3_limit: usize,
    /// Products a page once options or modifiers are included. Default 10 (products reference).
    pub heavy_products: usize,
    /// Addresses, and attributes, embedded in one customer. Default 10 (customers v3 reference).
    pub embedded: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { v2_limit: 250, v3_limit: 250, heavy_products: 10, embedded: 10 }
    }
}
