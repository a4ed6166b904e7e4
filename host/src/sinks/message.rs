//! Singer messages, as a sink reads them.

use super::SinkError;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt::Display;

const MAX_NAME: usize = 64;
/// Some programs round larger numbers, and two versions could become the same.
const MAX_VERSION: u64 = (1 << 53) - 1;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageKind {
    /// The schema of a stream.
    Schema,
    /// One record.
    Record,
    /// Where the next run resumes, once everything before it is kept.
    State,
    /// The walk of a full table is complete: records of any other version are no longer in the store.
    ActivateVersion,
    /// Anything else.
    Other,
}

impl MessageKind {
    fn of(name: &str) -> MessageKind {
        match name {
            "SCHEMA" => MessageKind::Schema,
            "RECORD" => MessageKind::Record,
            "STATE" => MessageKind::State,
            "ACTIVATE_VERSION" => MessageKind::ActivateVersion,
            _ => MessageKind::Other,
        }
    }
}

/// One message: a line of JSON. Its kind and its stream are known; the rest is read when a sink asks for it.
#[derive(Debug)]
pub struct Message<'a> {
    line: &'a [u8],
    kind: MessageKind,
    stream: Option<Cow<'a, str>>,
}

/// What a SCHEMA message says.
#[derive(Debug)]
#[non_exhaustive]
pub struct Schema<'a> {
    /// The stream's name. Who writes it is not trusted: see [`is_stream_name`].
    pub stream: Cow<'a, str>,
    /// The JSON Schema of its records.
    pub schema: &'a RawValue,
    /// The fields that identify a record together.
    pub keys: Vec<String>,
}

/// What a RECORD message says.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Record<'a> {
    /// The record.
    pub record: &'a RawValue,
    /// The walk of a full table that it belongs to; none if the messages have no versions.
    pub version: Option<u64>,
}

/// The fields of every kind of message.
#[derive(Debug, Deserialize)]
struct Fields<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    record: Option<&'a RawValue>,
    #[serde(borrow, default)]
    schema: Option<&'a RawValue>,
    #[serde(default)]
    key_properties: Vec<String>,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
    #[serde(borrow, default)]
    version: Option<&'a RawValue>,
}

impl<'a> Message<'a> {
    /// Reads a line, without its line end. The tap's own records start with type and stream, so only other lines are parsed here.
    pub fn read(line: &'a [u8]) -> Message<'a> {
        if let Some(rest) = line.strip_prefix(br#"{"type":"RECORD","stream":""#)
            && let Some(end) = rest.iter().position(|&b| b == b'"' || b == b'\\')
            && rest.get(end) == Some(&b'"')
            && let Some(Ok(stream)) = rest.get(..end).map(std::str::from_utf8)
        {
            return Message { line, kind: MessageKind::Record, stream: Some(Cow::Borrowed(stream)) };
        }
        match serde_json::from_slice::<Fields<'_>>(line) {
            Ok(fields) => Message { line, kind: MessageKind::of(&fields.kind), stream: fields.stream },
            Err(_) => Message { line, kind: MessageKind::Other, stream: None },
        }
    }

    /// The whole message, as it was written.
    pub fn line(&self) -> &'a [u8] {
        self.line
    }

    /// What it is.
    pub fn kind(&self) -> MessageKind {
        self.kind
    }

    /// The stream that it is about.
    pub fn stream(&self) -> Option<&str> {
        self.stream.as_deref()
    }

    /// What a SCHEMA message says.
    ///
    /// # Errors
    /// It is none, or cannot be read.
    pub fn schema(&self) -> Result<Schema<'a>, SinkError> {
        let fields = self.fields()?;
        let stream = fields.stream.unwrap_or_default();
        let schema = fields.schema.ok_or_else(|| self.lacks())?;
        Ok(Schema { stream, schema, keys: fields.key_properties })
    }

    /// What a RECORD message says.
    ///
    /// # Errors
    /// It is none, or cannot be read.
    pub fn record(&self) -> Result<Record<'a>, SinkError> {
        let fields = self.fields()?;
        let record = fields.record.ok_or_else(|| self.lacks())?;
        Ok(Record { record, version: fields.version.map(version).transpose()? })
    }

    /// The version in an `ACTIVATE_VERSION` message: records of the stream with any other version are no longer in the store.
    ///
    /// # Errors
    /// It is none, or cannot be read.
    pub fn active_version(&self) -> Result<u64, SinkError> {
        version(self.fields()?.version.ok_or_else(|| self.lacks())?)
    }

    /// The value of a STATE message.
    ///
    /// # Errors
    /// It is none, or cannot be read.
    pub fn state(&self) -> Result<&'a RawValue, SinkError> {
        self.fields()?.value.ok_or_else(|| self.lacks())
    }

    /// Checks that it is a valid message, for a sink that ignores its kind.
    ///
    /// # Errors
    /// It is none, or cannot be read.
    pub fn check(&self) -> Result<(), SinkError> {
        self.fields().map(drop)
    }

    fn fields(&self) -> Result<Fields<'a>, SinkError> {
        serde_json::from_slice(self.line).map_err(unfit)
    }

    fn lacks(&self) -> SinkError {
        unfit(format!("a message of the kind {:?} lacks its content", self.kind))
    }
}

