//! The proxy that the environment names, and which requests go through it.

use ::http::Uri;
use ::http::uri::Scheme;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use std::sync::Arc;

/// In the order in which they are looked at; an empty one counts as none.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// Replaces an unusable proxy address, so that the exceptions still apply. Nothing ever connects to it.
const UNUSABLE: &str = "http://unusable.invalid";

/// The proxy for https, if there is one. Clones are cheap.
#[derive(Clone)]
pub(crate) struct Proxies {
    matcher: Arc<Matcher>,
    variable: &'static str,
    usable: bool,
}

/// Why a request did not get through the proxy.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ProxyFault(String);

impl ProxyFault {
    /// The proxy made no tunnel to the store.
    pub(crate) fn tunnel(variable: &str, why: String) -> ProxyFault {
        let why = why.strip_prefix("tunnel error: ").unwrap_or(&why);
        ProxyFault(format!("the proxy of {variable} could not connect to the store: {why}"))
    }
}

impl Proxies {
    /// As the environment says.
    pub(crate) fn from_env() -> Proxies {
        let value = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let exceptions = EXCEPTIONS.into_iter().find_map(value).unwrap_or_default();
        let found = VARIABLES.into_iter().find_map(|variable| Some((variable, value(variable)?)));
        found.map_or_else(Proxies::none, |(variable, proxy)| Proxies::new(variable, &proxy, &exceptions))
    }

    /// No proxy at all.
    pub(crate) fn none() -> Proxies {
        Proxies { matcher: Arc::new(Matcher::builder().build()), variable: VARIABLES[0], usable: true }
    }

    /// The proxy whose address stands in a variable, and the hosts that are not reached through it.
    pub(crate) fn new(variable: &'static str, proxy: &str, exceptions: &str) -> Proxies {
        let alone = Matcher::builder().https(proxy.trim()).build();
        let any = alone.intercept(&Uri::from_static("https://any.invalid/"));
        let usable = any.is_some_and(|proxy| is_usable(proxy.uri()));
        let matcher = Matcher::builder().https(if usable { proxy.trim() } else { UNUSABLE }).no(exceptions).build();
        Proxies { matcher: Arc::new(matcher), variable, usable }
    }

    /// The variable that names the proxy.
    pub(crate) fn variable(&self) -> &'static str {
        self.variable
    }

    /// The proxy on the way to a target. Plain http goes to loopback only, and no proxy can reach this machine's loopback.
    ///
    /// # Errors
    /// There is to be one, but its address cannot be used. The address is not shown: it may hold a password.
    pub(crate) fn towards(&self, target: &Uri) -> Result<Option<Intercept>, ProxyFault> {
        match self.matcher.intercept(target).filter(|_| target.scheme() == Some(&Scheme::HTTPS)) {
            Some(_) if !self.usable => Err(ProxyFault(format!(
                "the proxy of {} cannot be used: it must be http://host:port or socks5://host:port, or the store's host must be in NO_PROXY",
                self.variable
            ))),
            proxy => Ok(proxy),
        }
    }
}

/// Whether it is `http://host`, `http://host:port`, or the same with `socks5` or `socks5h`; the parser takes any text for a port.
fn is_usable(proxy: &Uri) -> bool {
    let place = proxy.authority().is_some_and(|place| place.host() == place.as_str() || place.port_u16().is_some());
    place && (proxy.scheme() == Some(&Scheme::HTTP) || is_socks(proxy))
}

/// Whether the proxy speaks SOCKS 5. With either name it resolves the store's name itself.
pub(super) fn is_socks(proxy: &Uri) -> bool {
    matches!(proxy.scheme_str(), Some("socks5" | "socks5h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_of(proxies: &Proxies, target: &'static str) -> Result<Option<String>, String> {
        let proxy = proxies.towards(&Uri::from_static(target));
        proxy.map(|proxy| proxy.map(|proxy| proxy.uri().to_string())).map_err(|fault| fault.to_string())
    }

    #[test]
    fn https_goes_through_the_proxy_unless_its_host_is_left_out() {
        let proxies = Proxies::new("HTTPS_PROXY", "proxy.example:3128", "left.out");
        assert_eq!(proxy_of(&proxies, "https://api.bigcommerce.com/"), Ok(Some("http://proxy.example:3128/".into())));
        for direct in ["https://left.out/", "http://127.0.0.1:80/"] {
            assert_eq!(proxy_of(&proxies, direct), Ok(None), "{direct}");
        }
        assert_eq!(proxy_of(&Proxies::none(), "https://api.bigcommerce.com/"), Ok(None));
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_not_passed_by() {
        for wrong in ["http://user:s3cret@host:port", "socks4://127.0.0.1:1", "https://proxy.example", "ftp://x", "not a proxy"] {
            let proxies = Proxies::new("https_proxy", wrong, "left.out");
            let fault = proxy_of(&proxies, "https://api.bigcommerce.com/").unwrap_err();
            assert!(fault.contains("the proxy of https_proxy cannot be used") && !fault.contains("s3cret"), "{wrong}: {fault}");
            for direct in ["https://left.out/", "http://127.0.0.1:80/"] {
                assert_eq!(proxy_of(&proxies, direct), Ok(None), "{direct}");
            }
        }
    }
}
