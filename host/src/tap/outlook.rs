//! What a run has before it, for whoever shows how long it will take.

use super::{SyncRequest, Tap};
use crate::http::{Door, Gate};
use crate::progress::Progress;
use ::http::Response;
use bytes::Bytes;
use tap_bigcommerce_core::config::{Config, Credentials};
use tap_bigcommerce_core::error::Result;
use tap_bigcommerce_core::plan::{self, Plan};

/// With so few requests left in the window, the run needs them more than a forecast does.
const SPARED: u64 = 50;

/// What a run has before it in one walk. An estimate: the store changes while it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// The streams that come from the walk.
    pub streams: Vec<String>,
    /// Records of the first of them.
    pub records: u64,
    /// Requests for all of them.
    pub requests: u64,
}

impl Tap {
    /// Asks the store how much [`Tap::sync`] will read, with one request for each list that is walked. The outlooks are in the order of the
    /// run. None: the store does not say it of each list, or has so little left of its quota that the run should have it.
    ///
    /// # Errors
    /// The request cannot be run.
    pub async fn outlook(&self, request: &SyncRequest) -> Result<Option<Vec<Outlook>>> {
        let account = self.account(&request.config)?;
        let asked = plan::Inputs {
            config: request.config.clone(),
            catalog: request.catalog.clone(),
            state: request.state.clone(),
            ..plan::Inputs::default()
        };
        let forecasts = Plan::new(&asked)?.forecasts();
        let user_agent = Config::parse(&request.config, Credentials::InConfig)?.0.user_agent;
        // Requests of its own: the run's counters are for the run.
        let gate = Gate::new(self.0.client.clone(), Some(Door::new(account)), Progress::default(), self.0.log.clone());
        let mut outlooks = Vec::new();
        for forecast in forecasts {
            let Some(target) = forecast.target() else { return Ok(None) };
            let Some(answer) = gate.ask(&target, &user_agent).await else { return Ok(None) };
            let Some(records) = forecast.records(answer.body()) else { return Ok(None) };
            let streams = forecast.streams().iter().map(|name| (*name).to_owned()).collect();
            outlooks.push(Outlook { streams, records, requests: forecast.requests(records) });
            if left(&answer).is_some_and(|left| left < SPARED) {
                return Ok(None);
            }
        }
        Ok(Some(outlooks))
    }
}

/// How many requests the store still allows in this window.
fn left(answer: &Response<Bytes>) -> Option<u64> {
    answer.headers().get("x-rate-limit-requests-left")?.to_str().ok()?.trim().parse().ok()
}
