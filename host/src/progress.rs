//! What a run has done so far, for whoever shows it to a person.

use crate::log::printable;
use crate::spent::{Meter, Spent};
use crate::timeline::Timeline;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many streams are counted separately: a component that invents stream names cannot use more memory than that.
const MAX_STREAMS: usize = 256;

/// Shorter gaps between requests are normal.
const PAUSE: Duration = Duration::from_secs(1);

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
    /// Each stream and its records, in the order in which they came.
    streams: Vec<(String, u64)>,
    /// The place of the latest stream.
    latest: Option<usize>,
    idle_since: Option<Instant>,
    /// When the first request left.
    begun: Option<Instant>,
    timeline: Timeline,
    meter: Meter,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
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
    /// Each stream that came so far, and its records handed to the sink.
    pub streams: Vec<(String, u64)>,
    /// How long no request has been in flight, after the first one: the tap waits for the store's quota, or for its sink.
    pub idle: Option<Duration>,
}

impl Progress {
    /// The counters now.
    pub fn snapshot(&self) -> Snapshot {
        let current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        let streams: Vec<(String, u64)> = current.streams.iter().map(|(name, records)| (printable(name), *records)).collect();
        Snapshot {
            requests: self.0.requests.load(Relaxed),
            in_flight: self.0.in_flight.load(Relaxed),
            bytes: self.0.bytes.load(Relaxed),
            records: self.0.records.load(Relaxed),
            stream: current.latest.and_then(|latest| Some(streams.get(latest)?.0.clone())),
            streams,
            idle: current.idle_since.map(|since| since.elapsed()),
        }
    }

    /// When the run asked the store, until now.
    pub fn timeline(&self) -> Timeline {
        let current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        let mut timeline = current.timeline.clone();
        current.pause(Instant::now(), &mut timeline);
        timeline
    }

    /// Where the run's time went, up to now. If several runs share this, it is the time of the run that began last.
    pub fn spent(&self) -> Spent {
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner).meter.spent()
    }

    /// A run begins.
    pub(crate) fn measured_by(&self, meter: &Meter) {
        self.current(|current| current.meter = meter.clone());
    }

    /// Counts a request; it is in flight until the guard is dropped.
    pub(crate) fn request(&self) -> InFlight {
        self.0.requests.fetch_add(1, Relaxed);
        self.0.in_flight.fetch_add(1, Relaxed);
        self.current(|current| current.asks(Instant::now()));
        InFlight(self.clone())
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// Counts a message of a stream; `records` is 1 for a RECORD, 0 for a SCHEMA.
    pub(crate) fn message(&self, stream: &str, records: u64) {
        self.0.records.fetch_add(records, Relaxed);
        self.current(|current| current.count(stream, records));
    }

    fn current(&self, change: impl FnOnce(&mut Current)) {
        change(&mut self.0.current.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Current {
    fn asks(&mut self, now: Instant) {
        let mut timeline = std::mem::take(&mut self.timeline);
        self.pause(now, &mut timeline);
        timeline.request(now - *self.begun.get_or_insert(now));
        (self.timeline, self.idle_since) = (timeline, None);
    }

    /// Adds the pause that lasts until now, if there is one.
    fn pause(&self, now: Instant, timeline: &mut Timeline) {
        if let (Some(begun), Some(since)) = (self.begun, self.idle_since)
            && now - since >= PAUSE
        {
            timeline.wait(since - begun, now - begun);
        }
    }

    fn count(&mut self, stream: &str, records: u64) {
        let is_it = |place: &usize| self.streams.get(*place).is_some_and(|(name, _)| name == stream);
        let known = self.latest.filter(is_it).or_else(|| self.streams.iter().position(|(name, _)| name == stream));
        let place = known.unwrap_or(self.streams.len());
        if known.is_none() && place < MAX_STREAMS {
            self.streams.push((stream.to_owned(), 0));
        }
        self.latest = (place < MAX_STREAMS).then_some(place);
        if let Some((_, count)) = self.streams.get_mut(place) {
            *count += records;
        }
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
    fn records_are_counted_by_stream_and_a_name_cannot_steer_a_terminal() {
        let progress = Progress::default();
        for (stream, records) in [("orders", 0), ("orders", 1), ("a\x1b[2J", 1), ("orders", 1)] {
            progress.message(stream, records);
        }
        let now = progress.snapshot();
        assert_eq!((now.records, now.stream.as_deref()), (3, Some("orders")));
        assert_eq!(now.streams, [("orders".to_owned(), 2), ("a [2J".to_owned(), 1)]);
        (0..2 * MAX_STREAMS).for_each(|place| progress.message(&place.to_string(), 1));
        let now = progress.snapshot();
        assert_eq!((now.records, now.stream, now.streams.len()), (3 + 2 * MAX_STREAMS as u64, None, MAX_STREAMS));
    }

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

    #[test]
    fn a_long_time_without_a_request_is_a_wait_and_a_short_one_is_none() {
        let (mut current, begun) = (Current::default(), Instant::now());
        current.asks(begun);
        for (idle, asks) in [(10, 10 + PAUSE.as_millis() as u64 / 2), (800, 4800)] {
            current.idle_since = Some(begun + Duration::from_millis(idle));
            current.asks(begun + Duration::from_millis(asks));
        }
        let stretches = current.timeline.stretches();
        assert_eq!(stretches.iter().map(|stretch| stretch.requests).sum::<u64>(), 3);
        assert_eq!(stretches.iter().map(|stretch| stretch.waited).sum::<Duration>(), Duration::from_secs(4));
    }
}
