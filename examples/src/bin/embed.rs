//! A store's orders and customers, in 30 lines: `embed config.json [state.json]`. Messages go to standard output, and the state into the file.

use std::{fs, io::ErrorKind, path::PathBuf};
use tap_bigcommerce::files::{self, Readers};
use tap_bigcommerce::sinks::StdoutSink;
use tap_bigcommerce::{Component, EventKind, Host, Level};
use tap_bigcommerce_examples::account;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut names = std::env::args().skip(1);
    let config = fs::read_to_string(names.next().unwrap_or_else(|| "config.json".into()))?;
    let state_file = PathBuf::from(names.next().unwrap_or_else(|| "state.json".into()));
    let state = match fs::read_to_string(&state_file) {
        Err(fault) if fault.kind() == ErrorKind::NotFound => None,
        state => Some(state?),
    };
    let tap = Host::builder().build()?.component(Component::carried())?;
    let ended = tap
        .run(account(config)?)
        .select(["orders", "customers"])
        .state(state)
        .on_event(|event| {
            if let EventKind::Log { level: Level::Warning | Level::Critical, text } = event.kind {
                eprintln!("{}: {text}", event.store);
            }
        })
        .into(StdoutSink::new())
        .await;

    // Also after a failure: the next run resumes from it. The file is replaced whole, and only its owner can read it.
    let kept = ended.state.map_or(Ok(()), |state| files::replace(&state_file, state.as_bytes(), Readers::Owner));
    ended.result?;
    Ok(kept?)
}
