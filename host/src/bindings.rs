//! The component's interface, made from `wit/tap.wit`, and its types in this crate's own.

use crate::log::printable;
use crate::summary::{StreamSummary, Summary};
use std::time::Duration;
use tap_bigcommerce_core::error::{Failure, Kind};

mod generated {
    #![allow(missing_docs, unreachable_pub)]
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "plugin",
        imports: { default: async },
        exports: { default: async },
        with: { "wasi:io": wasmtime_wasi::p2::bindings::io },
    });
}

pub(crate) use generated::exports::bigcommerce::tap::connector;
pub(crate) use generated::{Plugin, PluginPre};

impl From<connector::Failure> for Failure {
    fn from(failure: connector::Failure) -> Failure {
        use connector::Failure as Wit;
        let (kind, fault) = match failure {
            Wit::Config(fault) => (Kind::Config, fault),
            Wit::Catalog(fault) => (Kind::Catalog, fault),
            Wit::State(fault) => (Kind::State, fault),
            Wit::Unauthorized(fault) => (Kind::Unauthorized, fault),
            Wit::MissingScope(fault) => (Kind::MissingScope, fault),
            Wit::RateLimited(fault) => (Kind::RateLimited, fault),
            Wit::Unreachable(fault) => (Kind::Unreachable, fault),
            Wit::Api(fault) => (Kind::Api, fault),
            Wit::Sink(fault) => (Kind::Sink, fault),
            Wit::Cancelled(fault) => (Kind::Cancelled, fault),
        };
        Failure { kind, message: printable(&fault.message), stream: fault.stream.as_deref().map(printable) }
    }
}

impl From<connector::Summary> for Summary {
    fn from(summary: connector::Summary) -> Summary {
        Summary {
            streams: summary.streams.into_iter().map(StreamSummary::from).collect(),
            requests: summary.requests,
            retries: summary.retries,
            waited: Duration::from_millis(summary.waited_ms),
            complete: summary.complete,
            state: summary.state,
        }
    }
}

impl From<connector::StreamSummary> for StreamSummary {
    fn from(stream: connector::StreamSummary) -> StreamSummary {
        StreamSummary {
            name: printable(&stream.name),
            records: stream.records,
            skipped: stream.skipped,
            nulled: stream.nulled,
            failure: stream.failure.map(Failure::from),
        }
    }
}
