//! The truth: every version of every record, and since when it could be read.

use crate::scenario::{ITSELF, Odd, Oddity, PARTS, lists};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;
use tap_bigcommerce_core::dates;
use tap_bigcommerce_sandbox::{Kind, Quirks, Record, Store};

/// The rows of a record's lists: the list's field and the row's id, and the version that is written into the row.
pub(crate) type Rows = BTreeMap<(&'static str, u64), u64>;

/// The lists of records that are looked at and the field of their rows that holds a version; empty: none does.
pub(crate) const ROWS: [(Kind, &str, &str); 9] = [
    (Kind::ORDERS, "products", "bin_picking_number"),
    (Kind::ORDERS, "coupons", "code"),
    (Kind::ORDERS, "shipping_addresses", "company"),
    (Kind::ORDERS, "fees", ""),
    (Kind::ORDERS, "transactions", ""),
    (Kind::CUSTOMERS, "addresses", "company"),
    (Kind::CUSTOMERS, "attributes", ""),
    (Kind::PRODUCTS, "variants", "bin_picking_number"),
    (Kind::PRODUCTS, "options", ""),
];

/// The field of a record that holds its version.
pub(crate) fn version_field(kind: Kind) -> &'static str {
    match kind {
        Kind::ORDERS => "staff_notes",
        Kind::CUSTOMERS => "notes",
        Kind::REFUNDS => "reason",
        _ => "name",
    }
}

/// A version from the text that holds it; records that nobody changed are at version 0, also where an odd byte is in it.
pub(crate) fn version_in(text: &str) -> u64 {
    text.strip_prefix("version ").and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Writes a version into a record and all its rows.
pub(crate) fn stamp(kind: Kind, record: &mut Record, version: u64) {
    write(kind, record, &format!("version {version}"));
}

/// Writes a text where versions are.
fn write(kind: Kind, record: &mut Record, text: &str) {
    let text = Value::from(text);
    for (_, list, field) in ROWS.iter().filter(|(of, _, field)| *of == kind && !field.is_empty()) {
        let rows = record.parts.get_mut(*list).and_then(Value::as_array_mut);
        for row in rows.into_iter().flatten().filter_map(Value::as_object_mut) {
            row.insert((*field).to_owned(), text.clone());
        }
    }
    record.fields.insert(version_field(kind).to_owned(), text);
}

/// Makes a record of a new shop odd. Its date stays, unless that is what is odd.
pub(crate) fn make_odd(store: &mut Store, oddity: Oddity) {
    let Oddity { kind, which, what } = oddity;
    let ids: Vec<u64> = store.ids(kind).collect();
    let Some(id) = ids.get((which % ids.len().max(1) as u64) as usize).copied() else { return };
    let Some(date) = store.date_modified(kind, id) else { return };
    match what {
        Odd::Date(text) => drop(store.set_date_text(kind, id, text)),
        Odd::Byte(odd) => drop(store.edit(kind, id, date, |record| write(kind, record, &format!("Caf{}", odd.mark())))),
    }
}

/// A number that tells a row apart from all others of its stream.
fn row_id(row: &Value) -> Option<u64> {
    let numbers = [&row["id"], &row["listing_id"], &row["identity"]["variant_id"]];
    let of_name = || Some(form_field(&row["customer_id"], &row["address_id"], row["name"].as_str()?));
    numbers.into_iter().find_map(Value::as_u64).or_else(of_name)
}

/// Such a number for what a customer has filled in, for itself or for an address: it has no id.
pub(crate) fn form_field(customer: &Value, address: &Value, name: &str) -> u64 {
    let mix = |mix: u64, more: u64| mix.wrapping_mul(1_000_003).wrapping_add(more);
    let owner = mix(customer.as_u64().unwrap_or(0), address.as_u64().unwrap_or(0));
    name.bytes().fold(owner, |known, byte| mix(known, byte.into()))
}

/// One version of a record.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) version: u64,
    pub(crate) date: DateTime<Utc>,
    pub(crate) rows: Rc<Rows>,
    /// An archived order: most lists hide it, and it is asked for apart.
    pub(crate) is_archived: bool,
}

