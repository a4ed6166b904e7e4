//! An answer's body on its way to the component: counted, timed, unpacked.

use super::Place;
use super::exchange::Exchange;
use super::fault::wasi_error;
use crate::progress::Progress;
use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::Error as HttpError;

/// How many compressed bytes to decompress at once. Gzip shrinks data a thousandfold at most, so one step gives 64 KiB at most.
const STEP: usize = 64;
/// Decompressed data is passed on once there is this much, so that an answer never holds more of the host's memory.
const ENOUGH: usize = 64 << 10;

/// The body of an answer.
pub(crate) struct AnswerBody {
    incoming: Incoming,
    unpacker: Option<MultiGzDecoder<Vec<u8>>>,
    /// Packed bytes that have been received and not unpacked.
    packed: Bytes,
    ended: bool,
    between_bytes: Duration,
    deadline: Pin<Box<Sleep>>,
    /// Bytes that may still come, unpacked.
    left: u64,
    most: u64,
    progress: Progress,
    exchange: Exchange,
    place: Place,
}

impl AnswerBody {
    pub(crate) fn new(
        incoming: Incoming,
        gzip: bool,
        between_bytes: Duration,
        most: u64,
        progress: Progress,
        (exchange, place): (Exchange, Place),
    ) -> AnswerBody {
        AnswerBody {
            unpacker: gzip.then(|| MultiGzDecoder::new(Vec::new())),
            incoming,
            packed: Bytes::new(),
            ended: false,
            between_bytes,
            deadline: Box::pin(tokio::time::sleep(between_bytes)),
            left: most,
            most,
            progress,
            exchange,
            place,
        }
    }

    /// The next bytes from the wire; none at the end.
    fn poll_wire(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, HttpError>>> {
        loop {
            let polled = Pin::new(&mut self.incoming).poll_frame(cx);
            self.exchange.waits(polled.is_pending());
            self.place.asked.unfinished(!matches!(polled, Poll::Ready(None | Some(Ok(_)))));
            let Poll::Ready(frame) = polled else {
                ready!(self.deadline.as_mut().poll(cx));
                return Poll::Ready(Some(Err(HttpError::ConnectionReadTimeout)));
            };
            self.deadline.as_mut().reset(Instant::now() + self.between_bytes);
            match frame {
                None => return Poll::Ready(None),
                Some(Err(fault)) => return Poll::Ready(Some(Err(wasi_error(&fault)))),
                // Trailers say nothing that the tap needs.
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.progress.received(bytes.len());
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
            }
        }
    }

    /// Unpacks what has been received, or as much of it as is enough; none if that gave nothing yet.
    fn unpack(&mut self) -> Result<Option<Bytes>, HttpError> {
        let Some(unpacker) = &mut self.unpacker else { return Ok(None) };
        if self.packed.is_empty() && self.ended {
            unpacker.try_finish().map_err(|_| HttpError::HttpResponseIncomplete)?;
        }
        while !self.packed.is_empty() && unpacker.get_ref().len() < ENOUGH {
            let step = self.packed.split_to(self.packed.len().min(STEP));
            unpacker.write_all(&step).map_err(|_| HttpError::HttpResponseContentCoding(Some("gzip".into())))?;
        }
        let unpacked = std::mem::take(unpacker.get_mut());
        Ok((!unpacked.is_empty()).then(|| Bytes::from(unpacked)))
    }

    /// Refuses an answer that is too long.
    fn counted(&mut self, bytes: Bytes) -> Result<Bytes, HttpError> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or(HttpError::HttpResponseBodySize(Some(self.most)))?;
        Ok(bytes)
    }

    fn poll_unpacked(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, HttpError>>> {
        loop {
            if !self.packed.is_empty() || self.ended {
                match self.unpack() {
                    Ok(Some(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                    Ok(None) if self.ended && self.packed.is_empty() => return Poll::Ready(None),
                    Ok(None) => continue,
                    Err(fault) => return Poll::Ready(Some(Err(fault))),
                }
            }
            match ready!(self.poll_wire(cx)) {
                Some(Ok(bytes)) => self.packed = bytes,
                Some(Err(fault)) => return Poll::Ready(Some(Err(fault))),
                None => self.ended = true,
            }
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let this = &mut *self;
        let next = if this.unpacker.is_some() { ready!(this.poll_unpacked(cx)) } else { ready!(this.poll_wire(cx)) };
        Poll::Ready(next.map(|bytes| bytes.and_then(|bytes| this.counted(bytes)).map(Frame::data)))
    }
}
