//! The one HTTP client that all runs share: pooled connections, HTTP/1.1 and HTTP/2, the platform's root certificates, proxies.

use super::address::{ResolveError, Resolver};
pub(crate) use super::exchange::Client;
use super::link::{CONNECT_TIMEOUT, Links};
use super::proxy::{Proxies, ProxyFault};
use bytes::Bytes;
use http_body_util::Empty;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::error::Error as StdError;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tap_bigcommerce_core::error::{Failure, Kind, Result};
use tokio::net::TcpStream;
use tower_service::Service;
use wasmtime_wasi_http::Error as HttpError;

const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// A peer that says nothing for so long is asked whether it is there, by HTTP/2 and by TCP. Proxies and firewalls often forget connections
/// without a word.
const ASK_AFTER: Duration = Duration::from_secs(10);
/// One that has not answered or acknowledged anything for so long is gone.
const GONE_AFTER: Duration = Duration::from_secs(10);

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;
/// The pool. Requests of this tap have no body.
pub(crate) type Pool = hyper_util::client::legacy::Client<Links, Empty<Bytes>>;

/// A client, and what is worth a warning about it. `proxies` says which origins are reached through a proxy.
pub(crate) fn client(ca_file: Option<&Path>, private_addresses: bool, proxies: Proxies) -> Result<(Client, Option<String>)> {
    let (tls, warning) = tls_config(ca_file)?;
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(Connector::new(private_addresses, proxies));
    // The windows are hyper's, of 2 MiB a stream and 5 MiB a connection: more than a page of records. An adaptive window would start at 64 KiB
    // for the whole connection, so that one answer that is not read yet holds up all others, and would need many round trips to grow.
    let pool = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        // `Client::send` does it, in turn: the pool would open a connection for each request that has to be sent again.
        .retry_canceled_requests(false)
        .http2_keep_alive_interval(ASK_AFTER)
        .http2_keep_alive_timeout(GONE_AFTER)
        .build(Links(connector));
    Ok((Client::new(pool), warning))
}

/// TLS with the platform's roots and those of `ca_file`. A machine without any roots is worth a warning only: it may use no https.
fn tls_config(ca_file: Option<&Path>) -> Result<(rustls::ClientConfig, Option<String>)> {
    let extra = ca_file.map(read_certificates).transpose()?.unwrap_or_default();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|fault| Failure::new(Kind::Config, format!("TLS cannot be set up: {fault}")))?;
    match rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider) {
        Ok(verifier) => {
            let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
            Ok((builder.with_no_client_auth(), None))
        }
        Err(fault) => {
            let warning =
                format!("this machine has no root certificates, so https cannot work ({fault}); install them or name a CA file");
            Ok((builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth(), Some(warning)))
        }
    }
}

fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let fault = |why: String| Failure::new(Kind::Config, format!("the CA file {} cannot be used: {why}", file.display()));
    let certificates = CertificateDer::pem_file_iter(file).map_err(|why| fault(why.to_string()))?;
    let certificates: Vec<_> = certificates.collect::<std::result::Result<_, _>>().map_err(|why| fault(why.to_string()))?;
    if certificates.is_empty() { Err(fault("it holds no certificate in PEM form".into())) } else { Ok(certificates) }
}

/// Opens connections: straight to addresses that the [`Resolver`] lets through, or through a proxy.
#[derive(Clone)]
pub(crate) struct Connector {
    direct: HttpConnector<Resolver>,
    /// Connects to the proxy. The person who set HTTPS_PROXY named its address, and it resolves the store's name in our place.
    to_proxy: HttpConnector,
    proxies: Proxies,
}

impl Connector {
    fn new(private_addresses: bool, proxies: Proxies) -> Connector {
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

impl Service<::http::Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), BoxError>> {
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
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.to_proxy.clone());
        if let Some(auth) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(auth.clone());
        }
        let connecting = tunnel.call(target);
        let variable = self.proxies.variable();
        Box::pin(async move { connecting.await.map_err(|fault| ProxyFault::tunnel(variable, last_cause(&fault)).into()) })
    }
}

