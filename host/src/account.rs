//! The config, before the component sees it: which store it names, and the credentials that stay with the host.

use crate::address::is_public;
use crate::log::Redactor;
use ::http::HeaderValue;
use serde_json::{Map, Value};
use std::net::IpAddr;
use tap_bigcommerce_core::config::{Config, Credentials, Origin, SETTINGS, SettingKind};
use tap_bigcommerce_core::error::{Failure, Kind, Result};

/// Settings that the component never gets.
const HELD_BACK: [&str; 2] = ["access_token", "client_id"];

/// A store, and what opens it.
pub(crate) struct Account {
    pub(crate) origin: Origin,
    pub(crate) store_hash: String,
    pub(crate) token: HeaderValue,
    pub(crate) client_id: Option<HeaderValue>,
}

/// Where requests may go.
pub(crate) struct Allowed {
    pub(crate) origins: Vec<Origin>,
    pub(crate) private_addresses: bool,
}

impl Account {
    /// Reads the config that a run needs. Every fault in it is named in one failure.
    pub(crate) fn from_config(config: &str, allowed: &Allowed) -> Result<Account> {
        let (config, _) = Config::parse(config, Credentials::InConfig)?;
        allowed.check(&config.origin)?;
        let token = config.access_token.as_ref().map(|token| token.reveal()).unwrap_or_default();
        let client_id = config.client_id.as_deref().map(|id| secret_header(id, "client_id")).transpose()?;
        let token = secret_header(token, "access_token")?;
        Ok(Account { origin: config.origin, store_hash: config.store_hash, token, client_id })
    }

    /// Keeps the token out of what is told.
    pub(crate) fn redactor(&self) -> Redactor {
        Redactor::new(self.token.to_str().unwrap_or_default())
    }
}

impl Allowed {
    fn check(&self, origin: &Origin) -> Result<()> {
        if !self.origins.contains(origin) {
            let allowed: Vec<String> = self.origins.iter().map(Origin::to_string).collect();
            let allowed = allowed.join(", ");
            return Err(config_failure(format!("api_url is {origin}, but requests are allowed only to {allowed}")));
        }
        let literal = host_of(&origin.authority).parse::<IpAddr>();
        if !self.private_addresses && literal.is_ok_and(|address| !is_public(address)) {
            return Err(config_failure(format!(
                "api_url is {origin}, an address of a private network, and this is not permitted"
            )));
        }
        Ok(())
    }
}

/// The name by which a file remembers its store: `https://api.bigcommerce.com/stores/abc123`. A store on loopback is a simulator whose
/// port changes with every start, so it is `sandbox/stores/…` wherever it listens.
///
/// # Errors
/// The config cannot be used; every fault in it is named.
pub fn store_identity(config: &str) -> Result<String> {
    let (config, _) = Config::parse(config, Credentials::MayBeEmbedders)?;
    let host = host_of(&config.origin.authority);
    let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let place = if loopback { "sandbox".to_owned() } else { config.origin.to_string() };
    Ok(format!("{place}/stores/{}", config.store_hash))
}

/// The config as the component gets it: without the credentials, and with the values of keys that are no settings taken away, since a
/// mistyped `acess_token` is a secret too. The keys stay, so that the component can warn of them.
pub(crate) fn without_secrets(config: &str) -> Result<String> {
    let mut map: Map<String, Value> = serde_json::from_str(config).map_err(|fault| {
        let place = format!("line {}, column {}", fault.line(), fault.column());
        config_failure(format!("the config is not a JSON object (look at {place})"))
    })?;
    map.retain(|key, _| !HELD_BACK.contains(&key.as_str()));
    for (key, value) in &mut map {
        let harmless = SETTINGS.iter().any(|setting| setting.key == key && setting.kind != SettingKind::Secret);
        if !harmless {
            *value = Value::Null;
        }
    }
    Ok(Value::Object(map).to_string())
}

/// The host of an authority, without port and without the brackets of an IPv6 address.
fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    }
}

fn secret_header(text: &str, key: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        config_failure(format!("{key} holds characters that cannot stand in a header; copy it again from BigCommerce"))
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn config_failure(message: String) -> Failure {
    Failure::new(Kind::Config, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(api_url: &str) -> String {
        format!(r#"{{"client_id": "c", "access_token": "t0ken", "store_hash": "abc", "api_url": "{api_url}"}}"#)
    }

    fn allowed(origins: &[&str], private_addresses: bool) -> Allowed {
        Allowed { origins: origins.iter().map(|origin| Origin::parse(origin).unwrap()).collect(), private_addresses }
    }

    fn refusal(api_url: &str, allowed: &Allowed) -> String {
        let failure = Account::from_config(&config(api_url), allowed).err().unwrap();
        assert_eq!(failure.kind, Kind::Config);
        failure.message
    }

    #[test]
    fn the_component_gets_no_secret_whatever_its_key() {
        let text = r#"{"access_token": "t0ken", "client_id": "cl1ent", "acess_token": "t0ken", "page_size": 10}"#;
        assert_eq!(without_secrets(text).unwrap(), r#"{"acess_token":null,"page_size":10}"#);
        assert!(without_secrets("[1]").is_err());
    }

    #[test]
    fn only_allowed_origins_are_taken() {
        let only_real = allowed(&["https://api.bigcommerce.com"], false);
        assert!(Account::from_config(&config("https://api.bigcommerce.com"), &only_real).is_ok());
        assert!(Account::from_config(&config("https://api.bigcommerce.com:443"), &only_real).is_ok());
        assert!(refusal("https://api.bigcommerce.com:8443", &only_real).contains("only to https://api.bigcommerce.com"));
        assert!(refusal("https://example.com", &only_real).contains("https://example.com"));
    }

    #[test]
    fn a_private_address_needs_its_permission_even_when_its_origin_is_allowed() {
        let origins = ["http://127.0.0.1:80", "https://10.0.0.1", "https://[fd00::1]:8443"];
        for origin in origins {
            assert!(refusal(origin, &allowed(&origins, false)).contains("private network"), "{origin}");
            assert!(Account::from_config(&config(origin), &allowed(&origins, true)).is_ok(), "{origin}");
        }
    }

    #[test]
    fn a_stores_identity_is_stable_for_the_sandbox() {
        assert_eq!(store_identity(&config("https://api.bigcommerce.com")).unwrap(), "https://api.bigcommerce.com/stores/abc");
        for port in [1, 2] {
            assert_eq!(store_identity(&config(&format!("http://127.0.0.1:{port}"))).unwrap(), "sandbox/stores/abc");
        }
        assert_eq!(store_identity(&config("http://[::1]:7")).unwrap(), "sandbox/stores/abc");
    }

    #[test]
    fn the_credentials_do_not_show_in_debug_output() {
        let account =
            Account::from_config(&config("https://api.bigcommerce.com"), &allowed(&["https://api.bigcommerce.com"], false));
        let account = account.unwrap();
        assert!(!format!("{:?} {:?}", account.token, account.client_id).contains("t0ken"));
    }
}
