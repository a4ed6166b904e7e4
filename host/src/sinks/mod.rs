//! Where the messages go.

mod batches;
#[cfg(feature = "columns")]
#[cfg_attr(
    not(any(feature = "parquet", feature = "sqlite")),
    allow(dead_code, reason = "not every sink needs to know what a field holds")
)]
mod columns;
#[cfg(test)]
mod conformance;
#[cfg(feature = "csv")]
mod csv;
#[cfg(feature = "folder")]
#[cfg_attr(
    not(any(feature = "csv", feature = "jsonl")),
    allow(dead_code, unused_imports, reason = "Parquet has files that are whole or not there, and others grow")
)]
mod folder;
#[cfg(feature = "jsonl")]
mod jsonl;
mod message;
mod output;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
mod stdout;
mod target;

pub use batches::{BatchSink, Batches};
#[cfg(feature = "csv")]
pub use csv::CsvSink;
#[cfg(feature = "jsonl")]
pub use jsonl::{JsonlPerRunSink, JsonlSink};
pub use message::{Message, MessageKind, Record, Schema, is_stream_name, unfit};
pub use output::{LACKING, Output, TARGETS};
#[cfg(feature = "parquet")]
pub use parquet::ParquetSink;
#[cfg(feature = "postgres")]
pub use postgres::PostgresSink;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteSink;
pub use stdout::{StdoutSink, stdout_fault};
pub use target::{Opened, Opening, Target};

/// Takes Singer messages, one by one, in their order. It runs on a thread of its own and may block.
///
/// A closure `|line: &[u8]| Ok(())` is a sink too.
pub trait Sink: Send {
    /// Takes one message.
    ///
    /// # Errors
    /// The message could not be written. The run ends, and nothing more is written.
    fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError>;

    /// Writes out what is buffered, as far as that is allowed before the next STATE. The tap calls it after each batch of
    /// messages.
    ///
    /// # Errors
    /// As for [`Sink::write`].
    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    /// Whether the last STATE does not count yet, because something that it covers may still be lost. Checked after
    /// [`Sink::flush`]: a run resumes from the last STATE that counts.
    fn is_waiting(&self) -> bool {
        false
    }

    /// Called after the last message. If the run failed or was dropped, records may have come after the last STATE.
    ///
    /// # Errors
    /// What was taken before could not be kept.
    fn finish(&mut self) -> Result<(), SinkError> {
        self.flush()
    }
}

impl<F: FnMut(&[u8]) -> Result<(), SinkError> + Send> Sink for F {
    fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        self(message.line())
    }
}

/// A sink of any type.
pub struct AnySink(Box<dyn Sink>);

impl AnySink {
    /// A sink, boxed.
    pub fn new(sink: impl Sink + 'static) -> AnySink {
        AnySink(Box::new(sink))
    }
}

impl std::fmt::Debug for AnySink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AnySink")
    }
}

impl Sink for AnySink {
    fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        self.0.write(message)
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.0.flush()
    }

    fn is_waiting(&self) -> bool {
        self.0.is_waiting()
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.0.finish()
    }
}

/// Why messages could not be written: one sentence or two, with what to do now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(String);

impl SinkError {
    /// An error with its sentence.
    pub fn new(message: impl Into<String>) -> SinkError {
        SinkError(message.into())
    }
}

/// The error for an output that holds another store's data; `what` is a file, a folder or a schema.
#[cfg(any(feature = "columns", feature = "folder"))]
fn others_data(place: &std::path::Path, bound: &str, store: &str, what: &str) -> SinkError {
    let place = place.display();
    SinkError::new(format!("{place} holds the data of {bound}, and this run is for {store}; name another {what}"))
}
