//! Connects the component's output to the sink through a bounded channel. The sink has its own thread, so a slow sink slows down
//! the component, and a blocked one blocks nothing else.

use crate::event::{EventKind, Events};
use crate::log::printable;
use crate::progress::Progress;
use crate::sinks::{Message, MessageKind, Sink, SinkError};
use crate::spent::Meter;
use bytes::Bytes;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::sync::oneshot;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// What the component may write at once.
const CHUNK: usize = 64 * 1024;
/// Chunks on their way: 1 MiB in all.
const CHUNKS: usize = 16;
/// How long a run that is dropped waits for its sink.
const LEAVE: Duration = Duration::from_secs(1);
/// How many streams are reported as begun: a component that invents stream names cannot use more memory than that.
const MAX_STREAMS: usize = 256;

enum Item {
    Bytes(Bytes),
    Flush(oneshot::Sender<()>),
}

/// The end that the component writes to. Dropping it ends the stream.
pub(crate) struct GuestOutput {
    sender: mpsc::Sender<Item>,
    permit: Option<OwnedPermit<Item>>,
    flush: Flush,
    /// Set by a flush that found the channel full: the sink then flushes as soon as the channel is empty.
    wanted: Arc<AtomicBool>,
    meter: Meter,
}

enum Flush {
    Idle,
    Wanted,
    Waiting(oneshot::Receiver<()>),
}

/// What the sink's thread leaves: the sink, and how the writing went.
pub(crate) struct Done<S> {
    pub(crate) sink: S,
    /// The value of the last STATE that the sink has taken and flushed.
    pub(crate) state: Option<String>,
    pub(crate) result: Result<(), SinkError>,
}

/// The result of the sink's thread. If it is dropped early, together with the run, nothing more is written. The drop waits for
/// the sink to be dropped too, so that what it holds can be opened again, but not for long: the sink may be blocked.
pub(crate) struct Outcome<S> {
    done: Option<oneshot::Receiver<Done<S>>>,
    left: Arc<Left>,
}

/// Whether a run has been dropped, and whether its sink's thread has seen it.
#[derive(Default)]
struct Left {
    is_left: AtomicBool,
    over: Mutex<bool>,
    changed: Condvar,
}

impl<S> Outcome<S> {
    /// Waits for the end of the stream and of the sink.
    pub(crate) async fn get(mut self) -> Done<S> {
        // Take the receiver only after the await: if the run is dropped while it waits here, `drop` still needs it.
        let done = self.done.as_mut().expect("it is taken by this call alone").await;
        self.done = None;
        done.expect("the thread sends its end whatever the sink does")
    }
}

impl<S> Drop for Outcome<S> {
    fn drop(&mut self) {
        if self.done.take().is_some() {
            self.left.is_left.store(true, Ordering::Relaxed);
            let over = self.left.over.lock().unwrap_or_else(PoisonError::into_inner);
            // Gives up if the sink is blocked.
            drop(self.left.changed.wait_timeout_while(over, LEAVE, |over| !*over));
        }
    }
}

/// Starts the sink's thread. If that fails, the sink is returned with the error.
pub(crate) fn start<S: Sink + 'static>(
    sink: S,
    progress: Progress,
    meter: Meter,
    events: Events,
    max_line: usize,
) -> Result<(GuestOutput, Outcome<S>), (S, SinkError)> {
    let (sender, receiver) = mpsc::channel(CHUNKS);
    let (send, done) = oneshot::channel();
    let left = Arc::new(Left::default());
    let wanted = Arc::new(AtomicBool::new(false));
    let writing = Writing {
        sink,
        progress,
        events,
        max_line,
        rest: Vec::new(),
        begun: HashSet::new(),
        states: States::default(),
        wanted: wanted.clone(),
    };
    let waiting = Arc::new(Mutex::new(Some(writing)));
    let (taken, seen) = (waiting.clone(), left.clone());
    let thread = move || {
        let Some(writing) = taken.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        // If the run was dropped, nobody receives this, and the sink is dropped here.
        drop(send.send(writing.run(receiver, &seen)));
        *seen.over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        seen.changed.notify_all();
    };
    match thread::Builder::new().name("sink".into()).spawn(thread) {
        Ok(_) => {
            Ok((GuestOutput { sender, permit: None, flush: Flush::Idle, wanted, meter }, Outcome { done: Some(done), left }))
        }
        Err(fault) => {
            let error = SinkError::new(format!("the thread that writes the messages cannot be started: {fault}"));
            let writing = waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
            Err((writing.expect("no thread has taken it").sink, error))
        }
    }
}

