//! Singer messages, with every digit as it was written.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// One message.
#[derive(Clone, Debug, Deserialize)]
pub struct Message {
    /// `SCHEMA`, `RECORD` or `STATE`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The stream, of a SCHEMA or RECORD.
    #[serde(default)]
    pub stream: String,
    /// The record, as it was written.
    pub record: Option<Box<RawValue>>,
    /// The JSON Schema.
    pub schema: Option<Value>,
    /// The keys, of a SCHEMA.
    #[serde(default)]
    pub key_properties: Vec<String>,
    /// The replication keys, of a SCHEMA.
    #[serde(default)]
    pub bookmark_properties: Vec<String>,
    /// When the record was read.
    pub time_extracted: Option<String>,
    /// The state.
    pub value: Option<Value>,
}

/// A record's fields, as they were written.
pub type Fields = BTreeMap<String, Box<RawValue>>;

impl Message {
    /// The record's text; empty if it is none.
    pub fn record(&self) -> &str {
        self.record.as_deref().map_or("", RawValue::get)
    }

    /// The record's fields.
    pub fn fields(&self) -> Fields {
        serde_json::from_str(self.record()).expect("a record is an object")
    }

    /// The record as a tree; its decimals have lost digits.
    pub fn tree(&self) -> Value {
        serde_json::from_str(self.record()).expect("a record is JSON")
    }

    /// The record's id.
    pub fn id(&self) -> u64 {
        self.tree()["id"].as_u64().expect("a record has an id")
    }
}

/// Reads messages, one a line. Each line must be whole.
pub fn messages(text: &str) -> Vec<Message> {
    assert!(text.is_empty() || text.ends_with('\n'), "the last line has no end");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|fault| panic!("{fault} in: {line}"))).collect()
}

/// The records of a stream, in order.
pub fn of_stream<'m>(messages: &'m [Message], stream: &str) -> Vec<&'m Message> {
    messages.iter().filter(|message| message.kind == "RECORD" && message.stream == stream).collect()
}

/// The ids of a stream's records, in order.
pub fn ids(messages: &[Message], stream: &str) -> Vec<u64> {
    of_stream(messages, stream).into_iter().map(Message::id).collect()
}

/// The value of the last message, which must be a STATE.
pub fn last_state(messages: &[Message]) -> &Value {
    let last = messages.last().expect("a run writes messages");
    assert_eq!(last.kind, "STATE", "the last message is a STATE");
    last.value.as_ref().expect("a STATE has a value")
}

/// What a target that upserts by key holds after these messages: the last text of each record.
pub fn held(messages: &[Message]) -> BTreeMap<(String, u64), String> {
    let records = messages.iter().filter(|message| message.kind == "RECORD");
    records.map(|message| ((message.stream.clone(), message.id()), message.record().to_owned())).collect()
}

/// [`held`], each record as a tree.
pub fn trees(messages: &[Message]) -> BTreeMap<(String, u64), Value> {
    let records = messages.iter().filter(|message| message.kind == "RECORD");
    records.map(|message| ((message.stream.clone(), message.id()), message.tree())).collect()
}
