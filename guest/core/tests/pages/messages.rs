//! The messages in the source, and those that a page quotes.

use std::path::{Path, PathBuf};

/// The source below these folders without its tests, as people read its messages: lines joined, and `…` for what is filled in.
pub(crate) fn source(folders: &[PathBuf]) -> String {
    let mut source = String::new();
    folders.iter().for_each(|folder| gather(folder, &mut source));
    source
}

fn gather(folder: &Path, source: &mut String) {
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap();
        if path.is_dir() {
            gather(&path, source);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            let text = crate::text(&path);
            let (code, _) = text.split_once("#[cfg(test)]\nmod tests {").unwrap_or((&text, ""));
            readable(code, source);
        }
    }
}

fn readable(code: &str, out: &mut String) {
    let mut rest = code;
    while let Some(place) = rest.find(['\\', '{']) {
        let (plain, special) = rest.split_at(place);
        out.push_str(plain);
        rest = if let Some(next) = special.strip_prefix("\\\n") {
            next.trim_start()
        } else if let Some(next) = special.strip_prefix("\\\"") {
            out.push('"');
            next
        } else if let Some(next) = after_filler(special) {
            out.push('…');
            next
        } else {
            out.push_str(&special[..1]);
            &special[1..]
        };
    }
    out.push_str(rest);
}

/// What follows a `{name}` or `{:.1}`.
fn after_filler(text: &str) -> Option<&str> {
    let (filler, rest) = text.strip_prefix('{')?.split_once('}')?;
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'.' | b'?' | b'#');
    filler.bytes().all(legal).then_some(rest)
}

/// What stands as code in the first cell of the page's tables.
pub(crate) fn quoted(page: &str) -> Vec<&str> {
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}
