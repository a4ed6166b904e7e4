//! The whole program, through every door, against a simulated store.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod backoff;
mod batches;
mod command;
mod connections;
mod crash;
mod csv;
mod deletions;
mod edge;
mod edge_stores;
mod edge_sync;
mod errors;
mod examples;
mod faults;
mod foreign;
mod frozen;
mod guarantees;
mod inputs;
mod jsonl;
mod library;
mod logs;
mod meltano;
mod origins;
#[cfg(target_os = "linux")]
mod postgres;
mod python;
mod records;
mod report;
mod resume;
mod secrets;
mod selection;
#[cfg(unix)]
mod signals;
mod sinks;
mod size;
mod snapshots;
mod spent;
mod sqlite;
mod store_errors;
mod streams;
#[cfg(unix)]
mod target;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod trial;
mod wit;
mod words;
