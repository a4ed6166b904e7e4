//! A Singer tap for BigCommerce, to embed: discovery, check and sync of any number of stores, in a few lines.
//!
//! The tap itself is one WASI component. This library carries it, runs it under wasmtime, and gives it the one thing that it may use: `GET`
//! requests to the store that a run's config names. The component gets no files, no environment and no credentials; the access token is
//! taken out of the config before the component sees it, and added to the requests on their way out.
//!
//! A [`Host`] is what runs share: the engine, the [`Network`] and its connections. A [`Tap`] is a component that it has compiled. A [`Run`] is for one
//! [`Account`], with permissions, [`Limits`] and [`Event`]s of its own.
//!
//! ```no_run
//! # async fn run() -> Result<(), tap_bigcommerce::Failure> {
//! use tap_bigcommerce::{Account, Component, Host};
//!
//! let tap = Host::builder().build()?.component(Component::carried())?;
//! let account = Account::new(r#"{"access_token": "…", "store_hash": "abc123"}"#);
//! let print = |line: &[u8]| {
//!     println!("{}", String::from_utf8_lossy(line));
//!     Ok(())
//! };
//! let ended = tap.run(account).select(["orders", "customers"]).into(print).await;
//! println!("resume from {:?}", ended.state);
//! ended.result
//! # }
//! ```
//!
//! # Features
//!
//! These are on by default, and each may be left out: `csv`, `jsonl` and `sqlite` are the sinks of their names, `cache` keeps compiled components in a
//! folder. Off by default: `parquet` and `postgres`, the sinks of these names, which bring libraries of their own.
#![forbid(unsafe_code)]

mod account;
mod address;
mod bindings;
#[cfg(feature = "cache")]
mod cache;
mod call;
mod component;
mod event;
pub mod files;
mod guest;
mod host;
mod http;
mod limits;
mod log;
mod network;
mod pipe;
mod progress;
mod run;
pub mod sinks;
mod spent;
mod stop;
mod summary;
mod tap;
mod ticker;
mod timeline;

pub use account::{Account, store_identity};
pub use call::{Ended, Outlook, Plan};
pub use component::{Component, Facts};
pub use event::{Event, EventKind, Metric};
pub use host::{Host, HostBuilder};
pub use limits::Limits;
pub use network::{Network, NetworkBuilder};
pub use progress::{Progress, Snapshot};
pub use run::Run;
pub use sinks::{Sink, SinkError};
pub use spent::Spent;
pub use stop::Stop;
pub use summary::{StreamSummary, Summary};
pub use tap::{Selection, Tap};
pub use tap_bigcommerce_core::error::{Failure, Kind, Result};
pub use tap_bigcommerce_core::log::Level;
pub use timeline::{Stretch, Timeline};
