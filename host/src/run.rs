//! A run: what it reads, what it may do, and how it ended.

use crate::account::Account;
use crate::bindings::connector;
use crate::call::Call;
use crate::event::{Event, Handler};
use crate::limits::Limits;
use crate::progress::Progress;
use crate::sinks::Sink;
use crate::stop::Stop;
use crate::summary::Summary;
use crate::tap::{Selection, Tap};
use std::fmt;
use std::sync::Arc;
use tap_bigcommerce_core::error::Result;

/// A run for one account, with its own permissions, limits and events. Its settings come first, then one call. Clones share stop and progress.
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

/// How a run ended. Whatever happened, the sink and the state are there.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ended<S> {
    /// The sink, as it was left.
    pub sink: S,
    /// Where to resume: the last STATE that the sink has taken, or the state that the run was given.
    pub state: Option<String>,
    /// What the run did, stream by stream. None: the run as a whole failed, or was a test.
    pub summary: Option<Summary>,
    /// Why the run, or a stream of it, is not complete; see [`Summary::failure`].
    pub result: Result<()>,
}

/// What a run is going to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The selected streams, in the order in which they are read.
    pub streams: Vec<String>,
    /// A SCHEMA message for each of them.
    pub schemas: Vec<String>,
    /// What a person should know before the run, a sentence each.
    pub warnings: Vec<String>,
}

/// What a run has before it in one walk of the store. An estimate: the store changes while it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outlook {
    /// The streams that come from the walk.
    pub streams: Vec<String>,
    /// Records of the first of them.
    pub records: u64,
    /// Requests for all of them.
    pub requests: u64,
}

impl Outlook {
    /// An outlook, for tests of what shows one.
    pub fn new(streams: impl IntoIterator<Item = impl Into<String>>, records: u64, requests: u64) -> Outlook {
        Outlook { streams: streams.into_iter().map(Into::into).collect(), records, requests }
    }
}

impl Run {
    pub(crate) fn new(tap: Tap, account: Account) -> Run {
        Run {
            tap,
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

    /// What is read, in one value.
    pub fn selection(mut self, selection: Selection) -> Run {
        self.selection = selection;
        self
    }

    /// Where to resume: a JSON object, the value of the last STATE message that the sink took. None: from the start.
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

    /// Ends the run after the record in hand when this stop is requested. One stop may be for many runs.
    pub fn stop(mut self, stop: &Stop) -> Run {
        self.stop = stop.clone();
        self
    }

    /// Keep a clone of it to see how far the run is.
    pub fn progress(mut self, progress: &Progress) -> Run {
        self.progress = progress.clone();
        self
    }

    /// Takes what happens in the run, on whichever of its threads that is. It must not block.
    pub fn on_event(mut self, handler: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Run {
        self.handler = Some(Arc::new(handler));
        self
    }

    /// Reads and checks everything that the run is given, without a network. What fails here fails before the run's first request.
    ///
    /// # Errors
    /// The run cannot start; the failure says what to fix.
    pub async fn plan(&self) -> Result<Plan> {
        let (request, redactor) = (self.request()?, self.grant()?.redactor());
        let connector::RunPlan { streams, schemas, warnings } = self.planned(&request).await?;
        let lines = |texts: Vec<String>| texts.iter().map(|text| redactor.line(text)).collect();
        Ok(Plan { streams: lines(streams), schemas: lines(schemas), warnings: lines(warnings) })
    }

    /// Asks the store how much the run will read: a request for each walk, one after the other, for five seconds at most. None: the store does not
    /// say, or not soon. Await it before the run: neither knows of the other's share of the quota.
    ///
    /// # Errors
    /// The run cannot start, or the store refused.
    pub async fn outlook(&self) -> Result<Option<Vec<Outlook>>> {
        let (request, redactor) = (self.request()?, self.grant()?.redactor());
        let outlook = |walk: connector::WalkOutlook| Outlook {
            streams: walk.streams.iter().map(|stream| redactor.line(stream)).collect(),
            records: walk.records,
            requests: walk.requests,
        };
        let outlooks = self.outlooks(&request).await?;
        Ok(outlooks.map(|outlooks| outlooks.into_iter().map(outlook).collect()))
    }

    /// Asks the store whether the token is good, which streams it may read, and what a first run costs. The answer is a JSON object.
    ///
    /// # Errors
    /// The config cannot be used, or the store cannot be asked.
    pub async fn check(&self) -> Result<String> {
        let (request, redactor) = (self.request()?, self.grant()?.redactor());
        self.checked(&request).await.map(|report| redactor.redact(&report).into_owned())
    }

    /// Reads the selected streams and writes their messages to the sink. A stream that fails by itself does not end the run.
    ///
    /// If the future is dropped, the run ends. The drop waits for the sink to let go of what it holds, for a second at most: do not drop many runs with
    /// blocked sinks on one thread, one after the other. Nothing bounds how long a sink may block a run that is awaited.
    pub async fn into<S: Sink + 'static>(self, sink: S) -> Ended<S> {
        self.write(sink, Call::Sync).await
    }

    /// Tries each selected stream by itself: reads it to its first record, and writes its SCHEMA, this record and no STATE.
    pub async fn test<S: Sink + 'static>(self, sink: S) -> Ended<S> {
        self.write(sink, Call::Test).await
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("account", &self.account).field("selection", &self.selection).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
