//! Turns errors of the HTTP client into the error codes that the component sees.

use super::proxy::ProxyFault;
use crate::address::ResolveError;
use std::error::Error as StdError;
use wasmtime_wasi_http::Error as HttpError;

/// An error of any layer of the client.
pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// The error code for the component: that of the first cause in the chain that has one, otherwise the text of the last cause.
pub(crate) fn wasi_error(error: &(dyn StdError + 'static)) -> HttpError {
    causes(error).find_map(known).unwrap_or_else(|| HttpError::InternalError(Some(last_cause(error))))
}

/// The text of the root cause. The errors above it only say which layers of the program it passed through.
pub(super) fn last_cause(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().unwrap_or(error).to_string()
}

/// The error itself, then what caused it, and so on to the bottom.
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
    // `source()` of an I/O error skips the error that it wraps.
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
    fn an_error_gets_the_code_of_its_first_known_cause() {
        let wrapped = io::Error::other(rustls::Error::InvalidCertificate(rustls::CertificateError::Expired));
        assert!(matches!(wasi_error(&wrapped), HttpError::TlsCertificateError));
        assert!(matches!(wasi_error(&io::Error::from(io::ErrorKind::ConnectionRefused)), HttpError::ConnectionRefused));
        assert!(matches!(wasi_error(&ResolveError::Private("intranet".into())), HttpError::DestinationIpProhibited));
        assert!(matches!(wasi_error(&io::Error::other("strange")), HttpError::InternalError(Some(text)) if text == "strange"));
    }
}
