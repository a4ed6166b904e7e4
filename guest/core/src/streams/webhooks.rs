//! webhooks: what the store tells other systems. `headers` is off by default: it holds their secrets.

use super::{List, Source, Stream};

/// The list.
pub static LIST: List = List::v3("v3/hooks", "default");

/// The stream.
pub static STREAM: Stream = Stream {
    off_by_default: &["headers"],
    ..Stream::full_table("webhooks", include_str!("webhooks.json"), Source::List(&LIST))
};
