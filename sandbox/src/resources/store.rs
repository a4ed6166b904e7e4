//! `/v2/time` and `/v2/store`: one object each.

use serde_json::Value;

use crate::context::Context;
use crate::http::Response;

/// Answers a request for one object.
pub(crate) type AnswerOne = fn(&Context<'_>) -> Response;

/// Paths, and what they answer.
pub(crate) const ENDPOINTS: &[(&str, AnswerOne)] = &[("time", time), ("store", store)];

fn time(context: &Context<'_>) -> Response {
    Response::json(200, &Value::from(object! { "time": context.now.timestamp() }))
}

fn store(context: &Context<'_>) -> Response {
    Response::json(200, &profile(&context.options.store_hash))
}

/// The store's profile (store information reference).
pub(crate) fn profile(store_hash: &str) -> Value {
    Value::from(object! {
        "id": store_hash,
        "account_uuid": "f1a9f2f0-2d3a-4f8e-9f3d-0c0f6a1b7d11",
        "domain": "sandbox.example.com",
        "secure_url": "https://sandbox.example.com",
        "control_panel_base_url": "https://store-sandbox.example.com",
        "status": "live",
        "name": "Sandbox & Söhne 🏖",
        "first_name": "Ada",
        "last_name": "Söhne",
        "address": "1 Main Street\nSydney",
        "country": "Australia",
        "country_code": "AU",
        "infrastructure_region": "us-central1",
        "phone": "",
        "admin_email": "admin@example.com",
        "order_email": "orders@example.com",
        "favicon_url": "",
        "timezone": object! {
            "name": "Australia/Sydney",
            "raw_offset": 36_000,
            "dst_offset": 39_600,
            "dst_correction": true,
            "date_format": object! { "display": "M jS Y", "export": "M jS Y", "extended_display": "M jS Y @ g:i A" },
        },
        "language": "en",
        "currency": "USD",
        "currency_symbol": "$",
        "decimal_separator": ".",
        "thousands_separator": ",",
        "decimal_places": 2,
        "currency_symbol_location": "left",
        "weight_units": "KGS",
        "dimension_units": "Centimeters",
        "dimension_decimal_places": 2,
        "dimension_decimal_token": ".",
        "dimension_thousands_token": ",",
        "plan_name": "Sandbox",
        "plan_level": "Sandbox",
        "plan_is_trial": false,
        "industry": "Toys & Games",
        // PHP's empty object.
        "logo": Value::Array(Vec::new()),
        "is_price_entered_with_tax": false,
        "store_id": 1_000_001,
        "default_channel_id": 1,
        "default_site_id": 1000,
        "active_comparison_modules": Value::Array(Vec::new()),
        "features": object! {
            "stencil_enabled": true,
            "sitewidehttps_enabled": false,
            "facebook_catalog_id": "",
            "checkout_type": "optimized",
            "wishlists_enabled": true,
            "graphql_storefront_api_enabled": true,
            "shopper_consent_tracking_enabled": true,
            "multi_storefront_enabled": true,
            "storefront_limits": object! { "active": 3, "total_including_inactive": 15 },
        },
    })
}
