//! Singer messages, as far as a sink reads them.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Schema,
    Record,
    State,
    Other,
}

/// A message's kind and stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Peek<'a> {
    pub(crate) kind: Kind,
    pub(crate) stream: Option<Cow<'a, str>>,
}

/// The fields of every kind of message.
#[derive(Debug, Deserialize)]
pub(crate) struct Message<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) stream: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) record: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) schema: Option<&'a RawValue>,
    #[serde(default)]
    pub(crate) key_properties: Vec<String>,
    #[serde(borrow, default)]
    pub(crate) value: Option<&'a RawValue>,
}

impl Kind {
    pub(crate) fn of(name: &str) -> Kind {
        match name {
            "SCHEMA" => Kind::Schema,
            "RECORD" => Kind::Record,
            "STATE" => Kind::State,
            _ => Kind::Other,
        }
    }
}

/// Finds a message's kind and stream. The tap's own messages start with both, and are not parsed; others are.
pub(crate) fn peek(line: &[u8]) -> Peek<'_> {
    if let Some(rest) = line.strip_prefix(br#"{"type":"RECORD","stream":""#)
        && let Some(end) = rest.iter().position(|&b| b == b'"' || b == b'\\')
        && rest[end] == b'"'
        && let Ok(stream) = std::str::from_utf8(&rest[..end])
    {
        return Peek { kind: Kind::Record, stream: Some(Cow::Borrowed(stream)) };
    }
    match serde_json::from_slice::<Message<'_>>(line) {
        Ok(message) => Peek { kind: Kind::of(&message.kind), stream: message.stream },
        Err(_) => Peek { kind: Kind::Other, stream: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_stream_are_found_in_any_order_and_spacing() {
        for line in
            [r#"{"type":"RECORD","stream":"orders","record":{}}"#, r#"{"stream": "orders", "record": {}, "type": "RECORD"}"#]
        {
            assert_eq!(peek(line.as_bytes()), Peek { kind: Kind::Record, stream: Some("orders".into()) });
        }
        assert_eq!(peek(br#"{"type":"RECORD","stream":"o\u0072ders"}"#).stream.as_deref(), Some("orders"));
        assert_eq!(peek(br#"{"type":"STATE","value":{}}"#).kind, Kind::State);
        assert_eq!(peek(br#"{"type":"ACTIVATE_VERSION"}"#).kind, Kind::Other);
        assert_eq!(peek(b"not json").kind, Kind::Other);
    }
}
