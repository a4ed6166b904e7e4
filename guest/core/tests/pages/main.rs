//! Checks that the pages for users match this source: their tables are generated from it, and each message that they quote is in
//! it.
//!
//! `UPDATE_DOCS=1 cargo test -p tap-bigcommerce-core --test pages` writes the generated parts again.

#![allow(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod coverage;
mod messages;
mod migrating;
mod streams;

use std::fs;
use std::path::{Path, PathBuf};
use tap_bigcommerce_core::about;

const BEGIN: &str = "<!-- generated -->\n";
const END: &str = "<!-- end of generated -->\n";

/// A place in the repository.
fn place(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// A file of the repository, with the line ends that it has there.
fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap().replace("\r\n", "\n")
}

/// Compares the generated part of a page with what it should be, or writes it.
fn is_current(page: &str, generated: &str) {
    let file = place(page);
    let old = text(&file);
    let (before, rest) = old.split_once(BEGIN).unwrap_or_else(|| panic!("{page} has lost the line {BEGIN}"));
    let (_, after) = rest.split_once(END).unwrap_or_else(|| panic!("{page} has lost the line {END}"));
    let new = format!("{before}{BEGIN}{generated}{END}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, new).unwrap();
    } else {
        assert!(old == new, "{page} is not what the source says; CONTRIBUTING.md says how to write it again");
    }
}

#[test]
fn the_page_of_streams_is_what_the_schemas_say() {
    is_current("docs/streams.md", &streams::page());
}

#[test]
fn the_comparison_has_every_stream_and_what_the_registry_says_of_it() {
    is_current("docs/coverage.md", &coverage::page(&text(&place("guest/core/tests/pages/others.txt"))));
}

#[test]
fn the_tables_of_settings_are_those_of_about() {
    let about = about::markdown(&about::about());
    let (_, settings) = about.split_once("## Settings\n").unwrap();
    let (settings, _) = settings.split_once("\n## Streams\n").unwrap();
    is_current("docs/settings.md", &format!("## Settings\n{settings}"));
}

#[test]
fn the_page_about_other_connectors_leads_to_streams_and_fields_that_exist() {
    let page = text(&place("docs/migrating.md"));
    let names = migrating::names(&page);
    assert!(names.len() > 100, "the page leads to {} names", names.len());
    for name in names {
        assert!(migrating::exists(name), "docs/migrating.md leads to what is not there: {name}");
    }
}

#[test]
fn every_quoted_message_stands_in_the_source() {
    let source = messages::source(&["guest/core/src", "guest/component/src", "host/src", "host/cli/src"].map(place));
    let page = text(&place("docs/troubleshooting.md"));
    let quoted = messages::quoted(&page);
    assert!(quoted.len() > 100, "the page quotes {} messages", quoted.len());
    // The log puts the stream's name before a message.
    let is_said = |message: &&str| source.contains(message.strip_prefix("…: ").unwrap_or(message));
    let missing: Vec<&str> = quoted.into_iter().filter(|message| !is_said(message)).collect();
    assert!(missing.is_empty(), "docs/troubleshooting.md quotes what the source does not say:\n{}", missing.join("\n"));
}
