//! Messages on standard output, one per line.

use super::target::{Opened, Opening, Target};
use super::{Message, Sink, SinkError};
use std::io::{self, BufWriter, ErrorKind, Write};

const BUFFER: usize = 256 * 1024;

/// `--output stdout`.
pub(super) struct ToStdout;

impl Target for ToStdout {
    fn scheme(&self) -> &'static str {
        "stdout"
    }

    fn promise(&self) -> &'static str {
        "the messages as they are, one per line, for a Singer target; whoever reads them keeps the state"
    }

    fn open(&self, _: &Opening<'_>) -> Result<Opened, SinkError> {
        Ok(Opened::new(StdoutSink::new()))
    }

    #[cfg(test)]
    fn read_back(&self, _: &std::path::Path, _: &str) -> Option<Vec<serde_json::Value>> {
        None
    }
}

/// Writes messages to standard output, or to any other writer. They are held back until the sink is flushed, 256 KiB of them at most.
pub struct StdoutSink<W: Write + Send = io::Stdout> {
    out: BufWriter<W>,
}

impl StdoutSink {
    /// A sink to standard output.
    pub fn new() -> StdoutSink {
        StdoutSink::to(io::stdout())
    }
}

impl Default for StdoutSink {
    fn default() -> StdoutSink {
        StdoutSink::new()
    }
}

impl<W: Write + Send> StdoutSink<W> {
    /// A sink to any writer.
    pub fn to(writer: W) -> StdoutSink<W> {
        StdoutSink { out: BufWriter::with_capacity(BUFFER, writer) }
    }
}

impl<W: Write + Send> Sink for StdoutSink<W> {
    fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        self.out.write_all(message.line()).and_then(|()| self.out.write_all(b"\n")).map_err(|fault| lost(&fault))
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.out.flush().map_err(|fault| lost(&fault))
    }
}

fn lost(fault: &io::Error) -> SinkError {
    SinkError::new(format!("{}, then run again from the last state it took", stdout_fault(fault)))
}

/// What happened to standard output, and what to do about it: most of a sentence.
pub fn stdout_fault(fault: &io::Error) -> String {
    match fault.kind() {
        ErrorKind::BrokenPipe => {
            "standard output was closed by the program that reads it; look at that program's messages".to_owned()
        }
        ErrorKind::StorageFull => "the disk that standard output goes to is full; free some space".to_owned(),
        _ => format!("standard output cannot be written: {fault}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Pipe(Arc<Mutex<Vec<u8>>>, Option<ErrorKind>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.1 {
                Some(kind) => Err(kind.into()),
                None => self.0.lock().unwrap().write(bytes),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn messages_leave_as_they_came_when_they_are_asked_to() {
        let pipe = Pipe::default();
        let mut sink = StdoutSink::to(pipe.clone());
        let lines = [
            r#"{"type":"RECORD","stream":"orders","record":{},"version":7}"#,
            r#"{"type":"RECORD","stream":"orders","record":{"a" : 1.10},"version":"odd"}"#,
            r#"{"stream":"orders","version":7,"type":"ACTIVATE_VERSION"}"#,
            r#"{"type":"STATE","value":{}}"#,
        ];
        lines.iter().for_each(|line| sink.write(&Message::read(line.as_bytes())).unwrap());
        assert!(pipe.0.lock().unwrap().is_empty());
        sink.flush().unwrap();
        let written = String::from_utf8(pipe.0.lock().unwrap().clone()).unwrap();
        assert_eq!(written, lines.map(|line| format!("{line}\n")).concat());
    }

    #[test]
    fn faults_are_told_in_a_sentence() {
        for (kind, words) in [(ErrorKind::BrokenPipe, "closed by the program"), (ErrorKind::StorageFull, "is full")] {
            let mut sink = StdoutSink::to(Pipe(Arc::default(), Some(kind)));
            sink.write(&Message::read(br#"{"type":"STATE","value":{}}"#)).unwrap();
            let fault = sink.flush().unwrap_err().to_string();
            assert!(fault.contains(words) && fault.contains("the last state"), "{fault}");
        }
    }
}
