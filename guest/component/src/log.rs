//! Log lines, to the embedder's stderr.

use crate::clock::WasiClock;
use std::io::Write;
use tap_bigcommerce_core::api::Clock;
use tap_bigcommerce_core::log::{Level, Line, Log, Says, Style};

thread_local! {
    static STYLE: Style = style();
}

/// Writes `LEVEL text` lines, as singer-python does, or as the environment asks for.
#[derive(Debug)]
pub(crate) struct Stderr;

impl Log for Stderr {
    fn write(&self, line: &Line<'_>) {
        STYLE.with(|style| write(*style, line));
    }
}

/// The style that the environment asks for. Values that are not valid are reported, once.
fn style() -> Style {
    let (style, warnings) = Style::from_env(|name| std::env::var(name).ok());
    for warning in &warnings {
        write(style, &Line { level: Level::Warning, stream: None, says: Says::Text(warning.into()) });
    }
    style
}

fn write(style: Style, line: &Line<'_>) {
    if let Some(mut line) = style.line(line, WasiClock.date(), None) {
        // One write for each line: some embedders end a line after each write, and others mix the writes of several instances.
        line.push('\n');
        // A log that cannot be written must not stop the messages.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}
