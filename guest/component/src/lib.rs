//! tap-bigcommerce as one WASI 0.2 component. Three interfaces call the same function; they only translate and decide nothing.
#![deny(unsafe_code)]

mod bindings;
mod clock;
mod command;
mod connector;
mod edge;
mod facts;
mod log;
mod sink;
mod transport;

/// What the component exports: each of its interfaces is implemented on it.
struct Tap;
