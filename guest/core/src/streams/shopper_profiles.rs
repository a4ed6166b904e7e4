//! shopper_profiles: who can be in segments, by UUID.

use super::{List, Source, Stream, customers};

/// The list.
pub static LIST: List = List::v3("v3/shopper-profiles", customers::SCOPE);

/// The stream.
pub static STREAM: Stream = Stream::full_table("shopper_profiles", include_str!("shopper_profiles.json"), Source::List(&LIST));
