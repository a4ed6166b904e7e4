//! price_list_records: the prices of each price list, by the date of the record.

use super::{End, List, Paging, Replication, Source, Stream, price_lists, products};

/// The list below a price list.
pub static LIST: List = List {
    fixed: &[("include", "bulk_pricing_tiers,sku")],
    key: &["variant_id", "currency"],
    dates: Some(price_lists::DATES),
    paging: Paging::Cursor { after: "after" },
    end: End::CoveredSeen,
    // More are answered with 429 (price_lists.v3).
    at_once: Some(10),
    ..List::v3("v3/pricelists/{id}/records", products::SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream {
    key: &["price_list_id", "variant_id", "currency"],
    replication: Replication::Incremental { key: "date_modified", heeds_start_date: false },
    ..Stream::full_table(
        "price_list_records",
        include_str!("price_list_records.json"),
        Source::Below { parent: &price_lists::STREAM, list: &LIST, adds: None },
    )
};