/// The sink's thread.
struct Writing<S> {
    sink: S,
    progress: Progress,
    events: Events,
    max_line: usize,
    /// The start of a line whose end has not come yet.
    rest: Vec<u8>,
    /// The streams of which a message has come.
    begun: HashSet<String>,
    states: States,
    wanted: Arc<AtomicBool>,
}

/// The values of the last STATE messages.
#[derive(Default)]
struct States {
    /// The sink has taken it.
    taken: Option<String>,
    /// The sink has flushed it as well.
    kept: Option<String>,
}

impl<S: Sink> Writing<S> {
    /// Writes until the stream ends, or until the sink fails or panics.
    fn run(mut self, receiver: mpsc::Receiver<Item>, left: &Left) -> Done<S> {
        let written = catch_unwind(AssertUnwindSafe(|| self.write(receiver, left)));
        let panicked = |_| Err(SinkError::new("the sink panicked; run again from the last state"));
        Done { result: written.unwrap_or_else(panicked), sink: self.sink, state: self.states.kept }
    }

    /// Writes until the stream ends. After an error the receiver is gone, which the component sees as a closed stream. A last
    /// line without a line end is never written, because readers of the output could not parse it.
    fn write(&mut self, mut receiver: mpsc::Receiver<Item>, left: &Left) -> Result<(), SinkError> {
        while let Some(item) = self.next(&mut receiver)? {
            if left.is_left.load(Ordering::Relaxed) {
                break;
            }
            match item {
                Item::Bytes(bytes) => self.bytes(&bytes)?,
                Item::Flush(done) => {
                    self.flush()?;
                    let _ = done.send(());
                }
            }
        }
        self.sink.finish()?;
        self.states.keep();
        Ok(())
    }

    /// The next item. None: the stream has ended.
    fn next(&mut self, receiver: &mut mpsc::Receiver<Item>) -> Result<Option<Item>, SinkError> {
        match receiver.try_recv() {
            Ok(item) => Ok(Some(item)),
            Err(_) => {
                if self.wanted.swap(false, Ordering::Relaxed) {
                    self.flush()?;
                }
                Ok(receiver.blocking_recv())
            }
        }
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.sink.flush()?;
        if !self.sink.is_waiting() {
            self.states.keep();
        }
        Ok(())
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
                None if self.rest.len() + piece.len() > self.max_line => {
                    return Err(SinkError::new(format!("the component wrote a message of more than {} bytes", self.max_line)));
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
            if message.kind() == MessageKind::Schema && self.begun.len() < MAX_STREAMS && self.begun.insert(stream.to_owned()) {
                self.events.send(EventKind::StreamBegun(&printable(stream)));
            }
        }
        if message.kind() == MessageKind::State {
            self.states.taken = message.state().ok().map(|state| state.get().to_owned());
        }
        Ok(())
    }
}

impl States {
    fn keep(&mut self) {
        self.kept = self.taken.take().or(self.kept.take());
    }
}

impl Flush {
    fn sent(permit: OwnedPermit<Item>) -> Flush {
        let (done, waiting) = oneshot::channel();
        permit.send(Item::Flush(done));
        Flush::Waiting(waiting)
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
        let meter = self.meter.clone();
        let _awaited = meter.awaits_sink();
        if matches!(self.flush, Flush::Wanted)
            && let Some(permit) = self.reserve().await
        {
            self.flush = Flush::sent(permit);
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
            // Send it now if there is room: the caller may wait for something else next, and never poll this stream.
            self.try_reserve()?;
            self.flush = match self.permit.take() {
                Some(permit) => Flush::sent(permit),
                None => {
                    self.wanted.store(true, Ordering::Relaxed);
                    Flush::Wanted
                }
            };
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
mod tests;
