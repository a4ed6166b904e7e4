//! What happens in a run, for whoever watches it.

use crate::summary::StreamSummary;
use serde::Deserialize;
use serde_json::{Map, Number, Value};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tap_bigcommerce_core::log::Level;

/// Something that happened, and in whose run.
#[derive(Debug)]
#[non_exhaustive]
pub struct Event<'e> {
    /// The store that the run reads, as [`store_identity`](crate::store_identity) names it. Empty for calls that are for no store.
    pub store: &'e str,
    /// What happened.
    pub kind: EventKind<'e>,
}

/// What can happen in a run.
#[derive(Debug)]
#[non_exhaustive]
pub enum EventKind<'e> {
    /// A line of the log: from the component, or from the host about it. The access token is taken out.
    Log {
        /// How much it matters.
        level: Level,
        /// What it says.
        text: &'e str,
    },
    /// A figure, in singer-python's form.
    Metric(&'e Metric),
    /// The first message of a stream has come.
    StreamBegun(&'e str),
    /// The run has ended, and this is what it did with one of its streams.
    StreamEnded(&'e StreamSummary),
    /// A request has been answered, or has failed.
    #[non_exhaustive]
    Request {
        /// The path and query that were asked for.
        path: &'e str,
        /// The answer's status. None: there was no answer.
        status: Option<u16>,
        /// How long its headers took to come.
        took: Duration,
    },
}

/// A figure about a run: `{"type": "counter", "metric": "record_count", "value": 250, "tags": {"stream": "orders"}}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Metric {
    /// `counter` or `timer`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is counted or timed.
    pub metric: String,
    /// How many, or how many seconds.
    pub value: Number,
    /// What it is about, such as the stream.
    #[serde(default)]
    pub tags: Map<String, Value>,
    /// The line as the component wrote it.
    #[serde(skip)]
    line: String,
}

/// Prefix of a line in the component's log that holds a metric.
const METRIC: &str = "METRIC: ";

impl Metric {
    fn read(text: &str) -> Option<Metric> {
        let metric: Metric = serde_json::from_str(text.strip_prefix(METRIC)?).ok()?;
        Some(Metric { line: text.to_owned(), ..metric })
    }
}

impl fmt::Display for EventKind<'_> {
    /// In singer-python's log format: `INFO METRIC: {…}`. Empty for an event without a log line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventKind::Log { level, text } => write!(f, "{level} {text}"),
            EventKind::Metric(metric) => write!(f, "{} {}", Level::Info, metric.line),
            EventKind::StreamBegun(_) | EventKind::StreamEnded(_) | EventKind::Request { .. } => Ok(()),
        }
    }
}

/// Where the events of one run go.
#[derive(Clone)]
pub(crate) struct Events {
    store: Arc<str>,
    handler: Option<Handler>,
}

pub(crate) type Handler = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

impl Events {
    pub(crate) fn new(store: &str, handler: Option<Handler>) -> Events {
        Events { store: store.into(), handler }
    }

    pub(crate) fn send(&self, kind: EventKind<'_>) {
        if let Some(handler) = &self.handler {
            handler(&Event { store: &self.store, kind });
        }
    }

    pub(crate) fn warn(&self, text: &str) {
        self.send(EventKind::Log { level: Level::Warning, text });
    }

    /// Sends a line of the component's log. A line without a level was not written by the tap, so it becomes a warning.
    pub(crate) fn line(&self, line: &str) {
        let levels = [Level::Info, Level::Warning, Level::Critical];
        let known = |(first, text)| Some((levels.into_iter().find(|level| level.to_string() == first)?, text));
        let (level, text) = line.split_once(' ').and_then(known).unwrap_or((Level::Warning, line));
        match Metric::read(text) {
            Some(metric) => self.send(EventKind::Metric(&metric)),
            None => self.send(EventKind::Log { level, text }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn a_line_is_a_metric_or_has_its_level_and_is_written_as_it_was() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let keep = seen.clone();
        let events = Events::new(
            "a store",
            Some(Arc::new(move |event| keep.lock().unwrap().push(format!("{} {}", event.store, event.kind)))),
        );
        let metric = r#"INFO METRIC: {"type":"counter","metric":"record_count","value":1,"tags":{"stream":"orders"}}"#;
        for line in [metric, "WARNING orders: x", "INFO METRIC: {", "thread panicked"] {
            events.line(line);
        }
        let told =
            [metric, "WARNING orders: x", "INFO METRIC: {", "WARNING thread panicked"].map(|line| format!("a store {line}"));
        assert_eq!(*seen.lock().unwrap(), told);
    }
}
