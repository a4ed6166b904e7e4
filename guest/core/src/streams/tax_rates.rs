//! tax_rates: the rates of all tax zones.

use super::{End, List, Lookup, Paging, Source, Stream};

/// The list.
pub static LIST: List = List {
    paging: Paging::Once,
    end: End::Answer,
    one: Some(Lookup::Filter("id:in")),
    ..List::v3("v3/tax/rates", "store_v2_information_read_only")
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("tax_rates", include_str!("tax_rates.json"), Source::List(&LIST));
