//! What the answers say of the quota's windows.
//!
//! A window is a span of time with a number of requests. Each answer says how many are left and, in most stores, when the window
//! ends. Some stores send meaningless resets: always zero, always the same, always the whole window. They do not count down as
//! time passes, so they are recognised and ignored. Two facts are then enough: a window is over once its length has passed since
//! its first answer, and if more is left than when a request was sent, the request fell into a new window.

use crate::api::headers::WINDOW_LENGTH;
use std::time::Duration;

/// Resets come in whole milliseconds, rounded either way.
const GRAIN: Duration = Duration::from_millis(1);
/// Ends that differ by less than this part of a window belong to the same window: the clocks of a store's machines differ.
const SAME_WINDOW: u32 = 4;

/// The earliest and the latest moment at which a window may end.
type Ends = (Duration, Duration);

/// The windows of a store, as far as its answers show them.
#[derive(Debug)]
pub(super) struct Windows {
    latest: Option<Window>,
    /// How many windows there have been.
    count: u64,
    /// Whether resets get shorter as time passes.
    counts_down: bool,
}

/// The latest window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// From 1.
    number: u64,
    /// Requests left. Those in flight are not deducted yet.
    pub(super) left: u64,
    /// When its first answer came.
    since: Duration,
    ends: Option<Ends>,
    length: Duration,
}

/// What was known of the latest window when a request was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    number: u64,
    left: u64,
}

/// What one answer says.
#[derive(Clone, Copy, Debug)]
pub(super) struct News {
    pub(super) sent: Duration,
    pub(super) came: Duration,
    /// What was known when the request was sent.
    pub(super) known: Option<Known>,
    pub(super) left: u64,
    pub(super) reset: Option<Duration>,
    pub(super) length: Option<Duration>,
}

/// Which window an answer is about.
enum About {
    Earlier,
    Latest,
    Later,
    Unclear,
}

impl Windows {
    pub(super) fn new() -> Windows {
        Windows { latest: None, count: 0, counts_down: true }
    }

    pub(super) fn latest(&self) -> Option<&Window> {
        self.latest.as_ref()
    }

    /// When the latest window is certainly over.
    pub(super) fn end(&self, window: &Window) -> Duration {
        match window.ends.filter(|_| self.counts_down) {
            Some((_, latest)) => latest,
            None => window.since + window.length,
        }
    }

    pub(super) fn known(&self) -> Option<Known> {
        self.latest.map(|Window { number, left, .. }| Known { number, left })
    }

    /// Deducts a request because no answer has.
    pub(super) fn deduct(&mut self) {
        if let Some(window) = &mut self.latest {
            window.left = window.left.saturating_sub(1);
        }
    }

    /// Forgets the latest window if it is the one that was known when a request was sent. False: there is a later one.
    pub(super) fn forget(&mut self, known: Option<Known>) -> bool {
        let is_latest = self.latest.zip(known).is_some_and(|(window, known)| window.number == known.number);
        self.latest = self.latest.filter(|_| !is_latest);
        is_latest
    }

    /// Updates the windows from an answer. False if it is unclear whether what is left of the latest window includes the request.
    pub(super) fn learn(&mut self, news: &News) -> bool {
        let Some(mut window) = self.latest else {
            self.begin(news, news.left);
            return true;
        };
        self.counts_down = window.counts_down(news).unwrap_or(self.counts_down);
        let over = news.sent >= self.end(&window);
        match window.about(news, self.counts_down) {
            About::Later => self.begin(news, window.left_of_next(news)),
            _ if over && window.is_refilled(news) => self.begin(news, window.left_of_next(news)),
            // Perhaps the same window still, since its end was a guess.
            _ if over => self.begin(news, news.left.min(window.left)),
            About::Latest => {
                window.merge(news, self.counts_down);
                self.latest = Some(window);
            }
            About::Earlier => {}
            About::Unclear => return false,
        }
        true
    }

