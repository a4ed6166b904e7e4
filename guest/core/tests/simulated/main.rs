//! The tap's logic against a simulated store, in virtual time: what is read, where it resumes, and what faults lead to.

#![allow(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod archived;
mod around;
mod aside;
mod batches;
mod below_records;
mod channels;
mod costs;
mod embedded;
mod faults;
mod flattening;
mod forms;
mod frozen;
mod gone;
mod inside_records;
mod limits;
mod members;
mod odd_answers;
mod pace;
#[path = "../fuzzed/reference.rs"]
mod reference;
mod refresh;
mod registry;
mod replication;
mod requests;
mod selection;
mod shapes;
#[path = "../shared/mod.rs"]
mod shared;
mod small_lists;
mod stream_maps;
mod version_numbers;
mod versions;
mod world;
