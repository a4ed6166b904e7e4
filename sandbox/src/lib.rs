//! A BigCommerce store simulator: seeded data that looks like a shop, served as the two API versions serve it.
//!
//! It has two layers.
//!
//! 1. **The core** is [`Store`]: data, quota, faults and quirks. [`Store::respond`] turns a [`Request`] and a time into a
//!    [`Response`]. It holds no clock, no socket, no thread and no global randomness, so a simulation with virtual time can
//!    drive it: the same seed, requests and times give the same bytes.
//! 2. **The shell** is [`Sandbox`]: the same store behind HTTP/1.1 (keep-alive) and HTTP/2 (prior knowledge) on a loopback
//!    port, with gzip, latency and broken connections. With the feature `tls` also over TLS, where HTTP/2 is negotiated.
//!
//! ```
//! use std::time::Duration;
//! use tap_bigcommerce_sandbox::{Action, Counts, Fault, Kind, Options, Quota, Sandbox};
//!
//! let sandbox = Sandbox::start(Options {
//!     counts: Counts::default().with(Kind::ORDERS, 40),
//!     quota: Some(Quota { requests: 150, window: Duration::from_secs(30) }),
//!     ..Options::default()
//! })?;
//! // Give `sandbox.url()`, `sandbox.store_hash()` and `sandbox.access_token()` to a client, then look at what it did.
//! sandbox.with_store(|store| {
//!     store.add_fault(Fault::on("/v2/orders?", Action::status(503)).times(2));
//!     assert_eq!(store.ids(Kind::ORDERS).count(), 40);
//! });
//! assert_eq!(sandbox.request_count(), 0);
//! # std::io::Result::Ok(())
//! ```
//!
//! # What is served
//!
//! All paths are below `/stores/{hash}`; each needs the right `X-Auth-Token`.
//!
//! | Path | Paging |
//! | --- | --- |
//! | `/v2/time`, `/v2/store` | |
//! | `/v2/orders`, `/v2/orders/{id}`, `/v2/orders/count` | `page`, `limit`; 204 past the end |
//! | `/v2/orders/{id}/products`, `…/coupons`, `…/shipping_addresses` (also spelled `shippingaddresses`), `…/consignments` | the same |
//! | `/v2/coupons`, `/v2/coupons/{id}`, `/v2/coupons/count` | the same |
//! | `/v3/customers` | `page`, `limit`, or `after`/`before` |
//! | `/v3/customers/addresses`, `/v3/customers/attribute-values`, `/v3/customers/form-field-values` | `page`, `limit` |
//! | `/v3/catalog/products`, `/v3/catalog/products/{id}`, `/v3/catalog/variants` | `page`, `limit` |
//!
//! # The data
//!
//! A record is a function of the seed, its kind and its place, built when somebody asks for it, so a store of 100,000 orders
//! costs some ten megabytes. Growing one count leaves all other kinds as they were. Records refer to others of the default counts:
//! with smaller counts some of those do not exist, as in a shop that deleted them. All dates lie between 2021-01-01 and 2025-06-30.
//!
//! # What is a guess
//!
//! Where BigCommerce documents nothing, the store does what seems most likely; [`Quirks`] switches to the other answer.
//!
//! # What real stores do besides
//!
//! Each of these is off until a test asks for it.
//!
//! | What | How |
//! | --- | --- |
//! | A count that ignores filters, leaves out what the list hides, or is off | [`Quirks::count_ignores`], [`Quirks::count_leaves_out_archived`], [`Quirks::count_off_by`] |
//! | Totals that count the page alone | [`OddAnswer::PageTotals`] |
//! | A filter, a sort or a direction that is ignored or refused | [`Quirks::ignored_parameters`], [`Quirks::refused_parameters`], [`Quirks::descending_ignored`], [`Quirks::descending_ignores_dates`] |
//! | A `:in` filter of which only some values count | [`Quirks::most_values`] |
//! | A record that breaks every answer it is in | [`Quirks::broken_records`] |
//! | A list below one record that never comes | [`Quirks::broken_paths`] |
//! | Bytes that are no JSON, a byte order mark | [`OddByte`], [`OddAnswer::ByteOrderMark`] |
//! | Dates that are none | [`Store::set_date_text`] |
//! | Lists that are cut or left out | [`Quirks::consignment_lines`], [`Quirks::consignments_without_lines`], [`Caps`] |
//! | A total that counts something else | [`Quirks::items_total`] |
//! | A list whose dates lag behind its rows | [`Quirks::index_lag`] |
//! | Links, objects and names that do not fit the documentation | [`OddField`], [`OddAnswer::NumberedRows`], [`OddAnswer::EmptyObject`], [`OddAnswer::MetaAsList`] |
//! | Counts in a record that disagree with its lists | [`Store::edit`] |
//! | A success without a body, one refusal among good answers | [`Action::NoBody`], [`Action::status`] |
//! | A store that grows while it is read | [`Store::keep_busy`] |
#![forbid(unsafe_code)]

/// A JSON object from literal keys, in that order.
macro_rules! object {
    ($($key:literal: $value:expr),* $(,)?) => {{
        let mut map = serde_json::Map::with_capacity(<[&str]>::len(&[$($key),*]));
        $(map.insert($key.to_owned(), serde_json::Value::from($value));)*
        map
    }};
}

mod answer;
mod context;
mod cursor;
mod dates;
mod faults;
mod filter;
mod http;
mod kind;
mod list;
mod log;
mod odd;
mod options;
mod paging;
mod query;
mod quirks;
mod quota;
mod record;
mod refusal;
mod registry;
mod resource;
mod resources;
mod seed;
mod serve;
mod server;
mod store;
mod wire;

pub use answer::Answer;
pub use faults::{Action, Delivery, Fault};
pub use http::{Request, Response};
pub use kind::{Counts, Kind};
pub use log::Seen;
pub use odd::{OddAnswer, OddByte, OddField};
pub use options::{Caps, Options, Scope};
pub use quirks::{ItemsTotal, Quirks};
pub use quota::{Quota, RateHeaders};
pub use record::Record;
pub use server::Sandbox;
pub use store::{Store, Truth};
