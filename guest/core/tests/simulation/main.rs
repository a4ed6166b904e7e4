//! A deterministic simulation of the tap: one seed decides a shop, its changes, the faults on the way, the kills, and the tap's
//! configs, and repeats them exactly.
//!
//! `cargo test --release -p tap-bigcommerce-core --test simulation` plays 2,000 seeds. `SEEDS=100000` plays more, `FROM=2000` others,
//! `SEED=123` (with `-- --nocapture`) plays one and prints what happens in it.

#![allow(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod aside;
mod chain;
mod checker;
mod finding;
mod generate;
mod hazards;
mod health;
mod hunt;
mod journal;
mod judge;
mod mutation;
mod scenario;
mod self_test;
#[path = "../shared/mod.rs"]
mod shared;
mod shelf;
mod shrink;
mod trace;
mod world;
