//! What a body must be: whole lines, one JSON value on each.

use serde::de::IgnoredAny;

/// The number of lines. The error is the reason why they are not taken.
pub(crate) fn count(body: &[u8]) -> Result<u64, String> {
    let Some(body) = body.strip_suffix(b"\n") else {
        return if body.is_empty() { Ok(0) } else { Err("the last line has no end; nothing was appended".into()) };
    };
    let body = std::str::from_utf8(body).map_err(|_| "the body is not UTF-8; nothing was appended")?;
    let mut lines = 0;
    for line in body.split('\n') {
        lines += 1;
        if serde_json::from_str::<IgnoredAny>(line).is_err() {
            return Err(format!("line {lines} is not JSON; nothing was appended"));
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted() {
        assert_eq!(count(b""), Ok(0));
        assert_eq!(count(b"{}\n"), Ok(1));
        assert_eq!(count(b"{\"a\": \"\xc3\xa9\"}\n[]\r\n3\n"), Ok(3));
    }

    #[test]
    fn what_is_not_whole_or_not_json_is_named() {
        assert!(count(b"{}\n{").unwrap_err().contains("no end"));
        for body in [&b"{}\n\n"[..], b"\n", b"{}\n{\n", b"{}\n{} {}\n", b"{}\n{\"a\": \"\xff\"}\n"] {
            let why = count(body).unwrap_err();
            assert!(["line 1 is", "line 2 is", "UTF-8"].iter().any(|words| why.contains(words)), "{why}");
        }
    }
}
