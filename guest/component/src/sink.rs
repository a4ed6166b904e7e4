//! Writes messages to a stream of the embedder; all three interfaces use this type.

use std::rc::{Rc, Weak};
use tap_bigcommerce_core::singer::message::Sink;
use wasi::io::poll::Pollable;
use wasi::io::streams::{OutputStream, StreamError};

/// A sink that is a wasi:io stream.
#[derive(Debug)]
pub(crate) struct StreamSink {
    // Declared before the stream because fields drop in this order, and a child resource must be dropped before its parent.
    ready: Pollable,
    stream: Rc<OutputStream>,
}

/// A weak handle to the stream behind a sink, to notice that its reader is gone while nothing is written. It does not keep the
/// stream open.
#[derive(Debug)]
pub(crate) struct Watch(Weak<OutputStream>);

impl Watch {
    /// Whether the stream's reader has closed its end.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.upgrade().is_none_or(|stream| stream.check_write().is_err())
    }
}

impl StreamSink {
    /// Writes to the stream. Dropping the sink closes it.
    pub(crate) fn new(stream: OutputStream) -> StreamSink {
        StreamSink { ready: stream.subscribe(), stream: Rc::new(stream) }
    }

    /// A look at the stream.
    pub(crate) fn watch(&self) -> Watch {
        Watch(Rc::downgrade(&self.stream))
    }

    /// How many bytes the stream accepts now; blocks until it accepts some. It blocks on this stream alone: the runtime would
    /// wake again and again for answers that have arrived, which nobody reads before the stream has room.
    fn room(&self) -> Result<usize, String> {
        loop {
            match self.stream.check_write().map_err(why)? {
                0 => self.ready.block(),
                room => return Ok(usize::try_from(room).unwrap_or(usize::MAX)),
            }
        }
    }
}

impl Sink for StreamSink {
    async fn write(&mut self, lines: &[u8]) -> Result<(), String> {
        let mut rest = lines;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(self.room()?.min(rest.len()));
            self.stream.write(now).map_err(why)?;
            rest = later;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), String> {
        self.stream.flush().map_err(why)
    }

    /// The stream has room only after its flush.
    async fn settle(&mut self) -> Result<(), String> {
        self.flush()?;
        self.room().map(|_| ())
    }
}

fn why(error: StreamError) -> String {
    match error {
        StreamError::Closed => "nothing reads the messages any more: the reader has closed the stream".into(),
        StreamError::LastOperationFailed(error) => {
            // Some embedders add a backtrace.
            let text = error.to_debug_string();
            let reason: String = text.lines().next().unwrap_or_default().chars().take(200).collect();
            format!("the messages could not be written: {reason}")
        }
    }
}
