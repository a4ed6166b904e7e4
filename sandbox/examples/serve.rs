//! Serves a store until it is interrupted, and prints a config that reads it:
//! `cargo run --release -p tap-bigcommerce-sandbox --example serve > config.json`
//!
//! With a number (`serve 66000`) the store has so many orders and a quota that no run uses up, to try runs of any size.

use std::io::{Error, ErrorKind, Write};
use std::time::Duration;
use tap_bigcommerce_sandbox::{Counts, Kind, Options, Quota, Sandbox, Store};

fn main() -> std::io::Result<()> {
    let sandbox = Sandbox::start(options(std::env::args().nth(1))?)?;
    let config = serde_json::json!({
        "api_url": sandbox.url(),
        "store_hash": sandbox.store_hash(),
        "client_id": "sandbox",
        "access_token": sandbox.access_token(),
    });
    println!("{config:#}");
    std::io::stdout().flush()?;
    loop {
        std::thread::sleep(Duration::from_secs(1));
        // Nobody looks at the requests here, and a long run has very many.
        sandbox.with_store(Store::clear_requests);
    }
}

fn options(orders: Option<String>) -> std::io::Result<Options> {
    let Some(orders) = orders else { return Ok(Options::default()) };
    let orders = orders.parse().map_err(|_| Error::new(ErrorKind::InvalidInput, "give a number of orders, or nothing"))?;
    let quota = Some(Quota { requests: 7_000_000, window: Duration::from_secs(30) });
    Ok(Options { counts: Counts::default().with(Kind::ORDERS, orders), quota, ..Options::default() })
}