fn version(raw: &RawValue) -> Result<u64, SinkError> {
    match raw.get().parse() {
        Ok(version @ 1..=MAX_VERSION) => Ok(version),
        _ => Err(unfit(format!("its version is not a whole number from 1 to {MAX_VERSION}"))),
    }
}

/// The error of a message that has no place in the sink.
pub fn unfit(why: impl Display) -> SinkError {
    SinkError::new(format!("the component wrote a message that cannot be stored: {why}"))
}

/// The error of a SCHEMA that the sink has no room for.
#[cfg(any(feature = "columns", feature = "folder"))]
pub(crate) fn no_room(why: impl Display) -> SinkError {
    SinkError::new(format!("this output cannot hold what a SCHEMA message says: {why}"))
}

/// `^[a-z0-9_]{1,64}$`: what can be the name of a table or a file, whoever wrote the SCHEMA.
pub fn is_stream_name(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(legal)
}

/// Why a SCHEMA of this name is refused.
#[cfg(any(feature = "columns", feature = "folder"))]
pub(crate) fn not_a_name(stream: &str) -> String {
    format!("{stream:?} is not a stream's name: a-z, 0-9 and _ only, at most {MAX_NAME} of them")
}

/// Why a message of this stream is refused.
#[cfg(any(feature = "columns", feature = "folder"))]
pub(crate) fn without_schema(stream: &str) -> String {
    format!("a message of stream {stream:?} came before its SCHEMA")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_stream_are_found_in_any_order_and_spacing() {
        let found = |line: &'static str| {
            let message = Message::read(line.as_bytes());
            (message.kind(), message.stream().map(str::to_owned))
        };
        for line in
            [r#"{"type":"RECORD","stream":"orders","record":{}}"#, r#"{"stream": "orders", "record": {}, "type": "RECORD"}"#]
        {
            assert_eq!(found(line), (MessageKind::Record, Some("orders".into())));
            assert_eq!(Message::read(line.as_bytes()).record().unwrap().record.get(), "{}");
        }
        assert_eq!(found(r#"{"type":"RECORD","stream":"o\u0072ders"}"#).1.as_deref(), Some("orders"));
        assert_eq!(found(r#"{"type":"STATE","value":{}}"#).0, MessageKind::State);
        assert_eq!(found(r#"{"version":1,"type":"ACTIVATE_VERSION"}"#).0, MessageKind::ActivateVersion);
        assert_eq!(found(r#"{"type":"STATE","value":{},"version":"its own"}"#).0, MessageKind::State);
        assert_eq!(found(r#"{"type":"BATCH"}"#).0, MessageKind::Other);
        assert_eq!(found("not json").0, MessageKind::Other);
    }

    #[test]
    fn a_version_is_a_positive_whole_number_that_every_program_keeps_exactly() {
        let of_record = |version: &str| {
            let line = format!(r#"{{"type":"RECORD","stream":"brands","record":{{}}{version}}}"#);
            Message::read(line.as_bytes()).record().map(|record| record.version).map_err(|why| why.to_string())
        };
        let activated = |version: &str| {
            let line = format!(r#"{{"type":"ACTIVATE_VERSION","stream":"brands"{version}}}"#);
            Message::read(line.as_bytes()).active_version().map_err(|why| why.to_string())
        };
        for (version, number) in [(r#","version":1"#, 1), (r#", "version" : 9007199254740991"#, (1 << 53) - 1)] {
            assert_eq!((of_record(version), activated(version)), (Ok(Some(number)), Ok(number)));
        }
        for none in ["", r#","version":null"#] {
            assert_eq!(of_record(none), Ok(None));
            assert!(activated(none).unwrap_err().contains("lacks its content"));
        }
        for wrong in ["0", "-1", "1.0", "1e3", "9007199254740992", "36893488147419103232", "\"1\"", "true", "[1]", "{}"] {
            let version = format!(r#","version":{wrong}"#);
            for why in [of_record(&version).unwrap_err(), activated(&version).unwrap_err()] {
                assert!(why.contains("not a whole number from 1 to 9007199254740991"), "{wrong}: {why}");
            }
        }
    }

    #[test]
    fn what_a_message_lacks_is_an_error_in_a_sentence() {
        let record = Message::read(br#"{"type":"RECORD","stream":"orders"}"#);
        assert!(record.record().unwrap_err().to_string().contains("of the kind Record lacks its content"));
        assert!(record.schema().is_err() && record.state().is_err());
        assert!(Message::read(b"{").state().unwrap_err().to_string().contains("cannot be stored"));
    }
}
