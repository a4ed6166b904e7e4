//! Serves the default store until it is interrupted, and prints a config that reads it:
//! `cargo run --release -p tap-bigcommerce-sandbox --example serve > config.json`. A number after `--` is how many orders it has.

use std::io::Write;
use tap_bigcommerce_sandbox::{Counts, Options, Sandbox};

fn main() -> std::io::Result<()> {
    let mut counts = Counts::default();
    if let Some(orders) = std::env::args().nth(1) {
        counts.orders = orders.parse().map_err(std::io::Error::other)?;
    }
    let sandbox = Sandbox::start(Options { counts, ..Options::default() })?;
    let config = serde_json::json!({
        "api_url": sandbox.url(),
        "store_hash": sandbox.store_hash(),
        "client_id": "sandbox",
        "access_token": sandbox.access_token(),
    });
    println!("{config:#}");
    std::io::stdout().flush()?;
    loop {
        std::thread::park();
    }
}
