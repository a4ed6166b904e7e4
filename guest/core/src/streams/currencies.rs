//! currencies: those that the store shows or takes.

use super::{End, List, Lookup, Paging, Source, Stream};

/// The list.
pub static LIST: List = List {
    paging: Paging::Page,
    end: End::Again,
    one: Some(Lookup::Path("v2/currencies/{id}")),
    ..List::v2("v2/currencies", "store_v2_information_read_only")
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("currencies", include_str!("currencies.json"), Source::List(&LIST));
