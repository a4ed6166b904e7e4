//! Where a run's time goes. The host sees when the run computes, and what it waits for otherwise.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

/// Where a run's time went: four parts, which add up to the time from its start to its end. What may be done about each is in
/// `docs/troubleshooting.md`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spent {
    /// Waiting for the store's quota: no request was under way, and none had to wait for another try. In a [`Summary`](crate::Summary) it is never more
    /// than the component says its requests waited for it.
    pub quota: Duration,
    /// Waiting for the store: for its answers, for a place among the requests in flight, or before another try of a request that failed or
    /// contradicts another.
    pub answers: Duration,
    /// Waiting for the sink, which had not taken what was written before.
    pub sink: Duration,
    /// Computing, in the component or in the host. A wait for a busy processor counts, too.
    pub computing: Duration,
}

impl Spent {
    /// All of it.
    pub fn total(&self) -> Duration {
        self.quota + self.answers + self.sink + self.computing
    }

    /// The same, with the quota's part capped at the time that the component reports. The rest is a wait for the store: the
    /// component also pauses before it checks an answer a second time.
    pub(crate) fn with_quota_at_most(self, waited: Duration) -> Spent {
        let quota = self.quota.min(waited);
        Spent { quota, answers: self.answers + (self.quota - quota), ..self }
    }
}

/// Something that may change what a run's time is spent on.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// The run has the processor, for the first time or again.
    Polled,
    /// The run has nothing to do until it is woken.
    Pending,
    /// The run has something to do.
    Woken,
    Ended,
    /// The component waits for an answer.
    Asked,
    /// It does not wait for this answer any more.
    Answered {
        failed: bool,
    },
    /// The component, or the end of the run, waits for the sink.
    SinkAwaited,
    SinkReady,
}

/// Adds up what the time is spent on, from one change to the next.
#[derive(Clone, Copy, Debug, Default)]
struct Ledger {
    spent: Spent,
    /// The moment up to which time is counted. None: the run has not begun, or has ended.
    counted: Option<Instant>,
    is_polled: bool,
    is_woken: bool,
    asked: usize,
    sink_waits: usize,
    /// Whether the last request that ended has failed. With no request in flight, the component then waits for a retry, and
    /// otherwise for the quota.
    failed: bool,
}

impl Ledger {
    fn change(&mut self, now: Instant, change: Change) {
        self.count(now);
        match change {
            Change::Polled => {
                self.counted.get_or_insert(now);
                (self.is_polled, self.is_woken) = (true, false);
            }
            Change::Pending => self.is_polled = false,
            Change::Woken => self.is_woken = true,
            Change::Ended => self.counted = None,
            Change::Asked => self.asked += 1,
            Change::Answered { failed } => {
                self.asked = self.asked.saturating_sub(1);
                self.failed = failed;
            }
            Change::SinkAwaited => self.sink_waits += 1,
            Change::SinkReady => self.sink_waits = self.sink_waits.saturating_sub(1),
        }
    }

    fn count(&mut self, now: Instant) {
        if let Some(counted) = self.counted.filter(|counted| *counted < now) {
            self.counted = Some(now);
            *self.part() += now - counted;
        }
    }

    /// The part that time counts towards now. The sink comes before answers: while the component waits for the sink, it reads no
    /// answers.
    fn part(&mut self) -> &mut Duration {
        if self.is_polled || self.is_woken {
            &mut self.spent.computing
        } else if self.sink_waits > 0 {
            &mut self.spent.sink
        } else if self.asked > 0 || self.failed {
            &mut self.spent.answers
        } else {
            &mut self.spent.quota
        }
    }
}

/// Measures one run. Clones measure the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<Mutex<Ledger>>);

impl Meter {
    /// Where the time went, until now.
    pub(crate) fn spent(&self) -> Spent {
        let mut ledger = *self.ledger();
        ledger.count(Instant::now());
        ledger.spent
    }

