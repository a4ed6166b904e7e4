//! The library, embedded in the tests.

use crate::messages::{Message, messages};
use crate::shop::Shop;
use serde_json::Value;
use tap_bigcommerce::{Account, Component, Host, Network, Run, Sink, SinkError, Tap, sinks};

/// A sink that keeps the lines.
#[derive(Clone, Debug, Default)]
pub struct Kept(pub String);

impl Sink for Kept {
    fn write(&mut self, message: &sinks::Message<'_>) -> Result<(), SinkError> {
        self.0.push_str(std::str::from_utf8(message.line()).expect("messages are UTF-8"));
        self.0.push('\n');
        Ok(())
    }
}

impl Kept {
    /// What the lines say.
    pub fn messages(&self) -> Vec<Message> {
        messages(&self.0)
    }
}

/// The tap, in a host of its own that trusts the shop's certificate.
pub fn tap(shop: &Shop) -> Tap {
    tap_of(shop, Component::carried())
}

/// The same with another component.
pub fn tap_of(shop: &Shop, component: Component) -> Tap {
    let network = Network::builder();
    let network = shop.ca_file().into_iter().fold(network, tap_bigcommerce::NetworkBuilder::ca_file);
    let network = network.build().expect("the certificate can be read");
    let host = Host::builder().network(network).build().expect("the engine starts");
    host.component(component).expect("the component can be used")
}

/// The account of the shop, with the permission to reach it.
pub fn account(shop: &Shop, config: String) -> Account {
    Account::new(config).allowed_origins([shop.sandbox.url()]).private_addresses(true)
}

/// A run for the shop, with a tap of its own.
pub fn run(shop: &Shop) -> Run {
    tap(shop).run(account(shop, Value::Object(shop.config()).to_string()))
}

/// A sink that forgets.
///
/// # Errors
/// None.
pub fn nowhere(_: &[u8]) -> Result<(), SinkError> {
    Ok(())
}
