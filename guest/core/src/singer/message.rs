//! Singer messages, one JSON object a line, on their way to a sink.

use crate::error::{Failure, Kind, Result};
use serde_json::{Value, json};
use std::future::Future;

/// Where messages go. The interfaces bring it.
pub trait Sink {
    /// Takes whole lines, in order, and returns when it has room for more. The error says what happened, for a person.
    fn write(&mut self, lines: &[u8]) -> impl Future<Output = std::result::Result<(), String>>;
}

/// As many bytes are gathered before they are handed to the sink.
const FULL: usize = 64 << 10;

/// Writes messages to a sink, gathered into few writes.
#[derive(Debug)]
pub struct Output<'s, S> {
    sink: &'s mut S,
    lines: Vec<u8>,
}

impl<'s, S: Sink> Output<'s, S> {
    /// Messages for this sink.
    pub fn new(sink: &'s mut S) -> Output<'s, S> {
        Output { sink, lines: Vec::with_capacity(FULL + FULL / 4) }
    }

    /// Adds a SCHEMA message.
    pub fn schema(&mut self, stream: &str, schema: &Value, key: &[&str], bookmark: Option<&str>) {
        let bookmark: Vec<&str> = bookmark.into_iter().collect();
        let message = json!({ "type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": key, "bookmark_properties": bookmark });
        self.lines.extend_from_slice(message.to_string().as_bytes());
        self.lines.push(b'\n');
    }

    /// Adds a RECORD message, whose record `write` appends. If that fails nothing is added.
    pub fn record<E>(
        &mut self,
        stream: &str,
        extracted: &str,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.lines.len();
        for piece in [r#"{"type":"RECORD","stream":""#, stream, r#"","record":"#] {
            self.lines.extend_from_slice(piece.as_bytes());
        }
        if let Err(error) = write(&mut self.lines) {
            self.lines.truncate(start);
            return Err(error);
        }
        for piece in [r#","time_extracted":""#, extracted, "\"}\n"] {
            self.lines.extend_from_slice(piece.as_bytes());
        }
        Ok(())
    }

    /// Adds a STATE message.
    pub fn state(&mut self, state: &Value) {
        self.lines.extend_from_slice(json!({ "type": "STATE", "value": state }).to_string().as_bytes());
        self.lines.push(b'\n');
    }

    /// Whether so much is gathered that it should be handed over.
    pub fn is_full(&self) -> bool {
        self.lines.len() >= FULL
    }

    /// Hands everything to the sink.
    pub async fn flush(&mut self) -> Result<()> {
        if !self.lines.is_empty() {
            self.sink.write(&self.lines).await.map_err(|why| Failure::new(Kind::Sink, why))?;
            self.lines.clear();
        }
        Ok(())
    }
}
