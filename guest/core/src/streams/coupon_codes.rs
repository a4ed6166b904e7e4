//! coupon_codes: the codes of each promotion.

use super::{End, List, Paging, Source, Stream, promotions};

/// The list below a promotion.
pub static LIST: List = List {
    paging: Paging::Cursor { after: "after" },
    end: End::AllSeen,
    // The documented limit (promotions.v3, `codes`).
    at_once: Some(10),
    ..List::v3("v3/promotions/{id}/codes", promotions::SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream::full_table(
    "coupon_codes",
    include_str!("coupon_codes.json"),
    Source::Below { parent: &promotions::STREAM, list: &LIST, adds: Some("promotion_id") },
);
