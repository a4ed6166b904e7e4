//! A request's body, read with time limits: waki's own `Request` waits for the next part without one.

use crate::refusal::Refusal;
use std::time::{Duration, Instant};
use waki::bindings::wasi::clocks::monotonic_clock::subscribe_duration;
use waki::bindings::wasi::http::types::{IncomingBody, IncomingRequest, InputStream};
use waki::bindings::wasi::io::poll::{Pollable, poll};
use waki::bindings::wasi::io::streams::StreamError;

/// Larger bodies are refused. A batch of the driver, with its largest line, fits.
const MOST: usize = 65 << 20;
/// How long the next part may take.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Bytes per read.
const CHUNK: u64 = 256 << 10;
/// How much of a refused body is still read, and for how long: many clients read no response until they have sent everything.
const MOST_UNUSED: usize = 1 << 20;
const LONGEST_UNUSED: Duration = Duration::from_secs(5);

/// A body that is being read.
pub(crate) struct Body {
    // Fields drop in this order, and a resource must go before the one it came from.
    ready: Pollable,
    stream: InputStream,
    _incoming: IncomingBody,
}

/// Why reading a part failed.
enum Stop {
    /// Nothing came in time.
    Late,
    Broken,
}

impl Body {
    /// None if the host provides no body.
    pub(crate) fn of(request: &IncomingRequest) -> Option<Body> {
        let incoming = request.consume().ok()?;
        let stream = incoming.stream().ok()?;
        Some(Body { ready: stream.subscribe(), stream, _incoming: incoming })
    }

    /// All of it.
    pub(crate) fn whole(&self) -> Result<Vec<u8>, Refusal> {
        let mut body = Vec::new();
        while let Some(bytes) = self.part(LONGEST_WAIT).map_err(Refusal::from)? {
            if body.len() + bytes.len() > MOST {
                return Err(Refusal::new(413, "body", format!("a body may have {MOST} bytes at most; send the lines in parts")));
            }
            body.extend_from_slice(&bytes);
        }
        Ok(body)
    }

    /// Drains what a refused client is still sending.
    pub(crate) fn discard(&self) {
        let (began, mut read) = (Instant::now(), 0);
        while let Ok(Some(bytes)) = self.part(LONGEST_UNUSED.saturating_sub(began.elapsed())) {
            read += bytes.len();
            if read > MOST_UNUSED {
                return;
            }
        }
    }

    /// The next part, if it comes in time. None: this was all.
    fn part(&self, limit: Duration) -> Result<Option<Vec<u8>>, Stop> {
        let limit = subscribe_duration(u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX));
        loop {
            match self.stream.read(CHUNK) {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Ok(Some(bytes)),
                Err(StreamError::Closed) => return Ok(None),
                Err(StreamError::LastOperationFailed(_)) => return Err(Stop::Broken),
            }
            if poll(&[&self.ready, &limit]).contains(&1) {
                return Err(Stop::Late);
            }
        }
    }
}

impl From<Stop> for Refusal {
    fn from(stop: Stop) -> Refusal {
        match stop {
            Stop::Late => {
                let text =
                    format!("no more of the request's body has arrived for {} s; send the lines again", LONGEST_WAIT.as_secs());
                Refusal::new(408, "body", text)
            }
            Stop::Broken => Refusal::new(400, "body", "the request's body was truncated; nothing of it was appended"),
        }
    }
}
