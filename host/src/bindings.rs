//! Bindings generated from `wit/tap.wit`, and conversions from their types to this crate's.

use crate::log::Redactor;
use crate::spent::Spent;
use crate::summary::{StreamSummary, Summary};
use std::time::Duration;
use tap_bigcommerce_core::error::{Failure, Kind};

mod generated {
    #![allow(missing_docs, unreachable_pub)]
    wasmtime::component::bindgen!({
        path: "wit",
        world: "plugin",
        imports: { default: async },
        exports: { default: async },
        with: { "wasi:io": wasmtime_wasi::p2::bindings::io },
    });
}

pub(crate) use generated::exports::bigcommerce::tap::connector;
pub(crate) use generated::{Plugin, PluginPre};

impl connector::Failure {
    /// The failure as this crate has it, without the token.
    pub(crate) fn redacted(self, redactor: &Redactor) -> Failure {
        use connector::Failure as Wit;
        let (kind, fault) = match self {
            Wit::Config(fault) => (Kind::Config, fault),
            Wit::Catalog(fault) => (Kind::Catalog, fault),
            Wit::State(fault) => (Kind::State, fault),
            Wit::Unauthorized(fault) => (Kind::Unauthorized, fault),
            Wit::MissingScope(fault) => (Kind::MissingScope, fault),
            Wit::RateLimited(fault) => (Kind::RateLimited, fault),
            Wit::Unreachable(fault) => (Kind::Unreachable, fault),
            Wit::Api(fault) => (Kind::Api, fault),
            Wit::Sink(fault) => (Kind::Sink, fault),
            Wit::SetAside(fault) => (Kind::SetAside, fault),
            Wit::Component(fault) => (Kind::Component, fault),
            Wit::Cancelled(fault) => (Kind::Cancelled, fault),
        };
        let stream = fault.stream.map(|stream| redactor.line(&stream));
        Failure { kind, message: redactor.line(&fault.message), stream }
    }
}

impl connector::Summary {
    /// The summary as this crate has it, without the token.
    pub(crate) fn redacted(self, redactor: &Redactor) -> Summary {
        Summary {
            streams: self.streams.into_iter().map(|stream| stream.redacted(redactor)).collect(),
            requests: self.requests,
            retries: self.retries,
            waited: Duration::from_millis(self.waited_ms),
            // The host measures it.
            spent: Spent::default(),
            complete: self.complete,
            state: self.state,
        }
    }
}

impl connector::StreamSummary {
    fn redacted(self, redactor: &Redactor) -> StreamSummary {
        StreamSummary {
            name: redactor.line(&self.name),
            records: self.records,
            skipped: self.skipped,
            nulled: self.nulled,
            aside: self.aside,
            complete: self.complete,
            failure: self.failure.map(|failure| failure.redacted(redactor)),
        }
    }
}
