//! What a seed decides: a shop, runs of the tap, and everything that happens to both. It is plain data, so that a failing
//! scenario can be made smaller.

use crate::shared::LISTS;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tap_bigcommerce_core::dates;
use tap_bigcommerce_sandbox::{Counts, Delivery, Kind, OddByte, OddField, Quirks, Quota};

/// A shop and the chain of runs that read it, each from the last STATE that the run before it got out.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) shop: Shop,
    pub(crate) runs: Vec<RunPlan>,
}

/// What stays the same through all runs.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    pub(crate) counts: Counts,
    pub(crate) quota: Quota,
    pub(crate) quirks: Quirks,
    /// How far the tap's clock is off.
    pub(crate) skew: TimeDelta,
    /// Microseconds one way: the least, and what chance may add.
    pub(crate) latency: (u64, u64),
    /// How far the replica is behind that gives stale answers.
    pub(crate) lag: Duration,
    /// What is odd about records of the new shop.
    pub(crate) oddities: Vec<Oddity>,
}

/// Something odd about one record of the new shop, until somebody edits it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Oddity {
    pub(crate) kind: Kind,
    /// Picks the record.
    pub(crate) which: u64,
    pub(crate) what: Odd,
}

/// What can be odd about a record.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Odd {
    /// This text in place of its `date_modified`.
    Date(&'static str),
    /// A byte in its texts, and in those of its lists.
    Byte(OddByte),
}

impl Shop {
    /// Whether the store does not heed where a page is to begin, so that the tap cannot read it to the end and has to say so. Whatever
    /// else a store ignores or miscounts must not keep it from being read.
    pub(crate) fn ignores_positions(&self) -> bool {
        const NEEDED: [&str; 4] = ["min_id", "id:greater", "after", "page"];
        NEEDED.iter().any(|name| self.quirks.ignored_parameters.contains(*name))
    }

    /// Lists that a record may come without, since the store sends something else in their place.
    pub(crate) fn lists_withheld(&self) -> BTreeSet<&'static str> {
        let links = |list: &&&str| self.quirks.odd_fields.get(**list) == Some(&OddField::Link);
        ["fees"].iter().filter(links).copied().collect()
    }
}

/// One run of the tap.
#[derive(Clone, Debug)]
pub(crate) struct RunPlan {
    /// The time since the run before.
    pub(crate) pause: Duration,
    /// Changes so long before the run starts.
    pub(crate) before: Vec<(Duration, Change)>,
    /// What happens when the n-th request of the run reaches the store, before it is answered.
    pub(crate) during: Vec<(u64, Happening)>,
    /// A change between the first and the second page of a list with this path, which shifts rows from one page to the other.
    pub(crate) between_pages: Option<(&'static str, Change)>,
    pub(crate) settings: Vec<(&'static str, Value)>,
    pub(crate) selection: Selection,
    pub(crate) ending: Ending,
    pub(crate) troubles: Vec<Trouble>,
    /// What the store cannot serve during the whole run.
    pub(crate) broken: Vec<Broken>,
    /// A record of this kind comes without its id for the whole run, and what picks it.
    pub(crate) nameless: Option<(Kind, u64)>,
    /// How many of a hundred answers come from the replica.
    pub(crate) stale_percent: u32,
    /// How long the sink takes for each write.
    pub(crate) sink_pause: Duration,
}

impl RunPlan {
    /// Whether nothing hinders the run, so that it has to end well.
    pub(crate) fn is_calm(&self) -> bool {
        let ends_by_itself = matches!(self.ending, Ending::Natural) || self.is_limited();
        self.troubles.is_empty()
            && self.broken.is_empty()
            && self.nameless.is_none()
            && self.stale_percent == 0
            && !self.quota_is_shared()
            && ends_by_itself
    }

    /// The record that is broken, if the run is hindered by nothing else and reads everything.
    pub(crate) fn only_broken(&self) -> Option<&Broken> {
        let [broken] = self.broken.as_slice() else { return None };
        let is_whole = matches!(self.ending, Ending::Natural) && self.date("start_date").or(self.date("end_date")).is_none();
        (is_whole && self.nameless.is_none() && self.troubles.is_empty() && self.stale_percent == 0 && !self.quota_is_shared())
            .then_some(broken)
    }

    /// A setting that is a date.
    pub(crate) fn date(&self, setting: &str) -> Option<DateTime<Utc>> {
        let (_, date) = self.settings.iter().find(|(name, _)| *name == setting)?;
        dates::parse(date.as_str()?)
    }

    /// Whether the tap may have several requests under way at a time.
    pub(crate) fn is_concurrent(&self) -> bool {
        let most = self.settings.iter().find(|(name, _)| *name == "max_concurrency").and_then(|(_, most)| most.as_u64());
        most.is_none_or(|most| most >= 8) && self.sink_pause.is_zero()
    }

    /// A run after this one that nothing hinders or limits.
    pub(crate) fn calm_after(&self) -> RunPlan {
        RunPlan {
            pause: Duration::from_secs(600),
            before: Vec::new(),
            during: Vec::new(),
            between_pages: None,
            settings: self.settings.iter().filter(|(name, _)| *name != "end_date").cloned().collect(),
            selection: self.selection.clone(),
            ending: Ending::Natural,
            troubles: Vec::new(),
            broken: Vec::new(),
            nameless: None,
            stale_percent: 0,
            sink_pause: Duration::ZERO,
        }
    }

    /// Whether the run is to end after so many records or so much time.
    pub(crate) fn is_limited(&self) -> bool {
        matches!(self.ending, Ending::MaxRecords(_) | Ending::MaxSeconds(_))
    }

    /// Whether another client spends of the quota.
    pub(crate) fn quota_is_shared(&self) -> bool {
        self.during.iter().any(|(_, happening)| matches!(happening, Happening::Spend(_)))
    }
}

/// How a run ends, unless trouble ends it first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    Natural,
    /// The sink takes so many lines, then the process is gone.
    SinkDies(usize),
    /// The process is gone when so many requests have left.
    Vanishes(u64),
    /// Somebody stops the run when so many requests have left.
    Stopped(u64),
    MaxRecords(u64),
    MaxSeconds(u64),
}

/// What happens during a run.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Change(Change),
    /// Another client of the store spends so many requests of the quota.
    Spend(u64),
}

