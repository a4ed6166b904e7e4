//! `--sandbox`: a store on this machine, to try the tap without an account.

use super::console::Console;
use serde_json::{Map, Value};
use tap_bigcommerce::{Failure, Kind, Result};
use tap_bigcommerce_sandbox::{Options, Sandbox};

/// Starts a store and makes the config lead to it; other settings stay. The store ends when it is dropped. It is the same store each
/// time, so that a second run into the same file finds nothing new.
pub(crate) fn start(config: &mut Map<String, Value>, console: &Console) -> Result<Sandbox> {
    let failure = |fault| Failure::new(Kind::Unreachable, format!("the sandbox cannot be started on this machine: {fault}"));
    let sandbox = Sandbox::start(Options::default()).map_err(failure)?;
    console.tell(&format!("INFO the sandbox, a simulated store, listens on {}", sandbox.url()));
    let settings = [
        ("api_url", sandbox.url().to_owned()),
        ("store_hash", sandbox.store_hash()),
        ("access_token", sandbox.access_token()),
        ("client_id", "sandbox".to_owned()),
    ];
    config.extend(settings.map(|(key, value)| (key.to_owned(), Value::String(value))));
    Ok(sandbox)
}
