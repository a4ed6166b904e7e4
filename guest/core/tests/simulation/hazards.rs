//! What real stores do besides what is documented: which of it a seed has.

use crate::generate::{MOST_LAG, percent, pick};
use crate::scenario::{Broken, Change, Fault, Happening, Odd, Oddity, RunPlan, Selection, Shown, What};
use fastrand::Rng;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tap_bigcommerce_sandbox::{Delivery, ItemsTotal, Kind, OddAnswer, OddByte, OddField, Quirks, RateHeaders};

/// The quirks of a shop whose replica is so far behind.
pub(crate) fn quirks(rng: &mut Rng, lag: Duration) -> Quirks {
    const IGNORED: [&str; 7] =
        ["min_date_modified", "max_date_modified", "date_modified:min", "date_modified:max", "sort", "limit", "direction"];
    const NEEDED: [&str; 4] = ["min_id", "id:greater", "after", "page"];
    let mut ignored = Vec::new();
    if percent(rng, 15) {
        ignored.push(pick(rng, &IGNORED));
    }
    if percent(rng, 3) {
        ignored.push(pick(rng, &NEEDED));
    }
    let archived_listed = percent(rng, 35);
    if percent(rng, 10) {
        ignored.push("is_deleted");
    }
    let refused = percent(rng, 10).then_some("is_deleted");
    Quirks {
        bounds_exclusive: percent(rng, 35),
        archived_listed,
        refused_parameters: refused.into_iter().map(str::to_owned).collect(),
        ignored_parameters: ignored.into_iter().map(str::to_owned).collect(),
        most_values: percent(rng, 8).then(|| pick(rng, &[1, 3, 10])),
        page_cap: percent(rng, 20).then(|| pick(rng, &[10, 20, 50])),
        no_date_header: percent(rng, 15),
        no_rate_headers: percent(rng, 15),
        count_off_by: if percent(rng, 4) { pick(rng, &[1, -1, 500]) } else { 0 },
        count_ignores: percent(rng, 6).then(|| pick(rng, &["*", "min_id", "min_date_modified"]).to_owned()).into_iter().collect(),
        count_leaves_out_archived: !archived_listed && percent(rng, 60),
        descending_ignored: percent(rng, 4),
        descending_ignores_dates: percent(rng, 4),
        // One delay at a time: the tap's margin covers either.
        index_lag: Duration::from_secs(if lag.is_zero() && percent(rng, 8) { rng.u64(1..=MOST_LAG) } else { 0 }),
        odd_answers: if percent(rng, 10) { odd_answers(rng) } else { BTreeMap::new() },
        odd_fields: if percent(rng, 8) { odd_fields(rng) } else { BTreeMap::new() },
        consignment_lines: percent(rng, 10).then(|| rng.usize(1..4)),
        consignments_without_lines: percent(rng, 10).then(|| rng.u64(1..5)),
        items_total: pick(rng, &[ItemsTotal::Quantities, ItemsTotal::Quantities, ItemsTotal::Lines, ItemsTotal::Physical]),
        rate_headers: if percent(rng, 20) { rate_headers(rng) } else { RateHeaders::default() },
        ..Quirks::default()
    }
}

/// Headers that say something else of the quota's window than is documented.
fn rate_headers(rng: &mut Rng) -> RateHeaders {
    match rng.u32(..3) {
        0 => RateHeaders::Unlimited,
        1 => RateHeaders::Stuck { reset: Duration::from_millis(pick(rng, &[0, 500, 1_000])) },
        _ => RateHeaders::Window,
    }
}

fn odd_answers(rng: &mut Rng) -> BTreeMap<String, BTreeSet<OddAnswer>> {
    const ODD: [(&str, OddAnswer); 16] = [
        ("/v3/customers/addresses", OddAnswer::PageTotals),
        ("/v3/customers/addresses", OddAnswer::PageTotals),
        ("/v3/customers/attribute-values", OddAnswer::PageTotals),
        ("/v3/catalog/products", OddAnswer::PageTotals),
        ("/v3/customers", OddAnswer::PageTotals),
        ("/v2/orders/{id}/products", OddAnswer::NumberedRows),
        ("/v3/customers/addresses", OddAnswer::NumberedRows),
        // Not for the list of customers, whose cursor is in `meta`.
        ("/v3/catalog/products", OddAnswer::MetaAsList),
        ("/v3/customers/addresses", OddAnswer::MetaAsList),
        ("/v3/customers/attribute-values", OddAnswer::MetaAsList),
        ("/v2/orders", OddAnswer::ByteOrderMark),
        ("/v2/orders/{id}/products", OddAnswer::ByteOrderMark),
        ("/v3/customers", OddAnswer::ByteOrderMark),
        ("/v2/orders/{id}/products", OddAnswer::NoBodyWhenEmpty),
        ("/v2/orders/{id}/coupons", OddAnswer::NoBodyWhenEmpty),
        ("/v2/orders/{id}/shipping_addresses", OddAnswer::NoBodyWhenEmpty),
    ];
    let mut answers: BTreeMap<String, BTreeSet<OddAnswer>> = BTreeMap::new();
    for _ in 0..rng.u32(1..3) {
        let (endpoint, odd) = pick(rng, &ODD);
        answers.entry(endpoint.to_owned()).or_default().insert(odd);
    }
    answers
}

