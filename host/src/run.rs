//! A run: what it reads, what it may do, and how it ended.

use crate::account::Account;
use crate::event::{Event, Handler};
use crate::limits::Limits;
use crate::progress::Progress;
use crate::stop::Stop;
use crate::tap::{Selection, Tap};
use std::fmt;
use std::sync::Arc;

/// A run for one account, with its own permissions, limits and events. Configure it, then make one call. Clones share the stop
/// and the progress.
///
/// ```no_run
/// # async fn run(tap: tap_bigcommerce::Tap, config: String) {
/// use tap_bigcommerce::Account;
///
/// let mut lines = Vec::new();
/// let ended = tap.run(Account::new(config)).select(["orders"]).into(move |line: &[u8]| {
///     lines.push(line.to_vec());
///     Ok(())
/// });
/// let ended = ended.await;
/// println!("{:?}, resume from {:?}", ended.result, ended.state);
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing happens until one of its calls is awaited"]
pub struct Run {
    pub(crate) tap: Tap,
    pub(crate) account: Account,
    pub(crate) selection: Selection,
    pub(crate) state: Option<String>,
    pub(crate) full_refresh: Vec<String>,
    pub(crate) max_records: Option<u64>,
    pub(crate) max_seconds: Option<u64>,
    pub(crate) limits: Limits,
    pub(crate) stop: Stop,
    pub(crate) progress: Progress,
    pub(crate) handler: Option<Handler>,
}

impl Tap {
    /// A run for this account. Nothing happens until one of its calls is awaited.
    pub fn run(&self, account: Account) -> Run {
        Run {
            tap: self.clone(),
            account,
            selection: Selection::default(),
            state: None,
            full_refresh: Vec::new(),
            max_records: None,
            max_seconds: None,
            limits: Limits::default(),
            stop: Stop::new(),
            progress: Progress::default(),
            handler: None,
        }
    }
}

impl Run {
    /// A Singer catalog, a JSON object. Without one: the streams that are selected by default.
    pub fn catalog(mut self, catalog: impl Into<String>) -> Run {
        self.selection.catalog = Some(catalog.into());
        self
    }

    /// Rules that name all that is read: `orders`, `products.variants`, `*.id`.
    pub fn select(mut self, rules: impl IntoIterator<Item = impl Into<String>>) -> Run {
        self.selection.select.get_or_insert_default().extend(rules.into_iter().map(Into::into));
        self
    }

    /// Rules that name what is left out.
    pub fn exclude(mut self, rules: impl IntoIterator<Item = impl Into<String>>) -> Run {
        self.selection.exclude.extend(rules.into_iter().map(Into::into));
        self
    }

    /// Sets the catalog and both kinds of rules at once.
    pub fn selection(mut self, selection: Selection) -> Run {
        self.selection = selection;
        self
    }

    /// Where to resume: a JSON object, the value of the last STATE message that the sink took, as a `String` or an `Option` of one. None: from the start.
    pub fn state(mut self, state: impl Into<Option<String>>) -> Run {
        self.state = state.into();
        self
    }

    /// Streams that are read from their start, whatever the state says.
    pub fn full_refresh(mut self, streams: impl IntoIterator<Item = impl Into<String>>) -> Run {
        self.full_refresh.extend(streams.into_iter().map(Into::into));
        self
    }

    /// Ends the run at the first checkpoint after so many records.
    pub fn max_records(mut self, records: u64) -> Run {
        self.max_records = Some(records);
        self
    }

    /// Ends the run at the first checkpoint after so many seconds.
    pub fn max_seconds(mut self, seconds: u64) -> Run {
        self.max_seconds = Some(seconds);
        self
    }

    /// What the run may use.
    pub fn limits(mut self, limits: Limits) -> Run {
        self.limits = limits;
        self
    }

    /// Ends the run after the current record once this stop is requested. One stop can end many runs. With a
    /// [grace](Limits::grace) of zero the run ends immediately; awaiting it then only waits for its sink.
    pub fn stop(mut self, stop: &Stop) -> Run {
        self.stop = stop.clone();
        self
    }

    /// Reports the progress here. Keep a clone to see how far the run is.
    pub fn progress(mut self, progress: &Progress) -> Run {
        self.progress = progress.clone();
        self
    }

    /// Calls this handler for each event, on any of the run's threads. It must neither block nor panic: a panic on the sink's
    /// thread counts as a panic of the sink.
    pub fn on_event(mut self, handler: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Run {
        self.handler = Some(Arc::new(handler));
        self
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("account", &self.account).field("selection", &self.selection).finish_non_exhaustive()
    }
}
