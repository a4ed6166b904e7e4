//! What a run has done so far, for whoever shows it to a person.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counters that a run keeps while it is under way. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    in_flight: AtomicU64,
    bytes: AtomicU64,
    records: AtomicU64,
    current: Mutex<Current>,
}

#[derive(Debug, Default)]
struct Current {
    stream: Option<String>,
    idle_since: Option<Instant>,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Requests sent, retries included.
    pub requests: u64,
    /// Requests whose answer has not been read to its end.
    pub in_flight: u64,
    /// Bytes of answers received, as they came over the wire.
    pub bytes: u64,
    /// Records handed to the sink.
    pub records: u64,
    /// The stream of the latest SCHEMA or RECORD.
    pub stream: Option<String>,
    /// How long no request has been in flight, after the first one: the tap waits for the store's quota, or for its sink.
    pub idle: Option<Duration>,
}

impl Progress {
    /// The counters now.
    pub fn snapshot(&self) -> Snapshot {
        let current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        Snapshot {
            requests: self.0.requests.load(Relaxed),
            in_flight: self.0.in_flight.load(Relaxed),
            bytes: self.0.bytes.load(Relaxed),
            records: self.0.records.load(Relaxed),
            stream: current.stream.clone(),
            idle: current.idle_since.map(|since| since.elapsed()),
        }
    }

    /// Counts a request; it is in flight until the guard is dropped.
    pub(crate) fn request(&self) -> InFlight {
        self.0.requests.fetch_add(1, Relaxed);
        self.0.in_flight.fetch_add(1, Relaxed);
        self.current(|current| current.idle_since = None);
        InFlight(self.clone())
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn record(&self) {
        self.0.records.fetch_add(1, Relaxed);
    }

    pub(crate) fn stream(&self, name: &str) {
        self.current(|current| {
            if current.stream.as_deref() != Some(name) {
                current.stream = Some(name.to_owned());
            }
        });
    }

    fn current(&self, change: impl FnOnce(&mut Current)) {
        change(&mut self.0.current.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A request on its way.
#[derive(Debug)]
pub(crate) struct InFlight(Progress);

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.0.in_flight.fetch_sub(1, Relaxed) == 1 {
            self.0.current(|current| current.idle_since = Some(Instant::now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_in_flight_until_its_guard_goes() {
        let progress = Progress::default();
        assert_eq!(progress.snapshot().idle, None);
        let (first, second) = (progress.request(), progress.request());
        drop(first);
        assert_eq!((progress.snapshot().requests, progress.snapshot().in_flight, progress.snapshot().idle), (2, 1, None));
        drop(second);
        assert_eq!(progress.snapshot().in_flight, 0);
        assert!(progress.snapshot().idle.is_some());
    }
}
