//! Singer messages, as far as the driver looks into them.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Message<'l> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'l, str>,
    #[serde(borrow)]
    value: Option<&'l RawValue>,
}

/// The state that a line carries; none if it is another message. Fails if the line is not a message.
pub(crate) fn state(line: &[u8]) -> Result<Option<&RawValue>> {
    // Without the parser's reason, which quotes what it has found.
    let message = serde_json::from_slice::<Message<'_>>(line).ok();
    let message =
        message.context("the edge sent a line that is not a Singer message; check that EDGE_URL is the tap's edge interface")?;
    match message.kind.as_ref() {
        "STATE" => message.value.context("the edge sent a STATE without a value").map(Some),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_told_from_other_messages() {
        let value = |line: &str| state(line.as_bytes()).unwrap().map(|value| value.get().to_owned());
        assert_eq!(value(r#"{"type": "STATE", "value": {"a": 1.00}}"#).unwrap(), r#"{"a": 1.00}"#);
        assert_eq!(value(r#"{"type":"RECORD","stream":"orders","record":{"type":"STATE","value":{}}}"#), None);
        assert_eq!(value(r#"{"type":"SCHEMA","stream":"orders"}"#), None);
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        for line in ["", "<html>", "3", "{}", r#"{"type":"STATE"}"#, r#"{"type":"STATE","value":{}"#] {
            assert!(state(line.as_bytes()).is_err(), "{line}");
        }
    }
}
