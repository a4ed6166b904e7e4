//! What a target holds after it has taken every line that the sinks took: the last version of each record, and the last STATE.

use crate::finding::{Finding, Rule};
use crate::journal::{ROWS, Rows, form_field, version_in};
use crate::scenario::{STREAMS, Selection};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tap_bigcommerce_core::dates;

/// A record as it was emitted last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    pub(crate) version: u64,
    pub(crate) rows: Rows,
    /// The lists that it came with.
    pub(crate) lists: BTreeSet<&'static str>,
    /// The version of its full table; 0: none.
    table: u64,
}

/// All that was taken.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) state: Option<Value>,
    records: HashMap<(&'static str, u64), Held>,
    bookmarks: BTreeMap<String, DateTime<Utc>>,
    /// Lists that records may come without.
    withheld: BTreeSet<&'static str>,
    /// How often a full table's version was activated.
    activated: u64,
}

/// A line of a run.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    r#type: &'a str,
    stream: Option<&'a str>,
    #[serde(borrow)]
    record: Option<&'a RawValue>,
    value: Option<Value>,
    version: Option<u64>,
}

/// What the simulation looks at in a record. All else has to be JSON, no more.
#[derive(Deserialize)]
struct Shown {
    id: Option<u64>,
    category_id: Option<u64>,
    listing_id: Option<u64>,
    order_id: Option<Value>,
    variant_id: Option<Value>,
    customer_id: Option<Value>,
    address_id: Option<Value>,
    reason: Option<String>,
    code: Option<String>,
    company: Option<String>,
    staff_notes: Option<String>,
    notes: Option<String>,
    name: Option<String>,
    bin_picking_number: Option<String>,
    products: Option<Vec<ShownRow>>,
    coupons: Option<Vec<ShownRow>>,
    shipping_addresses: Option<Vec<ShownRow>>,
    fees: Option<Vec<ShownRow>>,
    addresses: Option<Vec<ShownRow>>,
    attributes: Option<Vec<ShownRow>>,
    variants: Option<Vec<ShownRow>>,
    options: Option<Vec<ShownRow>>,
}

#[derive(Deserialize)]
struct ShownRow {
    id: Option<u64>,
    bin_picking_number: Option<String>,
    code: Option<String>,
    company: Option<String>,
}

impl Shelf {
    /// An empty shelf for records that may come without these lists.
    pub(crate) fn without(withheld: BTreeSet<&'static str>) -> Shelf {
        Shelf { withheld, ..Shelf::default() }
    }

    /// Whether a stream has been read to its end before.
    pub(crate) fn has_bookmark(&self, stream: &str) -> bool {
        self.bookmarks.contains_key(stream)
    }

    /// The bookmarks of the last STATE.
    pub(crate) fn bookmarks(&self) -> &BTreeMap<String, DateTime<Utc>> {
        &self.bookmarks
    }

    /// How often a full table's version was activated.
    pub(crate) fn activated(&self) -> u64 {
        self.activated
    }

    /// What is held of a record.
    pub(crate) fn get(&self, stream: &'static str, id: u64) -> Option<&Held> {
        self.records.get(&(stream, id))
    }

    /// Takes what a run wrote, and looks at the order of its messages. Gives the number of records.
    pub(crate) fn take(&mut self, lines: &[Vec<u8>], selection: &Selection) -> Result<u64, Finding> {
        let (mut announced, mut records): (BTreeSet<&str>, u64) = (BTreeSet::new(), 0);
        for line in lines {
            let message: Message = serde_json::from_slice(line).map_err(|e| {
                Finding::new(Rule::Messages, format!("a line is not a message: {e}: {}", String::from_utf8_lossy(line)))
            })?;
            match (message.r#type, message.stream, message.record, message.value) {
                ("SCHEMA", Some(stream), ..) => drop(announced.insert(stream)),
                ("STATE", None, None, Some(state)) => self.take_state(state)?,
                ("RECORD", Some(stream), Some(record), _) if announced.contains(stream) => {
                    records += 1;
                    self.take_record(stream, (record, message.version.unwrap_or(0)), selection)?;
                }
                // Rows that did not come with the version of this walk are removed here.
                ("ACTIVATE_VERSION", Some(stream), None, None) if announced.contains(stream) => {
                    let version = message.version.unwrap_or(0);
                    self.activated += 1;
                    self.records.retain(|(of, _), held| *of != stream || held.table >= version);
                }
                (kind, stream, ..) => {
                    return Err(Finding::new(Rule::Messages, format!("a {kind} of {stream:?} that cannot stand here")));
                }
            }
        }
        Ok(records)
    }

