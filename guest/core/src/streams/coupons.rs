//! coupons: API v2. They have no modification date, so each run takes all of them, and edits are replicated too.

use super::{End, List, Position, Record, Replication, Source, Stream};
use crate::api::list::Form;

/// The stream.
pub static STREAM: Stream = Stream {
    name: "coupons",
    schema: include_str!("coupons.json"),
    scope: "store_v2_marketing_read_only",
    replication: Replication::FullTable,
    source: Source::List(List {
        path: "v2/coupons",
        form: Form::Bare,
        fixed: &[],
        position: Position::Id { after: "min_id" },
        since: None,
        until: None,
        newest_first: &[],
        end: End::AllSeen,
        count: Some("v2/coupons/count"),
        includes: &[],
        parts: &[],
        record: Record::Path("v2/coupons/{id}"),
        range: Some(("min_id", "max_id")),
    }),
    off_by_default: &[],
};
