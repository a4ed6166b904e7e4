//! brands: a plain list of API v3.

use super::{End, List, Lookup, Paging, Source, Stream, products};

/// The list.
pub static LIST: List = List {
    paging: Paging::Id { after: "id:greater" },
    end: End::AllSeen,
    one: Some(Lookup::Filter("id:in")),
    range: Some(("id:min", "id:max")),
    ..List::v3("v3/catalog/brands", products::SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("brands", include_str!("brands.json"), Source::List(&LIST));
