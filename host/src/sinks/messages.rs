//! Singer messages, as far as a sink reads them.

use super::SinkError;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt::Display;

const MAX_NAME: usize = 64;

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

/// Reads a message that is to be stored.
pub(crate) fn parse(line: &[u8]) -> Result<Message<'_>, SinkError> {
    serde_json::from_slice(line).map_err(unfit)
}

/// The error of a message that has no place in the sink.
pub(crate) fn unfit(why: impl Display) -> SinkError {
    SinkError::new(format!("the component wrote a message that cannot be stored: {why}"))
}

/// `^[a-z0-9_]{1,64}$`: what can be the name of a table or a file, whoever wrote the SCHEMA.
pub(crate) fn is_stream_name(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(legal)
}

/// Why a SCHEMA of this name is refused.
pub(crate) fn not_a_name(stream: &str) -> String {
    format!("{stream:?} is not a stream's name: a-z, 0-9 and _ only, at most {MAX_NAME} of them")
}

/// Why a RECORD of this stream is refused.
pub(crate) fn without_schema(stream: &str) -> String {
    format!("a RECORD of stream {stream:?} came before its SCHEMA")
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
