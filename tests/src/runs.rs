//! Runs through whichever door.

use crate::doors::{Come, Edge, come, command};
use crate::messages::{Message, messages};
use crate::program::run_within;
use crate::shop::Shop;
use serde_json::{Value, json};
use std::time::Duration;

/// A run that has not ended by then hangs. No request is tried for longer, whatever the machine.
const HANGS: Duration = Duration::from_secs(300);

/// The bearer token of the edge door, and the header with it.
pub const EDGE_TOKEN: &str = "sixteen-bytes-ok";
/// See [`EDGE_TOKEN`].
pub const BEARER: &str = "Bearer sixteen-bytes-ok";

/// A way to start a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The host's program.
    Program,
    /// The component as a command.
    Command,
    /// The component behind an HTTP server.
    Edge,
}

/// Every door that a run can be started through.
pub const DOORS: [Door; 3] = [Door::Program, Door::Command, Door::Edge];

/// A run that has ended.
#[derive(Debug)]
pub struct Outcome {
    /// Whether it ended well.
    pub good: bool,
    /// The program's exit code.
    pub code: Option<i32>,
    /// What it wrote to standard output, or answered.
    pub output: String,
    /// The messages in that; none if it was refused.
    pub messages: Vec<Message>,
    /// What it wrote for a person.
    pub log: String,
}

impl Outcome {
    /// The last STATE.
    pub fn state(&self) -> Option<&Value> {
        self.messages.iter().rev().find_map(|message| message.value.as_ref())
    }
}

impl Door {
    /// Runs with the shop's settings and these changes to them. Resumes from the state, if there is one.
    pub async fn run(self, shop: &Shop, settings: &Value, state: Option<&Value>) -> Outcome {
        shop.file("config.json", &shop.config_with(settings.clone()));
        shop.file("state.json", &state.map_or_else(|| "{}".to_owned(), Value::to_string));
        let running = async {
            match self {
                Door::Program => program(shop).await,
                Door::Command => component(shop).await,
                Door::Edge => edge(shop, settings, state).await,
            }
        };
        tokio::time::timeout(HANGS + Duration::from_secs(10), running).await.expect("the run hangs")
    }
}

async fn program(shop: &Shop) -> Outcome {
    let tap = shop.tap(["--state", "state.json"]);
    let ended = tokio::task::spawn_blocking(|| run_within(tap, HANGS)).await.expect("the program can be run");
    let messages = ended.messages();
    Outcome { good: ended.code == Some(0), code: ended.code, output: ended.stdout, messages, log: ended.stderr }
}

async fn component(shop: &Shop) -> Outcome {
    let said = command(&shop.path(""), &["--config", "config.json", "--state", "state.json"], &[]).await;
    let messages = messages(&said.stdout);
    Outcome { good: said.good, code: None, output: said.stdout, messages, log: said.stderr }
}

async fn edge(shop: &Shop, settings: &Value, state: Option<&Value>) -> Outcome {
    let edge = Edge::open(edge_variables(shop, settings, Some(EDGE_TOKEN))).await;
    let body = state.map_or_else(|| json!({}), |state| json!({ "state": state }));
    let answer = edge.ask("POST", "/sync", Some(BEARER), body.to_string()).await;
    let served = answer.status() == 200;
    let Come { text, whole } = come(answer).await;
    let messages = if served { messages(&text) } else { Vec::new() };
    Outcome { good: served && whole, code: None, output: text, messages, log: edge.log() }
}

/// The environment of an edge door: the shop's settings with these changes, and the door's token.
pub fn edge_variables(shop: &Shop, settings: &Value, token: Option<&str>) -> Vec<(String, String)> {
    let mut config = shop.config();
    config.extend(settings.as_object().cloned().unwrap_or_default());
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let settings = config.into_iter().map(|(key, value)| (key, text(value)));
    let token = token.map(|token| ("edge_token".to_owned(), token.to_owned()));
    settings.chain(token).map(|(key, value)| (format!("TAP_BIGCOMMERCE_{}", key.to_uppercase()), value)).collect()
}
