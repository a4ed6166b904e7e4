//! customer_addresses: the addresses of all customers, by the customers' ids. Whether a new address gives its customer a new date is not
//! documented, so all are read.

use super::{Ask, Way, Rows, Source, Stream, customers};
use crate::api::list::Form;

/// No maximum is documented for the ids of one request.
const MOST: usize = 50;

/// The addresses of some customers.
pub static ROWS: Rows = Rows {
    name: "customer_addresses",
    key: &["id"],
    from: &[Way::Batch {
        ask: Ask { path: "v3/customers/addresses", query: &[("include", "formfields")], form: Form::Envelope, scope: customers::SCOPE },
        filter: "customer_id:in",
        owner: "customer_id",
        most: MOST,
    }],
    announced_by: None,
    adds: &[],
};

/// The stream.
pub static STREAM: Stream =
    Stream::full_table("customer_addresses", include_str!("customer_addresses.json"), Source::With { parent: &customers::STREAM, rows: &ROWS });
