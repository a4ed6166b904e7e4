//! tap-bigcommerce as one WASI 0.2 component. Three doors lead to one function; a door translates and decides nothing.
#![deny(unsafe_code)]

mod bindings;
mod clock;
mod command;
mod connector;
mod edge;
mod log;
mod sink;
mod transport;

/// What the component exports: each door implements its interface on it.
struct Tap;
