//! One instance of the component: what it may use, and what it means when it fails.

use crate::bindings::{Plugin, PluginPre};
use crate::http::Gate;
use crate::log::{LogPipe, printable};
use tap_bigcommerce_core::error::{Failure, Kind, Result};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, ResourceLimiter, Store, Trap};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

const MIB: usize = 1024 * 1024;
/// Entries of the component's tables of functions; it needs some thousands.
const MAX_TABLE: usize = 100_000;

/// What one instance of the component has: no files, no environment, no arguments, no sockets.
pub(crate) struct Guest {
    pub(crate) table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    gate: Gate,
    log: LogPipe,
    limits: Limits,
}

/// A component, compiled and ready to be started.
pub(crate) fn load(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<PluginPre<Guest>> {
    let component = Component::from_binary(engine, bytes)?;
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    PluginPre::new(linker.instantiate_pre(&component)?)
}

/// A running instance of the component.
pub(crate) struct Instance {
    pub(crate) store: Store<Guest>,
    pub(crate) plugin: Plugin,
}

impl Instance {
    pub(crate) async fn start(pre: &PluginPre<Guest>, gate: Gate, memory_limit: usize) -> Result<Instance> {
        let log = LogPipe::new(gate.log.clone());
        let wasi = WasiCtx::builder().stderr(log.clone()).allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false).build();
        let limits = Limits { memory: memory_limit, used: 0, exceeded: false };
        let guest = Guest { table: ResourceTable::new(), wasi, http: WasiHttpCtx::new(), gate, log, limits };
        let mut store = Store::new(pre.engine(), guest);
        store.limiter(|guest| &mut guest.limits);
        // At each tick of the epoch the component gives way to the runtime's other tasks, so that it can be dropped at any time.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        match pre.instantiate_async(&mut store).await {
            Ok(plugin) => Ok(Instance { store, plugin }),
            Err(error) => Err(store.data().told(&error)),
        }
    }

    /// What a call gave, or why the component broke off.
    pub(crate) fn result<T>(&self, outcome: wasmtime::Result<T>) -> Result<T> {
        self.store.data().log.finish();
        outcome.map_err(|error| self.store.data().told(&error))
    }
}

impl Guest {
    /// A trap in a sentence.
    fn told(&self, error: &wasmtime::Error) -> Failure {
        let message = if self.limits.exceeded {
            let limit = self.limits.memory / MIB;
            format!("the component ran out of its {limit} MiB of memory; run again with a smaller page_size or max_concurrency")
        } else if error.downcast_ref::<Trap>() == Some(&Trap::StackOverflow) {
            "the component ran out of stack, perhaps over an answer that is nested too deeply; please report it".to_owned()
        } else {
            // The first line is the fault, the rest a backtrace.
            let cause = error.root_cause().to_string();
            let cause = printable(cause.lines().next().unwrap_or_default());
            format!(
                "the component broke off ({cause}); please report it with the last lines of the log, then run again from the last state"
            )
        };
        Failure::new(Kind::Api, message)
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.gate, table: &mut self.table, ctx: &mut self.http }
    }
}

/// Bounds the memory of all the instance's memories together, and remembers that they were reached.
struct Limits {
    memory: usize,
    used: usize,
    exceeded: bool,
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.used.saturating_sub(current).saturating_add(desired);
        if used > self.memory {
            self.exceeded = true;
            return Ok(false);
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_holds_for_all_memories_together() {
        let mut limits = Limits { memory: 10 * MIB, used: 0, exceeded: false };
        assert!(limits.memory_growing(0, 4 * MIB, None).unwrap());
        assert!(limits.memory_growing(0, 4 * MIB, None).unwrap());
        assert!(limits.memory_growing(4 * MIB, 6 * MIB, None).unwrap());
        assert!(!limits.exceeded);
        assert!(!limits.memory_growing(4 * MIB, 5 * MIB, None).unwrap());
        assert!(limits.exceeded);
    }
}
