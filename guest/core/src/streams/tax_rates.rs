//! tax_rates: the rates of all tax zones.

use super::{List, Lookup, Source, Stream};

/// The list.
pub static LIST: List = List {
    one: Some(Lookup::Filter("id:in")),
    ..List::v3("v3/tax/rates", "store_v2_information_read_only")
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("tax_rates", include_str!("tax_rates.json"), Source::List(&LIST));
