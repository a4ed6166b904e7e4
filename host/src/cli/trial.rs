//! `--test`: each selected stream is read to its first record, or its SCHEMA is written, and no state is.

use super::args::Test;
use super::console::Console;
use super::signals;
use tap_bigcommerce::sinks::{Message, StdoutSink};
use tap_bigcommerce::{Result, Sink, SinkError, Stop, SyncRequest, Tap};
use tap_bigcommerce_core::error::summarize;
use tap_bigcommerce_core::plan::{Inputs, Plan};
use tap_bigcommerce_core::singer::message;
use tap_bigcommerce_core::trial::{FAILED, Sample, outcome, runs};
use tokio::task::JoinSet;

/// Tries what was asked for. Fails if a stream does, once all have been tried.
pub(crate) async fn run(test: Test, console: &Console, tap: &Tap, inputs: &Inputs) -> Result<()> {
    match test {
        Test::Schema => Plan::new(inputs)?.write_schemas(&mut Stdout(StdoutSink::new())).await,
        Test::All => records(console, tap, inputs).await,
    }
}

async fn records(console: &Console, tap: &Tap, inputs: &Inputs) -> Result<()> {
    let stop = Stop::new();
    let mut background = JoinSet::new();
    background.spawn(signals::watch(stop.clone(), console.clone()));
    let mut failed = Vec::new();
    for (stream, inputs) in runs(inputs)? {
        let (config, catalog, max_records) = (inputs.config, inputs.catalog, inputs.max_records);
        let request = SyncRequest { config, catalog, max_records, ..SyncRequest::default() };
        let sink = SampleSink { sample: Sample::default(), stdout: StdoutSink::new() };
        let summary = tap.sync(request, Box::new(sink), &stop).await?;
        match summary.streams.iter().find_map(|stream| stream.failure.clone()) {
            None => {
                console.tell(&format!("INFO {stream}: {}", outcome(summary.streams.iter().map(|stream| stream.records).sum())))
            }
            Some(failure) => failed.push((stream, failure)),
        }
    }
    let failed = failed.iter().map(|(stream, failure)| (*stream, failure));
    summarize(FAILED, failed).map_or(Ok(()), Err)
}

/// Standard output for the messages of a trial.
struct SampleSink {
    sample: Sample,
    stdout: StdoutSink,
}

impl Sink for SampleSink {
    fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        if self.sample.takes(message.line()) { self.stdout.write(message) } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.stdout.flush()
    }
}

/// Standard output for messages that this program makes itself.
struct Stdout(StdoutSink);

impl message::Sink for Stdout {
    async fn write(&mut self, lines: &[u8]) -> Result<(), String> {
        let mut lines = lines.split(|&b| b == b'\n').filter(|line| !line.is_empty());
        let written = lines.try_for_each(|line| self.0.write(&Message::read(line)));
        written.and_then(|()| self.0.flush()).map_err(|fault| fault.to_string())
    }
}
