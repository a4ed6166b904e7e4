//! customer_form_field_values: what customers have filled in, for themselves and for their addresses.

use super::{End, List, Paging, Source, Stream, customers};

/// The list.
pub static LIST: List = List {
    key: &["customer_id", "address_id", "name"],
    paging: Paging::Cursor { after: "after" },
    end: End::AllSeen,
    ..List::v3("v3/customers/form-field-values", customers::SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream {
    key: &["customer_id", "address_id", "name"],
    ..Stream::full_table(
        "customer_form_field_values",
        include_str!("customer_form_field_values.json"),
        Source::List(&LIST),
    )
};
