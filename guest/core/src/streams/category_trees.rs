//! category_trees: each storefront's tree of categories.

use super::{List, Lookup, Source, Stream, products};

/// The list.
pub static LIST: List = List {
    one: Some(Lookup::Filter("id:in")),
    ..List::v3("v3/catalog/trees", products::SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("category_trees", include_str!("category_trees.json"), Source::List(&LIST));
