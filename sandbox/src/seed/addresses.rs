//! People and places.

use fastrand::Rng;
use serde_json::Value;

use super::draw::{percent, pick};
use super::words;

/// A person who lives somewhere.
pub(super) struct Party {
    pub(super) first_name: &'static str,
    pub(super) last_name: &'static str,
    pub(super) company: &'static str,
    pub(super) street: String,
    pub(super) street_2: &'static str,
    pub(super) city: &'static str,
    pub(super) state: &'static str,
    pub(super) country: &'static str,
    pub(super) country_code: &'static str,
    pub(super) zip: String,
    pub(super) phone: String,
}

impl Party {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let (city, state, country, country_code, zip) = words::PLACES[rng.usize(..words::PLACES.len())];
        Self {
            first_name: pick(rng, words::FIRST_NAMES),
            last_name: pick(rng, words::LAST_NAMES),
            company: pick(rng, words::COMPANIES),
            street: format!("{} {}", rng.u32(1..999), pick(rng, words::STREETS)),
            street_2: if percent(rng, 20) { "Apt. 5½" } else { "" },
            city,
            state,
            country,
            country_code,
            zip: format!("{zip}{:02}", rng.u32(..100)),
            phone: if percent(rng, 15) {
                String::new()
            } else {
                format!("+1 555-{:03}-{:04}", rng.u32(..1000), rng.u32(..10_000))
            },
        }
    }
}

/// A mail address that nobody has; unique for the number.
pub(super) fn email(number: u64) -> String {
    format!("shopper+{number}@example.com")
}

/// Values of form fields: text, a number, or an array of texts (orders and customers references).
pub(super) fn form_fields(rng: &mut Rng) -> Vec<Value> {
    let mut fields = Vec::new();
    if percent(rng, 25) {
        fields.push(form_field("License Id", Value::from(pick(rng, words::TEXTS))));
    }
    if percent(rng, 10) {
        fields.push(form_field("Age", Value::from(rng.u32(18..99))));
    }
    if percent(rng, 10) {
        fields.push(form_field("Wünsche", Value::from(["Grün", "🎁 wrapped"])));
    }
    fields
}

fn form_field(name: &str, value: Value) -> Value {
    Value::from(object! { "name": name, "value": value })
}