/// What the component is told of a fault: the first cause along the error's chain that has a name of its own, else the last one's text.
pub(crate) fn told(error: &(dyn StdError + 'static)) -> HttpError {
    causes(error).find_map(known).unwrap_or_else(|| HttpError::InternalError(Some(last_cause(error))))
}

/// The text of what lies at the bottom; those above it say which layer of the program it passed through.
fn last_cause(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().unwrap_or(error).to_string()
}

pub(super) fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&cause| cause.source())
}

fn known(cause: &(dyn StdError + 'static)) -> Option<HttpError> {
    if let Some(fault) = cause.downcast_ref::<ResolveError>() {
        return Some(match fault {
            ResolveError::Private(_) => HttpError::DestinationIpProhibited,
            ResolveError::Failed(..) => HttpError::DnsError { rcode: Some(fault.to_string()), info_code: None },
        });
    }
    if let Some(fault) = cause.downcast_ref::<ProxyFault>() {
        return Some(HttpError::InternalError(Some(fault.to_string())));
    }
    if let Some(fault) = cause.downcast_ref::<rustls::Error>() {
        return Some(known_tls(fault));
    }
    if let Some(fault) = cause.downcast_ref::<std::io::Error>() {
        return known_io(fault);
    }
    let fault = cause.downcast_ref::<hyper::Error>()?;
    match () {
        () if fault.is_timeout() => Some(HttpError::HttpResponseTimeout),
        () if fault.is_incomplete_message() || fault.is_closed() || fault.is_canceled() => Some(HttpError::ConnectionTerminated),
        () if fault.is_parse() => Some(HttpError::HttpProtocolError),
        () => None,
    }
}

fn known_tls(fault: &rustls::Error) -> HttpError {
    match fault {
        rustls::Error::InvalidCertificate(_) => HttpError::TlsCertificateError,
        rustls::Error::AlertReceived(alert) => {
            HttpError::TlsAlertReceived { alert_id: Some((*alert).into()), alert_message: Some(format!("{alert:?}")) }
        }
        _ => HttpError::TlsProtocolError,
    }
}

fn known_io(fault: &std::io::Error) -> Option<HttpError> {
    use std::io::ErrorKind as Io;
    // The error inside an I/O error is not among its sources.
    if let Some(inner) = fault.get_ref() {
        return causes(inner).find_map(known);
    }
    match fault.kind() {
        Io::ConnectionRefused => Some(HttpError::ConnectionRefused),
        Io::TimedOut => Some(HttpError::ConnectionTimeout),
        Io::HostUnreachable | Io::NetworkUnreachable => Some(HttpError::DestinationUnavailable),
        Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe | Io::UnexpectedEof => Some(HttpError::ConnectionTerminated),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn faults_are_told_by_their_deepest_known_cause() {
        let wrapped = io::Error::other(rustls::Error::InvalidCertificate(rustls::CertificateError::Expired));
        assert!(matches!(told(&wrapped), HttpError::TlsCertificateError));
        assert!(matches!(told(&io::Error::from(io::ErrorKind::ConnectionRefused)), HttpError::ConnectionRefused));
        assert!(matches!(told(&ResolveError::Private("intranet".into())), HttpError::DestinationIpProhibited));
        assert!(matches!(told(&io::Error::other("strange")), HttpError::InternalError(Some(text)) if text == "strange"));
    }

    #[test]
    fn a_ca_file_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("ca.pem");
        let failure = client(Some(&missing), false, Proxies::none()).err().unwrap();
        assert_eq!(failure.kind, Kind::Config);
        assert!(failure.message.contains("ca.pem"), "{failure}");
        std::fs::write(&missing, "not a certificate").unwrap();
        assert!(client(Some(&missing), false, Proxies::none()).err().unwrap().message.contains("no certificate"));
    }
}
