//! Orders.

use fastrand::Rng;
use serde_json::{Map, Value};

use super::addresses::{Party, email, form_fields};
use super::draw::{code, percent, pick, rng, uuid};
use super::head::Head;
use super::lines::{self, Basket};
use super::make::{self, For};
use super::statuses::STATUSES;
use super::{transactions, words};
use crate::dates;
use crate::kind::Kind;
use crate::record::Record;
use crate::wire::{self, money};

/// Address ids are unique in the store: an order has room for this many.
pub(crate) const ADDRESSES_AN_ORDER: u64 = 100;

pub(crate) fn order(rng: &mut Rng, seed: u64, id: u64, head: &Head) -> Record {
    let digital = percent(rng, 4);
    let pickup = !digital && percent(rng, 3);
    let line_count = lines::count(rng, head.index);
    let address_count = match rng.u32(..100) {
        _ if digital || pickup => 0,
        0..5 => rng.u64(2..=3),
        5 => 12,
        _ => 1,
    };
    let address_ids = (1..=address_count).map(|place| id * ADDRESSES_AN_ORDER + place).collect();
    let basket = Basket { order_id: id, digital, pickup, address_ids };
    let products: Vec<Value> = (0..line_count).map(|place| lines::line(rng, seed, &basket, place).into()).collect();
    let addresses: Vec<Value> =
        basket.address_ids.iter().map(|address| shipping_address(rng, id, *address, head, &products).into()).collect();
    let coupons = coupons(rng, id);
    let mut record = Record {
        fields: fields(rng, id, head, digital),
        parts: object! { "products": products, "coupons": coupons, "shipping_addresses": addresses, "fees": fees(rng, id) },
    };
    record.parts.insert("transactions".to_owned(), transactions(seed, id, head));
    add_up(&mut record);
    rarities(rng, head.index, &mut record.fields);
    record
}

/// None, one or a few; of one order so many that they do not fit a page.
fn transactions(seed: u64, id: u64, head: &Head) -> Value {
    let rng = &mut rng(seed, Kind::ORDERS, head.index, 5);
    let count = match head.index {
        5 => 60,
        _ => rng.u64(..4),
    };
    let mut with = For { rng, id, row: None, head, write: dates::iso_offset };
    make::rows(transactions::FIELDS, &mut with, count).into()
}

/// Everything except the totals, which [`add_up`] fills in: they are zero here, to keep their place.
fn fields(rng: &mut Rng, id: u64, head: &Head, digital: bool) -> Map<String, Value> {
    let shipped = matches!(head.status_id, 2 | 10).then(|| dates::rfc2822(head.modified)).unwrap_or_default();
    let status = STATUSES[usize::from(head.status_id) % STATUSES.len()];
    let v6 = percent(rng, 12);
    let (currency, rate) = if percent(rng, 8) { ("EUR", "0.9215000000") } else { ("USD", "1.0000000000") };
    let zero = || money(0);
    let mut fields = object! {
        "id": id,
        "customer_id": head.customer_id,
        "date_created": "",
        "date_modified": "",
        "date_shipped": shipped,
        "status_id": head.status_id,
        "status": status,
        "custom_status": status,
        "subtotal_ex_tax": zero(),
        "subtotal_inc_tax": zero(),
        "subtotal_tax": zero(),
        "base_shipping_cost": zero(),
        "shipping_cost_ex_tax": zero(),
        "shipping_cost_inc_tax": zero(),
        "shipping_cost_tax": zero(),
        "shipping_cost_tax_class_id": 2,
        "base_handling_cost": zero(),
        "handling_cost_ex_tax": zero(),
        "handling_cost_inc_tax": zero(),
        "handling_cost_tax": zero(),
        "handling_cost_tax_class_id": 2,
        "base_wrapping_cost": zero(),
        "wrapping_cost_ex_tax": zero(),
        "wrapping_cost_inc_tax": zero(),
        "wrapping_cost_tax": zero(),
        "wrapping_cost_tax_class_id": 3,
        "total_ex_tax": zero(),
        "total_inc_tax": zero(),
        "total_tax": zero(),
        "items_total": 0,
        "items_shipped": 0,
        "payment_method": pick(rng, &["Credit Card", "PayPal", "Manual", "銀行振込", "Gift Certificate", "Test Payment Gateway"]),
        "payment_provider_id": provider(rng),
        "payment_status": pick(rng, &["", "captured", "authorized", "capture pending"]),
        "refunded_amount": zero(),
        "order_is_digital": digital,
        "store_credit_amount": money(if percent(rng, 4) { 1_050 } else { 0 }),
        "gift_certificate_amount": zero(),
    };
    fields.extend(shopper(rng, v6));
    fields.extend(object! {
        "currency_id": if currency == "USD" { 1 } else { 2 },
        "currency_code": currency,
        "currency_exchange_rate": rate,
        "default_currency_id": 1,
        "default_currency_code": "USD",
        "store_default_currency_code": "USD",
        "store_default_to_transactional_exchange_rate": "1.0000000000",
        "coupon_discount": zero(),
        "discount_amount": zero(),
        "shipping_address_count": 0,
        "is_deleted": head.is_deleted,
        "ebay_order_id": "0",
        "cart_id": if percent(rng, 80) { Value::from(uuid(rng)) } else { Value::Null },
        "is_email_opt_in": percent(rng, 30),
        "credit_card_type": (),
        "order_source": pick(rng, &["www", "www", "mobile", "manual", "checkout_api", "external"]),
        "channel_id": if percent(rng, 10) { 664_179 } else { 1 },
        "external_source": percent(rng, 5).then_some("M-MIG"),
        "external_id": percent(rng, 8).then(|| format!("ERP-{}", code(rng, 8))),
        "external_merchant_id": (),
        "external_order_id": if percent(rng, 8) { "9007199254740993" } else { "" },
        "tax_provider_id": pick(rng, &["BasicTaxProvider", "AvaTaxProvider", ""]),
        "is_tax_inclusive_pricing": percent(rng, 20),
        "customer_locale": pick(rng, &["en", "de", "ja", "ar"]),
    });
    fields.insert("billing_address".to_owned(), billing(rng, head).into());
    fields
}

