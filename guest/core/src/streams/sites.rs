//! sites: the domains of channels.

use super::{List, Source, Stream};

/// The list.
pub static LIST: List = List::v3("v3/sites", "store_sites_read_only");

/// The stream.
pub static STREAM: Stream = Stream::full_table("sites", include_str!("sites.json"), Source::List(&LIST));
