//! customers: API v3, which has replaced v2; the v2 names are kept in addition to the new ones (`x-source` in the schema).

use super::{Announced, Ask, ByChannel, Dates, End, Way, List, Lookup, Paging, Replication, Rows, Source, Stream, include};
use crate::api::list::Form;

pub(super) const SCOPE: &str = "store_v2_customers_read_only";
/// A list inside a customer stops at so many rows (customers.v3, `include`); the whole list has an endpoint of its own.
const FULL: Way = Way::Inside { full: Some(10) };
/// No maximum is documented for the ids of one request.
const MOST: usize = 50;

/// The request for the rows of customers.
const fn batch(path: &'static str, query: super::Params) -> Way {
    let ask = Ask { path, query, form: Form::Envelope, scope: SCOPE };
    Way::Batch { ask, filter: "customer_id:in", owner: "customer_id", most: MOST }
}

/// Their addresses.
pub static ADDRESSES: Rows = Rows {
    name: "addresses",
    key: &["id"],
    from: &[FULL, batch("v3/customers/addresses", &[("include", "formfields")])],
    announced_by: Some(Announced::Count("address_count")),
    adds: &[],
};
/// The values of their attributes.
pub static ATTRIBUTES: Rows = Rows {
    name: "attributes",
    key: &["id"],
    from: &[FULL, batch("v3/customers/attribute-values", &[])],
    announced_by: Some(Announced::Count("attribute_count")),
    adds: &[],
};

/// All addresses, for the stream of them.
pub static ALL_ADDRESSES: Rows = Rows {
    name: "customer_addresses",
    key: &["id"],
    from: &[batch("v3/customers/addresses", &[("include", "formfields")])],
    announced_by: None,
    adds: &[],
};

/// The list. It has no filter by id: its walk goes by cursor.
pub static LIST: List = List {
    dates: Some(Dates {
        field: "date_modified",
        since: "date_modified:min",
        until: "date_modified:max",
        newest_first: &[("sort", "date_modified:desc")],
    }),
    paging: Paging::Cursor { after: "after" },
    end: End::CoveredSeen,
    includes: &[
        include("addresses", "addresses"),
        include("attributes", "attributes"),
        include("form_fields", "formfields"),
        include("store_credit_amounts", "storecredit"),
        include("store_credit", "storecredit"),
        include("shopper_profile_id", "shopper_profile_id"),
        include("segment_ids", "segment_ids"),
    ],
    rows: &[&ADDRESSES, &ATTRIBUTES, &ALL_ADDRESSES],
    one: Some(Lookup::Filter("id:in")),
    channels: Some(ByChannel { filter: "channel_id:in", field: None }),
    ..List::v3("v3/customers", SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream {
    name: "customers",
    schema: include_str!("customers.json"),
    key: &["id"],
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: true },
    source: Source::List(&LIST),
    selected_by_default: true,
    off_by_default: &[],
    changes_alone: false,
};