    /// Runs the future, from its first poll to its end or until it is dropped.
    pub(crate) async fn measure<T>(&self, run: impl Future<Output = T>) -> T {
        let _ends = Guard { meter: self, then: Change::Ended };
        let alarm = Arc::new(Alarm { meter: self.clone(), run: Mutex::new(Waker::noop().clone()) });
        let waker = Waker::from(alarm.clone());
        let mut run = pin!(run);
        poll_fn(|context| {
            alarm.wakes(context.waker());
            self.note(Change::Polled);
            let polled = run.as_mut().poll(&mut Context::from_waker(&waker));
            if polled.is_pending() {
                self.note(Change::Pending);
            }
            polled
        })
        .await
    }

    /// The sink is awaited until the guard goes.
    pub(crate) fn awaits_sink(&self) -> impl Drop + use<'_> {
        self.note(Change::SinkAwaited);
        Guard { meter: self, then: Change::SinkReady }
    }

    /// An answer is awaited until the guard goes.
    pub(crate) fn asks(&self) -> Asked {
        self.note(Change::Asked);
        Asked { meter: self.clone(), refused: false, unfinished: true }
    }

    fn note(&self, change: Change) {
        let mut ledger = self.ledger();
        // Read under the lock, so that times never go backward.
        ledger.change(Instant::now(), change);
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Guard<'m> {
    meter: &'m Meter,
    then: Change,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.meter.note(self.then);
    }
}

/// A request that the component waits for.
#[derive(Debug)]
pub(crate) struct Asked {
    meter: Meter,
    /// Whether the store has answered that it cannot answer now.
    refused: bool,
    /// Whether more of the answer is to come.
    unfinished: bool,
}

impl Asked {
    /// Call it when the answer's status is known. The tap retries after these; an exhausted quota (429) is not a failure here.
    pub(crate) fn answered(&mut self, status: u16) {
        (self.refused, self.unfinished) = (matches!(status, 408 | 423 | 500..), false);
    }

    /// Notes whether a part of the answer is still missing, or will never come.
    pub(crate) fn unfinished(&mut self, unfinished: bool) {
        self.unfinished = unfinished;
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.meter.note(Change::Answered { failed: self.refused || self.unfinished });
    }
}

/// Wakes the run, and notes when: from then on it waits for nothing but the processor.
struct Alarm {
    meter: Meter,
    run: Mutex<Waker>,
}

