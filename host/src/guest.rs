//! One instance of the component: what it may use, and what it means when it fails.

use crate::bindings::{Plugin, PluginPre, connector};
use crate::http::Gate;
use crate::limits::Limits;
use crate::log::{LogPipe, Redactor};
use crate::ticker::Running;
use tap_bigcommerce_core::error::{Failure, Kind, Result};
use wasmtime::component::{Component, Linker, ResourceTable, ResourceTableError};
use wasmtime::{Engine, ResourceLimiter, Store, Trap};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

const MIB: usize = 1024 * 1024;
/// Entries in all function tables of an instance together; the tap needs a few thousand.
const MAX_TABLE_ENTRIES: usize = 100_000;
const MAX_TABLES: usize = 16;
const MAX_MEMORIES: usize = 4;
/// Core instances, of which the component is put together.
const MAX_INSTANCES: usize = 64;

/// What one instance of the component has: no files, no environment, no arguments, no sockets.
pub(crate) struct Guest {
    pub(crate) table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    gate: Gate,
    log: LogPipe,
    redactor: Redactor,
    memory: Memory,
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
    _running: Running,
}

impl Instance {
    pub(crate) async fn start(pre: &PluginPre<Guest>, gate: Gate, limits: &Limits, running: Running) -> Result<Instance> {
        let redactor = gate.redactor();
        let log = LogPipe::new(gate.events().clone(), redactor.clone(), limits.log);
        let wasi = WasiCtx::builder().stderr(log.clone()).allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false).build();
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.resources);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(limits.headers);
        let memory = Memory::new(limits.memory);
        let guest = Guest { table, wasi, http, gate, log, redactor, memory };
        let mut store = Store::new(pre.engine(), guest);
        store.limiter(|guest| &mut guest.memory);
        // At each epoch tick the component yields to the runtime's other tasks, so that its future can be dropped at any time.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        match pre.instantiate_async(&mut store).await {
            Ok(plugin) => Ok(Instance { store, plugin, _running: running }),
            Err(error) => Err(store.data().failure(&error)),
        }
    }

    /// What a call gave, or why it failed, or why the component stopped early.
    pub(crate) fn result<T>(&self, outcome: wasmtime::Result<Result<T, connector::Failure>>) -> Result<T> {
        let guest = self.store.data();
        guest.log.finish();
        outcome.map_err(|error| guest.failure(&error))?.map_err(|failure| failure.redacted(&guest.redactor))
    }
}

impl Guest {
    /// A trap in a sentence.
    fn failure(&self, error: &wasmtime::Error) -> Failure {
        let message = if self.memory.exceeded {
            let limit = self.memory.most / MIB;
            format!("the component ran out of its {limit} MiB of memory; run again with a smaller page_size or max_concurrency")
        } else if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
            let limit = self.table.max_capacity();
            format!(
                "the component used up the {limit} resources (requests, answers, timers) that it may have at one time; run again from the last \
                 state with a smaller max_concurrency, and report it if that does not help"
            )
        } else if error.downcast_ref::<Trap>() == Some(&Trap::StackOverflow) {
            "the component ran out of stack, perhaps over an answer that is nested too deeply; please report it".to_owned()
        } else {
            // The first line is the fault, the rest a backtrace.
            let cause = error.root_cause().to_string();
            let cause = self.redactor.line(cause.lines().next().unwrap_or_default());
            format!(
                "the component stopped unexpectedly ({cause}); please report it with the last lines of the log, then run again from the last state"
            )
        };
        Failure::new(Kind::Component, message)
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

/// Limits an instance's memories, and its tables, in total size, and notes whether the memory limit was hit.
struct Memory {
    most: usize,
    used: usize,
    table_entries: usize,
    exceeded: bool,
}

impl Memory {
    fn new(most: usize) -> Memory {
        Memory { most, used: 0, table_entries: 0, exceeded: false }
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.used.saturating_sub(current).saturating_add(desired);
        if used > self.most {
            self.exceeded = true;
            return Ok(false);
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let entries = self.table_entries.saturating_sub(current).saturating_add(desired);
        if entries > MAX_TABLE_ENTRIES {
            return Ok(false);
        }
        self.table_entries = entries;
        Ok(true)
    }

    fn instances(&self) -> usize {
        MAX_INSTANCES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_holds_for_all_memories_together() {
        let mut memory = Memory::new(10 * MIB);
        assert!(memory.memory_growing(0, 4 * MIB, None).unwrap());
        assert!(memory.memory_growing(0, 4 * MIB, None).unwrap());
        assert!(memory.memory_growing(4 * MIB, 6 * MIB, None).unwrap());
        assert!(!memory.exceeded);
        assert!(!memory.memory_growing(4 * MIB, 5 * MIB, None).unwrap());
        assert!(memory.exceeded);
    }

    #[test]
    fn the_entries_of_all_tables_together_are_bounded() {
        let mut memory = Memory::new(MIB);
        assert!(memory.table_growing(0, MAX_TABLE_ENTRIES / 2, None).unwrap());
        assert!(!memory.table_growing(0, MAX_TABLE_ENTRIES / 2 + 1, None).unwrap());
        assert!(memory.table_growing(MAX_TABLE_ENTRIES / 2, MAX_TABLE_ENTRIES, None).unwrap());
    }

    #[tokio::test]
    async fn a_module_with_too_many_parts_is_not_started() {
        let engine = Engine::default();
        // The sections of memories and of tables, and the shortest of each.
        for (section, part, most) in [(5, [0, 0].as_slice(), MAX_MEMORIES), (4, &[0x70, 0, 0], MAX_TABLES)] {
            for (count, starts) in [(most, true), (most + 1, false)] {
                let content = [&[count as u8], part.repeat(count).as_slice()].concat();
                let bytes = [b"\0asm\x01\0\0\0".as_slice(), &[section, content.len() as u8], &content].concat();
                let module = wasmtime::Module::new(&engine, bytes).unwrap();
                let mut store = Store::new(&engine, Memory::new(MIB));
                store.limiter(|memory| memory);
                let started = wasmtime::Instance::new_async(&mut store, &module, &[]).await;
                assert_eq!(started.is_ok(), starts, "{count} of section {section}");
            }
        }
    }
}
