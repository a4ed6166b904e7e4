//! Serves a store until it is interrupted, and prints a config that reads it:
//! `cargo run --release -p tap-bigcommerce-sandbox --example serve > config.json`
//!
//! Words change the store:
//!
//! - `orders=66000 customers=0`: how many records of a kind it has, by the name of their stream
//! - `quota=150/30`: the requests that it answers in so many seconds; without it there are more than any run uses
//! - `seed=3`: the seed of its data
//! - `latency_ms=50`: how long it holds back each answer
//! - `keep_answers=true`: it makes each answer once, so that the client alone is measured
//! - `log=FILE`: it answers each line on its standard input with `{"requests": …, "refused": …}`, what came since the line before and how much of
//!   that was over the quota, and writes the method, path and query of each to the file. It stops when its standard input ends.

use std::io::{Error, ErrorKind, Write, stdin, stdout};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tap_bigcommerce_sandbox::{Kind, Options, Quota, Sandbox, Store};

const AMPLE: Quota = Quota { requests: 7_000_000, window: Duration::from_secs(30) };

fn main() -> std::io::Result<()> {
    let mut options = Options { quota: Some(AMPLE), ..Options::default() };
    let mut log = None;
    for word in std::env::args().skip(1) {
        read(&word, &mut options, &mut log).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, format!("{word} is not known here; see sandbox/examples/serve.rs"))
        })?;
    }
    if log.is_some() {
        options.log_requests = usize::MAX;
    }
    let sandbox = Sandbox::start(options)?;
    let config = serde_json::json!({
        "api_url": sandbox.url(),
        "store_hash": sandbox.store_hash(),
        "client_id": "sandbox",
        "access_token": sandbox.access_token(),
    });
    println!("{config:#}");
    stdout().flush()?;
    if let Some(log) = log {
        return answer_lines(&sandbox, &log);
    }
    loop {
        std::thread::sleep(Duration::from_secs(1));
        // Nobody looks at the requests here, and a long run has very many.
        sandbox.with_store(Store::clear_requests);
    }
}

/// Reads a word. None: it is not known.
fn read(word: &str, options: &mut Options, log: &mut Option<PathBuf>) -> Option<()> {
    let (name, value) = word.split_once('=')?;
    match name {
        "quota" => {
            let (requests, seconds) = value.split_once('/')?;
            options.quota = Some(Quota { requests: requests.parse().ok()?, window: Duration::from_secs(seconds.parse().ok()?) });
        }
        "seed" => options.seed = value.parse().ok()?,
        "latency_ms" => options.latency = Duration::from_millis(value.parse().ok()?),
        "keep_answers" => options.keep_answers = value.parse().ok()?,
        "log" => *log = Some(value.into()),
        name => {
            let kind = Kind::ALL.iter().find(|kind| kind.name() == name)?;
            options.counts = options.counts.with(*kind, value.parse().ok()?);
        }
    }
    Some(())
}

fn answer_lines(sandbox: &Sandbox, log: &Path) -> std::io::Result<()> {
    let mut refused_before = 0;
    for line in stdin().lines() {
        line?;
        let (seen, refused) = sandbox.with_store(|store| {
            let seen = store.requests().to_vec();
            store.clear_requests();
            (seen, store.throttled())
        });
        let text: String = seen.iter().map(|seen| format!("{} {}\n", seen.method, seen.target)).collect();
        std::fs::write(log, text)?;
        println!("{}", serde_json::json!({ "requests": seen.len(), "refused": refused - refused_before }));
        stdout().flush()?;
        refused_before = refused;
    }
    Ok(())
}
