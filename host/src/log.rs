//! The component's standard error, line by line.

use crate::event::Events;
use bytes::Bytes;
use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{DynOutputStream, OutputStream, Pollable, StreamResult};

/// Longer lines are broken, so that a component cannot fill the memory with one.
const MAX_LINE: usize = 64 * 1024;

/// A shorter token could be an ordinary word, and redacting it would spoil the log. BigCommerce's tokens have about 30
/// characters.
const LEAST_SECRET: usize = 8;

/// The text without control characters: what comes from a component must not steer a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect()
}

/// Takes the access token out of what a component says. The component does not know it, but a store's answer may repeat it.
#[derive(Clone, Default)]
pub(crate) struct Redactor(Option<Arc<str>>);

impl Redactor {
    pub(crate) fn new(token: &str) -> Redactor {
        Redactor(Some(token).filter(|token| token.len() >= LEAST_SECRET).map(Arc::from))
    }

    /// The text with `***` for the token.
    pub(crate) fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.0.as_deref() {
            Some(token) if text.contains(token) => text.replace(token, "***").into(),
            _ => text.into(),
        }
    }

    /// The text, redacted and [`printable`].
    pub(crate) fn line(&self, text: &str) -> String {
        printable(&self.redact(text))
    }
}

/// Where the component's standard error goes.
#[derive(Clone)]
pub(crate) struct LogPipe {
    events: Events,
    redactor: Redactor,
    /// Bytes that are passed on at most.
    most: usize,
    rest: Arc<Mutex<Vec<u8>>>,
    /// Bytes that the component has written.
    written: Arc<AtomicUsize>,
}

impl LogPipe {
    pub(crate) fn new(events: Events, redactor: Redactor, most: usize) -> LogPipe {
        LogPipe { events, redactor, most, rest: Arc::default(), written: Arc::default() }
    }

    /// Passes what follows the last line end to the handler. Call it when the component has ended.
    pub(crate) fn finish(&self) {
        let rest = std::mem::take(&mut *self.rest.lock().unwrap_or_else(PoisonError::into_inner));
        self.line(&rest);
    }

    fn push(&self, bytes: &[u8]) {
        let before = self.written.fetch_add(bytes.len(), Ordering::Relaxed);
        if before.saturating_add(bytes.len()) > self.most {
            if before <= self.most {
                self.events.warn("the component has filled its log; what else it says is left out");
            }
            return;
        }
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in bytes.split_inclusive(|&b| b == b'\n') {
            rest.extend_from_slice(piece);
            if rest.ends_with(b"\n") || rest.len() >= MAX_LINE {
                self.line(&std::mem::take(&mut *rest));
            }
        }
    }

    fn line(&self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end();
        if !text.is_empty() {
            self.events.line(&self.redactor.line(text));
        }
    }
}

impl IsTerminal for LogPipe {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogPipe {
    /// Only WASI 0.3 components ask for this one.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> DynOutputStream {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogPipe {
    async fn ready(&mut self) {}
}

impl OutputStream for LogPipe {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_LINE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    const MAX_LOG: usize = 1 << 20;

    fn lines_of(chunks: &[&[u8]]) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let seen = lines.clone();
        let handler = Arc::new(move |event: &Event<'_>| seen.lock().unwrap().push(event.kind.to_string()));
        let pipe = LogPipe::new(Events::new("", Some(handler)), Redactor::new("a-t0ken-"), MAX_LOG);
        chunks.iter().for_each(|chunk| pipe.push(chunk));
        pipe.finish();
        let lines = lines.lock().unwrap();
        lines.clone()
    }

    #[test]
    fn lines_are_put_together_from_pieces() {
        assert_eq!(lines_of(&[b"INFO a", b"b\nWARNING c\r\n\n", b"INFO d"]), ["INFO ab", "WARNING c", "INFO d"]);
    }

    #[test]
    fn the_token_is_taken_out_wherever_it_stands() {
        assert_eq!(lines_of(&[b"INFO a-t0", b"ken- is bad, a-t0ken-a-t0ken- too\n"]), ["INFO *** is bad, ****** too"]);
        assert_eq!(Redactor::new("").redact("nothing to hide"), "nothing to hide");
        assert_eq!(Redactor::new("coupons").redact("the coupons"), "the coupons", "a word is not a token");
        assert_eq!(Redactor::default().line("a\x07b"), "a b");
    }

    #[test]
    fn a_line_cannot_steer_a_terminal_or_grow_for_ever() {
        assert_eq!(lines_of(&[b"INFO \x1b[2Jx\xff\n"]), ["INFO  [2Jx\u{fffd}"]);
        let flood = vec![b"INFO x\n".repeat(1 << 10); MAX_LOG / (7 << 10) + 3];
        let lines = lines_of(&flood.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert!(lines.len() <= MAX_LOG / 7 + 1);
        assert_eq!(lines.iter().filter(|line| line.contains("filled its log")).count(), 1);
        let endless = vec![b'x'; MAX_LINE];
        // What begins with no level is worth a warning.
        assert_eq!(lines_of(&[&endless, &endless, b"y"]).len(), 3);
    }
}
