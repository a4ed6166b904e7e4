//! Customers.

use fastrand::Rng;
use serde_json::{Map, Value};

use super::addresses::{Party, email, form_fields};
use super::draw::{percent, pick};
use super::head::Head;
use super::make::id_uuid;
use super::words;
use crate::dates;
use crate::kind::Kind;
use crate::record::Record;

/// The part that holds the values of a customer and of its addresses.
pub(crate) const ALL_FORM_FIELDS: &str = "all_form_fields";

pub(crate) fn customer(rng: &mut Rng, _: u64, id: u64, head: &Head) -> Record {
    let party = Party::draw(rng);
    let (address_count, attribute_count) = counts(rng, head.index);
    let addresses: Vec<Value> = (1..=address_count).map(|place| address(rng, id, place).into()).collect();
    let attributes: Vec<Value> = (1..=attribute_count).map(|place| attribute(rng, id, place, head).into()).collect();
    let mut fields = object! {
        "id": id,
        "email": email(id),
        "first_name": party.first_name,
        "last_name": party.last_name,
        "company": party.company,
        "phone": party.phone,
        "registration_ip_address": if percent(rng, 60) { "198.51.100.7" } else { "" },
        "notes": if percent(rng, 15) { pick(rng, words::TEXTS) } else { "" },
        "tax_exempt_category": if percent(rng, 5) { "E" } else { "" },
        "customer_group_id": if percent(rng, 20) { rng.u32(1..6) } else { 0 },
        "date_created": "",
        "date_modified": "",
        "address_count": address_count,
        "attribute_count": attribute_count,
        "authentication": object! { "force_password_reset": percent(rng, 5) },
        "accepts_product_review_abandoned_cart_emails": percent(rng, 50),
        "origin_channel_id": if percent(rng, 10) { 664_179 } else { 1 },
        "channel_ids": if percent(rng, 20) { Value::from([1, 664_179]) } else { Value::Null },
    };
    if head.index % 19 == 6 {
        fields.insert("sandbox_unannounced".to_owned(), Value::from(true));
        fields.insert("customer_group_id".to_owned(), Value::from("2"));
    }
    let credit = if percent(rng, 15) { Value::from(43.15) } else { Value::from(0) };
    let form_fields = customer_form_fields(rng, id);
    let parts = object! {
        "all_form_fields": all_form_fields(&form_fields, &addresses),
        "addresses": addresses,
        "attributes": attributes,
        "form_fields": form_fields,
        "store_credit_amounts": [object! { "amount": credit }],
        "shopper_profile_id": (head.index < Kind::SHOPPER_PROFILES.usual()).then(|| id_uuid(Kind::SHOPPER_PROFILES.id(head.index))),
        "segment_ids": (0..id % 3).map(|place| id_uuid(Kind::SEGMENTS.id((id + place) % Kind::SEGMENTS.usual()))).collect::<Vec<_>>(),
    };
    Record { fields, parts }
}

/// Addresses and attributes: of each fifty customers some stand at and beyond the ten that are embedded.
fn counts(rng: &mut Rng, index: u64) -> (u64, u64) {
    let (addresses, attributes) = (rng.u64(..5), rng.u64(..4));
    match index % 50 {
        6 => (11, attributes),
        8 => (addresses, 12),
        13 => (25, 11),
        15 => (addresses, 10),
        20 => (10, attributes),
        27 => (0, 0),
        _ => (addresses, attributes),
    }
}

fn address(rng: &mut Rng, customer_id: u64, place: u64) -> Map<String, Value> {
    let party = Party::draw(rng);
    object! {
        "id": customer_id * 100 + place,
        "customer_id": customer_id,
        "first_name": party.first_name,
        "last_name": party.last_name,
        "company": party.company,
        "address1": party.street,
        "address2": party.street_2,
        "city": party.city,
        "state_or_province": party.state,
        "postal_code": party.zip,
        "country": party.country,
        "country_code": party.country_code,
        "phone": party.phone,
        "address_type": if percent(rng, 85) { "residential" } else { "commercial" },
        "form_fields": form_fields(rng),
    }
}

fn attribute(rng: &mut Rng, customer_id: u64, place: u64, head: &Head) -> Map<String, Value> {
    object! {
        "id": customer_id * 100 + place,
        "attribute_id": place,
        "attribute_value": if place.is_multiple_of(3) { "12.5" } else { pick(rng, words::TEXTS) },
        "customer_id": customer_id,
        "date_created": dates::iso_z(head.created),
        "date_modified": dates::iso_z(head.modified),
    }
}

fn customer_form_fields(rng: &mut Rng, customer_id: u64) -> Vec<Value> {
    let fields = form_fields(rng).into_iter().map(|mut field| {
        if let Some(field) = field.as_object_mut() {
            field.insert("customer_id".to_owned(), Value::from(customer_id));
        }
        field
    });
    fields.collect()
}

/// Values of a customer, each with `customer_id`, and of its addresses, with `address_id`.
fn all_form_fields(of_customer: &[Value], addresses: &[Value]) -> Vec<Value> {
    let of_address = |address: &Value| {
        let fields = address.get("form_fields").and_then(Value::as_array).cloned().unwrap_or_default();
        let id = address.get("id").cloned();
        fields.into_iter().map(move |field| {
            Value::from(
                object! { "address_id": id.clone(), "name": field.get("name").cloned(), "value": field.get("value").cloned() },
            )
        })
    };
    of_customer.iter().cloned().chain(addresses.iter().flat_map(of_address)).collect()
}
