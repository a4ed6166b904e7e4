//! The config, before the component sees it: which store it names, and the credentials that stay with the host.

use crate::address::is_public;
use crate::log::Redactor;
use ::http::HeaderValue;
use serde_json::{Map, Value};
use std::fmt;
use std::net::IpAddr;
use tap_bigcommerce_core::config::{Config, Credentials, Origin, SETTINGS, SettingKind};
use tap_bigcommerce_core::error::{Failure, Kind, Result};

const DEFAULT_ORIGIN: &str = "https://api.bigcommerce.com";
/// Settings that the component never gets.
const HELD_BACK: [&str; 2] = ["access_token", "client_id"];
const MAX_CONCURRENCY: &str = "max_concurrency";

/// The account of a run: the config with its credentials, and where its requests may go.
///
/// Its `Debug` output shows the store and the allowed origins, but neither the config nor the credentials.
#[derive(Clone)]
pub struct Account {
    config: String,
    origins: Vec<String>,
    private_addresses: bool,
}

/// What a run may reach, and the credentials for it.
pub(crate) struct Grant {
    pub(crate) origin: Origin,
    pub(crate) store_hash: String,
    pub(crate) token: HeaderValue,
    pub(crate) client_id: Option<HeaderValue>,
    pub(crate) private_addresses: bool,
    /// How many requests the config allows in flight.
    pub(crate) max_concurrency: usize,
}

impl Account {
    /// An account for this config, a JSON object with `access_token`, `store_hash` and the tap's other settings. By default its
    /// requests go only to `https://api.bigcommerce.com`.
    pub fn new(config: impl Into<String>) -> Account {
        Account { config: config.into(), origins: vec![DEFAULT_ORIGIN.to_owned()], private_addresses: false }
    }

    /// The origins that the config's `api_url` may name, in place of `https://api.bigcommerce.com`.
    pub fn allowed_origins(mut self, origins: impl IntoIterator<Item = impl Into<String>>) -> Account {
        self.origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// Allows addresses in private networks, including loopback. Otherwise they are refused, even if a name only resolves to one.
    pub fn private_addresses(mut self, permitted: bool) -> Account {
        self.private_addresses = permitted;
        self
    }

    /// The name of its store: see [`store_identity`].
    ///
    /// # Errors
    /// The config cannot be used; every fault in it is named.
    pub fn store(&self) -> Result<String> {
        store_identity(&self.config)
    }

    pub(crate) fn config(&self) -> &str {
        &self.config
    }

    /// Reads the config that a run needs. Every fault in it is named in one failure.
    pub(crate) fn grant(&self) -> Result<Grant> {
        let (config, _) = Config::parse(&self.config, Credentials::InConfig)?;
        self.check(&config.origin)?;
        let token = config.access_token.as_ref().map(|token| token.reveal()).unwrap_or_default();
        let client_id = config.client_id.as_deref().map(|id| secret_header(id, "client_id")).transpose()?;
        let token = secret_header(token, "access_token")?;
        let (private_addresses, max_concurrency) = (self.private_addresses, config.max_concurrency);
        Ok(Grant { origin: config.origin, store_hash: config.store_hash, token, client_id, private_addresses, max_concurrency })
    }

    fn check(&self, origin: &Origin) -> Result<()> {
        let allowed = |text: &String| {
            Origin::parse(text).map_err(|why| config_failure(format!("the allowed origin {text} cannot be used: {why}")))
        };
        let allowed = self.origins.iter().map(allowed).collect::<Result<Vec<Origin>>>()?;
        if !allowed.contains(origin) {
            let allowed: Vec<String> = allowed.iter().map(Origin::to_string).collect();
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

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let store = self.store().unwrap_or_default();
        f.debug_struct("Account").field("store", &store).field("origins", &self.origins).finish_non_exhaustive()
    }
}

impl Grant {
    /// Keeps the token out of messages.
    pub(crate) fn redactor(&self) -> Redactor {
        Redactor::new(self.token.to_str().unwrap_or_default())
    }
}

/// The name that an output records for its store: `https://api.bigcommerce.com/stores/abc123`. A store on loopback is a simulator
/// whose port changes with every start, so its name is `sandbox/stores/…` on any port.
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

/// The config for the component: without the credentials, and with null for every unknown or secret key, because a
/// mistyped `acess_token` is a secret too. The keys stay, so that the component can warn about them. If `most` is given, it
/// becomes `max_concurrency`: the host queues requests beyond its limit, and the tap would take the time in the queue for a
/// store that does not answer.
pub(crate) fn for_component(config: &str, most: Option<usize>) -> Result<String> {
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
    if let Some(most) = most {
        map.insert(MAX_CONCURRENCY.to_owned(), most.into());
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
        config_failure(format!("{key} holds characters that are not allowed in a header; copy it again from BigCommerce"))
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

    fn account(api_url: &str, origins: &[&str], private_addresses: bool) -> Account {
        Account::new(config(api_url)).allowed_origins(origins.iter().copied()).private_addresses(private_addresses)
    }

    fn refusal(account: &Account) -> String {
        let failure = account.grant().err().unwrap();
        assert_eq!(failure.kind, Kind::Config);
        failure.message
    }

    #[test]
    fn the_component_gets_no_secret_whatever_its_key() {
        let text = r#"{"access_token": "t0ken", "client_id": "cl1ent", "acess_token": "t0ken", "page_size": 10}"#;
        assert_eq!(for_component(text, None).unwrap(), r#"{"acess_token":null,"page_size":10}"#);
        assert!(for_component("[1]", None).is_err());
    }

    #[test]
    fn only_allowed_origins_are_taken() {
        let only_real = |api_url: &str| Account::new(config(api_url));
        assert!(only_real("https://api.bigcommerce.com").grant().is_ok());
        assert!(only_real("https://api.bigcommerce.com:443").grant().is_ok());
        assert!(refusal(&only_real("https://api.bigcommerce.com:8443")).contains("only to https://api.bigcommerce.com"));
        assert!(refusal(&only_real("https://example.com")).contains("https://example.com"));
        assert!(
            refusal(&account(DEFAULT_ORIGIN, &["http://example.com"], false)).contains("the allowed origin http://example.com")
        );
    }

    #[test]
    fn a_private_address_needs_its_permission_even_when_its_origin_is_allowed() {
        let origins = ["http://127.0.0.1:80", "https://10.0.0.1", "https://[fd00::1]:8443"];
        for origin in origins {
            assert!(refusal(&account(origin, &origins, false)).contains("private network"), "{origin}");
            assert!(account(origin, &origins, true).grant().is_ok(), "{origin}");
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
        let account = Account::new(config(DEFAULT_ORIGIN));
        let grant = account.grant().unwrap();
        let told = format!("{account:?} {:?} {:?}", grant.token, grant.client_id);
        assert!(!told.contains("t0ken") && told.contains("stores/abc"), "{told}");
    }
}
