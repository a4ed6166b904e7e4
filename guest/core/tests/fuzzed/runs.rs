//! Whole runs against a store that answers anything.

use chrono::DateTime;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::rc::Rc;
use tap_bigcommerce_core::api::{Call, Response, Transport, TransportError};
use tap_bigcommerce_core::config::{Config, Credentials};
use tap_bigcommerce_core::dates;
use tap_bigcommerce_core::error::Kind;
use tap_bigcommerce_core::log::{Line, Log};
use tap_bigcommerce_core::plan::{Inputs, Plan};
use tap_bigcommerce_core::singer::message::Sink;
use tap_bigcommerce_core::streams::ALL;
use tap_bigcommerce_core::sync::sync;
use tap_bigcommerce_core::virtual_time::{VirtualClock, run};

const TOKEN: &str = "q7Kz0pWx4vTn8sYb2mRf6hLd";
/// A run that sends more requests than this does not end.
const MOST_REQUESTS: u64 = 20_000;

/// Rules of `--select` and `--exclude`, one per line: they are refused with a message, or a plan can be made from them.
pub(crate) fn select(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (select, exclude) = text.split_once("\n\n").unwrap_or((text, ""));
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let request = Inputs { select: Some(lines(select)), exclude: lines(exclude), ..request() };
    match Plan::new(&request) {
        Err(failure) => assert!(failure.message.len() > 10 && !failure.message.contains('\n'), "{failure}"),
        Ok(plan) => assert!(plan.streams().all(|name| ALL.iter().any(|stream| stream.name == name))),
    }
}

/// An origin is refused, or is valid: it has no path, user or query, and parses back to itself.
pub(crate) fn origin(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let parse = |text: &str| {
        let config = json!({"access_token": TOKEN, "store_hash": "abc", "api_url": text}).to_string();
        Config::parse(&config, Credentials::InConfig).map(|(config, _)| config.origin)
    };
    let Ok(origin) = parse(text) else { return };
    let written = origin.to_string();
    assert!(!origin.authority.is_empty() && !origin.authority.contains(['/', '?', '#', '@', '\\', ' ', '\n']), "{written}");
    let again = parse(&written).expect("an origin reads as itself");
    assert_eq!((again.https, again.authority), (origin.https, origin.authority), "{text}");
}

/// Answers, a line each: a part of the path, a status, a body. The run ends, each line is a message, each record fits its schema, the STATE is last,
/// and the log holds no token.
pub(crate) fn answers(data: &[u8]) {
    let clock = VirtualClock::new(DateTime::from_timestamp(1_700_000_000, 0).expect("a date"));
    let (mut lines, log) = (Lines::default(), Rc::new(Kept::default()));
    let Ok(plan) = Plan::new(&request()) else { panic!("the request is a good one") };
    let ended = run(&clock, sync(plan, Script::new(data), clock.clone(), log.clone(), &mut lines, pending()));
    let result = ended.expect("the run waits for what never comes");
    for text in log.0.borrow().iter().chain(result.as_ref().err().map(|failure| &failure.message)) {
        assert!(!text.contains(TOKEN), "{text}");
    }
    let mut schemas: HashMap<String, Value> = HashMap::new();
    for line in &lines.0 {
        let mut message: Value = serde_json::from_slice(line).expect("a line is JSON");
        let stream = message["stream"].as_str().unwrap_or_default().to_owned();
        match message["type"].as_str() {
            Some("SCHEMA") => drop(schemas.insert(stream, message["schema"].take())),
            Some("RECORD") => {
                let schema = schemas.get(&stream).expect("a SCHEMA comes first");
                assert!(fits(schema, &message["record"]), "{stream}: {}", message["record"]);
                let stream = ALL.iter().find(|known| known.name == stream).expect("a stream of the tap");
                assert!(stream.key.iter().all(|key| !message["record"][key].is_null()), "{}", message["record"]);
            }
            Some("ACTIVATE_VERSION") => {
                assert!(schemas.contains_key(&stream) && message["version"].as_u64().is_some_and(|version| version > 0));
            }
            Some("STATE") => {}
            other => panic!("a message of type {other:?}"),
        }
    }
    assert!(result.as_ref().err().is_none_or(|failure| failure.kind != Kind::Sink));
    assert!(lines.0.last().is_some_and(|line| line.starts_with(br#"{"type":"STATE""#)), "the STATE is last");
}

fn request() -> Inputs {
    let config = json!({"access_token": TOKEN, "store_hash": "abc", "api_url": "http://127.0.0.1:1", "emit_activate_version_messages": true});
    let config = config.to_string();
    let select = ALL.iter().map(|stream| stream.name.to_owned()).collect();
    Inputs { config, select: Some(select), ..Inputs::default() }
}

/// Whether a value is what its schema says.
fn fits(schema: &Value, value: &Value) -> bool {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return true,
    };
    match value {
        Value::Null => types.contains(&"null"),
        Value::Bool(_) => types.contains(&"boolean"),
        Value::Number(number) => types.contains(&"number") || types.contains(&"integer") && !number.is_f64(),
        Value::String(text) => types.contains(&"string") && (schema["format"] != "date-time" || dates::parse(text).is_some()),
        Value::Array(items) => types.contains(&"array") && items.iter().all(|item| fits(&schema["items"], item)),
        Value::Object(fields) => {
            let fits = |(name, value): (&String, &Value)| schema["properties"].get(name).is_none_or(|schema| fits(schema, value));
            types.contains(&"object") && fields.iter().all(fits)
        }
    }
}

/// Answers each request with the next line that is for its path, and with an empty list when there is none.
struct Script {
    lines: RefCell<VecDeque<(String, u16, Vec<u8>)>>,
    requests: Cell<u64>,
}

impl Script {
    fn new(data: &[u8]) -> Script {
        let line = |line: &[u8]| {
            let mut parts = line.splitn(3, |byte| *byte == b' ');
            let path = String::from_utf8_lossy(parts.next()?).into_owned();
            let status = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
            Some((path, status, parts.next().unwrap_or_default().to_vec()))
        };
        let lines = data.split(|byte| *byte == b'\n').filter_map(line).collect();
        Script { lines: RefCell::new(lines), requests: Cell::new(0) }
    }
}

impl Transport for Script {
    async fn get(&self, call: &Call) -> Result<Response, TransportError> {
        self.requests.set(self.requests.get() + 1);
        assert!(self.requests.get() < MOST_REQUESTS, "the run does not end: {}", call.path);
        let mut lines = self.lines.borrow_mut();
        let own = lines.iter().position(|(path, ..)| call.path.contains(path.as_str()));
        let Some((_, status, body)) = own.and_then(|place| lines.remove(place)) else {
            let empty = br#"{"data": [], "meta": {"pagination": {"total": 0}}}"#;
            let (status, body) = if call.path.contains("/v3/") { (200, empty.to_vec()) } else { (204, Vec::new()) };
            return Ok(Response { status, body, ..Response::default() });
        };
        match status {
            0 => Err(TransportError::Broken("no answer".into())),
            _ => Ok(Response { status, body, ..Response::default() }),
        }
    }
}

#[derive(Default)]
struct Lines(Vec<Vec<u8>>);

impl Sink for Lines {
    async fn write(&mut self, lines: &[u8]) -> Result<(), String> {
        self.0.extend(lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec));
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Kept(RefCell<Vec<String>>);

impl Log for Kept {
    fn write(&self, line: &Line<'_>) {
        self.0.borrow_mut().push(line.to_string());
    }
}
