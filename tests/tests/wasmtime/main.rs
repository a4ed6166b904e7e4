//! The component under the real wasmtime program, by the README's own lines.
//!
//! `WASMTIME=/path/to/wasmtime cargo test --release --test wasmtime -- --ignored`
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod collector;
mod driver;
mod driver_faults;
mod run;
mod serve;
