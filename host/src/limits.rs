//! How much a run may use.

use std::time::Duration;

/// Limits for a run. The built-in component stays far below the defaults, which are meant for an unknown one.
///
/// ```
/// let mut limits = tap_bigcommerce::Limits::default();
/// limits.memory = 128 << 20;
/// limits.deadline = Some(std::time::Duration::from_secs(3600));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of memory that the component may use: 512 MiB.
    pub memory: usize,
    /// Requests, answers, streams and timers that the host keeps for the component at one time: 8,192. A request in flight has six at most, so that
    /// eight times the config's `max_concurrency` is enough.
    pub resources: usize,
    /// Requests in flight at one time: 1,024, the highest possible `max_concurrency`. A higher one in the config is lowered to
    /// this, and any further requests of another component wait.
    pub in_flight: usize,
    /// Bytes of the headers that the component makes for one request: 16 KiB.
    pub headers: usize,
    /// Bytes of one answer, unpacked: 256 MiB.
    pub answer: u64,
    /// Bytes of one message: 64 MiB.
    pub message: usize,
    /// Bytes of the log: 64 MiB. What the component says beyond that is left out.
    pub log: usize,
    /// How long the run may take before it is stopped. `None`, the default, means no limit.
    pub deadline: Option<Duration>,
    /// How long the component may continue after a stop, until the host ends it: a minute. A record with all its lists may take a while.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory: 512 << 20,
            resources: 8192,
            in_flight: 1024,
            headers: 16 << 10,
            answer: 256 << 20,
            message: 64 << 20,
            log: 64 << 20,
            deadline: None,
            grace: Duration::from_secs(60),
        }
    }
}
