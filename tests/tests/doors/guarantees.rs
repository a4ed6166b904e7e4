//! `docs/guarantees.md` and `.ci/full` name only tests that exist.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where the tests of each kind are, as the page's first table says.
const KINDS: [(&str, &[&str]); 6] = [
    ("doors", &["tests/tests/doors"]),
    ("simulated", &["guest/core/tests/simulated"]),
    ("simulation", &["guest/core/tests/simulation"]),
    ("mutants", &["guest/core/tests/mutants.rs"]),
    ("fuzzed", &["guest/core/tests/fuzzed"]),
    ("unit", &["guest/core/src", "guest/component/src", "host/src", "host/cli/src", "sandbox/src"]),
];

fn place(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(place(path)).unwrap()
}

/// Gathers the Rust source in a file or below a folder.
fn source(path: &Path, found: &mut Vec<String>) {
    if path.is_dir() {
        std::fs::read_dir(path).unwrap().for_each(|entry| source(&entry.unwrap().path(), found));
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        found.push(std::fs::read_to_string(path).unwrap());
    }
}

/// The names of the functions with a test attribute, of one kind.
fn tests(kind: &str) -> BTreeSet<String> {
    let (_, folders) = KINDS.iter().find(|(name, _)| *name == kind).unwrap_or_else(|| panic!("there are no tests called {kind}"));
    let mut files = Vec::new();
    folders.iter().for_each(|folder| source(&place(folder), &mut files));
    files.iter().flat_map(|file| tests_in(file)).collect()
}

fn tests_in(file: &str) -> Vec<String> {
    let (mut found, mut is_test) = (Vec::new(), false);
    for line in file.lines().map(str::trim) {
        if let Some((name, _)) =
            line.trim_start_matches("async ").strip_prefix("fn ").and_then(|rest| rest.split_once('(')).filter(|_| is_test)
        {
            found.push(name.to_owned());
        }
        // Further attributes and comments may stand between the attribute and its function.
        let between = line.starts_with("#[") || line.starts_with("//");
        is_test = line == "#[test]" || line.starts_with("#[tokio::test") || (is_test && between);
    }
    found
}

/// What a text has as code.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn only_functions_with_a_test_attribute_count() {
    let file = "#[test]\nfn one() {}\nfn helper() {}\n#[tokio::test(flavor = \"x\")]\n#[cfg(unix)]\n// why\nasync fn two() {}\n// #[test]\nfn three() {}";
    assert_eq!(tests_in(file), ["one", "two"]);
}

#[test]
fn every_promise_names_tests_that_exist() {
    let page = text("docs/guarantees.md");
    for (kind, folders) in KINDS.into_iter().filter(|(kind, _)| *kind != "unit") {
        let row = page.lines().find(|line| line.starts_with(&format!("| {kind} |"))).unwrap_or_else(|| panic!("no row: {kind}"));
        assert!(folders.iter().all(|folder| row.contains(folder)), "{row}");
    }
    let mut promises = 0;
    for line in page.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, number, _, _, named, _] = cells.as_slice() else { continue };
        let Ok(number) = number.parse::<usize>() else { continue };
        promises += 1;
        assert_eq!(number, promises, "the promises are numbered");
        for group in named.split(';').map(str::trim) {
            let kind = group.split([' ', ',']).next().unwrap_or_default();
            assert!(quoted(group).next().is_some(), "promise {number} names no test: {group}");
            let known = tests(kind);
            quoted(group)
                .for_each(|name| assert!(known.contains(name), "promise {number} names {kind} {name}, which is not there"));
        }
    }
    assert!(promises >= 14, "the page has {promises} promises");
}

/// A typo would go unnoticed: `cargo test` passes if no test matches a name, and a variable that no test reads has no effect.
#[test]
fn the_long_checks_name_tests_and_variables_that_exist() {
    let full = text(".ci/full");
    let mut files = Vec::new();
    ["tests/tests", "guest/core/tests", "sandbox/tests"].iter().for_each(|folder| source(&place(folder), &mut files));
    let known: BTreeSet<String> = files.iter().flat_map(|file| tests_in(file)).collect();
    let mut checked = 0;
    for line in full.lines() {
        let Some((variables, command)) = line.split_once("cargo test ") else { continue };
        for variable in variables.split_whitespace().filter_map(|word| Some(word.split_once('=')?.0)) {
            let read = format!("\"{variable}\"");
            assert!(files.iter().any(|file| file.contains(&read)), "no test reads {variable}: {line}");
            checked += 1;
        }
        if let Some((_, names)) = command.split_once(" --exact ") {
            for name in names.split_whitespace() {
                let (_, name) = name.rsplit_once("::").unwrap_or_default();
                assert!(known.contains(name), "there is no test {name}: {line}");
                checked += 1;
            }
        }
    }
    assert!(checked >= 4, "{checked} names and variables");
}
