//! The connector interface: a plugin host calls functions and hands in the sink.

use crate::Tap;
use crate::bindings::exports::bigcommerce::tap::connector::{self as wit, Guest};
use crate::clock::WasiClock;
use crate::log::Stderr;
use crate::sink::StreamSink;
use crate::transport::WasiHttp;
use std::rc::Rc;
use tap_bigcommerce_core::error::{Failure, Kind};
use tap_bigcommerce_core::log::Silent;
use tap_bigcommerce_core::plan::{Inputs, Plan};
use tap_bigcommerce_core::sync::{Summary, sync};
use tap_bigcommerce_core::trial::trial;
use tap_bigcommerce_core::{about, check, discover, forecast, select};
use wasi::io::poll::Pollable;
use wasi::io::streams::OutputStream;
use wstd::runtime::{AsyncPollable, block_on};

type Result<T> = std::result::Result<T, wit::Failure>;

impl Guest for Tap {
    fn about() -> String {
        about::about().to_string()
    }

    /// The catalog is the same for every store, so the config is not looked at.
    fn discover(_config: String, selection: wit::Selection) -> Result<String> {
        let catalog = selection.catalog.unwrap_or_else(|| discover::catalog().to_string());
        let marked = select::apply(Some(catalog), selection.select.as_deref(), &selection.exclude);
        marked.map(Option::unwrap_or_default).map_err(failure)
    }

    fn plan(request: wit::SyncRequest) -> Result<wit::RunPlan> {
        let plan = Plan::new(&inputs(request)).map_err(failure)?;
        let mut schemas = Vec::new();
        block_on(plan.write_schemas(&mut schemas)).map_err(failure)?;
        Ok(wit::RunPlan {
            streams: plan.streams().map(str::to_owned).collect(),
            schemas: String::from_utf8_lossy(&schemas).lines().map(str::to_owned).collect(),
            warnings: plan.warnings().to_vec(),
        })
    }

    fn outlook(request: wit::SyncRequest) -> Result<Option<Vec<wit::WalkOutlook>>> {
        let plan = Plan::new(&inputs(request)).map_err(failure)?;
        // The run itself reports what it meets.
        let outlooks = block_on(forecast::outlook(&plan, WasiHttp, WasiClock, Rc::new(Silent))).map_err(failure)?;
        let outlook = |outlook: forecast::Outlook| wit::WalkOutlook {
            streams: outlook.streams.into_iter().map(str::to_owned).collect(),
            records: outlook.records,
            requests: outlook.requests,
        };
        Ok(outlooks.map(|outlooks| outlooks.into_iter().map(outlook).collect()))
    }

    fn check(config: String, selection: wit::Selection) -> Result<String> {
        let inputs = selected(config, selection);
        let report = block_on(check::check(&inputs, WasiHttp, WasiClock, Rc::new(Stderr)));
        report.map(|report| report.to_json().to_string()).map_err(failure)
    }

    fn sync(request: wit::SyncRequest, output: OutputStream, stop: Option<Pollable>) -> Result<wit::Summary> {
        let plan = Plan::new(&inputs(request)).map_err(failure)?;
        let summary = block_on(async {
            let mut sink = StreamSink::new(output);
            sync(plan, WasiHttp, WasiClock, Rc::new(Stderr), &mut sink, ready(stop)).await
        });
        summary.map(translate).map_err(failure)
    }

    fn test(request: wit::SyncRequest, output: OutputStream, stop: Option<Pollable>) -> Result<()> {
        let inputs = inputs(request);
        let done = block_on(async {
            let mut sink = StreamSink::new(output);
            trial(&inputs, WasiHttp, WasiClock, Rc::new(Stderr), &mut sink, ready(stop)).await
        });
        done.map_err(failure)
    }
}

/// Waits for a stop; for ever, if none can come.
async fn ready(stop: Option<Pollable>) {
    match stop {
        Some(stop) => AsyncPollable::new(stop).wait_for().await,
        None => std::future::pending().await,
    }
}

fn selected(config: String, selection: wit::Selection) -> Inputs {
    let wit::Selection { catalog, select, exclude } = selection;
    Inputs { config, embedder_has_credentials: true, catalog, select, exclude, ..Inputs::default() }
}

fn inputs(request: wit::SyncRequest) -> Inputs {
    let wit::SyncRequest { config, selection, state, full_refresh, max_records, max_seconds } = request;
    Inputs { state, full_refresh, max_records, max_seconds, ..selected(config, selection) }
}

fn translate(summary: Summary) -> wit::Summary {
    let streams = summary.streams.into_iter().map(|stream| wit::StreamSummary {
        name: stream.name.to_owned(),
        records: stream.records,
        skipped: stream.skipped,
        nulled: stream.nulled,
        aside: stream.aside,
        complete: stream.complete,
        failure: stream.failure.map(failure),
    });
    wit::Summary {
        streams: streams.collect(),
        requests: summary.counts.requests,
        retries: summary.counts.retries,
        waited_ms: u64::try_from(summary.counts.waited.as_millis()).unwrap_or(u64::MAX),
        complete: summary.complete,
        state: summary.state.to_string(),
    }
}

fn failure(failure: Failure) -> wit::Failure {
    let case = match failure.kind {
        Kind::Config => wit::Failure::Config,
        Kind::Catalog => wit::Failure::Catalog,
        Kind::State => wit::Failure::State,
        Kind::Unauthorized => wit::Failure::Unauthorized,
        Kind::MissingScope => wit::Failure::MissingScope,
        Kind::RateLimited => wit::Failure::RateLimited,
        Kind::Unreachable => wit::Failure::Unreachable,
        Kind::Api => wit::Failure::Api,
        Kind::Sink => wit::Failure::Sink,
        Kind::SetAside => wit::Failure::SetAside,
        Kind::Component => wit::Failure::Component,
        Kind::Cancelled => wit::Failure::Cancelled,
    };
    case(wit::Fault { message: failure.message, stream: failure.stream })
}
