//! The simulator, seen from outside.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod broken;
mod changes;
mod faults;
mod joins;
mod lists;
mod million;
mod quota;
mod seed;
mod socket;
mod support;
mod v2;
mod v3;
