//! Where the tap's log lines go, and what they look like.

use crate::config::ENV_PREFIX;
use crate::error::Failure;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

/// The variable that says which lines are written, without [`ENV_PREFIX`].
pub const LEVEL_VARIABLE: &str = "LOGLEVEL";
/// The variable that says what lines look like, without [`ENV_PREFIX`].
pub const FORMAT_VARIABLE: &str = "LOG_FORMAT";

/// How much a line matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For following what happens.
    #[default]
    Info,
    /// Something to look at; the run continues.
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

/// One line of the log. Lines name streams, keys and fields, never values or secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct Line<'l> {
    /// How much it matters.
    pub level: Level,
    /// The stream that it is about.
    pub stream: Option<&'l str>,
    /// What it says.
    pub says: Says<'l>,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub enum Says<'l> {
    /// A sentence.
    Text(Cow<'l, str>),
    /// A metric in singer-python's form: `{"type": …, "metric": …, "value": …, "tags": …}`.
    Metric(Value),
}

const METRIC: &str = "METRIC: ";

impl<'l> Line<'l> {
    /// Reads a line as it is displayed. One that begins with no level was not written by the tap: that is worth a warning. `is_stream` knows
    /// the names of streams.
    pub fn read(line: &'l str, is_stream: impl Fn(&str) -> bool) -> Line<'l> {
        let levels = [Level::Info, Level::Warning, Level::Critical];
        let known = |(first, text)| Some((levels.into_iter().find(|level| level.to_string() == first)?, text));
        let (level, text) = line.split_once(' ').and_then(known).unwrap_or((Level::Warning, line));
        if let Some(metric) = text.strip_prefix(METRIC).and_then(|metric| serde_json::from_str::<Value>(metric).ok()) {
            return Line { level, stream: None, says: Says::Metric(metric) };
        }
        let (stream, text) = match text.split_once(": ").filter(|(name, _)| is_stream(name)) {
            Some((stream, text)) => (Some(stream), text),
            None => (None, text),
        };
        Line { level, stream, says: Says::Text(text.into()) }
    }
}

impl fmt::Display for Line<'_> {
    /// `LEVEL text`, `LEVEL stream: text`, `LEVEL METRIC: {…}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.level)?;
        self.stream.map_or(Ok(()), |stream| write!(f, "{stream}: "))?;
        match &self.says {
            Says::Text(text) => f.write_str(text),
            Says::Metric(metric) => write!(f, "{METRIC}{metric}"),
        }
    }
}

/// Takes log lines.
pub trait Log: fmt::Debug {
    /// Takes one line.
    fn write(&self, line: &Line<'_>);

    /// For following what happens.
    fn info(&self, stream: Option<&str>, text: &str) {
        self.write(&Line { level: Level::Info, stream, says: Says::Text(text.into()) });
    }

    /// Something to look at; the run continues.
    fn warn(&self, stream: Option<&str>, text: &str) {
        self.write(&Line { level: Level::Warning, stream, says: Says::Text(text.into()) });
    }

    /// A failure, and its kind.
    fn failure(&self, level: Level, failure: &Failure) {
        let text = format!("{} [{}]", failure.message, failure.kind);
        self.write(&Line { level, stream: failure.stream.as_deref(), says: Says::Text(text.into()) });
    }

    /// A metric. Its tags name the stream.
    fn metric(&self, kind: &str, name: &str, value: Value, tags: Value) {
        let metric = json!({ "type": kind, "metric": name, "value": value, "tags": tags });
        self.write(&Line { level: Level::Info, stream: None, says: Says::Metric(metric) });
    }
}

/// Passes warnings and failures to another log, and leaves out the rest.
#[derive(Clone, Debug)]
pub struct Warnings(pub Rc<dyn Log>);

impl Log for Warnings {
    fn write(&self, line: &Line<'_>) {
        if line.level > Level::Info {
            self.0.write(line);
        }
    }
}

/// Leaves out everything.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Log for Silent {
    fn write(&self, _: &Line<'_>) {}
}

/// Which lines are written, and what they look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Lines that matter less are left out.
    least: Level,
    json: bool,
}

impl Style {
    /// The style that the environment asks for, and warnings about values that are not known. `variable` finds a variable by its name.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> (Style, Vec<String>) {
        let mut warnings = Vec::new();
        let mut choose = |name: &str, choices: &[&str]| {
            let name = format!("{ENV_PREFIX}{name}");
            let given = variable(&name).map(|value| value.trim().to_ascii_uppercase()).filter(|value| !value.is_empty())?;
            let place = choices.iter().position(|choice| *choice == given);
            if place.is_none() {
                let (first, rest) = (choices.first().copied().unwrap_or_default(), choices.join(", "));
                warnings.push(format!("{name} must be one of {rest}; {first} is used"));
            }
            place
        };
        // The first of each is the default. The tap has no lines of the levels DEBUG and ERROR.
        let least = match choose(LEVEL_VARIABLE, &["INFO", "DEBUG", "WARNING", "ERROR", "CRITICAL"]) {
            None | Some(0 | 1) => Level::Info,
            Some(2) => Level::Warning,
            Some(_) => Level::Critical,
        };
        let json = choose(FORMAT_VARIABLE, &["TEXT", "JSON"]) == Some(1);
        (Style { least, json }, warnings)
    }

    /// Whether lines are JSON objects.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// The line to write, if it is to be written: as it is displayed, or a JSON object with the keys of Meltano's SDK. `date` is now; `pid`
    /// names the process, where it has a number.
    pub fn line(&self, line: &Line<'_>, date: DateTime<Utc>, pid: Option<u32>) -> Option<String> {
        if line.level < self.least {
            return None;
        }
        Some(if self.json { object(line, date, pid).to_string() } else { line.to_string() })
    }
}

