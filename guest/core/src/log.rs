//! Where the tap's log lines go.

use serde_json::Value;
use std::fmt;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For following what happens.
    Info,
    /// Something to look at; the run goes on.
    Warning,
    /// A stream or the run failed.
    Critical,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Info => "INFO",
            Level::Warning => "WARNING",
            Level::Critical => "CRITICAL",
        })
    }
}

/// Takes log lines. They name streams, keys and fields, never values or secrets.
pub trait Log: fmt::Debug {
    /// Writes one line.
    fn write(&self, level: Level, text: &str);

    /// Writes a metric in singer-python's form: `METRIC: {"type": …, "metric": …, "value": …, "tags": …}`.
    fn metric(&self, kind: &str, name: &str, value: Value, tags: Value) {
        let metric = serde_json::json!({ "type": kind, "metric": name, "value": value, "tags": tags });
        self.write(Level::Info, &format!("METRIC: {metric}"));
    }
}