fn shopper(rng: &mut Rng, v6: bool) -> Map<String, Value> {
    object! {
        "ip_address": if v6 { "" } else { "203.0.113.42" },
        "ip_address_v6": if v6 { "2001:db8::42" } else { "" },
        "geoip_country": "Australia",
        "geoip_country_iso2": "AU",
        "staff_notes": if percent(rng, 10) { pick(rng, words::TEXTS) } else { "" },
        "customer_message": if percent(rng, 20) { pick(rng, words::TEXTS) } else { "" },
    }
}

/// A string, a number, empty or null (orders reference: oneOf).
fn provider(rng: &mut Rng) -> Value {
    match rng.u32(..6) {
        0 => Value::from(rng.u32(1_000_000..9_999_999)),
        1 => Value::Null,
        2 => Value::from(""),
        _ => Value::from(code(rng, 17)),
    }
}

fn billing(rng: &mut Rng, head: &Head) -> Map<String, Value> {
    let party = Party::draw(rng);
    let number = if head.customer_id == 0 { 1_000_000 + head.index } else { head.customer_id };
    object! {
        "first_name": party.first_name,
        "last_name": party.last_name,
        "company": party.company,
        "street_1": party.street,
        "street_2": party.street_2,
        "city": party.city,
        "state": party.state,
        "zip": party.zip,
        "country": party.country,
        "country_iso2": party.country_code,
        "phone": party.phone,
        "email": email(number),
        "form_fields": form_fields(rng),
    }
}

fn shipping_address(rng: &mut Rng, order_id: u64, id: u64, head: &Head, products: &[Value]) -> Map<String, Value> {
    let party = Party::draw(rng);
    let mine = || products.iter().filter(|line| line["order_address_id"] == id);
    let cost = if percent(rng, 30) { 0 } else { rng.i64(300..2_500) };
    let tax = cost / 10;
    let path = format!("/orders/{order_id}/shipping_addresses/{id}/shipping_quotes");
    object! {
        "id": id,
        "order_id": order_id,
        "first_name": party.first_name,
        "last_name": party.last_name,
        "company": party.company,
        "street_1": party.street,
        "street_2": party.street_2,
        "city": party.city,
        "zip": party.zip,
        "country": party.country,
        "country_iso2": party.country_code,
        "state": party.state,
        "email": email(head.customer_id),
        "phone": party.phone,
        "items_total": mine().map(|line| wire::whole(line.get("quantity"))).sum::<i64>(),
        "items_shipped": mine().map(|line| wire::whole(line.get("quantity_shipped"))).sum::<i64>(),
        "shipping_method": pick(rng, &["Free Shipping", "Flat Rate", "宅急便", "USPS (Priority Mail®)"]),
        "base_cost": money(cost),
        "cost_ex_tax": money(cost),
        "cost_inc_tax": money(cost + tax),
        "cost_tax": money(tax),
        "cost_tax_class_id": 2,
        "base_handling_cost": money(0),
        "handling_cost_ex_tax": money(0),
        "handling_cost_inc_tax": money(0),
        "handling_cost_tax": money(0),
        "handling_cost_tax_class_id": 2,
        "shipping_zone_id": 1,
        "shipping_zone_name": party.country,
        "shipping_quotes": object! { "url": format!("https://api.bigcommerce.com/v2{path}"), "resource": path },
        "form_fields": form_fields(rng),
    }
}

