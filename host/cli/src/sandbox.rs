//! `--sandbox`: a store on this machine, to try the tap without an account.

use crate::console::Console;
use serde_json::json;
use tap_bigcommerce::{Failure, Kind, Result};
use tap_bigcommerce_core::config::merge;
use tap_bigcommerce_sandbox::{Options, Sandbox};

/// Starts a store, and returns it with a config that points to it; other settings stay. Dropping it stops the store. It is the
/// same store each time, so that a second run into the same file finds nothing new.
pub(crate) fn start(config: String, console: &Console) -> Result<(Sandbox, String)> {
    let failure = |fault| Failure::new(Kind::Unreachable, format!("the sandbox cannot be started on this machine: {fault}"));
    let sandbox = Sandbox::start(Options::default()).map_err(failure)?;
    console.tell(&format!("INFO the sandbox, a simulated store, listens on {}", sandbox.url()));
    let settings = json!({
        "api_url": sandbox.url(),
        "store_hash": sandbox.store_hash(),
        "access_token": sandbox.access_token(),
        "client_id": "sandbox",
    });
    let config = merge(&[("the config".to_owned(), config), ("the sandbox".to_owned(), settings.to_string())])?;
    Ok((sandbox, config))
}