    fn take_record(&mut self, stream: &str, (record, table): (&RawValue, u64), selection: &Selection) -> Result<(), Finding> {
        let unfit = |why: String| Finding::new(Rule::Messages, format!("a record of {stream}: {why}"));
        let shown: Shown = serde_json::from_str(record.get()).map_err(|e| unfit(e.to_string()))?;
        let known = STREAMS.iter().find(|(name, ..)| *name == stream && selection.has_stream(name));
        let Some((stream, _, lists)) = known else { return Err(unfit("the stream is not selected".into())) };
        let Some(id) = shown.id(stream) else { return Err(unfit("it has no key".into())) };
        let held = Held { table, ..shown.into_held(stream) };
        let of_lists = lists.iter().filter_map(|path| Some((path, path.split_once('.')?.1)));
        for (path, list) in
            of_lists.filter(|(path, list)| selection.has_list(path) && ROWS.iter().any(|(_, name, _)| name == list))
        {
            if !held.lists.contains(list) && !self.withheld.contains(list) {
                return Err(unfit(format!("{id} comes without {path}")));
            }
        }
        self.records.insert((stream, id), held);
        Ok(())
    }

    /// Takes a STATE: a bookmark never goes back, and never goes away.
    fn take_state(&mut self, state: Value) -> Result<(), Finding> {
        let mut bookmarks = BTreeMap::new();
        for (stream, bookmark) in state["bookmarks"].as_object().into_iter().flatten() {
            let date = ["date_modified", "order_date_modified", "created"].iter().find_map(|key| bookmark.get(key)?.as_str());
            bookmarks.extend(date.and_then(dates::parse).map(|date| (stream.clone(), date)));
        }
        for (stream, before) in &self.bookmarks {
            if bookmarks.get(stream).is_none_or(|now| now < before) {
                let now = bookmarks.get(stream).map(|date| dates::format(*date));
                let text = format!("the bookmark of {stream} goes back from {} to {now:?}", dates::format(*before));
                return Err(Finding::new(Rule::Bookmark, text));
            }
        }
        (self.bookmarks, self.state) = (bookmarks, Some(state));
        Ok(())
    }
}

impl Shown {
    /// What tells it apart from the other records of its stream.
    fn id(&self, stream: &str) -> Option<u64> {
        let number = |value: &Option<Value>| value.as_ref().and_then(Value::as_u64);
        match stream {
            "categories" => self.category_id,
            "channel_listings" => self.listing_id,
            "order_consignments" => number(&self.order_id),
            "inventory_items" => number(&self.variant_id),
            "customer_form_field_values" => {
                Some(form_field(self.customer_id.as_ref()?, self.address_id.as_ref()?, self.name.as_deref()?))
            }
            _ => self.id,
        }
    }

    fn into_held(self, stream: &str) -> Held {
        let text = match stream {
            "orders" => self.staff_notes,
            "customers" => self.notes,
            "order_products" | "product_variants" => self.bin_picking_number,
            "order_coupons" => self.code,
            "order_shipping_addresses" | "customer_addresses" => self.company,
            "refunds" => self.reason,
            _ => self.name,
        };
        let mut held = Held { version: version_in(text.as_deref().unwrap_or_default()), ..Held::default() };
        let lists = [
            ("products", self.products),
            ("coupons", self.coupons),
            ("shipping_addresses", self.shipping_addresses),
            ("fees", self.fees),
            ("addresses", self.addresses),
            ("attributes", self.attributes),
            ("variants", self.variants),
            ("options", self.options),
        ];
        for (list, rows) in lists.into_iter().filter_map(|(list, rows)| Some((list, rows?))) {
            held.lists.insert(list);
            for row in rows {
                let text = row.bin_picking_number.or(row.code).or(row.company).unwrap_or_default();
                held.rows.extend(row.id.map(|id| ((list, id), version_in(&text))));
            }
        }
        held
    }
}
