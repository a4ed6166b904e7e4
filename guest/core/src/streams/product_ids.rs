//! product_ids: the ids and dates of all products, so that a target can tell which products are gone.

use super::{ByChannel, Dates, End, List, Lookup, Paging, Source, Stream, products};

/// The list. `id` comes whatever `include_fields` names, and so does `gift_wrapping_options_list` (products_catalog.v3).
pub static LIST: List = List {
    fixed: &[("sort", "id"), ("direction", "asc"), ("include_fields", "date_created,date_modified")],
    dates: Some(Dates {
        field: "date_modified",
        since: "date_modified:min",
        until: "date_modified:max",
        newest_first: &[("sort", "date_modified"), ("direction", "desc")],
    }),
    paging: Paging::Id { after: "id:greater" },
    end: End::Highest(&[("sort", "id"), ("direction", "desc")]),
    one: Some(Lookup::Filter("id:in")),
    channels: Some(ByChannel { filter: "channel_id:in", field: None }),
    range: Some(("id:min", "id:max")),
    ..List::v3("v3/catalog/products", products::SCOPE)
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("product_ids", include_str!("product_ids.json"), Source::List(&LIST));
