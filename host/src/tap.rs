//! The tap: the compiled component, and the calls that it answers.

mod outlook;

use crate::account::{Account, Allowed, without_secrets};
use crate::bindings::{PluginPre, connector};
use crate::files;
use crate::guest::{Allowance, Guest, Instance, load};
use crate::http::client::{Client, client};
use crate::http::proxy::Proxies;
use crate::http::{Door, Gate};
use crate::log::LogHandler;
use crate::pipe;
use crate::progress::Progress;
use crate::sinks::{Sink, SinkError};
use crate::stop::Stop;
use crate::summary::Summary;
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tap_bigcommerce_core::config::Origin;
use tap_bigcommerce_core::error::{Failure, Kind, Result};
use wasmtime::{Cache, CacheConfig, Config, Engine};
use wasmtime_wasi::p2::{DynOutputStream, subscribe};

const COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tap_bigcommerce.wasm"));
const DEFAULT_ORIGIN: &str = "https://api.bigcommerce.com";
const DEFAULT_MEMORY: usize = 512 * 1024 * 1024;
/// A request in flight has six resources at most, and there are at most 1,024 of those; the rest of the call has a few dozen. A higher limit
/// would only let a foreign component fill the host's memory.
const DEFAULT_RESOURCES: usize = 8192;
/// How long a component may continue after a stop, unless the embedder says otherwise: a record with all its lists may take a while.
const DEFAULT_GRACE: Duration = Duration::from_secs(60);
/// How long the component may compute before it gives way to other tasks.
const TICK: Duration = Duration::from_millis(10);

pub use outlook::Outlook;

/// The tap, compiled, with a pool of connections. Clones share both.
///
/// Calls may run at the same time; each has an instance of the component to itself. The component computes on the threads of the tokio
/// runtime that the calls are made on, giving way every 10 ms; a call whose future is dropped ends at once.
#[derive(Clone)]
pub struct Tap(Arc<Inner>);

struct Inner {
    pre: PluginPre<Guest>,
    client: Client,
    proxies: Proxies,
    allowed: Allowed,
    allowance: Allowance,
    grace: Duration,
    log: LogHandler,
}

/// What a sync reads, and where it resumes.
#[derive(Clone, Debug, Default)]
pub struct SyncRequest {
    /// A JSON object: the tap's settings.
    pub config: String,
    /// A JSON object: a Singer catalog. None: the streams that are selected by default.
    pub catalog: Option<String>,
    /// A JSON object: the value of the last STATE message that the sink took. None: from the start.
    pub state: Option<String>,
    /// Ends the run at the first checkpoint after so many records.
    pub max_records: Option<u64>,
    /// Ends the run at the first checkpoint after so many seconds.
    pub max_seconds: Option<u64>,
    /// Keep a clone of it to see how far the run is.
    pub progress: Progress,
}

/// Settings of a [`Tap`].
pub struct TapBuilder {
    origins: Vec<String>,
    ca_file: Option<PathBuf>,
    cache: bool,
    allowance: Allowance,
    grace: Duration,
    private_addresses: bool,
    component: Cow<'static, [u8]>,
    log: LogHandler,
}

impl Tap {
    /// A builder with the defaults: requests to `https://api.bigcommerce.com` only, no cache, 512 MiB of memory for each
    /// call, 8,192 resources and a minute to heed a stop, the log thrown away.
    pub fn builder() -> TapBuilder {
        TapBuilder {
            origins: vec![DEFAULT_ORIGIN.to_owned()],
            ca_file: None,
            cache: false,
            allowance: Allowance { memory: DEFAULT_MEMORY, resources: DEFAULT_RESOURCES },
            grace: DEFAULT_GRACE,
            private_addresses: false,
            component: Cow::Borrowed(COMPONENT),
            log: Arc::new(|_| {}),
        }
    }

    /// What the tap is, as a JSON object: its name, version, settings and streams.
    ///
    /// # Errors
    /// The component stopped early.
    pub async fn about(&self) -> Result<String> {
        let mut instance = self.instance(None, Progress::default()).await?;
        let about = instance.plugin.bigcommerce_tap_connector().call_about(&mut instance.store).await;
        instance.result(about.map(Ok))
    }

    /// The catalog, as a JSON object. It needs no network, and of the config nothing but that it is a JSON object.
    ///
    /// # Errors
    /// The config cannot be used.
    pub async fn discover(&self, config: &str) -> Result<String> {
        let config = without_secrets(config)?;
        let mut instance = self.instance(None, Progress::default()).await?;
        let catalog = instance.plugin.bigcommerce_tap_connector().call_discover(&mut instance.store, &config).await;
        instance.result(catalog)
    }

