//! What a store is made of.

use std::collections::BTreeSet;
use std::time::Duration;

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
        }
    }
}

/// How many records of each kind the store starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Default 500. Line items, order coupons and shipping addresses come with them.
    pub orders: u64,
    /// Default 300. Addresses, attributes and form fields come with them.
    pub customers: u64,
    /// Default 200. Variants, images, options and the like come with them.
    pub products: u64,
    /// Default 40.
    pub coupons: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self { orders: 500, customers: 300, products: 200, coupons: 40 }
    }
}

/// What a token may read (BigCommerce docs, API accounts: OAuth scopes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// `/v2/orders` and below.
    Orders,
    /// `/v3/customers` and below.
    Customers,
    /// `/v3/catalog` and below.
    Products,
    /// `/v2/coupons` and below.
    Marketing,
    /// `/v2/time` and `/v2/store`.
    Information,
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
