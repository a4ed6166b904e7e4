//! Runs the component in a test embedder like `wasmtime run` and `wasmtime serve`: the command and the edge door.

use crate::built::component;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store, UpdateDeadline};
use wasmtime_wasi::p2::bindings::CommandPre;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::{
    Error as HttpError, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

/// More than any run writes.
const ROOM: usize = 1 << 30;
/// Resources that an instance may have at one time: far fewer than many runs have requests, so that a leak per request fails.
const RESOURCES: usize = 512;

struct Doors {
    command: CommandPre<Guest>,
    edge: ProxyPre<Guest>,
}

static DOORS: LazyLock<Doors> = LazyLock::new(|| open().expect("the component opens its doors"));

/// How long the component may compute before it gives way, as in the host.
const TICK: Duration = Duration::from_millis(10);

fn open() -> wasmtime::Result<Doors> {
    let mut config = Config::new();
    config.epoch_interruption(true);
    let engine = Engine::new(&config)?;
    let ticking = engine.clone();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(TICK);
            ticking.increment_epoch();
        }
    });
    let component = Component::from_binary(&engine, &component())?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    let pre = linker.instantiate_pre(&component)?;
    Ok(Doors { command: CommandPre::new(pre.clone())?, edge: ProxyPre::new(pre)? })
}

struct Guest {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    wire: Wire,
}

/// An instance's store. `busy` counts the ticks in which it computes.
fn store(engine: &Engine, wasi: WasiCtx, busy: Arc<AtomicU64>) -> Store<Guest> {
    let mut table = ResourceTable::new();
    table.set_max_capacity(RESOURCES);
    let mut store = Store::new(engine, Guest { wasi, http: WasiHttpCtx::new(), table, wire: Wire::default() });
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        busy.fetch_add(1, Relaxed);
        Ok(UpdateDeadline::Yield(1))
    });
    store
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.wire, table: &mut self.table, ctx: &mut self.http }
    }
}

/// What the component wrote, and whether it ended well.
#[derive(Debug)]
pub struct Said {
    /// `wasi:cli` knows no more than this.
    pub good: bool,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The most requests that were under way at one time: sent, and neither read to their end nor dropped by the component.
    pub most_exchanges: usize,
}

/// Runs the command door with these arguments and variables, the folder as `.`.
pub async fn command(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Said {
    let (stdout, stderr) = (MemoryOutputPipe::new(ROOM), MemoryOutputPipe::new(ROOM));
    let mut wasi = WasiCtxBuilder::new();
    wasi.arg("tap_bigcommerce.wasm").args(args).envs(variables).stdout(stdout.clone()).stderr(stderr.clone());
    wasi.preopened_dir(folder, ".", FsPerms::ReadOnly).expect("the folder can be opened");
    let mut store = store(DOORS.command.engine(), wasi.build(), Arc::default());
    let command = DOORS.command.instantiate_async(&mut store).await.expect("the component starts");
    let done = command.wasi_cli_run().call_run(&mut store).await.expect("the component does not trap");
    let text = |pipe: MemoryOutputPipe| String::from_utf8(pipe.contents().to_vec()).expect("the component writes UTF-8");
    let most_exchanges = store.data().wire.most();
    Said { good: done.is_ok(), stdout: text(stdout), stderr: text(stderr), most_exchanges }
}

/// The edge door, served on this machine until it is dropped.
#[derive(Debug)]
pub struct Edge {
    address: SocketAddr,
    log: MemoryOutputPipe,
    busy: Arc<AtomicU64>,
    instances: Arc<()>,
    serving: JoinHandle<()>,
}

/// An answer of the edge door, whose body may still be coming.
pub type Answer = Response<Incoming>;

impl Edge {
    /// Serves with these variables as the component's environment.
    pub async fn open(variables: Vec<(String, String)>) -> Edge {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("the port is known");
        let log = MemoryOutputPipe::new(ROOM);
        let busy = Arc::new(AtomicU64::new(0));
        let instances = Arc::new(());
        let (stderr, computing, instance) = (log.clone(), busy.clone(), instances.clone());
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (variables, stderr, busy) = (variables.clone(), stderr.clone(), computing.clone());
                let instance = instance.clone();
                let service = hyper::service::service_fn(move |request| {
                    let wasi = WasiCtxBuilder::new().envs(&variables).stderr(stderr.clone()).build();
                    handle(request, store(DOORS.edge.engine(), wasi, busy.clone()), instance.clone())
                });
                // A response that is cut short is for the client to see.
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Edge { address, log, busy, instances, serving }
    }

    /// Waits until the component does not compute for a while. False if it computes on and on.
    pub async fn comes_to_rest(&self) -> bool {
        for _ in 0..60 {
            let before = self.busy.load(Relaxed);
            tokio::time::sleep(50 * TICK).await;
            if self.busy.load(Relaxed) == before {
                return true;
            }
        }
        false
    }

    /// Waits until no request is being served and no client is connected. False if that does not come.
    pub async fn ends(&self) -> bool {
        for _ in 0..600 {
            // `self` and the listener have one reference each.
            if Arc::strong_count(&self.instances) <= 2 {
                return true;
            }
            tokio::time::sleep(5 * TICK).await;
        }
        false
    }

    /// What the component has written to standard error so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.log.contents()).into_owned()
    }

    /// Sends a request, and takes the head of its answer.
    pub async fn ask(&self, method: &str, path: &str, authorization: Option<&str>, body: impl Into<Bytes>) -> Answer {
        ask(self.address, method, path, authorization, body).await
    }
}

