//! categories: those of all trees. The older list without trees is deprecated.

use super::{List, Lookup, Source, Stream, products};

/// The list.
pub static LIST: List = List {
    key: &["category_id"],
    one: Some(Lookup::Filter("category_id:in")),
    ..List::v3("v3/catalog/trees/categories", products::SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream {
    key: &["category_id"],
    ..Stream::full_table("categories", include_str!("categories.json"), Source::List(&LIST))
};
