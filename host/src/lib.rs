//! A Singer tap for BigCommerce, to embed: discovery, check and sync of a store's records in a few lines.
//!
//! The tap itself is one WASI component. This library carries it, runs it under wasmtime, and gives it the one thing it may use: `GET`
//! requests to the store that the config names. The component gets no files, no environment and no credentials; the access token is
//! taken out of the config before the component sees it, and added to the requests on their way out.
//!
//! ```no_run
//! # async fn run() -> Result<(), tap_bigcommerce::Failure> {
//! use tap_bigcommerce::{Stop, SyncRequest, Tap};
//!
//! let tap = Tap::builder().build()?;
//! let request = SyncRequest {
//!     config: r#"{"client_id": "…", "access_token": "…", "store_hash": "abc123"}"#.into(),
//!     ..SyncRequest::default()
//! };
//! let print = |line: &[u8]| {
//!     println!("{}", String::from_utf8_lossy(line));
//!     Ok(())
//! };
//! let summary = tap.sync(request, Box::new(print), &Stop::new()).await?;
//! println!("resume from {}", summary.state);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod account;
mod address;
mod bindings;
pub mod files;
mod guest;
mod http;
mod log;
mod pipe;
mod progress;
pub mod sinks;
mod stop;
mod summary;
mod tap;
mod timeline;

pub use account::store_identity;
pub use progress::{Progress, Snapshot};
pub use sinks::{Sink, SinkError};
pub use stop::Stop;
pub use summary::{StreamSummary, Summary};
pub use tap::{Outlook, SyncRequest, Tap, TapBuilder};
pub use tap_bigcommerce_core::error::{Failure, Kind, Result};
pub use timeline::{Stretch, Timeline};
