//! The event log of a chain of runs, for people. It costs nothing where nobody reads it.

use crate::scenario::Fault;
use crate::world::World;
use serde_json::Value;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tap_bigcommerce_core::api::Clock;
use tap_bigcommerce_core::log::{Line, Log, Says};
use tap_bigcommerce_core::virtual_time::VirtualClock;
use tap_bigcommerce_sandbox::{Answer, Request};

/// The tap's own log: kept whole for whoever looks for secrets in it, and passed on to the event log.
#[derive(Debug)]
pub(crate) struct Diary {
    pub(crate) lines: RefCell<Vec<String>>,
    pub(crate) world: Rc<World>,
    pub(crate) clock: VirtualClock,
}

impl Log for Diary {
    fn write(&self, line: &Line<'_>) {
        if !matches!(line.says, Says::Metric(_)) {
            self.world.trace.write(self.world.elapsed() + self.clock.now(), || format!("      {line}"));
        }
        self.lines.borrow_mut().push(line.to_string());
    }
}

/// Gathers events, or ignores them.
#[derive(Debug, Default)]
pub(crate) struct Trace(Option<RefCell<Vec<String>>>);

impl Trace {
    /// One that gathers.
    pub(crate) fn on() -> Trace {
        Trace(Some(RefCell::default()))
    }

    /// Notes an event at this time since the chain began.
    pub(crate) fn write(&self, at: Duration, event: impl FnOnce() -> String) {
        if let Some(lines) = &self.0 {
            let (seconds, millis) = (at.as_secs(), at.subsec_millis());
            let time = format!("{:4}:{:02}:{:02}.{millis:03}", seconds / 3600, seconds / 60 % 60, seconds % 60);
            lines.borrow_mut().push(format!("{time}  {}", event()));
        }
    }

    /// Notes a request with its answer.
    pub(crate) fn request(
        &self,
        at: Duration,
        number: u64,
        request: &Request,
        fault: Option<Fault>,
        note: &str,
        answer: &Answer,
    ) {
        self.write(at, || {
            let target = request.target();
            let path = target.split_once("/v").map_or(target.as_str(), |(_, rest)| rest);
            let fault = fault.map(|fault| format!("  ⚡ {fault:?}")).unwrap_or_default();
            format!("{number:5} GET v{path} → {}{}{fault}{note}", answer.response.status, rows(answer))
        });
    }

    /// The events, one a line.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.as_ref().map(|lines| lines.borrow().clone()).unwrap_or_default()
    }
}

/// The ids on a page, or the number that a count gives.
fn rows(answer: &Answer) -> String {
    let Some(body) = answer.response.value().filter(|_| answer.response.status == 200) else { return String::new() };
    if let Some(count) = body.get("count") {
        return format!(" count {count}");
    }
    let Some(rows) = body.get("data").unwrap_or(&body).as_array() else { return String::new() };
    let id = |row: Option<&Value>| row.and_then(|row| row.get("id")).map(Value::to_string).unwrap_or_default();
    match rows.len() {
        0 => " no rows".to_owned(),
        count => format!(" {count} rows, {}–{}", id(rows.first()), id(rows.last())),
    }
}
