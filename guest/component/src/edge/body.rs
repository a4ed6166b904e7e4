//! What the body of `POST /sync` gives a run, and which store that run reads.
//!
//! One deployed component can read many stores: if `TAP_BIGCOMMERCE_EDGE_CONFIG` is `body`, each request carries the settings of
//! its store. The credentials in the environment are then never used, and only the operator decides which host requests go to.

use super::Refusal;
use crate::clock::WasiClock;
use futures_util::future::{Either, select};
use serde_json::{Map, Value};
use std::pin::pin;
use std::time::Duration;
use tap_bigcommerce_core::api::Clock;
use tap_bigcommerce_core::config;
use tap_bigcommerce_core::error::Kind;
use tap_bigcommerce_core::plan::{Inputs, Plan};
use wasi::http::types::IncomingRequest;
use wasi::io::streams::StreamError;
use wstd::runtime::AsyncPollable;

/// Larger bodies are refused.
const MOST: usize = 8 << 20;
/// The variable that lets a request bring its store's settings.
const SWITCH: &str = "EDGE_CONFIG";
/// How long the next part of a body may take.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Settings that belong to one store: they come all from the environment or all from the body.
const OF_A_STORE: [&str; 4] = ["access_token", "channel_id", "client_id", "store_hash"];
/// Only the operator may set this: otherwise a caller could send a token to any host.
const ORIGIN: &str = "api_url";

/// Reads the body, and everything that the run is given.
pub(super) async fn plan(request: &IncomingRequest) -> Result<Plan, Refusal> {
    let by_body = std::env::var(format!("{}{SWITCH}", config::ENV_PREFIX)).is_ok_and(|value| value == "body");
    let inputs = inputs(&read(request).await?, by_body)?;
    Plan::new(&inputs).map_err(|failure| {
        let is_callers = by_body && failure.kind == Kind::Config;
        let refusal = Refusal::from(failure);
        if is_callers { Refusal { status: 400, ..refusal } } else { refusal }
    })
}

async fn read(request: &IncomingRequest) -> Result<Vec<u8>, Refusal> {
    let broken = || wrong("the request's body was truncated");
    let incoming = request.consume().map_err(|()| broken())?;
    let stream = incoming.stream().map_err(|()| broken())?;
    let ready = AsyncPollable::new(stream.subscribe());
    let mut body = Vec::new();
    loop {
        match stream.read(64 << 10) {
            Ok(bytes) if bytes.is_empty() => {
                let (next, late) = (pin!(ready.wait_for()), pin!(WasiClock.sleep(LONGEST_WAIT)));
                if matches!(select(next, late).await, Either::Right(_)) {
                    let text =
                        format!("no more of the request's body has arrived for {} s; send it again", LONGEST_WAIT.as_secs());
                    return Err(Refusal::new(408, "body", text));
                }
            }
            Ok(bytes) => body.extend_from_slice(&bytes),
            Err(StreamError::Closed) => return Ok(body),
            Err(StreamError::LastOperationFailed(_)) => return Err(broken()),
        }
        if body.len() > MOST {
            return Err(Refusal::new(413, "body", format!("a body may have {MOST} bytes at most")));
        }
    }
}

/// The inputs in a body: `state`, `catalog` or `select`, `max_records`, `max_seconds` and, where it is permitted, `config`. Any
/// other key is an error.
fn inputs(body: &[u8], by_body: bool) -> Result<Inputs, Refusal> {
    let body: Map<String, Value> = match body.trim_ascii() {
        [] => Map::new(),
        text => serde_json::from_slice(text).map_err(|fault| {
            wrong(format!("the body must be a JSON object (look at line {}, column {})", fault.line(), fault.column()))
        })?,
    };
    let mut inputs = Inputs::default();
    let mut store = Map::new();
    for (key, value) in body {
        let number = || value.as_u64().ok_or_else(|| wrong(format!("{key} must be a whole number, 0 or more")));
        let object = || value.is_object().then(|| value.to_string()).ok_or_else(|| wrong(format!("{key} must be a JSON object")));
        match key.as_str() {
            _ if value.is_null() => {}
            "state" => inputs.state = Some(object()?),
            "catalog" => inputs.catalog = Some(object()?),
            "select" => inputs.select = Some(rules(&value).ok_or_else(|| wrong("select must be a list of rules"))?),
            "max_records" => inputs.max_records = Some(number()?),
            "max_seconds" => inputs.max_seconds = Some(number()?),
            "config" => store = settings(value, by_body)?,
            _ => {
                let text = format!(
                    "the body may not have the key {key:?}; it may have state, catalog or select, max_records, max_seconds, config"
                );
                return Err(wrong(text));
            }
        }
    }
    if inputs.catalog.is_some() && inputs.select.is_some() {
        return Err(wrong("give catalog or select, not both"));
    }
    let mut config = config::from_env(std::env::vars());
    if by_body {
        config.retain(|key, _| !OF_A_STORE.contains(&key.as_str()));
    }
    config.extend(store);
    Ok(Inputs { config: Value::Object(config).to_string(), ..inputs })
}

/// The settings that a body brings.
fn settings(config: Value, by_body: bool) -> Result<Map<String, Value>, Refusal> {
    if !by_body {
        return Err(wrong(
            "the body may not have a config: settings come from the environment, unless TAP_BIGCOMMERCE_EDGE_CONFIG=body is set there",
        ));
    }
    let Value::Object(config) = config else { return Err(wrong("config must be a JSON object")) };
    if config.contains_key(ORIGIN) {
        return Err(wrong("the config in a body may not have api_url: only the interface's environment says where requests go"));
    }
    Ok(config)
}

fn rules(select: &Value) -> Option<Vec<String>> {
    select.as_array()?.iter().map(|rule| rule.as_str().map(str::to_owned)).collect()
}

fn wrong(text: impl Into<String>) -> Refusal {
    Refusal::new(400, "body", text)
}
