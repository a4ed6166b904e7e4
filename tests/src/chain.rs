//! A shop behind the edge interface, the driver that reads it, and the collector that receives its lines. Each runs under the
//! wasmtime program, with the command lines of `docs/edge.md`.

use crate::fake::Fake;
use crate::messages::{Message, messages};
use crate::program::{Ended, LONGEST, limited};
use crate::runs::{EDGE_TOKEN, edge_variables};
use crate::shop::Shop;
use crate::wasmtime::{Served, page_line, wasmtime};
use serde_json::{Value, json};
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The collector's token.
pub const COLLECTOR_TOKEN: &str = "seventeen-bytes-x";
const PAGE: &str = "docs/edge.md";

/// The shop behind the edge interface.
pub fn edge(shop: &Shop) -> Served {
    Served::start(shop, &edge_variables(shop, &json!({}), Some(EDGE_TOKEN)))
}

/// The collector, with the shop's folder `lines`.
pub fn collector(shop: &Shop) -> Served {
    Served::of(collector_command(shop, COLLECTOR_TOKEN))
}

/// The collector, on a disk that is full when a file has so many blocks of 512 bytes.
pub fn full_collector(shop: &Shop, blocks: u32) -> Served {
    Served::of(limited(&collector_command(shop, COLLECTOR_TOKEN), blocks))
}

/// The page's line for the collector, on a free port.
pub fn collector_command(shop: &Shop, token: &str) -> Command {
    std::fs::create_dir_all(shop.path("lines")).expect("a folder can be made");
    let words = page_line(PAGE, "wasmtime serve ").into_iter();
    let words: Vec<String> = words.map(|word| if word == "127.0.0.1:8081" { "127.0.0.1:0".to_owned() } else { word }).collect();
    assert!(words.iter().any(|word| word == "127.0.0.1:0"), "it listens on this machine alone");
    let mut command = wasmtime(shop, words);
    command.env("TAP_BIGCOMMERCE_COLLECTOR_TOKEN", token);
    command
}

/// Where the driver sends requests.
#[derive(Clone, Debug)]
pub struct Places {
    /// The edge interface.
    pub edge: String,
    /// Where lines are posted.
    pub collector: String,
}

impl Places {
    /// The real edge and collector.
    pub fn of(edge: &Served, collector: &Served) -> Places {
        Places { edge: format!("http://{}", edge.address), collector: format!("http://{}/lines/shop", collector.address) }
    }

    /// A fake edge and a fake collector.
    pub fn fake(edge: &Fake, collector: &Fake) -> Places {
        Places { edge: edge.url(), collector: collector.url() }
    }
}

/// The page's command line for the driver, with more settings and only a few retries.
pub fn driver(shop: &Shop, places: &Places, settings: &[(&str, &str)]) -> Command {
    std::fs::create_dir_all(shop.path("state")).expect("a folder can be made");
    let mut command = wasmtime(shop, page_line(PAGE, "wasmtime run "));
    let all = [
        ("EDGE_URL", places.edge.as_str()),
        ("EDGE_TOKEN", EDGE_TOKEN),
        ("COLLECTOR_URL", places.collector.as_str()),
        ("COLLECTOR_TOKEN", COLLECTOR_TOKEN),
        ("TRIES", "3"),
    ];
    for (name, value) in all.iter().chain(settings) {
        command.env(format!("TAP_BIGCOMMERCE_DRIVER_{name}"), value);
    }
    command
}

/// A driver that runs, until it ends or is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stderr: Option<JoinHandle<String>>,
}

impl Running {
    /// Starts it.
    pub fn start(mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("wasmtime starts");
        let mut stderr = child.stderr.take().expect("it is a pipe");
        let stderr = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).expect("the driver writes UTF-8");
            text
        });
        Running { child, stderr: Some(stderr) }
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Ended {
        let end = Instant::now() + LONGEST;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                break status;
            }
            assert!(Instant::now() < end, "the driver hangs");
            std::thread::sleep(Duration::from_millis(10));
        };
        let stderr = self.stderr.take().map(|gathered| gathered.join().expect("its log can be read"));
        Ended { code: status.code(), stdout: String::new(), stderr: stderr.unwrap_or_default() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the collector holds of the shop.
pub fn collected(shop: &Shop) -> Vec<Message> {
    messages(&std::fs::read_to_string(shop.path("lines/shop.jsonl")).unwrap_or_default())
}

/// The STATE that the driver has kept.
pub fn kept(shop: &Shop) -> Option<Value> {
    let text = std::fs::read_to_string(shop.path("state/state.json")).ok()?;
    Some(serde_json::from_str(&text).expect("the file is whole"))
}

/// Makes the lock expire.
pub fn let_the_lock_run_out(shop: &Shop) {
    let numbers = std::fs::read_dir(shop.path("state/lock")).expect("there is a lock").filter_map(|entry| {
        let name = entry.expect("the folder can be read").file_name();
        name.to_str().and_then(|name| name.parse::<u64>().ok())
    });
    let newest = numbers.max().expect("the lock has a holder");
    std::fs::write(shop.path("state/lock").join(newest.to_string()), "1\n").expect("the folder can be written");
}
