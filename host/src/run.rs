//! A run: what it reads, what it may do, and how it ended.

use crate::account::{Account, Grant, without_secrets};
use crate::bindings::connector;
use crate::event::{Event, EventKind, Events, Handler};
use crate::guest::Instance;
use crate::http::Gate;
use crate::limits::Limits;
use crate::log::Redactor;
use crate::pipe;
use crate::progress::Progress;
use crate::sinks::{Sink, SinkError};
use crate::stop::{Ending, Stop};
use crate::summary::Summary;
use crate::tap::{Selection, Tap};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tap_bigcommerce_core::error::{Failure, Kind, Result};
use wasmtime_wasi::p2::{DynOutputStream, subscribe};

/// How long a call may take that needs no network.
const OFFLINE: Duration = Duration::from_secs(60);
/// How long a call may take that asks the store a few things: as long as the tap waits for a store's quota, and a little more.
const ASKING: Duration = Duration::from_secs(3900);

/// A run for one account, with its own permissions, limits and events. Its settings come first, then one call.
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
    tap: Tap,
    account: Account,
    selection: Selection,
    state: Option<String>,
    full_refresh: Vec<String>,
    max_records: Option<u64>,
    max_seconds: Option<u64>,
    limits: Limits,
    stop: Stop,
    progress: Progress,
    handler: Option<Handler>,
}

/// How a run ended. Whatever happened, the sink and the state are there.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ended<S> {
    /// The sink, as it was left.
    pub sink: S,
    /// Where to resume: the last STATE that the sink has taken, or the state that the run was given.
    pub state: Option<String>,
    /// What the run did, stream by stream. None: the run as a whole failed.
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

    /// Takes what happens in the run. It is called on the threads of the runtime, and must not block.
    pub fn on_event(mut self, handler: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Run {
        self.handler = Some(Arc::new(handler));
        self
    }

    /// Reads and checks everything that the run is given, without a network. What fails here fails before the run's first request.
    ///
    /// # Errors
    /// The run cannot start; the failure says what to fix.
    pub async fn plan(&self) -> Result<Plan> {
        self.grant()?;
        let mut instance = self.tap.offline(&self.limits).await?;
        let request = self.request()?;
        let plugin = instance.plugin.bigcommerce_tap_connector();
        let plan = self.limits.offline(plugin.call_plan(&mut instance.store, &request)).await?;
        let connector::RunPlan { streams, schemas, warnings } = instance.result(plan)?;
        Ok(Plan { streams, schemas, warnings })
    }

    /// Asks the store how much the run will read: a request for each walk, one after the other, for five seconds at most. None: the store does not
    /// say, or not soon. Await it before the run: neither knows of the other's share of the quota.
    ///
    /// # Errors
    /// The run cannot start, or the store refused.
    pub async fn outlook(&self) -> Result<Option<Vec<Outlook>>> {
        let (mut instance, _) = self.online(Progress::default()).await?;
        let request = self.request()?;
        let plugin = instance.plugin.bigcommerce_tap_connector();
        let outlooks = self.limits.asking(plugin.call_outlook(&mut instance.store, &request)).await?;
        let outlook = |connector::WalkOutlook { streams, records, requests }| Outlook { streams, records, requests };
        Ok(instance.result(outlooks)?.map(|outlooks| outlooks.into_iter().map(outlook).collect()))
    }

    /// Asks the store whether the token is good, which streams it may read, and what a first run costs. The answer is a JSON object.
    ///
    /// # Errors
    /// The config cannot be used, or the store cannot be asked.
    pub async fn check(&self) -> Result<String> {
        let (mut instance, redactor) = self.online(self.progress.clone()).await?;
        let (config, selection) = (without_secrets(self.account.config())?, self.selection.clone().into());
        let plugin = instance.plugin.bigcommerce_tap_connector();
        let report = self.limits.asking(plugin.call_check(&mut instance.store, &config, &selection)).await?;
        instance.result(report).map(|report| redactor.redact(&report).into_owned())
    }

    /// Reads the selected streams and writes their messages to the sink. A stream that fails by itself does not end the run.
    ///
    /// If the future is dropped, the run ends: at most a second later the sink is dropped as well, unless it blocks for longer.
    pub async fn into<S: Sink + 'static>(self, sink: S) -> Ended<S> {
        self.write(sink, Call::Sync).await
    }

    /// Tries each selected stream by itself: reads it to its first record, and writes its SCHEMA, this record and no STATE.
    pub async fn test<S: Sink + 'static>(self, sink: S) -> Ended<S> {
        self.write(sink, Call::Test).await
    }

    async fn write<S: Sink + 'static>(self, sink: S, call: Call) -> Ended<S> {
        let state = self.state.clone();
        let redactor = self.grant().map(|grant| grant.redactor()).unwrap_or_default();
        let sink_failure = |error: SinkError| Failure::new(Kind::Sink, redactor.line(&error.to_string()));
        // Dropped after the instance, which has the other end of the pipe.
        let (output, outcome) = match pipe::start(sink, self.progress.clone(), self.events(), self.limits.message) {
            Ok(pipe) => pipe,
            Err((sink, error)) => return Ended { sink, state, summary: None, result: Err(sink_failure(error)) },
        };
        let summary = self.call(Box::new(output), call).await;
        let done = outcome.get().await;
        // A sink's fault is the cause of what the component says then, and knows better.
        let summary = done.result.map_err(sink_failure).and(summary);
        let state = done.state.or(state);
        let (summary, result) = match summary {
            Ok(summary) => {
                let verdict = summary.as_ref().and_then(Summary::failure);
                (summary, verdict.map_or(Ok(()), Err))
            }
            Err(failure) => (None, Err(failure)),
        };
        let events = self.events();
        summary.iter().flat_map(|summary| &summary.streams).for_each(|stream| events.send(EventKind::StreamEnded(stream)));
        Ended { sink: done.sink, state, summary, result }
    }

    async fn call(&self, output: DynOutputStream, call: Call) -> Result<Option<Summary>> {
        let (mut instance, redactor) = self.online(self.progress.clone()).await?;
        let request = self.request()?;
        let ending = Ending::new(self.stop.clone(), self.limits.deadline);
        let table = &mut instance.store.data_mut().table;
        let output = table.push(output).map_err(|fault| broken(&fault))?;
        let pollable = table.push(ending.clone()).map_err(|fault| broken(&fault))?;
        let pollable = subscribe(table, pollable).map_err(|fault| broken(&fault))?;
        let plugin = instance.plugin.bigcommerce_tap_connector();
        let calling = async {
            match call {
                Call::Sync => {
                    plugin.call_sync(&mut instance.store, &request, output, Some(pollable)).await.map(|done| done.map(Some))
                }
                Call::Test => {
                    plugin.call_test(&mut instance.store, &request, output, Some(pollable)).await.map(|done| done.map(|()| None))
                }
            }
        };
        let called = tokio::select! {
            biased;
            called = calling => Some(called),
            () = ending.is_unheeded(self.limits.grace) => None,
        };
        let summary = called.map_or_else(|| Err(unheeded(self.limits.grace)), |called| instance.result(called));
        Ok(summary?.map(|summary| summary.told(&redactor)))
    }

    /// What the run may reach, and the credentials for it.
    fn grant(&self) -> Result<Grant> {
        let grant = self.account.grant()?;
        let config_fault = |why: &dyn fmt::Display| Failure::new(Kind::Config, why.to_string());
        let origin = grant.origin.to_string().parse().map_err(|why: ::http::uri::InvalidUri| config_fault(&why))?;
        self.tap.host().0.network.0.proxies.towards(&origin).map_err(|why| config_fault(&why))?;
        Ok(grant)
    }

    fn events(&self) -> Events {
        Events::new(&self.account.store().unwrap_or_default(), self.handler.clone())
    }

    /// An instance that reaches the account's store.
    async fn online(&self, progress: Progress) -> Result<(Instance, Redactor)> {
        let grant = self.grant()?;
        let redactor = grant.redactor();
        let gate = Gate::new(&self.tap.host().0.network, Some(grant), progress, self.events(), &self.limits);
        Ok((self.tap.instance(gate, &self.limits).await?, redactor))
    }

    fn request(&self) -> Result<connector::SyncRequest> {
        Ok(connector::SyncRequest {
            config: without_secrets(self.account.config())?,
            selection: self.selection.clone().into(),
            state: self.state.clone(),
            full_refresh: self.full_refresh.clone(),
            max_records: self.max_records,
            max_seconds: self.max_seconds,
        })
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("account", &self.account).field("selection", &self.selection).finish_non_exhaustive()
    }
}

