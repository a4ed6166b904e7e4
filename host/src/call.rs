//! The calls of a run: an instance of the component for each, in bounded time.

use crate::account::{Grant, for_component};
use crate::bindings::connector;
use crate::event::{EventKind, Events};
use crate::guest::Instance;
use crate::http::Gate;
use crate::limits::Limits;
use crate::pipe;
use crate::progress::Progress;
use crate::run::Run;
use crate::sinks::{Sink, SinkError};
use crate::spent::Meter;
use crate::stop::Ending;
use crate::summary::Summary;
use std::fmt;
use std::future::Future;
use std::time::Duration;
use tap_bigcommerce_core::error::{Failure, Kind, Result};
use wasmtime_wasi::p2::{DynOutputStream, subscribe};

/// How long a call may take that needs no network.
const OFFLINE: Duration = Duration::from_secs(60);
/// Time limit for an outlook: the five seconds that it promises, and some slack for a busy machine.
const OUTLOOK: Duration = Duration::from_secs(30);
/// How long a check may take: as long as the tap waits for a store's quota, and a little more.
const CHECK: Duration = Duration::from_secs(3900);

/// How a run ended. Even after a failure it returns the sink and the state.
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
    /// Makes an outlook by hand, to test code that displays one.
    pub fn new(streams: impl IntoIterator<Item = impl Into<String>>, records: u64, requests: u64) -> Outlook {
        Outlook { streams: streams.into_iter().map(Into::into).collect(), records, requests }
    }
}

/// The calls that write messages.
#[derive(Clone, Copy)]
enum Call {
    Sync,
    Test,
}

impl Run {
    /// Checks everything that the run was given, without a network, so that mistakes are reported before the first request.
    ///
    /// # Errors
    /// The run cannot start; the failure says what to fix.
    pub async fn plan(&self) -> Result<Plan> {
        let (request, redactor) = (self.request()?, self.grant()?.redactor());
        let connector::RunPlan { streams, schemas, warnings } = self.planned(&request).await?;
        let lines = |texts: Vec<String>| texts.iter().map(|text| redactor.line(text)).collect();
        Ok(Plan { streams: lines(streams), schemas: lines(schemas), warnings: lines(warnings) })
    }

