//! Lines for a person, on standard error. Where nobody reads it, nothing is lost but the line.

use crate::settings::PREFIX;
use std::cmp::Reverse;
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

/// A text without any of the driver's tokens: a server may repeat the token of another server.
pub(crate) fn without_tokens(text: &str) -> String {
    let is_token = |(name, value): &(String, String)| name.starts_with(PREFIX) && name.ends_with("_TOKEN") && !value.is_empty();
    let mut tokens: Vec<String> = std::env::vars().filter(is_token).map(|(_, token)| token).collect();
    // One token may be the beginning of another, so the longer ones are replaced first.
    tokens.sort_by_key(|token| Reverse(token.len()));
    tokens.iter().fold(text.to_owned(), |text, token| text.replace(token, "***"))
}

/// A line in one write, so that the lines of others do not come in between.
fn write(level: &str, text: &str) {
    let text = without_tokens(text);
    let _ = std::io::stderr().write_all(format!("{level} {text}\n").as_bytes());
}
