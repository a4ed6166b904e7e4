//! system_logs: what the control panel shows as store logs.

use super::{List, Lookup, Source, Stream};

/// The list.
pub static LIST: List = List {
    fixed: &[("sort", "date_created"), ("direction", "asc")],
    one: Some(Lookup::Filter("id:in")),
    ..List::v3("v3/store/systemlogs", "store_logs_read_only")
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("system_logs", include_str!("system_logs.json"), Source::List(&LIST));
