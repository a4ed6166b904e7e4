//! Bodies on the wire: whole, compressed, slow or broken.

use std::io::{self, Write};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream::{self, BoxStream, StreamExt};
use http_body_util::StreamBody;
use hyper::body::Frame;
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue};

use crate::faults::Delivery;
use crate::http::Response;

pub(super) type Body = StreamBody<BoxStream<'static, io::Result<Frame<Bytes>>>>;

/// How much a false `Content-Length` is above the truth.
const MISSING: usize = 64;

/// The response as hyper sends it, with its body compressed if there is such a one. Fails only on headers that cannot be written, which ends the
/// connection.
pub(super) fn response(answer: Response, delivery: Delivery, compressed: Option<Bytes>) -> io::Result<hyper::Response<Body>> {
    let mut response = hyper::Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    if compressed.is_some() {
        response = response.header(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let bytes = compressed.unwrap_or_else(|| Bytes::from(answer.body));
    if delivery == Delivery::WrongContentLength {
        response = response.header(CONTENT_LENGTH, bytes.len() + MISSING);
    }
    response.body(body(bytes, delivery)).map_err(io::Error::other)
}

fn body(bytes: Bytes, delivery: Delivery) -> Body {
    let frames = match delivery {
        Delivery::ResetMidBody => {
            let half = bytes.slice(..bytes.len() / 2);
            stream::iter([Ok(Frame::data(half)), Err(io::Error::other("a fault breaks this answer"))]).boxed()
        }
        Delivery::Drip { bytes: size, every } => drip(bytes, size.max(1), every),
        _ if bytes.is_empty() => stream::empty().boxed(),
        _ => stream::iter([Ok(Frame::data(bytes))]).boxed(),
    };
    StreamBody::new(frames)
}

fn drip(bytes: Bytes, size: usize, every: Duration) -> BoxStream<'static, io::Result<Frame<Bytes>>> {
    stream::unfold(bytes, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(every).await;
        let piece = rest.split_to(size.min(rest.len()));
        Some((Ok(Frame::data(piece)), rest))
    })
    .boxed()
}

pub(super) fn compress(bytes: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish().map(Bytes::from)
}