/// The calls that write messages.
#[derive(Clone, Copy)]
enum Call {
    Sync,
    Test,
}

impl Limits {
    /// Waits for a call that needs no network.
    pub(crate) async fn offline<T>(&self, call: impl Future<Output = T>) -> Result<T> {
        within(self.deadline.unwrap_or(OFFLINE).min(OFFLINE), call).await
    }

    /// Waits for a call that asks the store a few things.
    async fn asking<T>(&self, call: impl Future<Output = T>) -> Result<T> {
        within(self.deadline.unwrap_or(ASKING), call).await
    }
}

async fn within<T>(time: Duration, call: impl Future<Output = T>) -> Result<T> {
    let late = |_| {
        let text = format!(
            "the component did not answer within {} s, so it was ended; if it is not your own build, do not use it",
            time.as_secs_f64()
        );
        Failure::new(Kind::Component, text)
    };
    tokio::time::timeout(time, call).await.map_err(late)
}

fn unheeded(grace: Duration) -> Failure {
    let text = format!(
        "the component did not end within {} s of the stop, so it was ended; run again from the last state",
        grace.as_secs_f64()
    );
    Failure::new(Kind::Cancelled, text)
}

fn broken(fault: &dyn fmt::Display) -> Failure {
    Failure::new(Kind::Component, format!("the component could not be started: {fault}; please report it"))
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
