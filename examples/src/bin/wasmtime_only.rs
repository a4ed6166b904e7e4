//! The component with nothing but wasmtime and the WIT: `wasmtime_only tap_bigcommerce.wasm config.json`.
//!
//! It shows what the host library adds: here the component holds the token itself, may ask any host for anything, and is bounded in nothing.

use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Error, Result, Store};
use wasmtime_wasi::p2::{DynOutputStream, pipe::MemoryOutputPipe};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};

mod bindings {
    #![allow(missing_docs, unreachable_pub)]
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "plugin",
        imports: { default: async },
        exports: { default: async },
        with: { "wasi:io": wasmtime_wasi::p2::bindings::io },
    });
}

use bindings::exports::bigcommerce::tap::connector::{Selection, SyncRequest};

struct Guest {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    table: ResourceTable,
}

/// Requests are sent as wasmtime sends them.
struct Hooks;

impl WasiHttpHooks for Hooks {}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.hooks, table: &mut self.table, ctx: &mut self.http }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut files = std::env::args().skip(1);
    let component = files.next().ok_or_else(|| Error::msg("usage: wasmtime_only tap_bigcommerce.wasm config.json"))?;
    let config = std::fs::read_to_string(files.next().unwrap_or_else(|| "config.json".into()))?;

    let engine = Engine::default();
    let component = Component::from_file(&engine, component)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;

    let wasi = WasiCtx::builder().inherit_stderr().build();
    let mut store = Store::new(&engine, Guest { wasi, http: WasiHttpCtx::new(), hooks: Hooks, table: ResourceTable::new() });
    let plugin = bindings::Plugin::instantiate_async(&mut store, &component, &linker).await?;

    // A stream of your own type would pass messages on as they come, and hold the tap back while it is busy.
    let messages = MemoryOutputPipe::new(1 << 30);
    let output = store.data_mut().table.push(Box::new(messages.clone()) as DynOutputStream)?;
    let selection = Selection { catalog: None, select: Some(vec!["coupons".into()]), exclude: Vec::new() };
    let (state, full_refresh, max_records, max_seconds) = (None, Vec::new(), None, None);
    let request = SyncRequest { config, selection, state, full_refresh, max_records, max_seconds };
    let connector = plugin.bigcommerce_tap_connector();
    match connector.call_sync(&mut store, &request, output, None).await? {
        Ok(summary) => eprintln!("{} requests, resume from {}", summary.requests, summary.state),
        Err(failure) => return Err(Error::msg(format!("{failure:?}"))),
    }
    print!("{}", String::from_utf8_lossy(&messages.contents()));
    Ok(())
}
