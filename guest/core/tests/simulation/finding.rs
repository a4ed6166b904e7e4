//! What the simulation finds wrong.

use std::fmt;

/// The promise that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A record is missing.
    Lost,
    /// A record is there, but older than in the store when the run started.
    Stale,
    /// A record is there, but its lists are not whole.
    Torn,
    /// A bookmark goes back or away.
    Bookmark,
    /// Lines that are not Singer messages in their order, or no STATE at the end.
    Messages,
    /// A run that nothing hinders does not end well.
    Ending,
    /// A run does not end, or waits for what never comes.
    Endless,
    /// The quota is exceeded.
    Quota,
    /// Requests are sent one at a time although the store permits more.
    Crawl,
    /// The access token stands where it must not.
    Secret,
    /// The tap panics.
    Panic,
}

/// A broken promise, and by what.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) rule: Rule,
    pub(crate) text: String,
    /// The run, from 1.
    pub(crate) run: usize,
}

impl Finding {
    pub(crate) fn new(rule: Rule, text: impl Into<String>) -> Finding {
        Finding { rule, text: text.into(), run: 0 }
    }

    /// The same finding, in this run of its chain.
    pub(crate) fn in_run(self, run: usize) -> Finding {
        Finding { run, ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} in run {}: {}", self.rule, self.run, self.text)
    }
}
