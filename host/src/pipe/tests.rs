use super::*;
use std::time::Instant;

#[derive(Clone, Default)]
struct Seen {
    lines: Arc<Mutex<Vec<String>>>,
    flushes: Arc<Mutex<usize>>,
    fail_at: Option<usize>,
}

impl Sink for Seen {
    fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        let mut lines = self.lines.lock().unwrap();
        if self.fail_at == Some(lines.len()) {
            return Err(SinkError::new("the disk is full"));
        }
        lines.push(String::from_utf8(message.line().to_vec()).unwrap());
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        *self.flushes.lock().unwrap() += 1;
        Ok(())
    }
}

/// Keeps what it has taken only with its last message, as a sink does that completes files.
struct AtTheEnd(bool);

impl Sink for AtTheEnd {
    fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        self.0 = message.line() != br#"{"type":"STATE","value":{"n":3}}"#;
        Ok(())
    }

    fn is_waiting(&self) -> bool {
        self.0
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        Err(SinkError::new("the disk is full"))
    }
}

#[tokio::test]
async fn a_state_that_does_not_count_yet_is_not_where_to_resume() {
    for (last, kept) in [(2, None), (3, Some(r#"{"n":3}"#)), (4, Some(r#"{"n":3}"#))] {
        let (mut output, outcome) = pipe(AtTheEnd(false), Progress::default());
        for number in 1..=last {
            let line = format!("{{\"type\":\"STATE\",\"value\":{{\"n\":{number}}}}}\n");
            output.blocking_write_and_flush(Bytes::from(line)).await.unwrap();
        }
        drop(output);
        let done = outcome.get().await;
        assert!(done.result.is_err());
        assert_eq!(done.state.as_deref(), kept, "after {last} states");
    }
}

/// Takes no line before the gate is open.
struct Gated {
    inner: Seen,
    begun: Arc<AtomicBool>,
    gate: std::sync::mpsc::Receiver<()>,
}

impl Sink for Gated {
    fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        self.begun.store(true, Ordering::SeqCst);
        // It opens when the other end goes.
        let _ = self.gate.recv();
        self.inner.write(message)
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.inner.flush()
    }
}

fn pipe<S: Sink + 'static>(sink: S, progress: Progress) -> (GuestOutput, Outcome<S>) {
    start(sink, progress, Meter::default(), Events::new("", None), 1 << 20).unwrap_or_else(|(_, fault)| panic!("{fault}"))
}

async fn write(output: &mut GuestOutput, text: &str) -> StreamResult<()> {
    output.write_ready().await?;
    output.write(Bytes::from(text.to_owned()))
}

