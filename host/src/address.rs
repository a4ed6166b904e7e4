//! Which addresses requests may go to, decided after name resolution, so that no name can lead into a private network.

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_service::Service;

/// Whether an address is one of the public internet: not loopback, private, link-local, shared, reserved, multicast, nor an IPv6
/// address that wraps such an IPv4 address.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The blocks that IANA's IPv4 special-purpose registry marks as not globally reachable, and multicast.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        // This network, private, loopback.
        (0 | 10 | 127, ..) | (172, 16..=31, _) | (192, 168, _) => false,
        // Shared by providers, link-local.
        (100, 64..=127, _) | (169, 254, _) => false,
        // Protocols, documentation, relays of 6to4, benchmarks.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 51, 100) | (203, 0, 113) | (198, 18 | 19, _) => false,
        // Multicast, reserved, broadcast.
        (first, ..) => first < 224,
    }
}

/// Only global unicast (2000::/3) is public, without its documentation range. An address that embeds an IPv4 address
/// (IPv4-mapped, 6to4, NAT64 in 64:ff9b::/96) is judged by that one.
fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let wrapped = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => wrapped(high, low),
        [0x2002, high, low, ..] => wrapped(high, low),
        // Documentation, Teredo, benchmarks, identifiers that are no addresses (ORCHID).
        [0x2001, 0xdb8 | 0 | 2, ..] | [0x3fff, 0..=0xfff, ..] | [0x2001, 0x10..=0x2f, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// Resolves names by the system's resolver and leaves out addresses that are not public, unless they are permitted.
#[derive(Clone)]
pub(crate) struct Resolver {
    pub(crate) private_addresses: bool,
    system: GaiResolver,
}

impl Resolver {
    pub(crate) fn new(private_addresses: bool) -> Resolver {
        Resolver { private_addresses, system: GaiResolver::new() }
    }
}

/// Why a name led to no address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResolveError {
    #[error("the name {0} resolves to an address of a private network, and this is not permitted")]
    Private(String),
    #[error("the name {0} cannot be resolved: {1}")]
    Failed(String, std::io::Error),
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ResolveError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ResolveError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ResolveError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let host = name.to_string();
        let (resolving, private_addresses) = (self.system.call(name), self.private_addresses);
        Box::pin(async move {
            let found: Vec<SocketAddr> = resolving.await.map_err(|fault| ResolveError::Failed(host.clone(), fault))?.collect();
            let permitted = |address: &SocketAddr| private_addresses || is_public(address.ip());
            let permitted: Vec<SocketAddr> = found.into_iter().filter(permitted).collect();
            if permitted.is_empty() { Err(ResolveError::Private(host)) } else { Ok(permitted.into_iter()) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_private_networks_are_told_from_public_ones() {
        let public =
            ["34.111.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1", "64:ff9b::808:808", "2002:808:808::1"];
        let private = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "fec0::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::1",
            "::127.0.0.1",
            "2001:db8::1",
            "2001:2::1",
            "2001:10::1",
            "3fff:1::1",
            "192.88.99.1",
        ];
        for address in public {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in private {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_loopback_is_refused_unless_permitted() {
        let name = || "localhost".parse::<Name>().unwrap();
        assert!(matches!(Resolver::new(false).call(name()).await, Err(ResolveError::Private(host)) if host == "localhost"));
        assert!(Resolver::new(true).call(name()).await.unwrap().all(|address| address.ip().is_loopback()));
    }
}
