//! Generated: the connector interface, and the exports of all three interfaces.
#![allow(unsafe_code, missing_docs, unreachable_pub)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "plugin",
    with: {
        "wasi:io/error@0.2.12": wasi::io::error,
        "wasi:io/poll@0.2.12": wasi::io::poll,
        "wasi:io/streams@0.2.12": wasi::io::streams,
    },
});

use super::Tap;

export!(Tap);
wasi::cli::command::export!(Tap);
wasi::http::proxy::export!(Tap);
