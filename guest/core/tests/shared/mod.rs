//! What every harness around the tap's logic needs: a wire to a simulated store, and a sink that remembers.

use serde_json::{Map, Value, json};
use std::time::Duration;
use tap_bigcommerce_core::api::{Call, Clock, Response, Transport, TransportError};
use tap_bigcommerce_core::singer::message::Sink;
use tap_bigcommerce_core::virtual_time::VirtualClock;
use tap_bigcommerce_sandbox::{Answer, Delivery, Kind, Options, Request};

/// The streams that are lists of the store's own records.
pub(crate) const LISTS: [(&str, Kind); 8] = [
    ("orders", Kind::ORDERS),
    ("customers", Kind::CUSTOMERS),
    ("products", Kind::PRODUCTS),
    ("coupons", Kind::COUPONS),
    ("refunds", Kind::REFUNDS),
    ("price_lists", Kind::PRICE_LISTS),
    ("brands", Kind::BRANDS),
    ("categories", Kind::CATEGORIES),
];

/// A config that reaches the store which these options build.
pub(crate) fn config(options: &Options) -> Map<String, Value> {
    let settings = json!({ "client_id": "client", "access_token": options.access_token, "store_hash": options.store_hash, "api_url": "http://127.0.0.1:1" });
    settings.as_object().cloned().unwrap_or_default()
}

/// What is at the other end of a wire.
pub(crate) trait Way {
    /// How long the next request is under way, and how long its answer.
    fn latency(&self) -> (Duration, Duration);
    /// What the store answers to a request that reaches it now.
    fn answer(&self, request: &Request) -> Answer;
    /// The answer to this request arrives.
    fn arrived(&self, _request: &Request) {}
}

/// Carries requests to a store in virtual time, and breaks answers on their way as the store wants it.
pub(crate) struct Wire<W> {
    pub(crate) clock: VirtualClock,
    pub(crate) way: W,
}

impl<W: Way> Transport for Wire<W> {
    async fn get(&self, call: &Call) -> Result<Response, TransportError> {
        let (there, back) = self.way.latency();
        self.clock.sleep(there).await;
        let mut request = Request::get(&call.path);
        request.headers = call.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let answer = self.way.answer(&request);
        self.clock.sleep(back).await;
        self.way.arrived(&request);
        match answer.delivery {
            Delivery::Whole => {
                Ok(Response { status: answer.response.status, headers: answer.response.headers, body: answer.response.body })
            }
            Delivery::Stall | Delivery::StallConnection => std::future::pending().await,
            _ => Err(TransportError::Broken("connection reset".into())),
        }
    }
}

/// Remembers messages; after some lines it fails, as a pipe does whose reader is gone.
pub(crate) struct Memory {
    pub(crate) lines: Vec<Vec<u8>>,
    pub(crate) dies_after: Option<usize>,
    pub(crate) clock: VirtualClock,
    /// How long each write takes.
    pub(crate) pause: Duration,
}

impl Sink for Memory {
    async fn write(&mut self, lines: &[u8]) -> Result<(), String> {
        assert!(lines.ends_with(b"\n"), "a sink is handed whole lines");
        self.clock.sleep(self.pause).await;
        for line in lines[..lines.len() - 1].split(|byte| *byte == b'\n') {
            if self.dies_after.is_some_and(|most| self.lines.len() >= most) {
                return Err("the reader is gone".into());
            }
            self.lines.push(line.to_vec());
        }
        Ok(())
    }
}