/// Coupons used: amount and discount come as text or as numbers (orders reference).
fn coupons(rng: &mut Rng, order_id: u64) -> Vec<Value> {
    let count = match rng.u32(..100) {
        0..18 => 1,
        18..21 => rng.u64(2..=3),
        _ => 0,
    };
    let coupon = |place: u64| {
        let coupon_id = Kind::COUPONS.id(rng.u64(..Kind::COUPONS.usual()));
        let kind = rng.u8(..6);
        object! {
            "id": order_id * 100 + place,
            "coupon_id": coupon_id,
            "order_id": order_id,
            "code": if kind == 5 { Value::Null } else { Value::from(format!("SAVE{coupon_id}")) },
            "amount": match rng.u32(..3) { 0 => Value::from(5), 1 => Value::from(2.5), _ => Value::from("5.0000") },
            "type": kind,
            "discount": if rng.bool() { Value::from(2.7) } else { Value::from("2.7000") },
        }
        .into()
    };
    (1..=count).map(coupon).collect()
}

fn fees(rng: &mut Rng, order_id: u64) -> Vec<Value> {
    if !percent(rng, 8) {
        return Vec::new();
    }
    vec![
        object! {
            "id": order_id * 10 + 1,
            "type": "custom_fee",
            "display_name_customer": "Kühlzuschlag",
            "display_name_merchant": "Cooling surcharge",
            "source": "app",
            "base_cost": "3.0000",
            "cost_ex_tax": "3.0000",
            "cost_inc_tax": "3.3000",
            "cost_tax": if rng.bool() { Value::from(0.3) } else { Value::from("0.3000") },
            "tax_class_id": rng.bool().then_some(1),
        }
        .into(),
    ]
}

/// Puts more lines at the end of an order and adds up its totals again.
pub(crate) fn add_lines(seed: u64, order_id: u64, order: &mut Record, lines: u64) {
    let first = wire::array(&order.parts, "products").len() as u64;
    let rng = &mut rng(seed, Kind::ORDERS, order_id, 1000 + first);
    let addresses = wire::array(&order.parts, "shipping_addresses");
    let address_ids = addresses.iter().filter_map(|address| address.get("id")?.as_u64()).collect();
    let basket = Basket { order_id, digital: false, pickup: false, address_ids };
    let more = (first..first + lines).map(|place| Value::from(lines::line(rng, seed, &basket, place)));
    if let Some(products) = order.parts.get_mut("products").and_then(Value::as_array_mut) {
        products.extend(more);
    }
    add_up(order);
}

/// Totals from lines, shipping addresses, fees and coupons.
fn add_up(order: &mut Record) {
    let sum =
        |part: &str, field: &str| wire::array(&order.parts, part).iter().map(|row| wire::cents(row.get(field))).sum::<i64>();
    let count = |field: &str| wire::array(&order.parts, "products").iter().map(|row| wire::whole(row.get(field))).sum::<i64>();
    let (subtotal, subtotal_tax) = (sum("products", "total_ex_tax"), sum("products", "total_tax"));
    let (shipping, shipping_tax) = (sum("shipping_addresses", "cost_ex_tax"), sum("shipping_addresses", "cost_tax"));
    let (fees, fees_tax) = (sum("fees", "cost_ex_tax"), sum("fees", "cost_tax"));
    let discount = sum("coupons", "discount").min(subtotal);
    let ex_tax = subtotal + shipping + fees - discount;
    let tax = subtotal_tax + shipping_tax + fees_tax;
    let totals = object! {
        "subtotal_ex_tax": money(subtotal),
        "subtotal_inc_tax": money(subtotal + subtotal_tax),
        "subtotal_tax": money(subtotal_tax),
        "base_shipping_cost": money(shipping),
        "shipping_cost_ex_tax": money(shipping),
        "shipping_cost_inc_tax": money(shipping + shipping_tax),
        "shipping_cost_tax": money(shipping_tax),
        "total_ex_tax": money(ex_tax),
        "total_inc_tax": money(ex_tax + tax),
        "total_tax": money(tax),
        "coupon_discount": money(discount),
        "items_total": count("quantity"),
        "items_shipped": count("quantity_shipped"),
        "shipping_address_count": wire::array(&order.parts, "shipping_addresses").len(),
    };
    order.fields.extend(totals);
}

/// What happens now and then: numbers and booleans as text, a field that nobody announced.
fn rarities(rng: &mut Rng, index: u64, fields: &mut Map<String, Value>) {
    if index % 29 == 3 {
        let items = wire::whole(fields.get("items_total")).to_string();
        fields.insert("items_total".to_owned(), Value::from(items));
        fields.insert("is_email_opt_in".to_owned(), Value::from("false"));
        fields.insert("order_is_digital".to_owned(), Value::from("0"));
    }
    if index % 13 == 5 {
        fields.insert("sandbox_unannounced".to_owned(), object! { "score": rng.u32(..100), "tags": ["neu", "🆕"] }.into());
    }
}
