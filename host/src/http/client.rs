//! The one HTTP client that all runs share: pooled connections, HTTP/1.1 and HTTP/2, the platform's root certificates, proxies.

use super::connector::{ASK_AFTER, Connector, GONE_AFTER};
pub(crate) use super::exchange::Client;
use super::link::Links;
use super::proxy::Proxies;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tap_bigcommerce_core::error::{Failure, Kind, Result};

const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// A client for public addresses and one for any, and what is worth a warning about them. `proxies` says which origins are reached through a
/// proxy.
pub(crate) fn clients(ca_file: Option<&Path>, proxies: &Proxies) -> Result<([Client; 2], Option<String>)> {
    let (tls, warning) = tls_config(ca_file)?;
    Ok(([false, true].map(|private_addresses| client(tls.clone(), private_addresses, proxies.clone())), warning))
}

fn client(tls: rustls::ClientConfig, private_addresses: bool, proxies: Proxies) -> Client {
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(Connector::new(private_addresses, proxies));
    // hyper's default windows, 2 MiB per stream and 5 MiB per connection, hold more than a page of records. An adaptive window
    // would start at 64 KiB for the whole connection: one unread answer would block all others, and growing it would take many
    // round trips.
    let pool = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        // `Client::send` retries instead, in turn: the pool would open a connection for each request that has to be sent again.
        .retry_canceled_requests(false)
        .http2_keep_alive_interval(ASK_AFTER)
        .http2_keep_alive_timeout(GONE_AFTER)
        .build(Links(connector));
    Client::new(pool)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("ca.pem");
        let failure = clients(Some(&missing), &Proxies::none()).err().unwrap();
        assert_eq!(failure.kind, Kind::Config);
        assert!(failure.message.contains("ca.pem"), "{failure}");
        std::fs::write(&missing, "not a certificate").unwrap();
        assert!(clients(Some(&missing), &Proxies::none()).err().unwrap().message.contains("no certificate"));
    }
}
