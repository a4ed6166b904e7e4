//! What runs share: the engine that compiles and runs components, and the network.

use crate::component::unusable;
use crate::network::Network;
use crate::ticker::Ticker;
use std::sync::Arc;
use tap_bigcommerce_core::error::Result;
use wasmtime::{Config, Engine};

/// Compiles components and runs them. Clones share the engine, the network and its connections: one is enough for any number of stores.
///
/// Components run on the threads of the calling tokio runtime, and yield every 10 ms.
#[derive(Clone)]
pub struct Host(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) network: Network,
    pub(crate) ticker: Ticker,
    warnings: Vec<String>,
}

/// Settings of a [`Host`].
#[derive(Clone, Default)]
pub struct HostBuilder {
    network: Option<Network>,
    #[cfg(feature = "cache")]
    cache: Option<crate::cache::Place>,
}

impl Host {
    /// A builder with the defaults: a network of its own, and no cache.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    /// What a person should know, a sentence each: why nothing is cached, or why https cannot work.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        self.0.warnings.iter().chain(self.0.network.warnings()).map(String::as_str)
    }
}

impl HostBuilder {
    /// The network of its runs.
    pub fn network(mut self, network: Network) -> HostBuilder {
        self.network = Some(network);
        self
    }

    /// Caches compiled components in this folder for later processes. Cached code is executed without a check, so the folder must
    /// belong to this user, and nobody else may be able to write to it. Otherwise nothing is cached, and a
    /// [warning](Host::warnings) says so.
    #[cfg(feature = "cache")]
    pub fn cache_dir(mut self, folder: impl Into<std::path::PathBuf>) -> HostBuilder {
        self.cache = Some(crate::cache::Place::Folder(folder.into()));
        self
    }

    /// The same in the user's cache folder: `~/.cache/tap-bigcommerce` on Linux.
    #[cfg(feature = "cache")]
    pub fn cache(mut self) -> HostBuilder {
        self.cache = Some(crate::cache::Place::Users);
        self
    }

    /// Starts the engine.
    ///
    /// # Errors
    /// This machine's certificates cannot be used, or the system starts no thread.
    pub fn build(self) -> Result<Host> {
        let network = self.network.clone().map_or_else(|| Network::builder().build(), Ok)?;
        let mut config = Config::new();
        config.epoch_interruption(true);
        let warnings = self.caches(&mut config).err().into_iter();
        let engine = Engine::new(&config).map_err(|fault| unusable(format!("{fault:#}")))?;
        let ticker = Ticker::start(&engine).map_err(unusable)?;
        Ok(Host(Arc::new(Shared { engine, network, ticker, warnings: warnings.collect() })))
    }

    #[cfg(feature = "cache")]
    fn caches(&self, config: &mut Config) -> std::result::Result<(), String> {
        let Some(place) = &self.cache else { return Ok(()) };
        let told =
            |fault: wasmtime::Error| format!("the compiled component cannot be cached, so each start takes longer: {fault:#}");
        config.cache(Some(place.open().map_err(told)?));
        Ok(())
    }

    #[cfg(not(feature = "cache"))]
    fn caches(&self, _: &mut Config) -> std::result::Result<(), String> {
        Ok(())
    }
}
