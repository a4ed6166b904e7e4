//! Log lines, to the embedder's stderr.

use crate::clock::WasiClock;
use std::io::Write;
use tap_bigcommerce_core::api::Clock;
use tap_bigcommerce_core::log::{Level, Log, Style};

thread_local! {
    static STYLE: Style = style();
}

/// Writes `LEVEL text` lines, as singer-python does, or as the environment asks for.
#[derive(Debug)]
pub(crate) struct Stderr;

impl Log for Stderr {
    fn write(&self, level: Level, text: &str) {
        STYLE.with(|style| write(*style, level, text));
    }
}

/// Writes warnings and failures only.
#[derive(Debug)]
pub(crate) struct Warnings;

impl Log for Warnings {
    fn write(&self, level: Level, text: &str) {
        if level > Level::Info {
            Stderr.write(level, text);
        }
    }
}

/// The style that the environment asks for. Values that are not valid are reported, once.
fn style() -> Style {
    let (style, warnings) = Style::from_env(|name| std::env::var(name).ok());
    warnings.iter().for_each(|warning| write(style, Level::Warning, warning));
    style
}

fn write(style: Style, level: Level, text: &str) {
    if let Some(mut line) = style.line(level, text, WasiClock.date(), None) {
        // One write for each line: some embedders end a line after each write, and others mix the writes of several instances.
        line.push('\n');
        // Where there is no place for the log, the messages are written all the same.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}
