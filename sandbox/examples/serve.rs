//! Serves a store until it is interrupted, and prints a config that reads it:
//! `cargo run --release -p tap-bigcommerce-sandbox --example serve > config.json`
//!
//! With a number (`serve 66000`) the store has so many orders and a quota that no run uses up, to try runs of any size. Three more
//! (`serve 600 400 5 3`) are its quota, 400 requests in 5 seconds, and the seed of its data.

use std::io::{Error, ErrorKind, Write};
use std::time::Duration;
use tap_bigcommerce_sandbox::{Kind, Options, Quota, Sandbox, Store};

fn main() -> std::io::Result<()> {
    let sandbox = Sandbox::start(options(std::env::args().skip(1))?)?;
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

fn options(arguments: impl Iterator<Item = String>) -> std::io::Result<Options> {
    let wrong = |_| Error::new(ErrorKind::InvalidInput, "give whole numbers: ORDERS [REQUESTS SECONDS SEED], or nothing");
    let numbers = arguments.map(|text| text.parse::<u64>()).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    let mut options = Options::default();
    let (orders, requests, seconds) = match numbers[..] {
        [] => return Ok(options),
        [orders] => (orders, 7_000_000, 30),
        [orders, requests, seconds, seed] => {
            options.seed = seed;
            (orders, requests, seconds)
        }
        _ => return Err(Error::new(ErrorKind::InvalidInput, "give ORDERS, or ORDERS REQUESTS SECONDS SEED, or nothing")),
    };
    options.counts = options.counts.with(Kind::ORDERS, orders);
    options.quota = Some(Quota { requests, window: Duration::from_secs(seconds) });
    Ok(options)
}
