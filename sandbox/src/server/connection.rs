//! One connection: its requests, and what it does as a whole.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use chrono::Utc;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

use super::body;
use super::shared::Shared;
use crate::answer::Answer;
use crate::faults::Delivery;
use crate::http::Request;

/// What the requests of one connection share.
#[derive(Debug, Default)]
struct Line {
    requests: AtomicU64,
    full: Notify,
    silent: AtomicBool,
}

/// Answers requests until the client is gone or the connection has had as many as it may.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(stream: S, shared: &Arc<Shared>) {
    let line = Arc::new(Line::default());
    let service = service_fn(|request| {
        let (shared, line) = (Arc::clone(shared), Arc::clone(&line));
        async move { handle(&shared, &line, &request).await }
    });
    // The date is the store's to give, or to leave out.
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().auto_date_header(false);
    server.http2().auto_date_header(false);
    let stream = Silenceable { stream, line: Arc::clone(&line) };
    let mut serving = pin!(server.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // Connections break here when a fault asks for it; the client sees what there is to see.
        _ = serving.as_mut() => return,
        () = line.full.notified() => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}

async fn handle(shared: &Shared, line: &Line, request: &hyper::Request<Incoming>) -> io::Result<hyper::Response<body::Body>> {
    let _in_flight = shared.enter_request();
    let nth = line.requests.fetch_add(1, Ordering::SeqCst) + 1;
    if shared.requests_per_connection.is_some_and(|most| nth >= most) {
        line.full.notify_one();
    }
    let request = plain(request);
    let Answer { response, delivery } = shared.lock().answer(&request, Utc::now());
    if !shared.latency.is_zero() {
        tokio::time::sleep(shared.latency).await;
    }
    match delivery {
        Delivery::Stall => std::future::pending().await,
        Delivery::StallConnection => {
            line.silent.store(true, Ordering::SeqCst);
            std::future::pending().await
        }
        Delivery::CloseBeforeAnswer => Err(io::Error::other("a fault closes this connection")),
        delivery => {
            let gzip = accepts_gzip(&request) && !response.body.is_empty();
            let compressed = gzip.then(|| shared.compressed(request.target(), response.status, &response.body)).transpose()?;
            body::response(response, delivery, compressed)
        }
    }
}

fn plain(request: &hyper::Request<Incoming>) -> Request {
    let headers =
        request.headers().iter().map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    Request {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
    }
}

fn accepts_gzip(request: &Request) -> bool {
    request.header("Accept-Encoding").is_some_and(|codings| {
        codings.split(',').any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            name.trim().eq_ignore_ascii_case("gzip") && !matches!(weight.trim(), "q=0" | "q=0.0")
        })
    })
}

/// A stream that sends nothing more once its line is silent, not even answers to pings: what is written and what comes is thrown away, so
/// that it notices when the client closes it.
struct Silenceable<S> {
    stream: S,
    line: Arc<Line>,
}

impl<S> Silenceable<S> {
    fn is_silent(&self) -> bool {
        self.line.silent.load(Ordering::SeqCst)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Silenceable<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.is_silent() {
            let mut scratch = [0; 4096];
            let mut unheard = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut unheard))?;
            if unheard.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Silenceable<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_silent() { Poll::Ready(Ok(bytes.len())) } else { Pin::new(&mut self.stream).poll_write(cx, bytes) }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_silent() { Poll::Ready(Ok(())) } else { Pin::new(&mut self.stream).poll_flush(cx) }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