    /// Asks the store whether the token is good and which streams it may read; the answer is a JSON object.
    ///
    /// # Errors
    /// The config cannot be used, or the store cannot be asked.
    pub async fn check(&self, config: &str) -> Result<String> {
        let account = self.account(config)?;
        let config = without_secrets(config)?;
        let mut instance = self.instance(Some(account), Progress::default()).await?;
        let report = instance.plugin.bigcommerce_tap_connector().call_check(&mut instance.store, &config).await;
        instance.result(report).map(|report| instance.redactor().redact(&report).into_owned())
    }

    /// Reads the selected streams and writes their messages to `sink`. When `stop` is requested the run ends after the record in hand, and
    /// fails with [`Kind::Cancelled`].
    ///
    /// A stream that fails by itself does not end the run: look at [`Summary::failure`].
    ///
    /// # Errors
    /// The kind says which part failed. Whatever it was, the last STATE that the sink has taken is where to resume.
    pub async fn sync(&self, request: SyncRequest, sink: Box<dyn Sink>, stop: &Stop) -> Result<Summary> {
        let account = self.account(&request.config)?;
        let config = without_secrets(&request.config)?;
        let mut instance = self.instance(Some(account), request.progress.clone()).await?;
        let redactor = instance.redactor().clone();
        let sink_failure = |error: SinkError| Failure::new(Kind::Sink, redactor.line(&error.to_string()));
        let (output, outcome) = pipe::start(sink, request.progress).map_err(sink_failure)?;
        let table = &mut instance.store.data_mut().table;
        let output = table.push(Box::new(output) as DynOutputStream).map_err(|fault| broken(&fault))?;
        let pollable = table.push(stop.clone()).map_err(|fault| broken(&fault))?;
        let pollable = subscribe(table, pollable).map_err(|fault| broken(&fault))?;
        let request = connector::SyncRequest {
            config,
            catalog: request.catalog,
            state: request.state,
            max_records: request.max_records,
            max_seconds: request.max_seconds,
        };
        let plugin = instance.plugin.bigcommerce_tap_connector();
        let summary = tokio::select! {
            biased;
            summary = plugin.call_sync(&mut instance.store, &request, output, Some(pollable)) => Some(summary),
            () = self.overdue(stop) => None,
        };
        let summary = summary.map_or_else(|| Err(unheeded(self.0.grace)), |summary| instance.result(summary));
        // Whatever the component has kept of its end of the stream goes with it.
        drop(instance);
        // A sink's fault is the cause of what the component says then, and knows better.
        outcome.get().await.map_err(sink_failure)?;
        summary.map(|summary| summary.told(&redactor))
    }

    /// Waits until a stop has not been heeded for too long.
    async fn overdue(&self, stop: &Stop) {
        stop.requested().await;
        tokio::time::sleep(self.0.grace).await;
    }

    /// The account that a config names, if its store can be asked.
    fn account(&self, config: &str) -> Result<Account> {
        let account = Account::from_config(config, &self.0.allowed)?;
        let config_fault = |why: &dyn std::fmt::Display| Failure::new(Kind::Config, why.to_string());
        let origin = account.origin.to_string().parse().map_err(|why: ::http::uri::InvalidUri| config_fault(&why))?;
        self.0.proxies.towards(&origin).map_err(|why| config_fault(&why))?;
        Ok(account)
    }

    async fn instance(&self, account: Option<Account>, progress: Progress) -> Result<Instance> {
        let inner = &self.0;
        let redactor = account.as_ref().map(Account::redactor).unwrap_or_default();
        let gate = Gate::new(inner.client.clone(), account.map(Door::new), progress, inner.log.clone());
        Instance::start(&inner.pre, gate, redactor, inner.allowance).await
    }
}

