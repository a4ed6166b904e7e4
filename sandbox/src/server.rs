//! The shell: the store behind real sockets.

mod body;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::Utc;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::answer::Answer;
use crate::faults::Delivery;
use crate::http::Request;
use crate::log::Seen;
use crate::options::Options;
use crate::store::Store;

/// A store that listens on a loopback port, on a thread of its own, until it is dropped.
///
/// HTTP/1.1 with keep-alive, and HTTP/2 for clients that start with it. Answers are chunked, and compressed for clients that accept gzip.
#[derive(Debug)]
pub struct Sandbox {
    url: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    store: Mutex<Store>,
    latency: Duration,
    requests: AtomicU64,
    connections: AtomicU64,
    in_flight: AtomicUsize,
    max_in_flight: AtomicUsize,
}

impl Sandbox {
    /// Builds the store and starts to listen on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When the port or the thread cannot be had.
    pub fn start(options: Options) -> io::Result<Self> {
        Self::serve(Store::new(options))
    }

    /// Starts to listen with a store that is there already.
    ///
    /// # Errors
    /// When the port or the thread cannot be had.
    pub fn serve(store: Store) -> io::Result<Self> {
        let latency = store.options().latency;
        let shared = Arc::new(Shared {
            store: Mutex::new(store),
            latency,
            requests: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            max_in_flight: AtomicUsize::new(0),
        });
        let listener = std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let listening = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("sandbox".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = listen(listener, listening) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { url, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// The origin to send requests to: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The store's name in its paths.
    #[must_use]
    pub fn store_hash(&self) -> String {
        self.shared.lock().options().store_hash.clone()
    }

    /// The token that is let in.
    #[must_use]
    pub fn access_token(&self) -> String {
        self.shared.lock().options().access_token.clone()
    }

    /// Looks at the store or changes it. No request is answered meanwhile, so do not send one in here and wait for it.
    pub fn with_store<R>(&self, action: impl FnOnce(&mut Store) -> R) -> R {
        action(&mut self.shared.lock())
    }

    /// Every request seen since the start, or since the log was emptied, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.lock().requests().to_vec()
    }

    /// How many requests came since the start.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// How many connections were opened since the start.
    #[must_use]
    pub fn connection_count(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The highest number of requests that waited for the head of their answer at one time. It needs a latency to say anything.
    #[must_use]
    pub fn max_in_flight(&self) -> usize {
        self.shared.max_in_flight.load(Ordering::SeqCst)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The receiver is gone only if the thread has ended already.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic on that thread has been reported there.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// A hook that panicked leaves a usable store.
    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a request as in flight for as long as it lives.
struct InFlight<'a>(&'a Shared);

impl<'a> InFlight<'a> {
    fn enter(shared: &'a Shared) -> Self {
        shared.requests.fetch_add(1, Ordering::SeqCst);
        let now = shared.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        shared.max_in_flight.fetch_max(now, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn listen(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(converse(stream, Arc::clone(&shared)));
            }
            // Out of file descriptors, most likely: others will be freed.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    // Without it small answers wait for the client's acknowledgements.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { handle(&shared, &request).await }
    });
    // The date is the store's to give, or to leave out.
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().auto_date_header(false);
    server.http2().auto_date_header(false);
    // Connections break here when a fault asks for it; the client sees what there is to see.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn handle(shared: &Shared, request: &hyper::Request<Incoming>) -> io::Result<hyper::Response<body::Body>> {
    let _in_flight = InFlight::enter(shared);
    let request = plain(request);
    let Answer { response, delivery } = shared.lock().answer(&request, Utc::now());
    if !shared.latency.is_zero() {
        tokio::time::sleep(shared.latency).await;
    }
    match delivery {
        Delivery::Stall => std::future::pending().await,
        Delivery::CloseBeforeAnswer => Err(io::Error::other("a fault closes this connection")),
        delivery => body::response(response, delivery, accepts_gzip(&request)),
    }
}

fn plain(request: &hyper::Request<Incoming>) -> Request {
    let headers =
        request.headers().iter().map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    Request {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
    }
}

fn accepts_gzip(request: &Request) -> bool {
    request.header("Accept-Encoding").is_some_and(|codings| {
        codings.split(',').any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            name.trim().eq_ignore_ascii_case("gzip") && !matches!(weight.trim(), "q=0" | "q=0.0")
        })
    })
}
