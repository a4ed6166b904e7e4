//! When a run sent requests and when it could not: just enough data for a chart, however long the run is.

use std::time::Duration;

/// How many stretches are kept at most. In a longer run each of them is longer.
const MOST: usize = 120;
/// How long a stretch is at first.
const SHORTEST: Duration = Duration::from_millis(10);

/// The requests of a run over time, from the first one on, in at most 120 stretches of equal length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    span: Duration,
    stretches: Vec<Stretch>,
}

/// What happened in one stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    /// Requests sent, retries included.
    pub requests: u64,
    /// How long in it the run had no request under way: it waited for the store's quota, before another try, or for its sink. Pauses of less than a
    /// second are not counted.
    pub waited: Duration,
}

impl Default for Timeline {
    fn default() -> Timeline {
        Timeline { span: SHORTEST, stretches: Vec::new() }
    }
}

impl Timeline {
    /// How long each stretch is.
    pub fn span(&self) -> Duration {
        self.span
    }

    /// The stretches, one after the other.
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// Counts a request that was sent so long after the first.
    pub(crate) fn request(&mut self, at: Duration) {
        self.at(at).requests += 1;
    }

    /// Counts a wait between two moments after the first request.
    pub(crate) fn wait(&mut self, from: Duration, to: Duration) {
        self.at(to);
        let mut from = from;
        while from < to {
            let place = self.place(from);
            let end = (self.span * (place as u32 + 1)).min(to);
            self.stretches[place].waited += end - from;
            from = end;
        }
    }

    fn at(&mut self, moment: Duration) -> &mut Stretch {
        while self.place(moment) >= MOST {
            self.halve();
        }
        let place = self.place(moment);
        if self.stretches.len() <= place {
            self.stretches.resize(place + 1, Stretch::default());
        }
        &mut self.stretches[place]
    }

    fn place(&self, moment: Duration) -> usize {
        usize::try_from(moment.as_nanos() / self.span.as_nanos()).unwrap_or(usize::MAX)
    }

    /// Merges every two stretches into one.
    fn halve(&mut self) {
        self.span = self.span.saturating_mul(2);
        let both = |pair: &[Stretch]| Stretch {
            requests: pair.iter().map(|stretch| stretch.requests).sum(),
            waited: pair.iter().map(|stretch| stretch.waited).sum(),
        };
        self.stretches = self.stretches.chunks(2).map(both).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_run_of_any_length_keeps_its_totals_in_bounded_memory() {
        let mut timeline = Timeline::default();
        (0..100_000).for_each(|number| timeline.request(SECOND * number));
        timeline.wait(SECOND * 500, SECOND * 90_000);
        assert!(timeline.stretches().len() <= MOST && timeline.stretches().len() > MOST / 2);
        assert_eq!(timeline.stretches().iter().map(|stretch| stretch.requests).sum::<u64>(), 100_000);
        assert_eq!(timeline.stretches().iter().map(|stretch| stretch.waited).sum::<Duration>(), SECOND * 89_500);
        assert!(timeline.stretches().iter().all(|stretch| stretch.waited <= timeline.span()));
        let end = timeline.span() * timeline.stretches().len() as u32;
        assert!(end >= SECOND * 99_999 && end < SECOND * 99_999 + timeline.span());
    }

    #[test]
    fn a_wait_is_spread_over_the_stretches_that_it_fills() {
        let mut timeline = Timeline::default();
        timeline.wait(Duration::from_millis(15), Duration::from_millis(35));
        let waited: Vec<u128> = timeline.stretches().iter().map(|stretch| stretch.waited.as_millis()).collect();
        assert_eq!(waited, [0, 5, 10, 5]);
    }

    #[test]
    fn no_moment_is_too_late() {
        let mut timeline = Timeline::default();
        timeline.request(Duration::MAX);
        assert_eq!(timeline.stretches().iter().map(|stretch| stretch.requests).sum::<u64>(), 1);
    }
}
