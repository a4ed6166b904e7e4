//! Time, by the embedder's clocks.

use std::time::Duration;
use tap_bigcommerce_core::api::Clock;
use tap_bigcommerce_core::dates::{DateTime, Utc};
use wasi::clocks::{monotonic_clock, wall_clock};
use wstd::runtime::AsyncPollable;

/// The clocks of wasi:clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WasiClock;

impl Clock for WasiClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(monotonic_clock::now())
    }

    async fn sleep(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        AsyncPollable::new(monotonic_clock::subscribe_duration(nanos)).wait_for().await;
    }

    fn date(&self) -> DateTime<Utc> {
        let now = wall_clock::now();
        i64::try_from(now.seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, now.nanoseconds)).unwrap_or_default()
    }
}
