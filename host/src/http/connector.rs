//! How connections are opened: straight or through a proxy, in bounded time, and so that they notice when the peer is gone.

use super::fault::{BoxError, last_cause};
use super::proxy::{Proxies, ProxyFault, is_socks};
use crate::address::Resolver;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tower_service::Service;

/// Time limit for opening a connection. It includes the proxy's tunnel and TLS, where a server can also go silent.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// A peer that is silent for this long is probed, by HTTP/2 and by TCP. Proxies and firewalls often drop connections without
/// notice.
pub(super) const ASK_AFTER: Duration = Duration::from_secs(10);
/// A peer that has not answered or acknowledged anything for this long is gone.
pub(super) const GONE_AFTER: Duration = Duration::from_secs(10);

/// Opens connections: straight to addresses that the [`Resolver`] lets through, or through a proxy.
#[derive(Clone)]
pub(crate) struct Connector {
    direct: HttpConnector<Resolver>,
    /// Connects to the proxy. The person who set HTTPS_PROXY named its address, and it resolves the store's name in our place.
    to_proxy: HttpConnector,
    proxies: Proxies,
}

impl Connector {
    pub(super) fn new(private_addresses: bool, proxies: Proxies) -> Connector {
        let mut direct = watchful(HttpConnector::new_with_resolver(Resolver::new(private_addresses)));
        direct.enforce_http(false);
        Connector { direct, to_proxy: watchful(HttpConnector::new()), proxies }
    }
}

/// Connections that send small requests at once, and that notice when the peer is gone.
fn watchful<R>(mut connector: HttpConnector<R>) -> HttpConnector<R> {
    connector.set_nodelay(true);
    // Shared by all addresses of a name, so that one that does not answer leaves time for the next.
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_keepalive(Some(ASK_AFTER));
    connector.set_keepalive_interval(Some(ASK_AFTER));
    connector.set_keepalive_retries(Some(2));
    // Without it the system sends a lost request again and again, for a quarter of an hour.
    #[cfg(any(target_os = "android", target_os = "linux"))]
    connector.set_tcp_user_timeout(Some(ASK_AFTER + 2 * GONE_AFTER));
    connector
}

/// The address of a SOCKS proxy, with the usual port if it names none.
fn with_port(proxy: &::http::Uri) -> ::http::Uri {
    let host = proxy.host().unwrap_or_default();
    let port = proxy.port_u16().unwrap_or(1080);
    format!("http://{host}:{port}").parse().unwrap_or_else(|_| proxy.clone())
}

impl Service<::http::Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: ::http::Uri) -> Self::Future {
        let proxy = match self.proxies.towards(&target) {
            Ok(Some(proxy)) => proxy,
            Ok(None) => {
                let connecting = self.direct.call(target);
                return Box::pin(async move { Ok(connecting.await?) });
            }
            Err(fault) => return Box::pin(async { Err(fault.into()) }),
        };
        let variable = self.proxies.variable();
        if is_socks(proxy.uri()) {
            let mut socks = SocksV5::new(with_port(proxy.uri()), self.to_proxy.clone());
            if let Some((user, password)) = proxy.raw_auth() {
                socks = socks.with_auth(user.to_owned(), password.to_owned());
            }
            let connecting = socks.call(target);
            return Box::pin(
                async move { connecting.await.map_err(|fault| ProxyFault::tunnel(variable, last_cause(&fault)).into()) },
            );
        }
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.to_proxy.clone());
        if let Some(auth) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(auth.clone());
        }
        let connecting = tunnel.call(target);
        Box::pin(async move { connecting.await.map_err(|fault| ProxyFault::tunnel(variable, last_cause(&fault)).into()) })
    }
}
