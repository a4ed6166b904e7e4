//! Why a request came to nothing, as far as it changes what the driver does next.

use anyhow::Error;
use std::time::Duration;

#[derive(Debug)]
pub(crate) enum Trouble {
    /// It may pass: to be tried again, after this wait if the answer names one.
    Passing(Error, Option<Duration>),
    /// It stays until somebody does something.
    Lasting(Error),
}

impl Trouble {
    pub(crate) fn passing(why: Error) -> Trouble {
        Trouble::Passing(why, None)
    }
}

/// A wait before the next try: longer each time, at most a minute.
pub(crate) fn wait(failed: u32) -> Duration {
    Duration::from_secs(1 << failed.saturating_sub(1).min(6)).min(Duration::from_secs(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_minute() {
        let waits: Vec<u64> = (1..=9).map(|failed| wait(failed).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(wait(u32::MAX).as_secs(), 60);
    }
}
