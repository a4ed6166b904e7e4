//! Which endpoints have failed in a run, and whether they answered afterwards.

use std::collections::BTreeMap;
use tap_bigcommerce_sandbox::{Answer, Delivery, Request};

/// The endpoints of one run.
#[derive(Debug, Default)]
pub(crate) struct Health(BTreeMap<String, Endpoint>);

#[derive(Debug, Default)]
struct Endpoint {
    /// The record that an answer failed for first, or the list's whole target.
    failed: Option<String>,
    /// It has answered for another since.
    recovered: bool,
    /// Its last answer could be read.
    is_good: bool,
}

impl Health {
    /// Notes an answer; `good` says whether it can be read.
    pub(crate) fn note(&mut self, request: &Request, good: bool) {
        let endpoint = self.0.entry(endpoint(request)).or_default();
        endpoint.is_good = good;
        match (&endpoint.failed, good) {
            (None, false) => endpoint.failed = Some(request.target()),
            (Some(failed), true) => endpoint.recovered |= *failed != request.target(),
            _ => {}
        }
    }

    /// Whether endpoints that a stream is read from failed and none of them answered for anything else afterwards: an outage, as far as
    /// anybody can tell.
    pub(crate) fn is_outage(&self, stream: &str) -> bool {
        let path = match stream {
            "customers" | "customer_addresses" | "customer_form_field_values" => "/v3/customers",
            "products" | "product_variants" | "product_ids" => "/v3/catalog",
            "inventory_items" => "/v3/inventory",
            "promotions" | "coupon_codes" => "/v3/promotions",
            "channels" | "channel_listings" => "/v3/channels",
            "coupons" => "/v2/coupons",
            "refunds" => "/payment_actions/refunds",
            "price_lists" => "/v3/pricelists",
            "brands" => "/catalog/brands",
            "categories" => "/trees/categories",
            _ => "/orders",
        };
        let is_own = |endpoint: &str| endpoint.contains(path) && (path != "/orders" || !endpoint.ends_with("/refunds"));
        let own = || self.0.iter().filter(|(endpoint, _)| is_own(endpoint)).map(|(_, endpoint)| endpoint);
        let failed = || own().filter(|endpoint| endpoint.failed.is_some());
        failed().next().is_some() && !failed().any(|endpoint| endpoint.recovered || endpoint.is_good)
    }
}

/// Whether a client can read this answer. A 404 for a nested list is not such an answer.
pub(crate) fn is_good(request: &Request, answer: &Answer) -> bool {
    let of_list = !request.path.ends_with(|last: char| last.is_ascii_digit());
    let whole = !matches!(answer.delivery, Delivery::Stall | Delivery::CloseBeforeAnswer | Delivery::ResetMidBody);
    let response = &answer.response;
    let body = response.body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&response.body);
    // Bytes that are no JSON can be repaired; a body that is cut short cannot, wherever it is cut.
    let text: String = String::from_utf8_lossy(body).chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
    let ended = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
    // Some stores send their empty lists inside records so.
    let without_rows = response.status == 200 && body.is_empty() && request.path.contains("/orders/");
    whole && (response.status == 204 || without_rows || (response.status == 404 && !of_list) || (response.status == 200 && ended))
}

/// The path with a star for each number.
fn endpoint(request: &Request) -> String {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = request.path.split('/').map(|part| if is_number(part) { "*" } else { part }).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tap_bigcommerce_sandbox::Response;

    #[test]
    fn a_body_that_is_cut_behind_a_bracket_is_no_good_answer() {
        let request = Request::get("/stores/shop/v2/orders?limit=50");
        for (body, good) in [
            (&br#"[{"id": 1, "address": {"city": "x"}"#[..], false),
            (br#"[{"id": 1, "note": "a\b}"}]"#, true),
            (b"[{\"note\": \"\xE9\x0B\\ud800\"}]", true),
        ] {
            let response = Response { status: 200, headers: Vec::new(), body: body.to_vec() };
            assert_eq!(
                is_good(&request, &Answer { response, delivery: Delivery::Whole }),
                good,
                "{}",
                String::from_utf8_lossy(body)
            );
        }
    }

    #[test]
    fn an_outage_is_what_fails_and_does_not_answer_for_anything_else() {
        let lines = |id: u64| Request::get(&format!("/stores/shop/v2/orders/{id}/products?limit=50"));
        let mut health = Health::default();
        health.note(&lines(1), true);
        assert!(!health.is_outage("orders"), "nothing failed");
        health.note(&lines(2), false);
        health.note(&lines(3), false);
        health.note(&Request::get("/stores/shop/v2/orders?limit=50"), true);
        assert!(health.is_outage("orders") && !health.is_outage("customers"));
        health.note(&lines(4), true);
        health.note(&lines(2), false);
        assert!(!health.is_outage("orders"));
    }
}
