//! The page of promises names tests that exist.

use std::collections::BTreeSet;
use std::path::Path;

/// Gathers the names of all functions below a folder.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for file in std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        if file.is_dir() && !file.ends_with("target") {
            functions(&file, found);
        } else if file.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&file).unwrap();
            let tests =
                text.lines().filter_map(|line| line.trim().trim_start_matches("async ").strip_prefix("fn ")?.split_once('('));
            found.extend(tests.map(|(name, _)| name.to_owned()));
        }
    }
}

#[test]
fn every_promise_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut known = BTreeSet::new();
    ["guest", "host", "sandbox", "tests"].iter().for_each(|folder| functions(&root.join(folder), &mut known));
    let page = std::fs::read_to_string(root.join("docs/guarantees.md")).unwrap();
    let mut promises = 0;
    for line in page.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, number, _, _, tests, _] = cells.as_slice() else { continue };
        let Ok(number) = number.parse::<usize>() else { continue };
        promises += 1;
        assert_eq!(number, promises, "the promises are numbered");
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "promise {number} names no test");
        for name in named {
            assert!(known.contains(name), "promise {number} names {name}, which is not there");
        }
    }
    assert!(promises >= 14, "the page has {promises} promises");
}