impl Edge {
    /// Sends these bytes and no more, and takes what is answered until the connection ends or `ends` is in it.
    pub async fn stall(&self, bytes: &[u8], ends: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("the edge listens");
        stream.write_all(bytes).await.expect("it reads");
        let (mut told, mut part) = (String::new(), [0; 4096]);
        while !told.contains(ends) {
            match stream.read(&mut part).await.expect("it answers") {
                0 => break,
                came => told.push_str(&String::from_utf8_lossy(&part[..came])),
            }
        }
        told
    }
}

/// Sends a request to an edge door, and takes the head of its answer.
pub async fn ask(address: SocketAddr, method: &str, path: &str, authorization: Option<&str>, body: impl Into<Bytes>) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("host", address.to_string());
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let request = request.body(Full::new(body.into())).expect("the request is sound");
    let socket = TcpSocket::new_v4().expect("there are sockets");
    // A small buffer, so that unread data holds up the edge instead of filling the system's buffers.
    socket.set_recv_buffer_size(64 << 10).expect("a buffer may be small");
    let stream = socket.connect(address).await.expect("the edge listens");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("it speaks HTTP");
    tokio::spawn(connection);
    sender.send_request(request).await.expect("it answers")
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A body, as far as it came.
#[derive(Debug)]
pub struct Come {
    /// What came.
    pub text: String,
    /// Whether that is all, and not what came before the body was cut short.
    pub whole: bool,
}

/// Reads a body as far as it comes.
pub async fn come(answer: Answer) -> Come {
    let (mut body, mut bytes, mut whole) = (answer.into_body(), Vec::new(), true);
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Err(_) => whole = false,
        }
    }
    Come { text: String::from_utf8(bytes).expect("the body is UTF-8"), whole }
}

/// The body to its end; none if it was cut short.
pub async fn whole(answer: Answer) -> Option<String> {
    let come = come(answer).await;
    come.whole.then_some(come.text)
}

async fn handle(
    request: Request<Incoming>,
    mut store: Store<Guest>,
    instance: Arc<()>,
) -> wasmtime::Result<Response<HyperOutgoingBody>> {
    let (sender, receiver) = oneshot::channel();
    let request = store.data_mut().http().new_incoming_request(Scheme::Http, request)?;
    let response = store.data_mut().http().new_response_outparam(sender)?;
    let task = tokio::spawn(async move {
        let _instance = instance;
        let proxy = DOORS.edge.instantiate_async(&mut store).await?;
        proxy.wasi_http_incoming_handler().call_handle(&mut store, request, response).await
    });
    match receiver.await {
        Ok(response) => Ok(response?),
        Err(_) => {
            task.await??;
            Err(wasmtime::Error::msg("the component has not answered"))
        }
    }
}

/// Plain HTTP, a connection for each request: what a stock embedder does. It sets no time limits, and counts the requests under way.
#[derive(Default)]
struct Wire {
    exchanges: Arc<()>,
    most: Arc<AtomicUsize>,
}

impl Wire {
    fn most(&self) -> usize {
        self.most.load(Relaxed)
    }
}

type Background = Box<dyn Future<Output = Result<(), HttpError>> + Send>;
type Sent = Result<(Response<WasiBody>, Background), HttpError>;

impl WasiHttpHooks for Wire {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Background,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let exchange = self.exchanges.clone();
        self.most.fetch_max(Arc::strong_count(&exchange) - 1, Relaxed);
        Box::new(send(request, exchange))
    }
}

/// Sends a request. The exchange is held until the answer has been read or dropped.
async fn send(mut request: Request<WasiBody>, exchange: Arc<()>) -> Sent {
    let authority = request.uri().authority().ok_or(HttpError::HttpRequestUriInvalid)?.to_string();
    let stream = TcpStream::connect(authority).await.map_err(HttpError::Connect)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(|_| HttpError::HttpRequestUriInvalid)?;
    let response = sender.send_request(request).await?;
    let background: Background = Box::new(async move {
        connection.await.map_err(|fault| HttpError::InternalError(Some(fault.to_string())))?.map_err(HttpError::from)
    });
    let held = move |fault| {
        let _exchange = &exchange;
        HttpError::from(fault)
    };
    Ok((response.map(|body| body.map_err(held).boxed_unsync()), background))
}
