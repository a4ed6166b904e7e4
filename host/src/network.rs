//! The network that all runs share: pools of connections, and how many requests are in flight.

use crate::http::client::{Client, clients};
use crate::http::proxy::Proxies;
use std::path::PathBuf;
use std::sync::Arc;
use tap_bigcommerce_core::error::Result;
use tokio::sync::Semaphore;

/// How many requests are in flight at one time, unless the embedder says otherwise: the greatest `max_concurrency` of one run.
const MAX_IN_FLIGHT: usize = 1024;

/// Pooled connections for any number of runs, with a bound for the requests of all of them together. Clones share them.
#[derive(Clone)]
pub struct Network(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    /// Reaches addresses of the public internet alone.
    pub(crate) public: Client,
    /// Reaches any address. The two have no connection in common.
    pub(crate) any: Client,
    pub(crate) proxies: Proxies,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) max_in_flight: usize,
    warnings: Vec<String>,
}

/// Settings of a [`Network`].
#[derive(Clone)]
pub struct NetworkBuilder {
    ca_file: Option<PathBuf>,
    proxies: Proxies,
    max_in_flight: usize,
}

impl Network {
    /// A builder with the defaults: the platform's certificates, no proxy, 1,024 requests in flight.
    pub fn builder() -> NetworkBuilder {
        NetworkBuilder { ca_file: None, proxies: Proxies::none(), max_in_flight: MAX_IN_FLIGHT }
    }

    /// What a person should know, a sentence each: that this machine has no certificates, so that https cannot work.
    pub fn warnings(&self) -> &[String] {
        &self.0.warnings
    }
}

impl NetworkBuilder {
    /// A file of certificates in PEM form, trusted in addition to those of the platform.
    pub fn ca_file(mut self, file: impl Into<PathBuf>) -> NetworkBuilder {
        self.ca_file = Some(file.into());
        self
    }

    /// Uses the proxy that the environment names: HTTPS_PROXY, else ALL_PROXY, except for the hosts in NO_PROXY. Without this call no proxy is
    /// used. A proxy resolves the store's name itself, so that it decides which addresses are reached.
    pub fn proxy_from_env(mut self) -> NetworkBuilder {
        self.proxies = Proxies::from_env();
        self
    }

    /// How many requests of all runs together may wait for their answers at one time. Further requests queue in order of arrival.
    /// The time in the queue counts towards the config's `request_timeout_seconds`, so keep it far below that. A request no
    /// longer counts once its answer begins, so a run with a busy sink does not block the others. No run has a higher
    /// `max_concurrency` than this.
    pub fn max_in_flight(mut self, requests: usize) -> NetworkBuilder {
        self.max_in_flight = requests.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    #[cfg(test)]
    pub(crate) fn proxies(mut self, proxies: Proxies) -> NetworkBuilder {
        self.proxies = proxies;
        self
    }

    /// Reads the certificates.
    ///
    /// # Errors
    /// The CA file cannot be used.
    pub fn build(self) -> Result<Network> {
        let ([public, any], warning) = clients(self.ca_file.as_deref(), &self.proxies)?;
        let places = Arc::new(Semaphore::new(self.max_in_flight));
        let (proxies, max_in_flight) = (self.proxies, self.max_in_flight);
        Ok(Network(Arc::new(Shared { public, any, proxies, places, max_in_flight, warnings: warning.into_iter().collect() })))
    }
}
