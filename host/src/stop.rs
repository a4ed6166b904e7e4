//! The request to end a run early.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Asks one or more runs to end: each finishes its current record and writes a last STATE. All clones are the same request.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Stop {
    /// A request that nobody has made yet.
    pub fn new() -> Stop {
        Stop(Arc::new(watch::Sender::new(false)))
    }

    /// Makes the request. It cannot be taken back.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// Whether the request has been made.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the request is made.
    pub async fn requested(&self) {
        let mut receiver = self.0.subscribe();
        // The sender lives as long as `self`, so the wait ends only with the request.
        let _ = receiver.wait_for(|requested| *requested).await;
    }
}

impl Default for Stop {
    fn default() -> Stop {
        Stop::new()
    }
}

/// The end of a run, as it is asked for: by its stop, or because its time is over.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    stop: Stop,
    deadline: Option<Instant>,
}

impl Ending {
    pub(crate) fn new(stop: Stop, time: Option<Duration>) -> Ending {
        // A deadline beyond the clock's range is no deadline.
        Ending { stop, deadline: time.and_then(|time| Instant::now().checked_add(time)) }
    }

    async fn wanted(&self) {
        match self.deadline {
            None => self.stop.requested().await,
            Some(deadline) => tokio::select! {
                () = self.stop.requested() => {}
                () = tokio::time::sleep_until(deadline) => {}
            },
        }
    }

    /// Waits until the end has been asked for, and so much time has passed since.
    pub(crate) async fn is_unheeded(&self, grace: Duration) {
        self.wanted().await;
        tokio::time::sleep(grace).await;
    }
}

#[wasmtime_wasi::async_trait]
impl wasmtime_wasi::p2::Pollable for Ending {
    async fn ready(&mut self) {
        self.wanted().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_reaches_every_clone_and_stays() {
        let stop = Stop::new();
        let clone = stop.clone();
        let waiting = tokio::spawn(async move { clone.requested().await });
        assert!(!stop.is_requested());
        stop.request();
        waiting.await.unwrap();
        stop.requested().await;
        assert!(stop.is_requested());
    }
}
