//! segments: groups of shoppers, by UUID.

use super::{List, Source, Stream, customers};

/// The list.
pub static LIST: List = List::v3("v3/segments", customers::SCOPE);

/// The stream.
pub static STREAM: Stream = Stream::full_table("segments", include_str!("segments.json"), Source::List(&LIST));