#[tokio::test]
async fn lines_are_cut_once_whatever_the_chunks() {
    let seen = Seen::default();
    let progress = Progress::default();
    let (mut output, outcome) = pipe(seen.clone(), progress.clone());
    for chunk in [r#"{"type":"RECORD","stream":"ord"#, "ers\"}\n\n{\"type\":\"STATE\"}\n", "torn"] {
        write(&mut output, chunk).await.unwrap();
    }
    drop(output);
    outcome.get().await.result.unwrap();
    assert_eq!(*seen.lines.lock().unwrap(), [r#"{"type":"RECORD","stream":"orders"}"#, r#"{"type":"STATE"}"#]);
    assert_eq!((progress.snapshot().records, progress.snapshot().stream.as_deref()), (1, Some("orders")));
}

#[tokio::test]
async fn a_flush_is_over_when_the_sink_has_flushed() {
    let seen = Seen::default();
    let (mut output, outcome) = pipe(seen.clone(), Progress::default());
    output.blocking_write_and_flush(Bytes::from_static(b"{}\n")).await.unwrap();
    assert_eq!((seen.lines.lock().unwrap().len(), *seen.flushes.lock().unwrap()), (1, 1));
    drop(output);
    outcome.get().await.result.unwrap();
}

#[tokio::test]
async fn a_flush_that_nobody_waits_for_reaches_the_sink() {
    // With room in the channel, and with none: then the sink is held at its first line until the flush has been asked for.
    for lines in [1, CHUNKS + 1] {
        let (seen, begun) = (Seen::default(), Arc::new(AtomicBool::new(false)));
        let (closed, gate) = std::sync::mpsc::channel::<()>();
        let sink = Gated { inner: seen.clone(), begun: begun.clone(), gate };
        let (mut output, outcome) = pipe(sink, Progress::default());
        for _ in 0..lines {
            write(&mut output, "{}\n").await.unwrap();
            // The first one leaves the channel.
            while !begun.load(Ordering::SeqCst) {
                tokio::task::yield_now().await;
            }
        }
        output.flush().unwrap();
        drop(closed);
        while *seen.flushes.lock().unwrap() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(seen.lines.lock().unwrap().len(), lines);
        drop(output);
        outcome.get().await.result.unwrap();
    }
}

#[tokio::test]
async fn a_failed_sink_closes_the_stream_and_keeps_its_own_words() {
    let seen = Seen { fail_at: Some(0), ..Seen::default() };
    let (mut output, outcome) = pipe(seen, Progress::default());
    while write(&mut output, "{}\n").await.is_ok() {}
    assert!(matches!(output.check_write(), Err(StreamError::Closed)));
    drop(output);
    assert_eq!(outcome.get().await.result.unwrap_err().to_string(), "the disk is full");
}

#[tokio::test]
async fn a_sink_that_does_not_keep_up_holds_the_component_back() {
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let (entered, mut at_gate) = mpsc::unbounded_channel();
    let wait = move |_: &[u8]| {
        // Both ends are gone once the test has seen enough.
        let _ = entered.send(());
        let _ = gate.recv();
        Ok(())
    };
    let (mut output, outcome) = pipe(wait, Progress::default());
    write(&mut output, "{}\n").await.unwrap();
    at_gate.recv().await.unwrap();
    // The sink holds a line, so what follows fills the channel. No time passes here: a write is ready when it is asked, or not.
    for _ in 0..CHUNKS {
        tokio::time::timeout(Duration::ZERO, write(&mut output, "{}\n")).await.expect("there is room").unwrap();
    }
    assert!(tokio::time::timeout(Duration::ZERO, write(&mut output, "{}\n")).await.is_err(), "the channel is not bounded");
    open.send(()).unwrap();
    write(&mut output, "{}\n").await.unwrap();
    drop((open, output));
    outcome.get().await.result.unwrap();
}

const STATE: &str = "{\"type\":\"STATE\",\"value\":{\"n\":1}}\n";

#[tokio::test]
async fn the_sink_and_the_last_flushed_state_are_returned_however_the_run_ends() {
    for ends_well in [true, false] {
        let seen = Seen { fail_at: (!ends_well).then_some(2), ..Seen::default() };
        let (mut output, outcome) = pipe(seen, Progress::default());
        output.blocking_write_and_flush(Bytes::from_static(STATE.as_bytes())).await.unwrap();
        write(&mut output, &STATE.replace('1', "2")).await.unwrap();
        // The third one fails, and with it what was not flushed.
        let _ = write(&mut output, "{}\n").await;
        drop(output);
        let done = outcome.get().await;
        assert_eq!(done.result.is_ok(), ends_well);
        assert_eq!(done.state.as_deref(), Some(if ends_well { r#"{"n":2}"# } else { r#"{"n":1}"# }));
        assert!(done.sink.lines.lock().unwrap().len() >= 2);
    }
}

#[tokio::test]
async fn a_sink_that_panics_is_a_fault_like_any_other() {
    let (mut output, outcome) = pipe(|_: &[u8]| panic!("the cellar is flooded"), Progress::default());
    while write(&mut output, "{}\n").await.is_ok() {}
    drop(output);
    assert!(outcome.get().await.result.unwrap_err().to_string().contains("panicked"));
}

#[tokio::test]
async fn dropping_a_run_drops_its_sink_unless_it_blocks() {
    /// Something that nobody else may have at the same time.
    struct Held(#[expect(dead_code, reason = "it is only held")] Arc<()>);
    impl Sink for Held {
        fn write(&mut self, _: &Message<'_>) -> Result<(), SinkError> {
            Ok(())
        }
    }
    struct Slow(#[expect(dead_code, reason = "it is only held")] Arc<()>);
    impl Sink for Slow {
        fn write(&mut self, _: &Message<'_>) -> Result<(), SinkError> {
            Ok(())
        }
        fn finish(&mut self) -> Result<(), SinkError> {
            thread::sleep(LEAVE / 4);
            Ok(())
        }
    }
    let held = Arc::new(());
    let (mut output, outcome) = pipe(Held(held.clone()), Progress::default());
    write(&mut output, STATE).await.unwrap();
    drop(output);
    drop(outcome);
    assert_eq!(Arc::strong_count(&held), 1);
    // The same while the sink ends.
    let (mut output, outcome) = pipe(Slow(held.clone()), Progress::default());
    write(&mut output, STATE).await.unwrap();
    drop(output);
    assert!(tokio::time::timeout(Duration::from_millis(20), outcome.get()).await.is_err());
    assert_eq!(Arc::strong_count(&held), 1);
    // One that blocks is not waited for.
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let (mut output, outcome) = pipe(
        move |_: &[u8]| {
            let _ = gate.recv();
            Ok(())
        },
        Progress::default(),
    );
    write(&mut output, STATE).await.unwrap();
    drop(output);
    let begun = Instant::now();
    drop(outcome);
    assert!(begun.elapsed() < LEAVE * 30);
    drop(open);
}