impl Alarm {
    /// Whom it wakes.
    fn wakes(&self, run: &Waker) {
        self.run.lock().unwrap_or_else(PoisonError::into_inner).clone_from(run);
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.meter.note(Change::Woken);
        let run = self.run.lock().unwrap_or_else(PoisonError::into_inner).clone();
        run.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::Change::{Answered, Asked, Ended, Pending, Polled, SinkAwaited, SinkReady, Woken};
    use super::*;
    use std::task::Poll;

    const GOOD: Change = Answered { failed: false };
    const FAILED: Change = Answered { failed: true };

    /// How many milliseconds of a run with these changes go to the quota, answers, the sink, and computing.
    fn spent(changes: &[(u64, Change)]) -> [u128; 4] {
        let (mut ledger, begun) = (Ledger::default(), Instant::now());
        changes.iter().for_each(|(at, change)| ledger.change(begun + Duration::from_millis(*at), *change));
        let Spent { quota, answers, sink, computing } = ledger.spent;
        [quota, answers, sink, computing].map(|part| part.as_millis())
    }

    #[test]
    fn a_wait_is_for_answers_while_requests_are_under_way_and_for_the_quota_after_them() {
        let run = [
            (0, Polled),
            (1, Asked),
            (2, Asked),
            (3, Pending),
            (50, GOOD),
            (103, GOOD),
            (1103, Woken),
            (1104, Polled),
            (1110, Ended),
        ];
        assert_eq!(spent(&run), [1000, 100, 0, 10]);
    }

    #[test]
    fn a_wait_before_a_retry_counts_as_waiting_for_the_store() {
        let retried =
            [(0, Polled), (0, Asked), (0, Pending), (10, FAILED), (510, Polled), (510, Asked), (510, Pending), (520, GOOD)];
        assert_eq!(spent(&[retried.as_slice(), &[(1520, Ended)]].concat()), [1000, 520, 0, 0]);
    }

    #[test]
    fn a_wait_for_the_sink_is_its_own_whatever_else_is_awaited() {
        let run = [(0, Polled), (0, Asked), (0, SinkAwaited), (0, Pending), (10, GOOD), (400, SinkReady), (500, Ended)];
        assert_eq!(spent(&run), [100, 0, 400, 0]);
    }

    #[test]
    fn what_has_been_woken_waits_for_the_processor() {
        let run = [
            (0, Polled),
            (0, Asked),
            (5, Woken),
            (6, Pending),
            (20, Polled),
            (20, Pending),
            (21, GOOD),
            (21, Woken),
            (40, Polled),
        ];
        assert_eq!(spent(&[run.as_slice(), &[(40, Ended)]].concat()), [0, 1, 0, 39]);
    }

    #[test]
    fn only_the_time_from_start_to_end_counts() {
        let run = [(0, Asked), (100, Polled), (110, Pending), (150, Ended), (160, Woken), (900, FAILED), (1000, SinkAwaited)];
        assert_eq!(spent(&run), [0, 40, 0, 10]);
    }

    #[test]
    fn the_parts_add_up_to_the_whole_however_the_changes_come() {
        let all = [Polled, Pending, Woken, Asked, GOOD, FAILED, SinkAwaited, SinkReady];
        // Every pair of changes, with a clock that sometimes stands still or steps back.
        let changes = all.iter().flat_map(|first| all.iter().flat_map(move |second| [*first, *second]));
        let times = (0..).map(|step: u64| step * 7 - step % 3 * 5);
        let run: Vec<(u64, Change)> = std::iter::once((0, Polled)).chain(times.zip(changes)).collect();
        let end = run.iter().map(|(at, _)| *at).max().unwrap();
        assert_eq!(spent(&[run.as_slice(), &[(end, Ended)]].concat()).iter().sum::<u128>(), u128::from(end));
    }

    #[test]
    fn a_request_has_failed_if_the_store_could_not_answer_it_or_did_not_to_its_end() {
        let failed = |status: Option<u16>, unfinished: Option<bool>| {
            let meter = Meter::default();
            let mut asked = meter.asks();
            status.into_iter().for_each(|status| asked.answered(status));
            unfinished.into_iter().for_each(|unfinished| asked.unfinished(unfinished));
            drop(asked);
            meter.ledger().failed
        };
        assert!(
            [200, 204, 403, 404, 429].into_iter().all(|status| !failed(Some(status), None) && !failed(Some(status), Some(false)))
        );
        assert!([408, 423, 500, 503].into_iter().all(|status| failed(Some(status), Some(false))));
        assert!(failed(None, None) && failed(Some(200), Some(true)));
    }

    #[tokio::test]
    async fn a_run_is_measured_from_its_first_poll_until_it_ends_or_is_dropped() {
        let meter = Meter::default();
        let mut run = Box::pin(meter.measure(std::future::pending::<()>()));
        assert_eq!(meter.spent(), Spent::default());
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut run).await.is_err());
        assert!(meter.spent().quota > Duration::ZERO);
        drop(run);
        let spent = meter.spent();
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(meter.spent(), spent);
        assert_eq!(spent.total(), spent.quota + spent.computing);

        // A task that wakes itself never waits.
        let (meter, mut polls) = (Meter::default(), 0);
        let yields = poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            if polls < 3 { Poll::Pending } else { Poll::Ready(()) }
        });
        meter.measure(yields).await;
        assert_eq!(meter.spent().total(), meter.spent().computing);
    }
}
