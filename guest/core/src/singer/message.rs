//! Singer messages, one JSON object a line, on their way to a sink.

use crate::error::{Failure, Kind, Result};
use futures_util::future::{FutureExt, LocalBoxFuture};
use serde_json::{Value, json};
use std::future::Future;

/// Where messages go. Each interface provides its own sink.
pub trait Sink {
    /// Takes whole lines, in order, and returns when it has room for more. The error says what happened, for a person.
    fn write(&mut self, lines: &[u8]) -> impl Future<Output = std::result::Result<(), String>>;

    /// Starts a flush without waiting for it. Called before a pause and after a STATE.
    fn flush(&mut self) -> std::result::Result<(), String> {
        Ok(())
    }

    /// Waits until all that was written has reached its reader. The run ends after it.
    fn settle(&mut self) -> impl Future<Output = std::result::Result<(), String>> {
        std::future::ready(Ok(()))
    }
}

/// A sink in memory, for a few messages.
impl Sink for Vec<u8> {
    async fn write(&mut self, lines: &[u8]) -> std::result::Result<(), String> {
        self.extend_from_slice(lines);
        Ok(())
    }
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageType {
    /// The schema of a stream.
    Schema,
    /// One record.
    Record,
    /// Which rows of a stream are current.
    ActivateVersion,
    /// How far the run has come.
    State,
}

impl MessageType {
    const ALL: [MessageType; 4] = [MessageType::Schema, MessageType::Record, MessageType::ActivateVersion, MessageType::State];

    /// How each message of this type begins.
    fn start(self) -> &'static str {
        match self {
            MessageType::Schema => r#"{"type":"SCHEMA","#,
            MessageType::Record => r#"{"type":"RECORD","#,
            MessageType::ActivateVersion => r#"{"type":"ACTIVATE_VERSION","#,
            MessageType::State => r#"{"type":"STATE","#,
        }
    }
}

/// The type of a message that this tap has written, without parsing it. None: it is not one of them.
pub fn type_of(line: &[u8]) -> Option<MessageType> {
    MessageType::ALL.into_iter().find(|known| line.starts_with(known.start().as_bytes()))
}

/// How many bytes are buffered before they are handed to the sink.
const FULL: usize = 64 << 10;

/// A sink of any type, so that a run's code is compiled only once. This costs little, because a run makes few and large writes.
trait AnySink {
    fn take<'w>(&'w mut self, lines: &'w [u8]) -> LocalBoxFuture<'w, std::result::Result<(), String>>;
    fn start_flush(&mut self) -> std::result::Result<(), String>;
    fn end(&mut self) -> LocalBoxFuture<'_, std::result::Result<(), String>>;
}

impl<S: Sink> AnySink for S {
    fn take<'w>(&'w mut self, lines: &'w [u8]) -> LocalBoxFuture<'w, std::result::Result<(), String>> {
        self.write(lines).boxed_local()
    }

    fn start_flush(&mut self) -> std::result::Result<(), String> {
        self.flush()
    }

    fn end(&mut self) -> LocalBoxFuture<'_, std::result::Result<(), String>> {
        self.settle().boxed_local()
    }
}

/// Writes messages to a sink, gathered into few writes.
pub struct Output<'s> {
    sink: &'s mut dyn AnySink,
    lines: Vec<u8>,
    /// The sink was handed something since it was last flushed.
    is_held_back: bool,
}

impl<'s> Output<'s> {
    /// Messages for this sink.
    pub fn new(sink: &'s mut impl Sink) -> Output<'s> {
        Output { sink, lines: Vec::with_capacity(FULL + FULL / 4), is_held_back: false }
    }

    /// Adds a SCHEMA message.
    pub fn schema(&mut self, stream: &str, schema: &Value, key: &[String], bookmark: Option<&str>) {
        let bookmark: Vec<&str> = bookmark.into_iter().collect();
        let message = json!({ "type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": key, "bookmark_properties": bookmark });
        self.lines.extend_from_slice(message.to_string().as_bytes());
        self.lines.push(b'\n');
    }

    /// Adds a RECORD message, whose record `write` appends. If that fails nothing is added.
    pub fn record<E>(
        &mut self,
        stream: &str,
        version: Option<u64>,
        extracted: &str,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.lines.len();
        for piece in [MessageType::Record.start(), r#""stream":""#, stream, r#"","record":"#] {
            self.lines.extend_from_slice(piece.as_bytes());
        }
        if let Err(error) = write(&mut self.lines) {
            self.lines.truncate(start);
            return Err(error);
        }
        if let Some(version) = version {
            self.lines.extend_from_slice(format!(r#","version":{version}"#).as_bytes());
        }
        for piece in [r#","time_extracted":""#, extracted, "\"}\n"] {
            self.lines.extend_from_slice(piece.as_bytes());
        }
        Ok(())
    }

    /// Adds an ACTIVATE_VERSION message.
    pub fn activate_version(&mut self, stream: &str, version: u64) {
        let message = json!({ "type": "ACTIVATE_VERSION", "stream": stream, "version": version });
        self.lines.extend_from_slice(message.to_string().as_bytes());
        self.lines.push(b'\n');
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

    /// Hands everything to the sink, which works on it while the run continues.
    pub async fn hand_over(&mut self) -> Result<()> {
        if !self.lines.is_empty() {
            self.sink.take(&self.lines).await.map_err(|why| Failure::new(Kind::Sink, why))?;
            self.lines.clear();
            self.is_held_back = true;
        }
        Ok(())
    }

    /// The same, and starts a flush.
    pub async fn flush(&mut self) -> Result<()> {
        self.hand_over().await?;
        if std::mem::take(&mut self.is_held_back) {
            self.sink.start_flush().map_err(|why| Failure::new(Kind::Sink, why))?;
        }
        Ok(())
    }

    /// The same, and waits until the sink is done with it.
    pub async fn settle(&mut self) -> Result<()> {
        self.flush().await?;
        self.sink.end().await.map_err(|why| Failure::new(Kind::Sink, why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::virtual_time::{VirtualClock, run};
    use chrono::Utc;

    struct Kept(Vec<u8>);

    impl Sink for Kept {
        async fn write(&mut self, lines: &[u8]) -> std::result::Result<(), String> {
            self.0.extend_from_slice(lines);
            Ok(())
        }
    }

    #[test]
    fn the_type_of_each_message_is_known() {
        let mut sink = Kept(Vec::new());
        let mut output = Output::new(&mut sink);
        output.schema("orders", &json!({}), &["id".to_owned()], None);
        let record = |out: &mut Vec<u8>| {
            out.extend_from_slice(b"{}");
            Ok::<(), ()>(())
        };
        output.record("orders", None, "2024-01-01T00:00:00Z", record).unwrap();
        output.activate_version("orders", 7);
        output.state(&json!({}));
        run(&VirtualClock::new(Utc::now()), output.flush()).unwrap().unwrap();
        let types: Vec<_> = sink.0.split_inclusive(|&byte| byte == b'\n').map(type_of).collect();
        assert_eq!(types, MessageType::ALL.map(Some));
        assert_eq!(type_of(b"{}"), None);
    }
}
