//! Lines for a person, on standard error. Where nobody reads it, nothing is lost but the line.

use std::io::Write;

pub(crate) fn info(text: &str) {
    write("INFO", text);
}

pub(crate) fn warn(text: &str) {
    write("WARNING", text);
}

pub(crate) fn critical(text: &str) {
    write("CRITICAL", text);
}

/// A line in one write, so that the lines of others do not come in between.
fn write(level: &str, text: &str) {
    let _ = std::io::stderr().write_all(format!("{level} {text}\n").as_bytes());
}
