//! A store's orders and customers, in 30 lines: `embed config.json [state.json]`. Messages go to standard output, and the state into the file.

use std::io::Write;
use tap_bigcommerce::sinks::StdoutSink;
use tap_bigcommerce::{Component, EventKind, Host, Level};
use tap_bigcommerce_examples::account;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut files = std::env::args().skip(1);
    let config = std::fs::read_to_string(files.next().unwrap_or_else(|| "config.json".into()))?;
    let state_file = files.next().unwrap_or_else(|| "state.json".into());
    let state = std::fs::read_to_string(&state_file).ok();

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

    // Also after a failure: the next run resumes from it.
    if let Some(state) = ended.state {
        std::fs::File::create(state_file)?.write_all(state.as_bytes())?;
    }
    Ok(ended.result?)
}
