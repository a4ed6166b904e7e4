//! A simulated store, and a folder for the files of runs against it.

use crate::program::{Ended, program, run};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use tap_bigcommerce_sandbox::{Counts, Kind, Options, Sandbox, Store};
use tempfile::TempDir;

const CA_FILE: &str = "ca.pem";

/// A store that listens on this machine.
#[derive(Debug)]
pub struct Shop {
    /// The store.
    pub sandbox: Sandbox,
    folder: TempDir,
}

/// So many orders, customers, products and coupons.
pub const fn counts(orders: u64, customers: u64, products: u64, coupons: u64) -> Counts {
    Counts::of([(Kind::ORDERS, orders), (Kind::CUSTOMERS, customers), (Kind::PRODUCTS, products), (Kind::COUPONS, coupons)])
}

impl Shop {
    /// A store with these many records of each kind.
    pub fn new(counts: Counts) -> Shop {
        Shop::with(Options { counts, ..Options::default() })
    }

    /// A store made as the options say.
    pub fn with(options: Options) -> Shop {
        Shop::of(Sandbox::start(options).expect("a port is free"))
    }

    /// The same over TLS with HTTP/2, as in production. The program is given the CA file; others find it at [`Shop::ca_file`].
    pub fn over_tls(options: Options) -> Shop {
        Shop::of(Sandbox::serve_tls(Store::new(options)).expect("a port is free"))
    }

    fn of(sandbox: Sandbox) -> Shop {
        let shop = Shop { sandbox, folder: tempfile::tempdir().expect("a folder can be made") };
        shop.file("config.json", &Value::Object(shop.config()).to_string());
        if let Some(pem) = shop.sandbox.ca_pem() {
            shop.file(CA_FILE, pem);
        }
        shop
    }

    /// The certificate of the authority that vouches for the store, if it is served over TLS.
    pub fn ca_file(&self) -> Option<PathBuf> {
        self.sandbox.ca_pem().map(|_| self.path(CA_FILE))
    }

    /// The settings for a run against it.
    pub fn config(&self) -> Map<String, Value> {
        let config = json!({
            "client_id": "tests",
            "access_token": self.sandbox.access_token(),
            "store_hash": self.sandbox.store_hash(),
            "api_url": self.sandbox.url(),
        });
        config.as_object().cloned().unwrap_or_default()
    }

    /// The settings with some changed, as JSON text.
    pub fn config_with(&self, changes: Value) -> String {
        let mut config = self.config();
        config.extend(changes.as_object().cloned().unwrap_or_default());
        Value::Object(config).to_string()
    }

    /// The path of a file in the shop's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the shop's folder.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("a file can be written");
        path
    }

    /// The program with the shop's config and these arguments, in the shop's folder.
    pub fn tap<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = program(["--config", "config.json"].into_iter().chain(args));
        if let Some(file) = self.ca_file() {
            command.arg("--ca-file").arg(file);
        }
        command.current_dir(self.folder.path());
        command
    }

    /// Runs the program with the shop's config and these arguments.
    pub fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Ended {
        run(self.tap(args))
    }

    /// Runs on from a state.
    pub fn resume(&self, state: &Value) -> Ended {
        self.file("state.json", &state.to_string());
        self.run(["--state", "state.json"])
    }

    /// Sends a signal once the store has received this many more requests.
    pub fn after_requests(&self, requests: u64) -> Receiver<()> {
        let (tell, told) = channel();
        let mut left = requests;
        self.sandbox.with_store(|store| {
            store.on_request(move |_, _| {
                left = left.saturating_sub(1);
                if left == 0 {
                    // Nobody may listen any more.
                    let _ = tell.send(());
                }
            });
        });
        told
    }

    /// How many orders a state covers, of a run that reads them for the first time.
    pub fn orders_covered(&self, state: &Value) -> usize {
        let orders = &state["bookmarks"]["orders"];
        let walk = &orders["walk"];
        let is_complete = orders["date_modified"].is_string() && walk.is_null();
        let last = walk["position"]["id"].as_u64().unwrap_or(0);
        self.sandbox.with_store(|store| {
            // Archived orders are read in a second pass, after the others.
            let is_covered = |id: &u64| {
                let is_archived = store.record(Kind::ORDERS, *id).is_some_and(|order| order.fields["is_deleted"] == true);
                match walk["pass"] == 1 {
                    true => !is_archived || *id <= last,
                    false => !is_archived && *id <= last,
                }
            };
            store.ids(Kind::ORDERS).filter(|id| is_complete || is_covered(id)).count()
        })
    }

    /// Whether the store was asked for something whose path and query hold this text.
    pub fn was_asked(&self, part: &str) -> bool {
        self.sandbox.requests().iter().any(|seen| seen.target.contains(part))
    }
}
