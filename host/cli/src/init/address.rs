//! What people have at hand of a store: its hash, its API path, or the address of its control panel.

use super::{DEFAULT_ORIGIN, setting};
use std::net::IpAddr;
use tap_bigcommerce_core::config::Origin;

/// The host of each store's control panel ends with this.
const PANEL: &str = ".mybigcommerce.com";
/// Before the hash in that host.
const PREFIX: &str = "store-";
const WHERE: &str = "this address does not contain the store hash; the address of the control panel does: https://store-HASH.mybigcommerce.com, and so \
                     does the API path: https://api.bigcommerce.com/stores/HASH/v3/";

/// The store hash, and where the store's API is if the answer says it.
pub(super) fn store(text: &str) -> Result<(String, Option<Origin>), String> {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, text),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.to_ascii_lowercase();
    if let Some(name) = host.strip_suffix(":443").unwrap_or(&host).strip_suffix(PANEL) {
        return Ok((setting("store_hash", of_panel(name).ok_or(WHERE)?)?, None));
    }
    let is_address = scheme.is_some() || host.contains(['.', ':']) || rest.contains('/');
    if !is_address {
        let hash = if host.starts_with(PREFIX) { of_panel(&host).ok_or(WHERE)? } else { text };
        return Ok((setting("store_hash", hash)?, None));
    }
    let hash =
        rest.split(['/', '?', '#']).skip_while(|step| *step != "stores").nth(1).filter(|hash| !hash.is_empty()).ok_or(WHERE)?;
    let hash = setting("store_hash", hash)?;
    // A path alone names no host.
    if authority.is_empty() || authority == "stores" {
        return Ok((hash, None));
    }
    let origin = Origin::parse(&format!("{}://{authority}", scheme.unwrap_or("https")));
    let origin = origin.map_err(|why| format!("this cannot be an API path: {why}"))?;
    if origin.to_string() != DEFAULT_ORIGIN && !is_loopback(&origin) {
        // A shop's own page may have such a path, too, and must not get the token.
        return Err(format!("{origin} is not BigCommerce's API. {WHERE}. Another API is named by api_url in the config"));
    }
    Ok((hash, Some(origin)))
}

/// Whether it is a simulated store on this machine.
fn is_loopback(origin: &Origin) -> bool {
    let host = origin.authority.rsplit_once(':').map_or(&*origin.authority, |(host, _)| host);
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The hash in `store-HASH`, or in `store-HASH-2` of a second storefront.
fn of_panel(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)?.split('-').next().filter(|hash| !hash.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_usual_address_holds_the_hash() {
        for (text, hash, origin) in [
            ("abc123", "abc123", None),
            ("store-abc123", "abc123", None),
            ("https://store-abc123.mybigcommerce.com", "abc123", None),
            ("https://store-abc123.mybigcommerce.com/manage/dashboard", "abc123", None),
            ("HTTPS://Store-ABC123.MyBigCommerce.com/", "abc123", None),
            ("store-abc123.mybigcommerce.com", "abc123", None),
            ("store-abc123-1.mybigcommerce.com/manage", "abc123", None),
            ("https://store-abc123.mybigcommerce.com?x=1", "abc123", None),
            ("https://store-abc123.mybigcommerce.com:443/manage", "abc123", None),
            ("https://api.bigcommerce.com/stores/abc123/v3/", "abc123", Some("https://api.bigcommerce.com")),
            ("https://api.bigcommerce.com/stores/abc123", "abc123", Some("https://api.bigcommerce.com")),
            ("api.bigcommerce.com/stores/abc123/v3", "abc123", Some("https://api.bigcommerce.com")),
            ("/stores/abc123/v3", "abc123", None),
            ("stores/abc123", "abc123", None),
            ("http://127.0.0.1:8080/stores/sandbox/v3", "sandbox", Some("http://127.0.0.1:8080")),
        ] {
            let (found, place) = store(text).unwrap();
            assert_eq!((found.as_str(), place.map(|place| place.to_string()).as_deref()), (hash, origin), "{text}");
        }
    }

    #[test]
    fn an_address_that_is_no_stores_says_where_the_hash_is() {
        for text in [
            "https://www.example.com",
            "www.example.com",
            "https://login.bigcommerce.com/deep-links/manage",
            "https://my-shop.mybigcommerce.com",
            "https://store-.mybigcommerce.com",
            "store-",
            "https://api.bigcommerce.com/v3",
            "https://api.bigcommerce.com/stores/",
            "localhost:8080",
            "https://www.example.com/stores/london",
            "https://api.bigcommerce.com.example.com/stores/abc123/v3",
            "https://127.0.0.1.example.com/stores/abc123/v3",
        ] {
            let why = store(text).unwrap_err();
            assert!(why.contains("https://store-HASH.mybigcommerce.com") && why.contains("/stores/HASH/"), "{text}: {why}");
        }
        for (text, words) in [
            ("", "required"),
            ("NO HASH", "store_hash may hold only"),
            ("store-abc_1", "store_hash may hold only"),
            ("http://example.com/stores/abc/v3", "http is for loopback"),
            ("https://user@api.bigcommerce.com/stores/abc/v3", "this cannot be an API path"),
        ] {
            let why = store(text).unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
    }
}