    /// Asks the store how much the run will read: one request per walk, one after another, for five seconds at most. `None` if
    /// the store does not say, or not in time. Await it before the run: neither knows how much of the quota the other uses.
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
    /// Dropping the future ends the run. The drop waits up to one second for the sink to release what it holds, so do not drop
    /// many runs with blocked sinks one after another on the same thread. If the run is awaited instead, nothing limits how long
    /// its sink may block it.
    pub async fn into<S: Sink + 'static>(self, sink: S) -> Ended<S> {
        self.write(sink, Call::Sync).await
    }

    /// Tries each selected stream by itself: reads it to its first record, and writes its SCHEMA, this record and no STATE.
    pub async fn test<S: Sink + 'static>(self, sink: S) -> Ended<S> {
        self.write(sink, Call::Test).await
    }

    async fn planned(&self, request: &connector::SyncRequest) -> Result<connector::RunPlan> {
        let planning = async {
            let mut instance = self.tap.offline(&self.limits).await?;
            let plan = instance.plugin.bigcommerce_tap_connector().call_plan(&mut instance.store, request).await;
            instance.result(plan)
        };
        self.limits.offline(planning).await
    }

    async fn outlooks(&self, request: &connector::SyncRequest) -> Result<Option<Vec<connector::WalkOutlook>>> {
        let asking = async {
            let mut instance = self.online(Progress::default(), Meter::default()).await?;
            let outlooks = instance.plugin.bigcommerce_tap_connector().call_outlook(&mut instance.store, request).await;
            instance.result(outlooks)
        };
        self.asking(OUTLOOK, asking).await
    }

    async fn checked(&self, request: &connector::SyncRequest) -> Result<String> {
        let asking = async {
            let mut instance = self.online(self.progress.clone(), Meter::default()).await?;
            let plugin = instance.plugin.bigcommerce_tap_connector();
            let report = plugin.call_check(&mut instance.store, &request.config, &request.selection).await;
            instance.result(report)
        };
        self.asking(CHECK, asking).await
    }

    /// Awaits a call that only asks the store a few questions; the run's stop cancels it.
    async fn asking<T>(&self, most: Duration, call: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            called = within(self.limits.deadline.unwrap_or(most), call) => called,
            () = self.stop.requested() => Err(Failure::new(Kind::Cancelled, "the run was stopped before it began")),
        }
    }

    /// A call that writes messages, measured.
    async fn write<S: Sink + 'static>(self, sink: S, call: Call) -> Ended<S> {
        let meter = Meter::default();
        self.progress.measured_by(&meter);
        let mut ended = meter.measure(self.written(sink, call, &meter)).await;
        if let Some(summary) = &mut ended.summary {
            summary.spent = meter.spent().with_quota_at_most(summary.waited);
        }
        ended
    }

    /// A call that writes messages, from its start to the end of its sink.
    async fn written<S: Sink + 'static>(self, sink: S, call: Call, meter: &Meter) -> Ended<S> {
        let state = self.state.clone();
        let redactor = self.grant().map(|grant| grant.redactor()).unwrap_or_default();
        let sink_failure = |error: SinkError| Failure::new(Kind::Sink, redactor.line(&error.to_string()));
        // This must outlive the instance, which holds the other end of the pipe.
        let (output, outcome) = match pipe::start(sink, self.progress.clone(), meter.clone(), self.events(), self.limits.message)
        {
            Ok(pipe) => pipe,
            Err((sink, error)) => return Ended { sink, state, summary: None, result: Err(sink_failure(error)) },
        };
        let called = self.call(Box::new(output), call, meter).await;
        let awaited = meter.awaits_sink();
        let done = outcome.get().await;
        drop(awaited);
        let (summary, called) = called.map_or_else(|failure| (None, Err(failure)), |summary| (summary, Ok(())));
        let verdict = summary.as_ref().and_then(Summary::failure).map_or(Ok(()), Err);
        // If the sink failed, the component's error is only a consequence, so report the sink's own error.
        let result = done.result.map_err(sink_failure).and(called).and(verdict);
        let events = self.events();
        summary.iter().flat_map(|summary| &summary.streams).for_each(|stream| events.send(EventKind::StreamEnded(stream)));
        Ended { sink: done.sink, state: done.state.or(state), summary, result }
    }

    /// Calls the component, and ends it if it ignores a stop: it may loop forever, even while it is instantiated.
    async fn call(&self, output: DynOutputStream, call: Call, meter: &Meter) -> Result<Option<Summary>> {
        let request = self.request()?;
        let ending = Ending::new(self.stop.clone(), self.limits.deadline);
        tokio::select! {
            biased;
            called = self.called(&request, output, ending.clone(), call, meter) => called,
            () = ending.is_unheeded(self.limits.grace) => Err(unheeded(self.limits.grace)),
        }
    }

    async fn called(
        &self,
        request: &connector::SyncRequest,
        output: DynOutputStream,
        ending: Ending,
        call: Call,
        meter: &Meter,
    ) -> Result<Option<Summary>> {
        let redactor = self.grant()?.redactor();
        let mut instance = self.online(self.progress.clone(), meter.clone()).await?;
        let table = &mut instance.store.data_mut().table;
        let output = table.push(output).map_err(|fault| broken(&fault))?;
        let pollable = table.push(ending).map_err(|fault| broken(&fault))?;
        let pollable = Some(subscribe(table, pollable).map_err(|fault| broken(&fault))?);
        let (plugin, store) = (instance.plugin.bigcommerce_tap_connector(), &mut instance.store);
        let called = match call {
            Call::Sync => plugin.call_sync(store, request, output, pollable).await.map(|done| done.map(Some)),
            Call::Test => plugin.call_test(store, request, output, pollable).await.map(|done| done.map(|()| None)),
        };
        Ok(instance.result(called)?.map(|summary| summary.redacted(&redactor)))
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
    async fn online(&self, progress: Progress, meter: Meter) -> Result<Instance> {
        let gate = Gate::new(&self.tap.host().0.network, Some(self.grant()?), progress, meter, self.events(), &self.limits);
        self.tap.instance(gate, &self.limits).await
    }

    fn request(&self) -> Result<connector::SyncRequest> {
        let wanted = self.grant()?.max_concurrency;
        let most = self.limits.in_flight.min(self.tap.host().0.network.0.max_in_flight).max(1);
        Ok(connector::SyncRequest {
            config: for_component(self.account.config(), (wanted > most).then_some(most))?,
            selection: self.selection.clone().into(),
            state: self.state.clone(),
            full_refresh: self.full_refresh.clone(),
            max_records: self.max_records,
            max_seconds: self.max_seconds,
        })
    }
}

impl Limits {
    /// Waits for a call that needs no network.
    pub(crate) async fn offline<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        within(self.deadline.unwrap_or(OFFLINE).min(OFFLINE), call).await
    }
}

async fn within<T>(time: Duration, call: impl Future<Output = Result<T>>) -> Result<T> {
    let late = || {
        let text = format!(
            "the component did not answer within {} s, so it was stopped; if it is not your own build, do not use it",
            time.as_secs_f64()
        );
        Failure::new(Kind::Component, text)
    };
    tokio::time::timeout(time, call).await.unwrap_or_else(|_| Err(late()))
}

fn unheeded(grace: Duration) -> Failure {
    let text = format!(
        "the run did not end within {} s of the stop, because the component or the sink was busy, so the component was ended; run again from the last state",
        grace.as_secs_f64()
    );
    Failure::new(Kind::Cancelled, text)
}

fn broken(fault: &dyn fmt::Display) -> Failure {
    Failure::new(Kind::Component, format!("the component could not be started: {fault}; please report it"))
}

#[cfg(test)]
mod tests;