/// A line as the SDK's `StructuredFormatter` writes it.
fn object(line: &Line<'_>, date: DateTime<Utc>, pid: Option<u32>) -> Value {
    let (logger, message, stream) = match &line.says {
        Says::Text(text) => {
            let message = line.stream.map_or_else(|| text.to_string(), |stream| format!("{stream}: {text}"));
            ("tap-bigcommerce", message, line.stream)
        }
        Says::Metric(metric) => {
            let tags = &metric["tags"];
            ("singer_sdk.metrics", "METRIC".to_owned(), tags["stream"].as_str().or(tags["job_type"].as_str()))
        }
    };
    let mut object = json!({
        "level": line.level.to_string().to_ascii_lowercase(),
        "pid": pid,
        "logger_name": logger,
        "ts": date.timestamp_micros() as f64 / 1e6,
        "thread_name": "MainThread",
        "app_name": "tap-bigcommerce",
        "stream_name": stream,
        "message": message,
        "extra": {},
    });
    if let Says::Metric(metric) = &line.says {
        object["metric_info"] = metric.clone();
        if let Some(pid) = pid {
            object["metric_info"]["tags"]["pid"] = json!(pid);
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(level: &str, format: &str) -> (Style, Vec<String>) {
        Style::from_env(|name| {
            let value = match name.strip_prefix(ENV_PREFIX)? {
                LEVEL_VARIABLE => level,
                FORMAT_VARIABLE => format,
                _ => return None,
            };
            Some(value.to_owned())
        })
    }

    #[test]
    fn a_level_leaves_out_what_matters_less() {
        for (name, written) in [("", 3), ("info", 3), ("DEBUG", 3), (" Warning ", 2), ("ERROR", 1), ("CRITICAL", 1)] {
            let (style, warnings) = style(name, "");
            let lines = [Level::Info, Level::Warning, Level::Critical].map(|level| {
                let line = Line { level, stream: None, says: Says::Text("x".into()) };
                style.line(&line, Utc::now(), None)
            });
            assert_eq!((lines.iter().flatten().count(), warnings.len()), (written, 0), "{name}");
            assert_eq!(lines[2].as_deref(), Some("CRITICAL x"));
        }
    }

    #[test]
    fn a_wrong_value_is_reported_and_the_default_is_used() {
        let (wrong, warnings) = style("LOUD", "xml");
        assert_eq!((wrong, warnings.len()), (Style::default(), 2));
        assert!(warnings[0].contains("TAP_BIGCOMMERCE_LOGLEVEL") && warnings[0].ends_with("INFO is used"), "{warnings:?}");
        assert!(warnings[1].contains("TAP_BIGCOMMERCE_LOG_FORMAT") && warnings[1].ends_with("TEXT is used"), "{warnings:?}");
    }

    #[test]
    fn json_lines_have_the_sdks_keys_and_metrics_are_objects() {
        let (style, _) = style("", "json");
        let line = |text: &str| -> Value {
            let text = format!("INFO {text}");
            let line = style.line(&Line::read(&text, |name| name == "orders"), DateTime::UNIX_EPOCH, Some(7)).unwrap();
            serde_json::from_str(&line).unwrap()
        };
        let plain = line("orders: all is well");
        let keys: Vec<&str> = plain.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["level", "pid", "logger_name", "ts", "thread_name", "app_name", "stream_name", "message", "extra"]);
        assert_eq!(plain["level"], "info");
        assert_eq!((&plain["stream_name"], &plain["message"]), (&json!("orders"), &json!("orders: all is well")));
        assert_eq!(line("the config: x")["stream_name"], Value::Null);
        let metric = line(r#"METRIC: {"type":"counter","metric":"record_count","value":1,"tags":{"stream":"coupons"}}"#);
        assert_eq!((&metric["message"], &metric["stream_name"]), (&json!("METRIC"), &json!("coupons")));
        let info = json!({"type": "counter", "metric": "record_count", "value": 1, "tags": {"stream": "coupons", "pid": 7}});
        assert_eq!(metric["metric_info"], info);
    }

    #[test]
    fn a_line_is_read_as_it_was_displayed() {
        let is_stream = |name: &str| name == "orders";
        let metric = json!({"type": "counter", "metric": "record_count", "value": 1, "tags": {"stream": "orders"}});
        for line in [
            Line { level: Level::Info, stream: None, says: Says::Text("a b".into()) },
            Line { level: Level::Critical, stream: Some("orders"), says: Says::Text("a: b".into()) },
            Line { level: Level::Info, stream: None, says: Says::Metric(metric) },
        ] {
            let displayed = line.to_string();
            assert_eq!(Line::read(&displayed, is_stream), line);
        }
        let foreign = Line { level: Level::Warning, stream: None, says: Says::Text("thread: panicked".into()) };
        assert_eq!(Line::read("thread: panicked", is_stream), foreign);
    }
}
