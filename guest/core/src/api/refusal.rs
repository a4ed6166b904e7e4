//! The store's reason for rejecting a request, made safe for a log: short, on one line, and without anything that could be a
//! secret.

use serde::Deserialize;

/// As much of an error body as a message shows, in characters.
const SHOWN: usize = 200;

/// One error of API v2 (a list of them) or v3 (one object).
#[derive(Deserialize)]
struct Refusal {
    #[serde(alias = "title")]
    message: Option<String>,
}

/// The reason in an error body: v2's `message`, v3's `title`, else the text itself; cut, on one line, redacted. `secret` is never in
/// it, nor is anything that looks like a token or a mail address. Empty for an empty body.
pub(super) fn reason(body: &[u8], secret: Option<&str>) -> String {
    let text = serde_json::from_slice::<Vec<Refusal>>(body)
        .ok()
        .and_then(|list| list.into_iter().next()?.message)
        .or_else(|| serde_json::from_slice::<Refusal>(body).ok()?.message)
        .unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    let text = match secret {
        Some(secret) if !secret.is_empty() => text.replace(secret, "***"),
        _ => text,
    };
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let words: Vec<&str> = words.into_iter().map(|word| if is_telling(word) { "***" } else { word }).collect();
    words.join(" ").chars().take(SHOWN).collect()
}

/// Whether a word may be a token or a person's address.
fn is_telling(word: &str) -> bool {
    let longest_run = word.split(|c: char| !c.is_ascii_alphanumeric()).map(str::len).max().unwrap_or(0);
    word.contains('@') || (longest_run >= 24 && word.bytes().any(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_found_in_error_bodies_of_both_api_versions() {
        assert_eq!(
            reason(br#"[{"status": 404, "message": "The requested resource was not found."}]"#, None),
            "The requested resource was not found."
        );
        assert_eq!(reason(br#"{"status": 422, "title": "Bad cursor", "type": "x", "errors": {}}"#, None), "Bad cursor");
        assert_eq!(reason(b"<html>\n<b>502</b></html>", None), "<html> <b>502</b></html>");
        assert_eq!(reason(b"", None), "");
    }

    #[test]
    fn nothing_long_secret_or_personal_is_shown() {
        let body = format!("token s3cr for jane@example.com and 0123456789abcdef01234567 {}", "x ".repeat(500));
        let shown = reason(body.as_bytes(), Some("s3cr"));
        assert!(shown.starts_with("token *** for *** and *** x"), "{shown}");
        assert_eq!(shown.chars().count(), SHOWN);
    }
}
