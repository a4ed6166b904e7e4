//! From the component's output to the sink: a bounded channel and a thread of the sink's own, so that a slow sink slows the component
//! and a blocking one blocks nobody else.

use crate::progress::Progress;
use crate::sinks::{Message, MessageKind, Sink, SinkError};
use bytes::Bytes;
use std::thread;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::sync::oneshot;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// What the component may write at once.
const CHUNK: usize = 64 * 1024;
/// Chunks on their way: 1 MiB in all.
const CHUNKS: usize = 16;
/// Longer messages are refused: no record of a store comes near.
const MAX_LINE: usize = 64 * 1024 * 1024;

enum Item {
    Bytes(Bytes),
    Flush(oneshot::Sender<()>),
}

/// The end that the component writes to. Dropping it ends the stream.
pub(crate) struct GuestOutput {
    sender: mpsc::Sender<Item>,
    permit: Option<OwnedPermit<Item>>,
    flush: Flush,
}

enum Flush {
    Idle,
    Wanted,
    Waiting(oneshot::Receiver<()>),
}

/// The end of the sink's thread: how the writing went, once the stream has ended.
pub(crate) struct Outcome(oneshot::Receiver<Result<(), SinkError>>);

impl Outcome {
    pub(crate) async fn get(self) -> Result<(), SinkError> {
        let lost =
            || Err(SinkError::new("the thread that writes the messages ended unexpectedly; run again from the last state"));
        self.0.await.unwrap_or_else(|_| lost())
    }
}

/// Starts the sink's thread.
pub(crate) fn start(sink: Box<dyn Sink>, progress: Progress) -> Result<(GuestOutput, Outcome), SinkError> {
    let (sender, receiver) = mpsc::channel(CHUNKS);
    let (done, outcome) = oneshot::channel();
    let writing = Writing { sink, progress, rest: Vec::new() };
    thread::Builder::new()
        .name("sink".into())
        .spawn(move || {
            // Nobody waits for the outcome of a run that was dropped.
            let _ = done.send(writing.run(receiver));
        })
        .map_err(|fault| SinkError::new(format!("the thread that writes the messages cannot be started: {fault}")))?;
    Ok((GuestOutput { sender, permit: None, flush: Flush::Idle }, Outcome(outcome)))
}

/// The sink's thread.
struct Writing {
    sink: Box<dyn Sink>,
    progress: Progress,
    /// The start of a line whose end has not come yet.
    rest: Vec<u8>,
}

