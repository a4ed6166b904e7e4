//! tax_classes: API v2.

use super::{End, List, Lookup, Paging, Source, Stream};

/// The list.
pub static LIST: List = List {
    paging: Paging::Page,
    end: End::Again,
    one: Some(Lookup::Path("v2/tax_classes/{id}")),
    ..List::v2("v2/tax_classes", "store_v2_information_read_only")
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("tax_classes", include_str!("tax_classes.json"), Source::List(&LIST));
