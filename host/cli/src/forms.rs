//! What is printed on standard output in place of messages.

use crate::args::{Args, Format};
use crate::{check, table, tap};
use console::Term;
use serde_json::{Value, json};
use std::io::Write;
use tap_bigcommerce::sinks::stdout_fault;
use tap_bigcommerce::{Failure, Kind, Result};
use tap_bigcommerce_core::about;

/// `--about`: what the component says of itself, and which component it is.
pub(crate) fn about(args: &Args, told: &str) -> Result<String> {
    let component = tap::component(args)?;
    let facts = component.facts()?;
    let mut told = parse(told)?;
    if !told.is_object() {
        return Err(Failure::new(Kind::Component, "the component does not describe itself, so it is not a build of this tap"));
    }
    told["component"] = json!({
        "version": facts.version,
        "interface": facts.interface,
        "built_with": facts.built_with,
        "sha256": component.checksum(),
    });
    // In JSON characters that steer a terminal are escaped.
    let printable = |text: String| text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    Ok(match args.format.unwrap_or_default() {
        Format::Json => format!("{told:#}"),
        Format::Markdown => printable(about::markdown(&told)),
        Format::Meltano => printable(about::meltano(&told)),
        Format::Text => printable(about::plain(&told)),
    })
}

/// `--check`: a table for a terminal, else JSON.
pub(crate) fn check(args: &Args, report: &str) -> Result<String> {
    let stdout = Term::stdout();
    match args.format {
        Some(Format::Markdown | Format::Meltano) => {
            Err(Failure::new(Kind::Config, "--check writes text or json; the other forms are for --about"))
        }
        Some(Format::Json) => pretty(report),
        None if !stdout.is_term() => pretty(report),
        Some(Format::Text) | None => check::table(report, table::width(&stdout)),
    }
}

pub(crate) fn pretty(json: &str) -> Result<String> {
    Ok(format!("{:#}", parse(json)?))
}

fn parse(json: &str) -> Result<Value> {
    serde_json::from_str(json)
        .map_err(|fault| Failure::new(Kind::Component, format!("the component's answer is not JSON: {fault}")))
}

/// Prints a text and the end of its last line.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.trim_end().as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    written.map_err(|fault| Failure::new(Kind::Sink, stdout_fault(&fault)))
}