/// A change to the shop.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) what: What,
    /// Picks the record, and the row in it.
    pub(crate) which: u64,
    /// How many records change in the same second, one after the other from the picked one on.
    pub(crate) records: u64,
    /// Seconds that the date of the change lies before the moment from which it can be read: a slow transaction.
    pub(crate) slow: i64,
}

/// The kinds of change.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    Create(Kind),
    Edit(Kind),
    Delete(Kind),
    /// Archives an order.
    Archive,
    /// Adds so many lines to an order.
    AddLines(u64),
    /// Takes a line out of an order, so that the lines after it move up.
    RemoveLine,
}

/// A fault: on requests whose path and query contain this text, after so many, for so many.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) on: &'static str,
    pub(crate) skip: u64,
    pub(crate) times: u64,
    pub(crate) fault: Fault,
}

/// Something of the new shop that the store cannot serve, and what it sends instead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken {
    pub(crate) what: Shown,
    /// Picks the record.
    pub(crate) which: u64,
    pub(crate) fault: Fault,
}

/// Where a broken record shows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shown {
    /// On each page and in each answer that it is in.
    Everywhere(Kind),
    /// In this list below an order.
    Below(&'static str),
}

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Status(u16),
    Throttle {
        headers: bool,
    },
    Html,
    Truncated,
    NoRateHeaders,
    /// No rows where there may be some.
    EmptyPage,
    /// A success without a body.
    NoBody,
    /// A page after the first repeats the page before it.
    Duplicate,
    NotFound,
    /// A gateway in front of the store has lost it: whatever is asked for is not there.
    NothingFound,
    /// A refusal that repeats the access token.
    Echo,
    Deliver(Delivery),
}

/// What a catalog selects: streams by name (`orders`) and their lists by path (`orders.products`).
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) wants: BTreeSet<&'static str>,
    /// Streams are read whole, with every field, by their names.
    pub(crate) whole: bool,
}

/// Every stream with the fields that the simulation looks at and its lists.
pub(crate) const STREAMS: [(&str, &[&str], &[&str]); 24] = [
    (
        "orders",
        &["id", "date_modified", "staff_notes"],
        &["orders.products", "orders.coupons", "orders.shipping_addresses", "orders.fees", "orders.consignments"],
    ),
    ("order_products", &["id", "order_id", "order_date_modified", "bin_picking_number"], &[]),
    ("customers", &["id", "date_modified", "notes"], &["customers.addresses", "customers.attributes"]),
    ("products", &["id", "date_modified", "name"], &["products.variants", "products.images", "products.options"]),
    ("coupons", &["id", "name"], &[]),
    ("order_coupons", &["id", "order_date_modified", "code"], &[]),
    ("order_shipping_addresses", &["id", "order_date_modified", "company"], &[]),
    ("order_fees", &["id", "order_id", "order_date_modified"], &[]),
    ("transactions", &["id", "order_date_modified"], &[]),
    ("product_variants", &["id", "bin_picking_number"], &[]),
    ("customer_addresses", &["id", "company"], &[]),
    ("refunds", &["id", "created", "reason"], &[]),
    ("price_lists", &["id", "date_modified", "name"], &[]),
    ("brands", &["id", "name"], &[]),
    ("categories", &["category_id", "name"], &[]),
    ("order_shipments", &["id", "order_date_modified"], &[]),
    ("order_consignments", &["order_id", "order_date_modified"], &[]),
    ("product_ids", &["id"], &[]),
    ("inventory_items", &["variant_id"], &[]),
    ("customer_form_field_values", &["customer_id", "address_id", "name"], &[]),
    ("promotions", &["id", "name"], &[]),
    ("coupon_codes", &["id"], &[]),
    ("channels", &["id", "date_modified", "name"], &[]),
    ("channel_listings", &["channel_id", "listing_id", "date_modified"], &[]),
];
/// How many of these, from the first, are usually selected; a few of the others are added now and then.
pub(crate) const USUAL: usize = 5;

