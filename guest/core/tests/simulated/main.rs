//! The tap's logic against a simulated store, in virtual time: what is read, where it goes on, and what it makes of trouble.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod faults;
mod replication;
mod selection;
mod shapes;
#[path = "../shared/mod.rs"]
mod shared;
mod world;
