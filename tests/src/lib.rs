//! What the tests share: the program, a store to run it against, its messages, its tables, and the component's own doors.
#![forbid(unsafe_code)]

pub mod built;
pub mod chain;
pub mod doors;
pub mod embed;
pub mod fake;
pub mod messages;
pub mod parquet;
#[cfg(target_os = "linux")]
pub mod postgres;
pub mod program;
pub mod runs;
pub mod shop;
pub mod tables;
#[cfg(unix)]
pub mod terminal;
pub mod truth;
pub mod wasmtime;