fn odd_fields(rng: &mut Rng) -> BTreeMap<String, OddField> {
    let (name, odd) = match rng.u32(..8) {
        0 => ("fees", OddField::Link),
        1 => ("external_merchant_id", OddField::EmptyObject),
        2 => ("is_bundled_product", OddField::SpaceAfterName),
        3 => ("quantity", OddField::FollowedBy("fulfillment_source".to_owned(), json!("warehouse"))),
        _ => (pick(rng, &["fees", "addresses", "attributes", "variants", "options"]), OddField::NumberedObject),
    };
    BTreeMap::from([(name.to_owned(), odd)])
}

/// What is odd about records of the new shop: mostly nothing.
pub(crate) fn oddities(rng: &mut Rng) -> Vec<Oddity> {
    if percent(rng, 85) {
        return Vec::new();
    }
    let oddity = |rng: &mut Rng| {
        let what = match rng.u32(..2) {
            0 => Odd::Date(pick(rng, &["0000-00-00T00:00:00Z", ""])),
            _ => Odd::Byte(pick(rng, &[OddByte::InvalidUtf8, OddByte::ControlCharacter, OddByte::LoneSurrogate])),
        };
        let kind = pick(rng, &[Kind::ORDERS, Kind::CUSTOMERS, Kind::PRODUCTS, Kind::COUPONS]);
        Oddity { kind, which: rng.u64(..1_000_000), what }
    };
    (0..rng.u32(1..4)).map(|_| oddity(rng)).collect()
}

/// Breaks records for some runs in a row; never for the last run.
pub(crate) fn break_records(rng: &mut Rng, runs: &mut [RunPlan]) {
    let calm = runs.len().saturating_sub(1);
    if calm == 0 || percent(rng, 80) {
        return;
    }
    for _ in 0..rng.u32(1..4) {
        let broken = broken(rng);
        let first = rng.usize(..calm);
        let last = rng.usize(first..calm);
        runs[first..=last].iter_mut().for_each(|run| run.broken.push(broken));
    }
}

/// Takes the id from a record for one run; never for the last one.
pub(crate) fn lose_id(rng: &mut Rng, runs: &mut [RunPlan]) {
    let calm = runs.len().saturating_sub(1);
    if calm > 0 && percent(rng, 15) {
        let kind = pick(rng, &[Kind::CUSTOMERS, Kind::PRICE_LISTS, Kind::REFUNDS, Kind::BRANDS, Kind::CATEGORIES]);
        runs[rng.usize(..calm)].nameless = Some((kind, rng.u64(..1_000_000)));
    }
}

fn broken(rng: &mut Rng) -> Broken {
    let what = match rng.u32(..8) {
        0..4 => Shown::Below(pick(rng, &["products", "products", "coupons", "shipping_addresses", "shipments"])),
        4 | 5 => Shown::Everywhere(Kind::ORDERS),
        6 => Shown::Everywhere(pick(rng, &[Kind::PRODUCTS, Kind::COUPONS])),
        _ => Shown::Everywhere(Kind::CUSTOMERS),
    };
    let fault = match rng.u32(..6) {
        0..3 => Fault::Status(pick(rng, &[500, 502, 503, 504])),
        3 => Fault::Html,
        4 => Fault::Truncated,
        _ => Fault::Deliver(pick(rng, &[Delivery::Stall, Delivery::ResetMidBody])),
    };
    Broken { what, which: rng.u64(..1_000_000), fault }
}

/// A change between two pages of a list that goes by page number: what is deleted shifts all rows behind it.
pub(crate) fn shift(rng: &mut Rng, selection: &Selection) -> Option<(&'static str, Change)> {
    let (path, what) = match () {
        () if selection.has_stream("categories") => ("/trees/categories", What::Delete(Kind::CATEGORIES)),
        () if selection.has_stream("refunds") => ("/payment_actions/refunds", What::Create(Kind::REFUNDS)),
        () if selection.has_stream("promotions") => ("/v3/promotions", What::Delete(Kind::PROMOTIONS)),
        () => return None,
    };
    percent(rng, 60).then(|| (path, Change { what, which: rng.u64(..1_000_000), records: 1, slow: 0 }))
}

/// A shop that is busy while it is read: with each request a new record, for a while.
pub(crate) fn rush(rng: &mut Rng) -> Vec<(u64, Happening)> {
    let kind = pick(rng, &[Kind::ORDERS, Kind::ORDERS, Kind::PRODUCTS, Kind::CUSTOMERS]);
    let create = Change { what: What::Create(kind), which: 0, records: 1, slow: 0 };
    let first = rng.u64(1..20);
    let last = first + rng.u64(10..60);
    (first..last).map(|request| (request, Happening::Change(create.clone()))).collect()
}
