//! The tap's own variables in a `.env` file, which other programs may share: what is not theirs is not read, whatever it looks like.

use tap_bigcommerce_core::config::ENV_PREFIX;

/// The variables of the tap, in their order. The error says what is wrong, without values: they may be secrets.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<(String, String)>, String> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err("is UTF-16 text; save it as UTF-8".to_owned());
    }
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut variables = Vec::new();
    for (place, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = without_export(line.trim_ascii());
        if line.starts_with(ENV_PREFIX.as_bytes()) {
            let variable = std::str::from_utf8(line).ok().and_then(variable);
            variables.push(variable.ok_or_else(|| format!("has a line {} that is not {ENV_PREFIX}NAME=value", place + 1))?);
        }
    }
    Ok(variables)
}

fn without_export(line: &[u8]) -> &[u8] {
    let rest = line.strip_prefix(b"export").filter(|rest| rest.starts_with(b" ") || rest.starts_with(b"\t"));
    rest.map_or(line, <[u8]>::trim_ascii_start)
}

fn variable(line: &str) -> Option<(String, String)> {
    let (name, text) = line.split_once('=')?;
    let name = name.trim_end();
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    Some((name.to_owned(), value(text.trim_start())?)).filter(|_| is_name)
}

/// Parses a value like a shell, but takes `$` and backticks literally: a token is never expanded. `None` for a quote that is not
/// closed, or text after one that is.
fn value(text: &str) -> Option<String> {
    let (value, rest) = match text.chars().next() {
        Some('\'') => text[1..].split_once('\'').map(|(value, rest)| (value.to_owned(), rest))?,
        Some('"') => double_quoted(&text[1..])?,
        _ => {
            let comment =
                text.char_indices().find(|(at, c)| *c == '#' && text[..*at].chars().next_back().is_none_or(char::is_whitespace));
            return Some(text[..comment.map_or(text.len(), |(at, _)| at)].trim_end().to_owned());
        }
    };
    let rest = rest.trim_start();
    (rest.is_empty() || rest.starts_with('#')).then_some(value)
}

/// The text up to the closing quote, and what follows.
fn double_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => match chars.next()? {
                escaped @ ('"' | '\\' | '$' | '`') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            plain => value.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| (format!("{ENV_PREFIX}{name}"), (*value).to_owned())).collect()
    }

    #[test]
    fn lines_of_other_programs_are_not_read() {
        let file = b"\xef\xbb\xbf# mine\r\nOTHER=two words\r\nJSON={\"a\": 1}\nexport X=y\nKEY=\"-----BEGIN\nabc\n-----END\"\nno name\nLATIN=\xe9\nOPEN='x\n=\nexport\n\
            \tTAP_BIGCOMMERCE_STORE_HASH=abc\r\nTAP_OTHER=1\nMY_TAP_BIGCOMMERCE_ACCESS_TOKEN=no\n#TAP_BIGCOMMERCE_PAGE_SIZE=10\nexport\tTAP_BIGCOMMERCE_ACCESS_TOKEN=t0ken";
        assert_eq!(read(file).unwrap(), variables(&[("STORE_HASH", "abc"), ("ACCESS_TOKEN", "t0ken")]));
        assert_eq!(read(b"").unwrap(), []);
    }

    #[test]
    fn a_value_is_unquoted_but_never_expanded() {
        for (text, wanted) in [
            ("t0ken", "t0ken"),
            (" t0ken  # secret", "t0ken"),
            ("a#b", "a#b"),
            ("a$b`c\\d", "a$b`c\\d"),
            ("\"a$TOKEN ${b}\"", "a$TOKEN ${b}"),
            ("\"a\\$b \\\"c\\\" \\n\" # x", "a$b \"c\" \\n"),
            ("'a$b\"#'", "a$b\"#"),
            ("my tool/1.0", "my tool/1.0"),
            ("a=b==", "a=b=="),
            ("", ""),
            ("# nothing", ""),
        ] {
            let line = format!("TAP_BIGCOMMERCE_USER_AGENT ={text}");
            assert_eq!(read(line.as_bytes()).unwrap(), variables(&[("USER_AGENT", wanted)]), "{text}");
        }
    }

    #[test]
    fn a_line_of_ours_that_cannot_be_read_is_named_without_its_text() {
        for line in [
            &b"TAP_BIGCOMMERCE_ACCESS_TOKEN s3cret"[..],
            b"export TAP_BIGCOMMERCE_ACCESS_TOKEN: s3cret",
            b"TAP_BIGCOMMERCE_ACCESS_TOKEN=\"s3cret",
            b"TAP_BIGCOMMERCE_ACCESS_TOKEN='s3cret' s3cret",
            b"TAP_BIGCOMMERCE_ACCESS TOKEN=s3cret",
            b"TAP_BIGCOMMERCE_ACCESS_TOKEN=s3cret\xff",
        ] {
            let why = read(&[b"OTHER=1\n", line].concat()).unwrap_err();
            assert!(why.contains("line 2") && !why.contains("s3cret"), "{why}");
        }
        assert!(read(b"\xff\xfeT\0").unwrap_err().contains("UTF-8"));
    }
}
