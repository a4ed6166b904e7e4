//! pages: those that the store has written, with their text.

use super::{List, Lookup, Source, Stream};

/// The list.
pub static LIST: List = List {
    fixed: &[("include", "body")],
    one: Some(Lookup::Filter("id:in")),
    ..List::v3("v3/content/pages", "store_v2_content_read_only")
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("pages", include_str!("pages.json"), Source::List(&LIST));
