//! `/v2/time` and `/v2/store`.

use serde_json::Value;

use crate::answer::Context;
use crate::http::Response;

pub(super) fn time(context: &Context<'_>) -> Response {
    Response::json(200, &Value::from(object! { "time": context.now.timestamp() }))
}

/// The store's profile, as far as a client needs it to know where it is.
pub(super) fn store(context: &Context<'_>) -> Response {
    let store = object! {
        "id": context.store.options.store_hash.as_str(),
        "name": "Sandbox & Söhne 🏖",
        "domain": "sandbox.example.com",
        "secure_url": "https://sandbox.example.com",
        "status": "live",
        "country": "Australia",
        "country_code": "AU",
        "language": "en",
        "currency": "USD",
        "currency_symbol": "$",
        "timezone": object! { "name": "UTC", "raw_offset": 0, "dst_offset": 0, "dst_correction": false },
        "weight_units": "KGS",
        "dimension_units": "Centimeters",
        "plan_name": "Sandbox",
        "plan_level": "Sandbox",
        "logo": Value::Array(Vec::new()),
        "default_channel_id": 1,
    };
    Response::json(200, &Value::from(store))
}
