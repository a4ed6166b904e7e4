//! The tap and the account that the arguments ask for.

use crate::args::Args;
use crate::console::Console;
use crate::files;
use serde_json::Value;
use tap_bigcommerce::{Account, Component, Failure, Host, Kind, Network, Result, Run, Selection, Tap};
use tap_bigcommerce_core::config::{Origin, SETTINGS};

/// The component that is to run: the one that the program carries, or one from a file.
pub(crate) fn component(args: &Args) -> Result<Component> {
    let Some(file) = &args.component else { return Ok(Component::carried()) };
    let bytes = std::fs::read(file).map_err(|fault| {
        Failure::new(Kind::Component, format!("the component {} cannot be read: {fault}; check --component", file.display()))
    })?;
    let component = Component::from_bytes(bytes);
    Ok(match &args.component_sha256 {
        Some(checksum) => component.pinned(checksum),
        None => component,
    })
}

/// The tap, compiled, with a network of its own.
pub(crate) fn tap(args: &Args, console: &Console) -> Result<Tap> {
    let network = Network::builder().proxy_from_env();
    let network = match &args.ca_file {
        Some(file) => network.ca_file(file),
        None => network,
    };
    let component = component(args)?;
    if let Some(file) = &args.component {
        console.log(&format!("INFO the component {} has the SHA-256 {}", file.display(), component.checksum()));
    }
    let host = Host::builder().network(network.build()?).cache().build()?;
    host.warnings().for_each(|warning| console.tell(&format!("WARNING {warning}")));
    host.component(component)
}

/// A run with this config, which is allowed to reach the store that the config names.
pub(crate) fn run(args: &Args, console: &Console, tap: &Tap, config: &str) -> Result<Run> {
    let account = Account::new(config);
    let account = match named_origin(config) {
        Some(origin) => account.allowed_origins([origin.to_string()]).private_addresses(true),
        None => account,
    };
    let catalog = args.catalog.as_deref().map(|file| files::text(file, Kind::Catalog)).transpose()?;
    let events = console.clone();
    let run = tap.run(account).selection(Selection { catalog, ..selection(args) }).full_refresh(&args.full_refresh);
    Ok(run.on_event(move |event| events.event(event)))
}

/// What `--select` and `--exclude` say.
pub(crate) fn selection(args: &Args) -> Selection {
    let select = (!args.select.is_empty()).then(|| args.select.clone());
    Selection { catalog: None, select, exclude: args.exclude.clone() }
}

/// The config's `api_url`, unless it is the default. Whoever writes it into their own config allows it, whatever address it
/// resolves to. An invalid one is reported with the config's other mistakes.
fn named_origin(config: &str) -> Option<Origin> {
    let origin = |text: &str| Origin::parse(text.trim()).ok();
    let default = SETTINGS.iter().find(|setting| setting.key == "api_url").and_then(|setting| origin(setting.default?));
    let config: Value = serde_json::from_str(config).ok()?;
    let named = origin(config.get("api_url")?.as_str()?)?;
    (Some(&named) != default.as_ref()).then_some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_origin_does_not_count_as_named() {
        let named = |url: &str| named_origin(&format!(r#"{{"api_url": "{url}"}}"#)).map(|origin| origin.to_string());
        for default in
            ["https://api.bigcommerce.com", " HTTPS://API.bigcommerce.com/ ", "https://api.bigcommerce.com:443", "", "x"]
        {
            assert_eq!(named(default), None, "{default}");
        }
        assert_eq!(named("http://127.0.0.1:8080").as_deref(), Some("http://127.0.0.1:8080"));
        assert_eq!(named("https://api.bigcommerce.com:8443").as_deref(), Some("https://api.bigcommerce.com:8443"));
        assert_eq!(named_origin("{}"), None);
    }
}