impl Writing {
    /// Writes until the stream ends. After a fault the receiver is gone, which the component sees as a closed stream. A line without its
    /// end is never written: whatever reads the sink would stumble over it.
    fn run(mut self, mut receiver: mpsc::Receiver<Item>) -> Result<(), SinkError> {
        while let Some(item) = receiver.blocking_recv() {
            match item {
                Item::Bytes(bytes) => self.bytes(&bytes)?,
                Item::Flush(done) => {
                    self.sink.flush()?;
                    let _ = done.send(());
                }
            }
        }
        self.sink.finish()
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        for piece in bytes.split_inclusive(|&b| b == b'\n') {
            match piece.strip_suffix(b"\n") {
                Some(line) if self.rest.is_empty() => self.line(line)?,
                Some(end) => {
                    self.rest.extend_from_slice(end);
                    let line = std::mem::take(&mut self.rest);
                    self.line(&line)?;
                    self.rest = line;
                    self.rest.clear();
                }
                None if self.rest.len() + piece.len() > MAX_LINE => {
                    return Err(SinkError::new(format!("the component wrote a message of more than {MAX_LINE} bytes")));
                }
                None => self.rest.extend_from_slice(piece),
            }
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<(), SinkError> {
        if line.is_empty() {
            return Ok(());
        }
        let message = Message::read(line);
        self.sink.write(&message)?;
        if let Some(stream) = message.stream() {
            self.progress.message(stream, u64::from(message.kind() == MessageKind::Record));
        }
        Ok(())
    }
}

impl GuestOutput {
    /// Takes a place in the channel if one is free now.
    fn try_reserve(&mut self) -> StreamResult<bool> {
        if self.permit.is_none() {
            match self.sender.clone().try_reserve_owned() {
                Ok(permit) => self.permit = Some(permit),
                Err(TrySendError::Full(_)) => return Ok(false),
                Err(TrySendError::Closed(_)) => return Err(StreamError::Closed),
            }
        }
        Ok(true)
    }

    /// Takes a place in the channel, waiting for one; none if the sink has failed.
    async fn reserve(&mut self) -> Option<OwnedPermit<Item>> {
        match self.permit.take() {
            Some(permit) => Some(permit),
            None => self.sender.clone().reserve_owned().await.ok(),
        }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for GuestOutput {
    async fn ready(&mut self) {
        if matches!(self.flush, Flush::Wanted)
            && let Some(permit) = self.reserve().await
        {
            let (done, waiting) = oneshot::channel();
            permit.send(Item::Flush(done));
            self.flush = Flush::Waiting(waiting);
        }
        if let Flush::Waiting(done) = &mut self.flush {
            // A sink that failed has dropped its end; `check_write` tells of it.
            let _ = done.await;
        }
        self.flush = Flush::Idle;
        self.permit = self.reserve().await;
    }
}

impl OutputStream for GuestOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > CHUNK {
            return Err(StreamError::trap("more bytes were written than the stream allowed"));
        }
        if self.sender.is_closed() {
            return Err(StreamError::Closed);
        }
        let permit = self.permit.take().ok_or_else(|| StreamError::trap("bytes were written without asking for leave"))?;
        permit.send(Item::Bytes(bytes));
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        if self.sender.is_closed() {
            return Err(StreamError::Closed);
        }
        if matches!(self.flush, Flush::Idle) {
            self.flush = Flush::Wanted;
        }
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        if self.sender.is_closed() {
            return Err(StreamError::Closed);
        }
        let free = matches!(self.flush, Flush::Idle) && self.try_reserve()?;
        Ok(if free { CHUNK } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    #[derive(Clone, Default)]
    struct Seen {
        lines: Arc<Mutex<Vec<String>>>,
        flushes: Arc<Mutex<usize>>,
        fail_at: Option<usize>,
    }

    impl Sink for Seen {
        fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
            let mut lines = self.lines.lock().unwrap();
            if self.fail_at == Some(lines.len()) {
                return Err(SinkError::new("the disk is full"));
            }
            lines.push(String::from_utf8(message.line().to_vec()).unwrap());
            Ok(())
        }

        fn flush(&mut self) -> Result<(), SinkError> {
            *self.flushes.lock().unwrap() += 1;
            Ok(())
        }
    }

    async fn write(output: &mut GuestOutput, text: &str) -> StreamResult<()> {
        output.write_ready().await?;
        output.write(Bytes::from(text.to_owned()))
    }

    #[tokio::test]
    async fn lines_are_cut_once_whatever_the_chunks() {
        let seen = Seen::default();
        let progress = Progress::default();
        let (mut output, outcome) = start(Box::new(seen.clone()), progress.clone()).unwrap();
        for chunk in [r#"{"type":"RECORD","stream":"ord"#, "ers\"}\n\n{\"type\":\"STATE\"}\n", "torn"] {
            write(&mut output, chunk).await.unwrap();
        }
        drop(output);
        outcome.get().await.unwrap();
        assert_eq!(*seen.lines.lock().unwrap(), [r#"{"type":"RECORD","stream":"orders"}"#, r#"{"type":"STATE"}"#]);
        assert_eq!((progress.snapshot().records, progress.snapshot().stream.as_deref()), (1, Some("orders")));
    }

    #[tokio::test]
    async fn a_flush_is_over_when_the_sink_has_flushed() {
        let seen = Seen::default();
        let (mut output, outcome) = start(Box::new(seen.clone()), Progress::default()).unwrap();
        output.blocking_write_and_flush(Bytes::from_static(b"{}\n")).await.unwrap();
        assert_eq!((seen.lines.lock().unwrap().len(), *seen.flushes.lock().unwrap()), (1, 1));
        drop(output);
        outcome.get().await.unwrap();
    }

    #[tokio::test]
    async fn a_failed_sink_closes_the_stream_and_keeps_its_own_words() {
        let seen = Seen { fail_at: Some(0), ..Seen::default() };
        let (mut output, outcome) = start(Box::new(seen), Progress::default()).unwrap();
        while write(&mut output, "{}\n").await.is_ok() {}
        assert!(matches!(output.check_write(), Err(StreamError::Closed)));
        drop(output);
        assert_eq!(outcome.get().await.unwrap_err().to_string(), "the disk is full");
    }

    #[tokio::test]
    async fn a_sink_that_does_not_keep_up_holds_the_component_back() {
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let (entered, mut at_gate) = mpsc::unbounded_channel();
        let wait = move |_: &[u8]| {
            // Both ends are gone once the test has seen enough.
            let _ = entered.send(());
            let _ = gate.recv();
            Ok(())
        };
        let (mut output, outcome) = start(Box::new(wait), Progress::default()).unwrap();
        write(&mut output, "{}\n").await.unwrap();
        at_gate.recv().await.unwrap();
        // The sink holds a line, so what follows fills the channel. No time passes here: a write is ready when it is asked, or not.
        for _ in 0..CHUNKS {
            tokio::time::timeout(Duration::ZERO, write(&mut output, "{}\n")).await.expect("there is room").unwrap();
        }
        assert!(tokio::time::timeout(Duration::ZERO, write(&mut output, "{}\n")).await.is_err(), "the channel is not bounded");
        open.send(()).unwrap();
        write(&mut output, "{}\n").await.unwrap();
        drop((open, output));
        outcome.get().await.unwrap();
    }
}
