//! The one place that requests go to.

use std::fmt;

/// Scheme, host and port: the only place that requests go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whether it is https; else http, on loopback.
    pub https: bool,
    /// Host, and port where it is not the scheme's own.
    pub authority: String,
}

impl Origin {
    /// Reads `https://host[:port]`, or `http://` on loopback. The error is the reason, for a person.
    pub fn parse(text: &str) -> std::result::Result<Origin, &'static str> {
        let lower = text.to_ascii_lowercase();
        let (https, rest) = match lower.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return Err("it must start with https://"),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '@', '\\']) {
            return Err("it must be an origin alone: no user, path, query or fragment");
        }
        let (host, port) = split_port(authority);
        if port.is_some_and(|port| !port.bytes().all(|b| b.is_ascii_digit()) || !port.parse::<u16>().is_ok_and(|port| port > 0)) {
            return Err("its port is not a port number");
        }
        if !is_host(host) {
            return Err("its host is not a host name or address");
        }
        if !https && !is_loopback(host) {
            return Err("http is for loopback addresses only, since the access token would travel unencrypted");
        }
        let standard = if https { Some("443") } else { Some("80") };
        Ok(Origin { https, authority: if port == standard { host } else { authority }.to_owned() })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.https { "https" } else { "http" }, self.authority)
    }
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rfind(':') {
        Some(colon) if !authority[colon..].contains(']') => (&authority[..colon], Some(&authority[colon + 1..])),
        _ => (authority, None),
    }
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty() && host.len() <= 253 && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemes_own_port_is_left_out() {
        assert_eq!(Origin::parse("https://api.bigcommerce.com:443"), Origin::parse("https://api.bigcommerce.com"));
        assert_ne!(Origin::parse("https://api.bigcommerce.com:80"), Origin::parse("https://api.bigcommerce.com"));
    }

    #[test]
    fn an_origin_is_https_or_loopback_and_nothing_else() {
        for good in [
            "https://api.bigcommerce.com",
            "https://API.bigcommerce.com/",
            "http://127.0.0.1:8080",
            "http://[::1]:9",
            "http://localhost",
        ] {
            assert!(Origin::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.bigcommerce.com",
            "https://user@api.bigcommerce.com",
            "https://api.bigcommerce.com/v2",
            "https://api.bigcommerce.com?x",
            "https://api.bigcommerce.com#x",
            "https://a b",
            "https://",
            "https://x:0",
            "https://x:+80",
            "https://x:99999",
            "http://127.0.0.1.evil.com",
            "file:///etc/passwd",
            "api.bigcommerce.com",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }
}