impl Facts {
    fn read(kind: Kind, id: u64, record: &Record, date: DateTime<Utc>) -> Facts {
        let text = |map: &Map<String, Value>, field: &str| version_in(map.get(field).and_then(Value::as_str).unwrap_or_default());
        let mut rows = Rows::new();
        for (_, list, field) in ROWS.iter().filter(|(of, ..)| *of == kind) {
            for row in record.parts.get(*list).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
                if let Some(row_id) = row.get("id").and_then(Value::as_u64) {
                    rows.insert((*list, row_id), text(row, field));
                }
            }
        }
        // For other rows it only matters that they are there.
        for (_, _, part) in PARTS.iter().filter(|(_, of, part)| *of == kind && !ROWS.iter().any(|(_, list, _)| list == part)) {
            let listed = record.parts.get(*part).and_then(Value::as_array).into_iter().flatten();
            let itself = Some(id).filter(|_| *part == ITSELF);
            rows.extend(listed.filter_map(row_id).chain(itself).map(|id| ((*part, id), 0)));
        }
        let is_archived = kind == Kind::ORDERS && record.fields.get("is_deleted") == Some(&Value::Bool(true));
        Facts { is_archived, version: text(&record.fields, version_field(kind)), date, rows: Rc::new(rows) }
    }
}

/// A record through time.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Each version and since when it could be read.
    versions: Vec<(Duration, Facts)>,
    /// It is deleted, or hidden for good.
    gone: bool,
    /// When rows were last taken out of it: a list that was paged just then may have gaps, which the next run fills.
    torn: Option<Duration>,
}

impl History {
    /// The version at that time.
    pub(crate) fn at(&self, time: Duration) -> Option<&Facts> {
        self.versions.iter().rev().find(|(since, _)| *since <= time).map(|(_, facts)| facts)
    }

    /// Whether it has changed since.
    pub(crate) fn changed_since(&self, time: Duration) -> bool {
        self.versions.last().is_some_and(|(since, _)| *since > time)
    }

    /// Whether rows have been taken out of it since.
    pub(crate) fn torn_since(&self, time: Duration) -> bool {
        self.torn.is_some_and(|torn| torn > time)
    }
}

/// Whether nobody can read archived orders: the list leaves them out, and the filter for them has no effect.
fn hides_the_archived(quirks: &Quirks) -> bool {
    let has = |parameters: &BTreeSet<String>| parameters.contains("is_deleted");
    !quirks.archived_listed && (has(&quirks.ignored_parameters) || has(&quirks.refused_parameters))
}

/// All records through time.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    records: BTreeMap<(Kind, u64), History>,
}

impl Journal {
    /// What is in a store, since ever.
    pub(crate) fn new(store: &Store) -> Journal {
        let mut journal = Journal::default();
        for (_, kind) in lists() {
            store.ids(kind).for_each(|id| journal.note(store, kind, id, Duration::ZERO));
        }
        journal
    }

    /// Notes a record as it now is.
    pub(crate) fn note(&mut self, store: &Store, kind: Kind, id: u64, now: Duration) {
        let history = self.records.entry((kind, id)).or_default();
        let (Some(record), Some(date)) = (store.record(kind, id), store.date_modified(kind, id)) else {
            history.gone = true;
            return;
        };
        // A refund is never modified, so it is dated by when it was made.
        let created = record.fields.get("created").and_then(Value::as_str).and_then(dates::parse);
        let date = created.filter(|_| kind == Kind::REFUNDS).unwrap_or(date);
        let facts = Facts::read(kind, id, &record, date);
        history.gone |= facts.is_archived && hides_the_archived(&store.quirks);
        history.versions.push((now, facts));
    }

    /// Notes that a record has just lost rows.
    pub(crate) fn tear(&mut self, kind: Kind, id: u64, now: Duration) {
        self.records.entry((kind, id)).or_default().torn = Some(now);
    }

    /// The records of a kind that are still there, upward.
    pub(crate) fn present(&self, kind: Kind) -> impl Iterator<Item = (u64, &History)> {
        let of_kind = self.records.range((kind, 0)..=(kind, u64::MAX));
        of_kind.filter(|(_, history)| !history.gone).map(|((_, id), history)| (*id, history))
    }
}
