//! The shell: the store behind real sockets.

mod body;
mod connection;
mod shared;
#[cfg(feature = "tls")]
mod tls;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
#[cfg(feature = "tls")]
use tokio_rustls::TlsAcceptor;

use crate::log::Seen;
use crate::options::Options;
use crate::store::Store;
use shared::{Counted, Shared};

/// A store that listens on a loopback port, on a thread of its own, until it is dropped.
///
/// HTTP/1.1 with keep-alive, and HTTP/2 for clients that start with it. Answers are chunked, and compressed for clients that accept gzip.
/// With the feature `tls` it can be served over TLS, where the client chooses the version.
#[derive(Debug)]
pub struct Sandbox {
    url: String,
    ca_pem: Option<String>,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
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
        Self::listen(Shared::new(store), "http", None)
    }

    /// As [`Sandbox::serve`], over TLS: HTTP/2 or HTTP/1.1, as the client asks by ALPN. Only the authority of [`Sandbox::ca_pem`] vouches
    /// for its certificate.
    ///
    /// # Errors
    /// When the port, the thread or the certificate cannot be had.
    #[cfg(feature = "tls")]
    pub fn serve_tls(store: Store) -> io::Result<Self> {
        let (config, ca_pem) = tls::config()?;
        let shared = Shared { tls: Some(Arc::new(config)), ..Shared::new(store) };
        Self::listen(shared, "https", Some(ca_pem))
    }

    fn listen(shared: Shared, scheme: &str, ca_pem: Option<String>) -> io::Result<Self> {
        let shared = Arc::new(shared);
        let listener = std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        listener.set_nonblocking(true)?;
        let url = format!("{scheme}://{}", listener.local_addr()?);
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
        Ok(Self { url, ca_pem, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// The origin to send requests to: `http://127.0.0.1:PORT`, or `https://…` over TLS.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate of the authority that vouches for this server, in PEM form. None without TLS.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
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

    /// How many connections are open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.shared.open_connections.load(Ordering::SeqCst)
    }

    /// How many requests wait for the head of their answer now. One that its client gives up waits no more.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.in_flight.load(Ordering::SeqCst)
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
    let _open = Counted::new(&shared.open_connections);
    // Without it small answers wait for the client's acknowledgements.
    let _ = stream.set_nodelay(true);
    #[cfg(feature = "tls")]
    if let Some(tls) = &shared.tls {
        // A client that does not trust the certificate ends here.
        if let Ok(stream) = TlsAcceptor::from(Arc::clone(tls)).accept(stream).await {
            connection::serve(stream, &shared).await;
        }
        return;
    }
    connection::serve(stream, &shared).await;
}