impl TapBuilder {
    /// The origins that a config's `api_url` may name, in place of `https://api.bigcommerce.com`.
    pub fn allowed_origins(mut self, origins: impl IntoIterator<Item = impl Into<String>>) -> TapBuilder {
        self.origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// Permits addresses of private networks, loopback included. Without it they are refused, after name resolution too. (A store that is
    /// reached through the proxy of HTTPS_PROXY is resolved by the proxy, which has its own say.)
    pub fn private_addresses(mut self, permitted: bool) -> TapBuilder {
        self.private_addresses = permitted;
        self
    }

    /// A file of certificates in PEM form, trusted in addition to those of the platform.
    pub fn ca_file(mut self, file: impl Into<PathBuf>) -> TapBuilder {
        self.ca_file = Some(file.into());
        self
    }

    /// Whether the compiled component is kept in the user's cache folder for the next process. What lies there is run as it is, so that it is
    /// used only if the folder is the user's own and nobody else can write to it; if not, the log says so. Off by default.
    pub fn cache(mut self, on: bool) -> TapBuilder {
        self.cache = on;
        self
    }

    /// How much memory, in bytes, each call of the component may use.
    pub fn memory_limit(mut self, bytes: usize) -> TapBuilder {
        self.allowance.memory = bytes;
        self
    }

    /// How many resources each call of the component may have at one time: requests, answers, streams and timers that the host keeps for it. A
    /// request in flight has six at most, so that a limit of eight times the config's `max_concurrency` is enough. The default, 8,192, is
    /// enough for the greatest `max_concurrency`.
    pub fn resource_limit(mut self, resources: usize) -> TapBuilder {
        self.allowance.resources = resources;
        self
    }

    /// How long a call may continue after its [`Stop`] was requested. The tap's own component ends with the record in hand; one that does not is
    /// ended by the host then.
    pub fn grace(mut self, time: Duration) -> TapBuilder {
        self.grace = time;
        self
    }

    /// Another build of the component, in place of the one that this library carries. It is confined in the same way.
    pub fn component(mut self, bytes: impl Into<Vec<u8>>) -> TapBuilder {
        self.component = Cow::Owned(bytes.into());
        self
    }

    /// Takes each line of the component's log, without its line end: `INFO …`, `WARNING …`, `INFO METRIC: {…}`.
    pub fn on_log(mut self, handler: impl Fn(&str) + Send + Sync + 'static) -> TapBuilder {
        self.log = Arc::new(handler);
        self
    }

    /// Compiles the component, or takes it from the cache. This blocks for some hundred milliseconds the first time.
    ///
    /// # Errors
    /// An origin, the CA file or the component cannot be used.
    pub fn build(self) -> Result<Tap> {
        let origin = |text: &String| {
            Origin::parse(text)
                .map_err(|why| Failure::new(Kind::Config, format!("the allowed origin {text} cannot be used: {why}")))
        };
        let origins = self.origins.iter().map(origin).collect::<Result<Vec<Origin>>>()?;
        let proxies = Proxies::from_env();
        let (client, warning) = client(self.ca_file.as_deref(), self.private_addresses, proxies.clone())?;
        warning.into_iter().for_each(|warning| (self.log)(&format!("WARNING {warning}")));
        let unusable = |fault: wasmtime::Error| {
            Failure::new(Kind::Config, format!("the component cannot be used by this program: {fault:#}"))
        };
        let engine = self.engine().map_err(unusable)?;
        let pre = load(&engine, &self.component).map_err(unusable)?;
        start_ticker(&engine)?;
        let allowed = Allowed { origins, private_addresses: self.private_addresses };
        Ok(Tap(Arc::new(Inner { pre, client, proxies, allowed, allowance: self.allowance, grace: self.grace, log: self.log })))
    }

    fn engine(&self) -> wasmtime::Result<Engine> {
        let mut config = Config::new();
        config.epoch_interruption(true);
        if self.cache {
            match open_cache() {
                Ok(cache) => {
                    config.cache(Some(cache));
                }
                Err(fault) => {
                    (self.log)(&format!("WARNING the compiled component cannot be cached, so each start takes longer: {fault:#}"))
                }
            }
        }
        Engine::new(&config)
    }
}

fn open_cache() -> wasmtime::Result<Cache> {
    let folders = directories_next::ProjectDirs::from("", "", "tap-bigcommerce");
    let folders = folders.ok_or_else(|| wasmtime::Error::msg("this user has no home folder"))?;
    let folder = folders.cache_dir();
    files::make_folder(folder)?;
    if !files::is_own(folder)? {
        let text = format!("others than its owner can write to {}, or it is another user's", folder.display());
        return Err(wasmtime::Error::msg(text));
    }
    let mut config = CacheConfig::new();
    config.with_directory(folder);
    Cache::new(config)
}

/// Counts the epoch up for as long as the engine lives.
fn start_ticker(engine: &Engine) -> Result<()> {
    let engine = engine.weak();
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    };
    let started = thread::Builder::new().name("epoch".into()).spawn(tick);
    started.map(drop).map_err(|fault| broken(&fault))
}

fn unheeded(grace: Duration) -> Failure {
    let text = format!(
        "the component did not end within {} s of the stop, so it was ended; run again from the last state",
        grace.as_secs_f64()
    );
    Failure::new(Kind::Cancelled, text)
}

fn broken(fault: &dyn std::fmt::Display) -> Failure {
    Failure::new(Kind::Api, format!("the component could not be started: {fault}; please report it"))
}

#[cfg(test)]
mod tests;
