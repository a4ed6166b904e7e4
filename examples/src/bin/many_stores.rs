//! Any number of stores in one process: `many_stores FOLDER` reads the store of each `FOLDER/NAME.json` into `FOLDER/NAME/`.
//!
//! They share one engine and one network, on which 64 requests wait for their answers at most: each gets its turn in the order in which it comes, so
//! that no store waits for another to end. Each run keeps to its own store's quota, and has small limits of its own, so that memory does not depend on
//! how large a store is.

use anyhow::Context;
use futures_util::stream::{self, StreamExt};
use std::path::{Path, PathBuf};
use tap_bigcommerce::sinks::Output;
use tap_bigcommerce::{Component, Host, Limits, Network, Progress, Tap};
use tap_bigcommerce_examples::account;

/// Requests that wait for their answer, of all stores together.
const IN_FLIGHT: usize = 64;
/// Runs at the same time. Each has an instance of the component: some 10 MiB.
const RUNS: usize = 200;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).context("usage: many_stores FOLDER")?);
    let network = Network::builder().max_in_flight(IN_FLIGHT).build()?;
    let tap = Host::builder().network(network).build()?.component(Component::carried())?;
    let configs: Vec<PathBuf> = std::fs::read_dir(&folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    let runs = configs.iter().map(|config| read(&tap, config));
    let failed = stream::iter(runs).buffer_unordered(RUNS).filter(|done| std::future::ready(!done)).count().await;
    anyhow::ensure!(failed == 0, "{failed} of {} stores are not complete; run again to resume them", configs.len());
    Ok(())
}

/// Reads one store, and says how it ended. One that fails leaves the others as they are.
async fn read(tap: &Tap, config: &Path) -> bool {
    let progress = Progress::default();
    let done = sync(tap, config, &progress).await;
    let now = progress.snapshot();
    match &done {
        Ok(()) => println!("{}: {} records, {} requests", config.display(), now.records, now.requests),
        Err(why) => println!("{}: {why:#}", config.display()),
    }
    done.is_ok()
}

async fn sync(tap: &Tap, config: &Path, progress: &Progress) -> anyhow::Result<()> {
    let account = account(std::fs::read_to_string(config)?)?;
    // A folder of JSON lines, which holds the state of its store and is one run's at a time.
    let output: Output = format!("jsonl:{}", config.with_extension("").display()).parse().map_err(anyhow::Error::msg)?;
    let opened = output.open(&account.store()?, &[])?;
    let mut limits = Limits::default();
    (limits.memory, limits.in_flight) = (64 << 20, 8);
    let run = tap.run(account).state(opened.state).limits(limits).progress(progress);
    Ok(run.into(opened.sink).await.result?)
}
