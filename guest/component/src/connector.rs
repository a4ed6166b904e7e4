//! The connector interface: a plugin host calls functions and hands in the sink.

use crate::Tap;
use crate::bindings::exports::bigcommerce::tap::connector::{self as wit, Guest};
use crate::clock::WasiClock;
use crate::log::Stderr;
use crate::sink::StreamSink;
use crate::transport::WasiHttp;
use std::rc::Rc;
use tap_bigcommerce_core::config::Credentials;
use tap_bigcommerce_core::error::{Failure, Kind};
use tap_bigcommerce_core::plan::{Inputs, Plan};
use tap_bigcommerce_core::sync::{Summary, sync};
use tap_bigcommerce_core::{check, discover};
use wasi::io::poll::Pollable;
use wasi::io::streams::OutputStream;
use wstd::runtime::{AsyncPollable, block_on};

impl Guest for Tap {
    fn about() -> String {
        discover::about().to_string()
    }

    /// The catalog is the same for every store, so the config is not looked at.
    fn discover(_config: String) -> Result<String, wit::Failure> {
        Ok(discover::catalog().to_string())
    }

    fn check(config: String) -> Result<String, wit::Failure> {
        let report = block_on(check::check(&config, Credentials::MayBeEmbedders, WasiHttp, WasiClock, Rc::new(Stderr)));
        report.map(|report| report.to_json().to_string()).map_err(failure)
    }

    fn sync(request: wit::SyncRequest, output: OutputStream, stop: Option<Pollable>) -> Result<wit::Summary, wit::Failure> {
        let inputs = Inputs {
            config: request.config,
            embedder_has_credentials: true,
            catalog: request.catalog,
            select: None,
            exclude: Vec::new(),
            state: request.state,
            max_records: request.max_records,
            max_seconds: request.max_seconds,
        };
        let plan = Plan::new(&inputs).map_err(failure)?;
        let summary = block_on(async {
            let mut sink = StreamSink::new(output);
            let stop = async {
                match stop {
                    Some(stop) => AsyncPollable::new(stop).wait_for().await,
                    None => std::future::pending().await,
                }
            };
            sync(plan, WasiHttp, WasiClock, Rc::new(Stderr), &mut sink, stop).await
        });
        summary.map(translate).map_err(failure)
    }
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
        Kind::Cancelled => wit::Failure::Cancelled,
    };
    case(wit::Fault { message: failure.message, stream: failure.stream })
}
