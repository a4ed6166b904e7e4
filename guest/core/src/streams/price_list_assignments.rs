//! price_list_assignments: which customer groups and channels have which price list.

use super::{List, Lookup, Source, Stream, products};

/// The list.
pub static LIST: List = List {
    one: Some(Lookup::Filter("id:in")),
    ..List::v3("v3/pricelists/assignments", products::SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("price_list_assignments", include_str!("price_list_assignments.json"), Source::List(&LIST));
