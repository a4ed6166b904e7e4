//! Messages on standard output, one a line.

use super::messages::{Kind, peek};
use super::{Sink, SinkError};
use std::io::{self, BufWriter, ErrorKind, Write};

const BUFFER: usize = 256 * 1024;

/// Writes messages to standard output, or to any other writer. It is flushed at each STATE, so that whatever reads it gets the state
/// with all its records.
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

    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        self.out.write_all(line)?;
        self.out.write_all(b"\n")?;
        // A RECORD is told without parsing it.
        if peek(line).kind == Kind::State { self.out.flush() } else { Ok(()) }
    }
}

impl<W: Write + Send> Sink for StdoutSink<W> {
    fn write(&mut self, line: &[u8]) -> Result<(), SinkError> {
        self.line(line).map_err(|fault| stdout_error(&fault))
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.out.flush().map_err(|fault| stdout_error(&fault))
    }
}

/// A fault of standard output, in a sentence.
fn stdout_error(fault: &io::Error) -> SinkError {
    let what = match fault.kind() {
        ErrorKind::BrokenPipe => {
            "standard output was closed by the program that reads it; look at that program's messages".to_owned()
        }
        ErrorKind::StorageFull => "the disk that standard output goes to is full; free some space".to_owned(),
        _ => format!("standard output cannot be written: {fault}"),
    };
    SinkError::new(format!("{what}, then run again from the last state it took"))
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
    fn records_leave_with_the_state_that_covers_them() {
        let pipe = Pipe::default();
        let mut sink = StdoutSink::to(pipe.clone());
        sink.write(br#"{"type":"RECORD","stream":"orders","record":{}}"#).unwrap();
        assert!(pipe.0.lock().unwrap().is_empty());
        sink.write(br#"{"type":"STATE","value":{}}"#).unwrap();
        let written = String::from_utf8(pipe.0.lock().unwrap().clone()).unwrap();
        assert_eq!(written.lines().count(), 2);
        assert!(written.ends_with('\n'));
    }

    #[test]
    fn faults_are_told_in_a_sentence() {
        for (kind, words) in [(ErrorKind::BrokenPipe, "closed by the program"), (ErrorKind::StorageFull, "is full")] {
            let mut sink = StdoutSink::to(Pipe(Arc::default(), Some(kind)));
            let fault = sink.write(br#"{"type":"STATE","value":{}}"#).unwrap_err().to_string();
            assert!(fault.contains(words), "{fault}");
        }
    }
}
