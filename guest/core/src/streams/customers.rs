//! customers: API v3, which has replaced v2; the v2 names are kept in addition to the new ones (`x-source` in the schema).

use super::{Announced, End, List, Part, Position, Record, Replication, Source, Stream, include};
use crate::api::list::Form;

/// A list inside a customer stops at ten rows (customers.v3, `include`); the whole list has an endpoint of its own.
const fn part(
    field: &'static str,
    path: &'static str,
    query: &'static [(&'static str, &'static str)],
    count: &'static str,
) -> Part {
    let (owner, announced_by) = (Some(("customer_id:in", "customer_id")), Some(Announced::Count(count)));
    Part { field, path, owner, query, form: Form::Envelope, when_full: Some(10), announced_by }
}

/// The stream. The list has no filter by id: its walk goes by cursor.
pub static STREAM: Stream = Stream {
    name: "customers",
    schema: include_str!("customers.json"),
    scope: "store_v2_customers_read_only",
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: true },
    source: Source::List(List {
        path: "v3/customers",
        form: Form::Envelope,
        fixed: &[],
        position: Position::Cursor { after: "after" },
        since: Some("date_modified:min"),
        until: Some("date_modified:max"),
        newest_first: &[("sort", "date_modified:desc")],
        end: End::CoveredSeen,
        count: None,
        includes: &[
            include("addresses", "addresses"),
            include("attributes", "attributes"),
            include("form_fields", "formfields"),
            include("store_credit_amounts", "storecredit"),
            include("store_credit", "storecredit"),
            include("shopper_profile_id", "shopper_profile_id"),
            include("segment_ids", "segment_ids"),
        ],
        parts: &[
            part("addresses", "v3/customers/addresses", &[("include", "formfields")], "address_count"),
            part("attributes", "v3/customers/attribute-values", &[], "attribute_count"),
        ],
        record: Record::Filter("id:in"),
        range: None,
    }),
    off_by_default: &[],
};
