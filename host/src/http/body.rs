//! An answer's body on its way to the component: counted, timed, unpacked.

use super::Place;
use super::exchange::Exchange;
use super::fault::told;
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

/// How much packed data is unpacked at once. Gzip packs a thousand to one at best, so that a step gives the component a few MiB at most.
const STEP: usize = 4 * 1024;

/// The body of an answer.
pub(crate) struct AnswerBody {
    incoming: Incoming,
    unpacker: Option<MultiGzDecoder<Vec<u8>>>,
    /// Packed bytes that have been received and not unpacked.
    packed: Bytes,
    ended: bool,
    between_bytes: Duration,
    deadline: Pin<Box<Sleep>>,
    progress: Progress,
    exchange: Exchange,
    _place: Place,
}

impl AnswerBody {
    pub(crate) fn new(
        incoming: Incoming,
        gzip: bool,
        between_bytes: Duration,
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
            progress,
            exchange,
            _place: place,
        }
    }

    /// The next bytes from the wire; none at the end.
    fn poll_wire(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, HttpError>>> {
        loop {
            let polled = Pin::new(&mut self.incoming).poll_frame(cx);
            self.exchange.waits(polled.is_pending());
            let Poll::Ready(frame) = polled else {
                ready!(self.deadline.as_mut().poll(cx));
                return Poll::Ready(Some(Err(HttpError::ConnectionReadTimeout)));
            };
            self.deadline.as_mut().reset(Instant::now() + self.between_bytes);
            match frame {
                None => return Poll::Ready(None),
                Some(Err(fault)) => return Poll::Ready(Some(Err(told(&fault)))),
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

    /// Unpacks one step; none if that gave nothing yet.
    fn unpack(&mut self) -> Result<Option<Bytes>, HttpError> {
        let Some(unpacker) = &mut self.unpacker else { return Ok(None) };
        if self.packed.is_empty() && self.ended {
            unpacker.try_finish().map_err(|_| HttpError::HttpResponseIncomplete)?;
        } else {
            let step = self.packed.split_to(self.packed.len().min(STEP));
            unpacker.write_all(&step).map_err(|_| HttpError::HttpResponseContentCoding(Some("gzip".into())))?;
        }
        let unpacked = std::mem::take(unpacker.get_mut());
        Ok((!unpacked.is_empty()).then(|| Bytes::from(unpacked)))
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
        Poll::Ready(next.map(|bytes| bytes.map(Frame::data)))
    }
}
