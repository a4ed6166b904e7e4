//! `/v3/customers`: pages by number or by cursor; and what belongs to customers.

use serde_json::{Map, Value};

use crate::filter::{Op, Rule};
use crate::kind::Kind;
use crate::options::{Caps, Scope};
use crate::paging::Paging;
use crate::record::Record;
use crate::resource::{Dates, Include, Make, Part, Resource, Sorts, across, plain};
use crate::seed::customers;
use crate::{dates, wire};

/// There are no ranges of ids here (customers v3 reference).
const RULES: &[Rule] = &[
    Rule::Each(&["id"], &[Op::In]),
    Rule::Each(&["date_created", "date_modified"], &[Op::Equal, Op::Min, Op::Max]),
    Rule::Each(&["email", "company"], &[Op::In]),
    Rule::Named("channel_id:in", "channel_ids", Op::In),
    Rule::Each(&["customer_group_id"], &[Op::In]),
    Rule::Each(&["name"], &[Op::In, Op::Like]),
    Rule::Each(&["phone", "registration_ip_address"], &[Op::In]),
];

const OF_ADDRESSES: &[Rule] = &[Rule::Each(&["id", "customer_id", "company"], &[Op::In])];

const OF_ATTRIBUTES: &[Rule] = &[
    Rule::Each(&["customer_id", "attribute_id"], &[Op::In]),
    Rule::Each(&["date_created", "date_modified"], &[Op::Min, Op::Max]),
];

const OF_FORM_FIELDS: &[Rule] =
    &[Rule::Each(&["customer_id", "address_id"], &[Op::Equal]), Rule::Named("field_name", "name", Op::Equal)];

pub(crate) static RESOURCE: Resource = Resource {
    dates: Dates { created: Some("date_created"), modified: Some("date_modified"), write: dates::iso_z },
    paging: Paging::Cursor,
    filters: RULES,
    sorts: Sorts::Joined(&["date_created", "date_modified", "last_name"]),
    includes: &[
        include("addresses", "addresses", Some(|caps| caps.embedded)),
        include("storecredit", "store_credit_amounts", None),
        include("attributes", "attributes", Some(|caps| caps.embedded)),
        include("formfields", "form_fields", None),
        include("shopper_profile_id", "shopper_profile_id", None),
        include("segment_ids", "segment_ids", None),
    ],
    parts: &[
        Part {
            stream: Some("customer_addresses"),
            includes: &[("formfields", "form_fields")],
            ..across("addresses", "customers/addresses", "customer_id:in", Scope::Customers, OF_ADDRESSES)
        },
        across("attributes", "customers/attribute-values", "customer_id:in", Scope::Customers, OF_ATTRIBUTES)
            .of_stream("customer_attribute_values"),
        Part {
            paging: Paging::Cursor,
            ..across(customers::ALL_FORM_FIELDS, "customers/form-field-values", "customer_id", Scope::Customers, OF_FORM_FIELDS)
        }
        .of_stream("customer_form_field_values"),
    ],
    seen: Some(seen),
    ..plain(Kind::CUSTOMERS, "customers", Scope::Customers, Make::Hand(customers::customer, &[]))
};

const fn include(name: &'static str, part: &'static str, most: Option<fn(&Caps) -> usize>) -> Include {
    Include { name, part: Some(part), most, page: None }
}

fn seen(customer: &Record, field: &str) -> Option<Value> {
    let fields: &Map<String, Value> = &customer.fields;
    match field {
        "name" => Some(Value::from(format!("{} {}", fields.get("first_name")?.as_str()?, fields.get("last_name")?.as_str()?))),
        // Without channels of its own a customer belongs to the one that it came from.
        "channel_ids" if fields.get(field)?.is_null() => Some(wire::field(fields, "origin_channel_id")),
        _ => None,
    }
}