    fn begin(&mut self, news: &News, left: u64) {
        self.count += 1;
        let length = news.length.or(self.latest.map(|window| window.length)).unwrap_or(WINDOW_LENGTH);
        self.latest = Some(Window { number: self.count, left, since: news.came, ends: news.ends(), length });
    }
}

impl Window {
    /// Whether resets count down, if this answer shows it.
    fn counts_down(&self, news: &News) -> Option<bool> {
        let ((earliest, latest), (news_earliest, news_latest)) = self.ends.zip(news.ends())?;
        // Which of two answers the store made later is certain only if this request was sent after the first answer had arrived.
        let passed = news.sent.checked_sub(self.since).filter(|passed| !passed.is_zero())?;
        if news.came + earliest.saturating_sub(self.since) / 4 < earliest {
            // The window is not over, so its end must not move. The clocks of the store's machines differ, but by no more as time
            // passes.
            let slack = passed / 2;
            // Over such a short time, rounding hides whether a reset counts down.
            return (passed > 4 * GRAIN).then_some(news_earliest <= latest + slack && news_latest + slack >= earliest);
        }
        // This window is over, so the next end lies a whole length later.
        let ends_early = news_latest + self.near(news) < earliest + self.least_length(news);
        (news.sent >= latest && ends_early && !self.is_refilled(news)).then_some(false)
    }

    fn about(&self, news: &News, counts_down: bool) -> About {
        if let Some(((earliest, latest), (news_earliest, news_latest))) = self.ends.zip(news.ends()).filter(|_| counts_down) {
            let near = self.near(news);
            return match () {
                // A window begins only when the one before is over.
                () if news_earliest > latest + near && news.came >= earliest => About::Later,
                () if news_latest + near < earliest => About::Earlier,
                () => About::Latest,
            };
        }
        match news.known {
            _ if self.is_of_next(news) => About::Later,
            Some(known) if known.number == self.number => About::Latest,
            _ => About::Unclear,
        }
    }

    /// Whether more is left than when the request was sent.
    fn is_refilled(&self, news: &News) -> bool {
        news.known.is_some_and(|known| known.number == self.number && news.left > known.left)
    }

    /// Whether the request was not subtracted from what was left when it was sent, which means a new window. With nothing left,
    /// there is nothing to subtract.
    fn is_of_next(&self, news: &News) -> bool {
        let is_as_much = |known: Known| known.number == self.number && news.left == known.left && news.left > 0;
        self.is_refilled(news) || news.known.is_some_and(is_as_much)
    }

    /// What is left of the next window, which this answer is the first to show. Answers that arrived after its request was sent
    /// may have belonged to that window too, and may have counted more requests.
    fn left_of_next(&self, news: &News) -> u64 {
        let before = news.known.filter(|known| known.number == self.number && self.is_of_next(news));
        before.filter(|known| self.left < known.left).map_or(news.left, |_| news.left.min(self.left))
    }

    /// Answers arrive out of order: within one window, the lowest number left is right.
    fn merge(&mut self, news: &News, counts_down: bool) {
        self.left = self.left.min(news.left);
        self.length = news.length.unwrap_or(self.length);
        self.ends = match (self.ends, news.ends()) {
            (Some(known), Some(news)) if counts_down => Some((known.0.max(news.0), known.1.min(news.1))),
            (known, news) => known.or(news),
        };
    }

    /// How much the resets of one window may differ.
    fn near(&self, news: &News) -> Duration {
        self.least_length(news) / SAME_WINDOW
    }

    /// The shortest that a window may be: if a header claims more than usual, the resets may still be right.
    fn least_length(&self, news: &News) -> Duration {
        news.length.unwrap_or(self.length).min(WINDOW_LENGTH)
    }
}

impl News {
    /// The reset was true at some moment between the request and its answer.
    fn ends(&self) -> Option<Ends> {
        self.reset.map(|reset| ((self.sent + reset).saturating_sub(GRAIN), self.came + reset + GRAIN))
    }
}