/// Every kind of record that the simulation looks at, and the stream of it.
pub(crate) fn lists() -> impl Iterator<Item = (&'static str, Kind)> {
    LISTS.into_iter().chain([("promotions", Kind::PROMOTIONS), ("channels", Kind::CHANNELS)])
}

/// In place of a part: the record itself.
pub(crate) const ITSELF: &str = "itself";

/// The streams that are rows of records: the records' kind, and the part that holds the rows.
pub(crate) const PARTS: [(&str, Kind, &str); 14] = [
    ("order_products", Kind::ORDERS, "products"),
    ("order_coupons", Kind::ORDERS, "coupons"),
    ("order_shipping_addresses", Kind::ORDERS, "shipping_addresses"),
    ("order_fees", Kind::ORDERS, "fees"),
    ("transactions", Kind::ORDERS, "transactions"),
    ("product_variants", Kind::PRODUCTS, "variants"),
    ("customer_addresses", Kind::CUSTOMERS, "addresses"),
    ("order_shipments", Kind::ORDERS, "shipments"),
    ("order_consignments", Kind::ORDERS, ITSELF),
    ("product_ids", Kind::PRODUCTS, ITSELF),
    ("inventory_items", Kind::PRODUCTS, "inventory"),
    ("customer_form_field_values", Kind::CUSTOMERS, ALL_FORM_FIELDS),
    ("coupon_codes", Kind::PROMOTIONS, "coupon_codes"),
    ("channel_listings", Kind::CHANNELS, "listings"),
];

/// The part of a customer that holds what it has filled in, for itself and for its addresses.
const ALL_FORM_FIELDS: &str = "all_form_fields";

/// Whether the stream is walked below each record of another list.
pub(crate) fn is_below(stream: &str) -> bool {
    matches!(stream, "coupon_codes" | "channel_listings")
}

impl Selection {
    pub(crate) fn has_stream(&self, stream: &str) -> bool {
        self.wants.contains(stream)
    }

    /// Whether records of the stream hold this list.
    pub(crate) fn has_list(&self, path: &str) -> bool {
        // What is off by default does not come by the stream's name.
        if self.whole { path != "products.options" } else { self.wants.contains(path) }
    }

    /// The selected streams.
    pub(crate) fn streams(&self) -> Vec<String> {
        STREAMS.iter().filter(|(name, ..)| self.wants.contains(name)).map(|(name, ..)| (*name).to_owned()).collect()
    }

    /// The catalog that selects this and nothing else.
    pub(crate) fn catalog(&self) -> Value {
        let rows = json!({ "items": { "properties": { "id": {}, "bin_picking_number": {}, "code": {}, "company": {} } } });
        let entry = |(stream, fields, lists): &(&str, &[&str], &[&str])| {
            let fields = fields.iter().map(|field| ((*field).to_owned(), json!({})));
            let lists = || lists.iter().filter(|path| self.wants.contains(*path)).filter_map(|path| path.split_once('.'));
            let properties: serde_json::Map<String, Value> =
                fields.chain(lists().map(|(_, field)| (field.to_owned(), rows.clone()))).collect();
            // Some are off by default.
            let of_list = |(_, field)| json!({ "breadcrumb": ["properties", field], "metadata": { "selected": true } });
            let mut metadata = vec![json!({ "breadcrumb": [], "metadata": { "selected": self.wants.contains(stream) } })];
            metadata.extend(lists().map(of_list));
            json!({ "tap_stream_id": stream, "schema": { "properties": properties }, "metadata": metadata })
        };
        json!({ "streams": STREAMS.iter().map(entry).collect::<Vec<_>>() })
    }
}
