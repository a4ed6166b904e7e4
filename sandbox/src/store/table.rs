//! The records of one kind, by id.

use std::cell::{OnceCell, RefCell};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Kind;
use crate::filter::{Cell, Filters};
use crate::seed::{self, Head, Record};

/// How many built records are kept: a page of orders with its children, or the whole of a small store.
const KEPT: usize = 1024;

/// A list's order. Records that are equal in `field` stand by id.
#[derive(Debug)]
pub(crate) struct Sort {
    pub(crate) field: String,
    pub(crate) descending: bool,
}

impl Sort {
    pub(crate) fn by_id() -> Self {
        Self { field: "id".to_owned(), descending: false }
    }
}

/// A record that nobody changed is only its head: the rest is built when it is asked for.
#[derive(Debug)]
struct Row {
    head: Head,
    changed: Option<Arc<Record>>,
}

#[derive(Debug)]
pub(crate) struct Table {
    kind: Kind,
    seed: u64,
    rows: BTreeMap<u64, Row>,
    next_index: u64,
    /// Built records by id: an order's children are asked for soon after the order.
    recent: RefCell<HashMap<u64, Arc<Record>>>,
}

impl Table {
    pub(crate) fn new(kind: Kind, seed: u64, count: u64) -> Self {
        let row = |index| (seed::id(kind, index), Row { head: seed::head(kind, seed, index, count), changed: None });
        Self { kind, seed, rows: (0..count).map(row).collect(), next_index: count, recent: RefCell::default() }
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.rows.keys().copied()
    }

    /// An order's status.
    pub(crate) fn status_id(&self, id: u64) -> Option<u8> {
        self.rows.get(&id).map(|row| row.head.status_id)
    }

    pub(crate) fn date_modified(&self, id: u64) -> Option<DateTime<Utc>> {
        self.rows.get(&id).map(|row| row.head.modified)
    }

    pub(crate) fn record(&self, id: u64) -> Option<Arc<Record>> {
        let row = self.rows.get(&id)?;
        if let Some(record) = self.recent.borrow().get(&id) {
            return Some(Arc::clone(record));
        }
        let record = self.load(id, row);
        let mut recent = self.recent.borrow_mut();
        if recent.len() >= KEPT {
            recent.clear();
        }
        recent.insert(id, Arc::clone(&record));
        Some(record)
    }

    fn load(&self, id: u64, row: &Row) -> Arc<Record> {
        match &row.changed {
            Some(record) => Arc::clone(record),
            None => Arc::new(seed::record(self.kind, self.seed, id, &row.head)),
        }
    }

    /// The ids of the records that pass the filters, in order.
    pub(crate) fn select(&self, filters: &Filters, sort: &Sort) -> Vec<u64> {
        let rows = self.rows.range(filters.lowest_id()..);
        let found = rows.filter(|&(&id, row)| {
            let loaded = OnceCell::new();
            filters.match_all(|field| self.cell(id, row, &loaded, field))
        });
        if sort.field == "id" {
            let mut ids: Vec<u64> = found.map(|(id, _)| *id).collect();
            if sort.descending {
                ids.reverse();
            }
            return ids;
        }
        let mut keyed: Vec<(Option<Cell>, u64)> =
            found.map(|(&id, row)| (self.cell(id, row, &OnceCell::new(), &sort.field), id)).collect();
        keyed.sort_by(|(a, _), (b, _)| order(a.as_ref(), b.as_ref()));
        if sort.descending {
            keyed.reverse();
        }
        keyed.into_iter().map(|(_, id)| id).collect()
    }

    /// A field's value, from the head where it has it, so that walks by id and date build no records.
    fn cell(&self, id: u64, row: &Row, loaded: &OnceCell<Arc<Record>>, field: &str) -> Option<Cell> {
        let head = &row.head;
        match (self.kind, field) {
            (_, "id") => Some(Cell::Value(Value::from(id))),
            (_, "date_created") => Some(Cell::Date(head.created)),
            (_, "date_modified") => Some(Cell::Date(head.modified)),
            (Kind::Order, "status_id") => Some(Cell::Value(Value::from(head.status_id))),
            (Kind::Order, "customer_id") => Some(Cell::Value(Value::from(head.customer_id))),
            (Kind::Order, "is_deleted") => Some(Cell::Value(Value::from(head.is_deleted))),
            (kind, field) => {
                let record = loaded.get_or_init(|| self.load(id, row));
                let fields = &record.fields;
                let value = match (kind, field) {
                    (Kind::Order, "email") => fields.get("billing_address")?.get("email")?.clone(),
                    (Kind::Customer, "name") => {
                        Value::from(format!("{} {}", fields.get("first_name")?.as_str()?, fields.get("last_name")?.as_str()?))
                    }
                    _ => fields.get(field)?.clone(),
                };
                Some(Cell::Value(value))
            }
        }
    }

    pub(crate) fn create(&mut self, at: DateTime<Utc>) -> u64 {
        let index = self.next_index;
        self.next_index += 1;
        let id = seed::id(self.kind, index);
        let head = Head { created: at, modified: at, ..seed::head(self.kind, self.seed, index, index + 1) };
        self.rows.insert(id, Row { head, changed: None });
        id
    }

    pub(crate) fn edit(&mut self, id: u64, at: DateTime<Utc>, change: impl FnOnce(&mut Record)) -> bool {
        let Some(mut record) = self.record(id) else { return false };
        let Some(row) = self.rows.get_mut(&id) else { return false };
        let changed = Arc::make_mut(&mut record);
        change(changed);
        row.head.modified = at;
        seed::settle(self.kind, id, &mut row.head, changed);
        row.changed = Some(record);
        self.recent.get_mut().remove(&id);
        true
    }

    pub(crate) fn delete(&mut self, id: u64) -> bool {
        self.recent.get_mut().remove(&id);
        self.rows.remove(&id).is_some()
    }
}

/// Dates and numbers by size, all else as text; a record without the field comes first.
fn order(a: Option<&Cell>, b: Option<&Cell>) -> Ordering {
    let (Some(a), Some(b)) = (a, b) else { return a.is_some().cmp(&b.is_some()) };
    match (a, b) {
        (Cell::Date(a), Cell::Date(b)) => a.cmp(b),
        _ => match (a.number(), b.number()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => a.text().cmp(&b.text()),
        },
    }
}
