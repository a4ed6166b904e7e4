//! Ctrl-C and SIGTERM: the first asks the run to end after the current record, the second ends the program and its target.

use crate::console::Console;
use crate::target::Group;
use std::process;
use tap_bigcommerce::{Kind, Stop};

/// Listens for signals from now on, and waits for them for as long as it is polled.
pub(crate) fn watch(stop: Stop, console: Console, target: Group) -> impl Future<Output = ()> {
    let signals = Signals::listen();
    async move {
        match signals {
            Ok(signals) => obey(signals, stop, console, target).await,
            Err(_) => console.tell(
                "WARNING signal handlers cannot be installed; Ctrl-C ends this run at once, and the next one resumes from its last state",
            ),
        }
    }
}

async fn obey(mut signals: Signals, stop: Stop, console: Console, target: Group) {
    signals.next().await;
    console.tell("INFO stopping after the current record; a second Ctrl-C stops at once");
    stop.request();
    signals.next().await;
    console.clear();
    target.terminate();
    // Exiting now is safe: uncommitted data is discarded, and committed data is not touched again.
    process::exit(Kind::Cancelled.exit_code().into());
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn listen() -> std::io::Result<Signals> {
        tokio::signal::windows::ctrl_c().map(Signals)
    }

    async fn next(&mut self) {
        let _ = self.0.recv().await;
    }
}
