//! A tap: a compiled component, and the calls that it answers.

use crate::account::for_component;
use crate::bindings::{PluginPre, connector};
use crate::component::{Component, unusable};
use crate::event::Events;
use crate::guest::{Guest, Instance, load};
use crate::host::Host;
use crate::http::Gate;
use crate::limits::Limits;
use crate::progress::Progress;
use crate::spent::Meter;
use std::sync::Arc;
use tap_bigcommerce_core::error::Result;

/// A component, compiled. Clones share it.
///
/// Calls may run at the same time; each has an instance of the component to itself, and ends at once if its future is dropped.
#[derive(Clone)]
pub struct Tap(Arc<Inner>);

struct Inner {
    host: Host,
    pre: PluginPre<Guest>,
}

/// Which streams and fields are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// A JSON object: a Singer catalog. None: the streams that are selected by default.
    pub catalog: Option<String>,
    /// Rules that name all that is read, on top of the catalog: `orders`, `products.variants`, `*.id`. None: no such rules.
    pub select: Option<Vec<String>>,
    /// Rules that name what is left out.
    pub exclude: Vec<String>,
}

impl Host {
    /// Compiles a component. This blocks for some hundred milliseconds, unless it is in the cache.
    ///
    /// # Errors
    /// It is not the one that is pinned, or not a tap that this program can run.
    pub fn component(&self, component: Component) -> Result<Tap> {
        let bytes = component.checked()?;
        let pre = load(&self.0.engine, bytes).map_err(|fault| unusable(format!("{fault:#}")))?;
        Ok(Tap(Arc::new(Inner { host: self.clone(), pre })))
    }
}

impl Tap {
    /// What the tap is, as a JSON object: its name, version, settings and streams.
    ///
    /// # Errors
    /// The component stopped early.
    pub async fn about(&self) -> Result<String> {
        let limits = Limits::default();
        let asking = async {
            let mut instance = self.offline(&limits).await?;
            let about = instance.plugin.bigcommerce_tap_connector().call_about(&mut instance.store).await;
            instance.result(about.map(Ok))
        };
        limits.offline(asking).await
    }

    /// The catalog as a JSON object, marked with what the selection reads. It needs no network, and the config only has to be a
    /// JSON object.
    ///
    /// # Errors
    /// The config or the selection cannot be used.
    pub async fn discover(&self, config: &str, selection: &Selection) -> Result<String> {
        let (config, limits) = (for_component(config, None)?, Limits::default());
        let asking = async {
            let mut instance = self.offline(&limits).await?;
            let selection = selection.clone().into();
            let catalog =
                instance.plugin.bigcommerce_tap_connector().call_discover(&mut instance.store, &config, &selection).await;
            instance.result(catalog)
        };
        limits.offline(asking).await
    }

    pub(crate) fn host(&self) -> &Host {
        &self.0.host
    }

    /// An instance that reaches the network through this gate.
    pub(crate) async fn instance(&self, gate: Gate, limits: &Limits) -> Result<Instance> {
        Instance::start(&self.0.pre, gate, limits, self.0.host.0.ticker.run()).await
    }

    /// An instance without a network.
    pub(crate) async fn offline(&self, limits: &Limits) -> Result<Instance> {
        let gate = Gate::new(&self.0.host.0.network, None, Progress::default(), Meter::default(), Events::new("", None), limits);
        self.instance(gate, limits).await
    }
}

impl From<Selection> for connector::Selection {
    fn from(selection: Selection) -> connector::Selection {
        connector::Selection { catalog: selection.catalog, select: selection.select, exclude: selection.exclude }
    }
}
