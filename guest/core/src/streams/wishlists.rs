//! wishlists: what customers keep for later.

use super::{List, Source, Stream, customers};

/// The list.
pub static LIST: List = List::v3("v3/wishlists", customers::SCOPE);

/// The stream.
pub static STREAM: Stream = Stream::full_table("wishlists", include_str!("wishlists.json"), Source::List(&LIST));
