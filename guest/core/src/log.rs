//! Where the tap's log lines go, and what they look like.

use crate::config::ENV_PREFIX;
use crate::streams::Stream;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::fmt;

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

impl Level {
    /// A written line taken apart. A line that begins with no level was not written by the tap: that is worth a warning.
    pub fn split(line: &str) -> (Level, &str) {
        let known = |(first, text)| {
            let level = [Level::Info, Level::Warning, Level::Critical].into_iter().find(|level| level.to_string() == first)?;
            Some((level, text))
        };
        line.split_once(' ').and_then(known).unwrap_or((Level::Warning, line))
    }
}

/// Takes log lines. They name streams, keys and fields, never values or secrets.
pub trait Log: fmt::Debug {
    /// Writes one line.
    fn write(&self, level: Level, text: &str);

    /// Writes a metric in singer-python's form: `METRIC: {"type": …, "metric": …, "value": …, "tags": …}`.
    fn metric(&self, kind: &str, name: &str, value: Value, tags: Value) {
        let metric = json!({ "type": kind, "metric": name, "value": value, "tags": tags });
        self.write(Level::Info, &format!("{METRIC}{metric}"));
    }
}

const METRIC: &str = "METRIC: ";

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
                warnings.push(format!("{name} is none of {rest}; {first} is used"));
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

    /// The line to write, if it is to be written: `LEVEL text`, or a JSON object with the keys of Meltano's SDK. `date` is now; `pid` names the
    /// process, where it has a number.
    pub fn line(&self, level: Level, text: &str, date: DateTime<Utc>, pid: Option<u32>) -> Option<String> {
        if level < self.least {
            return None;
        }
        Some(if self.json { object(level, text, date, pid).to_string() } else { format!("{level} {text}") })
    }
}

/// A line as the SDK's `StructuredFormatter` writes it.
fn object(level: Level, text: &str, date: DateTime<Utc>, pid: Option<u32>) -> Value {
    let metric = text.strip_prefix(METRIC).and_then(|metric| serde_json::from_str::<Value>(metric).ok());
    let of_text = || text.split_once(": ").map(|(name, _)| name).filter(|name| Stream::find(name).is_some());
    let stream = match &metric {
        Some(metric) => metric["tags"]["stream"].as_str().or(metric["tags"]["job_type"].as_str()),
        None => of_text(),
    };
    let mut object = json!({
        "level": level.to_string().to_ascii_lowercase(),
        "pid": pid,
        "logger_name": if metric.is_some() { "singer_sdk.metrics" } else { "tap-bigcommerce" },
        "ts": date.timestamp_micros() as f64 / 1e6,
        "thread_name": "MainThread",
        "app_name": "tap-bigcommerce",
        "stream_name": stream,
        "message": if metric.is_some() { "METRIC" } else { text },
        "extra": {},
    });
    if let Some(mut metric) = metric {
        if let Some(pid) = pid {
            metric["tags"]["pid"] = json!(pid);
        }
        object["metric_info"] = metric;
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
            let lines = [Level::Info, Level::Warning, Level::Critical].map(|level| style.line(level, "x", Utc::now(), None));
            assert_eq!((lines.iter().flatten().count(), warnings.len()), (written, 0), "{name}");
            assert_eq!(lines[2].as_deref(), Some("CRITICAL x"));
        }
    }

    #[test]
    fn a_wrong_value_is_told_and_the_default_used() {
        let (wrong, warnings) = style("LOUD", "xml");
        assert_eq!((wrong, warnings.len()), (Style::default(), 2));
        assert!(warnings[0].contains("TAP_BIGCOMMERCE_LOGLEVEL") && warnings[0].ends_with("INFO is used"), "{warnings:?}");
        assert!(warnings[1].contains("TAP_BIGCOMMERCE_LOG_FORMAT") && warnings[1].ends_with("TEXT is used"), "{warnings:?}");
    }

    #[test]
    fn json_lines_have_the_sdks_keys_and_metrics_are_objects() {
        let (style, _) = style("", "json");
        let line = |text: &str| -> Value {
            let line = style.line(Level::Info, text, DateTime::UNIX_EPOCH, Some(7)).unwrap();
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
    fn a_written_line_is_taken_apart_again() {
        assert_eq!(Level::split("INFO a b"), (Level::Info, "a b"));
        assert_eq!(Level::split("CRITICAL a"), (Level::Critical, "a"));
        assert_eq!(Level::split("thread panicked"), (Level::Warning, "thread panicked"));
    }
}
