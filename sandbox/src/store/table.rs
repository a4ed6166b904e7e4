//! The records of one kind, by id.

use std::cell::{OnceCell, RefCell};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::ops::{Deref, Range};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::filter::{Cell, Filters};
use crate::kind::Kind;
use crate::list::{List, Sort};
use crate::paging::Page;
use crate::record::Record;
use crate::resource::Resource;
use crate::seed::head::{Head, head};
use crate::wire;

/// How many built records are kept: a page of orders with its children, or the whole of a small store.
const KEPT: usize = 1024;
/// How many searches are kept.
const KEPT_SEARCHES: usize = 4;

/// A record that nobody changed is only its head: the rest is built when it is asked for.
#[derive(Debug)]
struct Row {
    head: Head,
    changed: Option<Arc<Record>>,
    /// The modification date before the last one.
    before: Option<DateTime<Utc>>,
}

pub(crate) struct Table {
    pub(crate) resource: &'static Resource,
    seed: u64,
    rows: BTreeMap<u64, Row>,
    next_index: u64,
    /// Built records by id: an order's children are asked for soon after the order.
    recent: RefCell<HashMap<u64, Arc<Record>>>,
    searched: RefCell<HashMap<String, Arc<[u64]>>>,
    lengths: RefCell<HashMap<String, Lengths>>,
}

/// Ids, and how many rows each has in a part.
type Lengths = Arc<[(u64, usize)]>;

/// The ids of a list, or a stretch of them.
#[derive(Debug)]
pub(crate) struct Selection {
    ids: Arc<[u64]>,
    span: Range<usize>,
}

impl Deref for Selection {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        &self.ids[self.span.clone()]
    }
}

impl Row {
    /// The date by which lists filter and sort the record.
    fn indexed(&self, settled: DateTime<Utc>) -> DateTime<Utc> {
        match self.before {
            Some(before) if self.head.modified > settled => before,
            _ => self.head.modified,
        }
    }
}

impl Table {
    pub(crate) fn new(resource: &'static Resource, seed: u64, count: u64) -> Self {
        let kind = resource.kind;
        let row = |index| (kind.id(index), Row { head: head(kind, seed, index, count), changed: None, before: None });
        Self {
            resource,
            seed,
            rows: (0..count).map(row).collect(),
            next_index: count,
            recent: RefCell::default(),
            searched: RefCell::default(),
            lengths: RefCell::default(),
        }
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.rows.keys().copied()
    }

    /// The heads of the records with these ids.
    pub(crate) fn heads(&self, ids: &[u64]) -> impl Iterator<Item = &Head> {
        ids.iter().filter_map(|id| self.rows.get(id)).map(|row| &row.head)
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
            None => Arc::new(self.resource.record(self.seed, id, &row.head)),
        }
    }

    /// The ids of all records that a list holds, in its order.
    pub(crate) fn select(&self, list: List) -> Selection {
        let List { filters, sort, settled } = list;
        if sort.field != "id" || filters.named_ids().is_some() {
            let ids = self.kept(&filters, &sort, settled);
            return Selection { span: 0..ids.len(), ids };
        }
        let (filters, wanted) = filters.split_ids();
        let ids = self.kept(&filters, &Sort::by_id(), settled);
        let place = |id: u64| ids.partition_point(|known| *known < id);
        let span = place(wanted.start)..place(wanted.end);
        if sort.descending {
            let ids: Arc<[u64]> = ids[span].iter().rev().copied().collect();
            return Selection { span: 0..ids.len(), ids };
        }
        Selection { ids, span }
    }

    /// The ids on one page of a list. A list by id is read no further than the page goes.
    pub(crate) fn page(&self, list: List, page: Page) -> Vec<u64> {
        let skip = (page.number - 1).saturating_mul(page.limit);
        if list.sort.field != "id" || list.filters.named_ids().is_some() {
            return self.select(list).iter().skip(skip).take(page.limit).copied().collect();
        }
        let (filters, wanted) = list.filters.split_ids();
        let rows = self.rows.range(wanted).filter(|(id, row)| self.matches(**id, row, &filters, list.settled)).map(|(id, _)| *id);
        if list.sort.descending {
            rows.rev().skip(skip).take(page.limit).collect()
        } else {
            rows.skip(skip).take(page.limit).collect()
        }
    }

    /// What [`Table::search`] finds, kept until a record changes: the pages of one list follow each other.
    fn kept(&self, filters: &Filters, sort: &Sort, settled: DateTime<Utc>) -> Arc<[u64]> {
        let key = format!("{filters:?} {sort:?} {settled}");
        if let Some(ids) = self.searched.borrow().get(&key) {
            return Arc::clone(ids);
        }
        let ids: Arc<[u64]> = self.search(filters, sort, settled).into();
        let mut searched = self.searched.borrow_mut();
        if searched.len() >= KEPT_SEARCHES {
            searched.clear();
        }
        searched.insert(key, Arc::clone(&ids));
        ids
    }

    fn search(&self, filters: &Filters, sort: &Sort, settled: DateTime<Utc>) -> Vec<u64> {
        let mut ids: Vec<u64> = match filters.named_ids() {
            Some(named) => named
                .into_iter()
                .filter(|id| self.rows.get(id).is_some_and(|row| self.matches(*id, row, filters, settled)))
                .collect(),
            None => self.rows.iter().filter(|(id, row)| self.matches(**id, row, filters, settled)).map(|(id, _)| *id).collect(),
        };
        if sort.field != "id" {
            let cell = |id: u64| self.cell(id, self.rows.get(&id)?, &OnceCell::new(), &sort.field, settled);
            let mut keyed: Vec<(Option<Cell>, u64)> = ids.into_iter().map(|id| (cell(id), id)).collect();
            keyed.sort_by(|(a, _), (b, _)| order(a.as_ref(), b.as_ref()));
            ids = keyed.into_iter().map(|(_, id)| id).collect();
        }
        if sort.descending {
            ids.reverse();
        }
        ids
    }

    fn matches(&self, id: u64, row: &Row, filters: &Filters, settled: DateTime<Utc>) -> bool {
        let loaded = OnceCell::new();
        filters.match_all(|field| self.cell(id, row, &loaded, field, settled))
    }

    /// How many rows each record has in a part, upward by id; kept until a record changes.
    pub(crate) fn part_lengths(&self, part: &str) -> Lengths {
        if let Some(lengths) = self.lengths.borrow().get(part) {
            return Arc::clone(lengths);
        }
        let length = |(id, row): (&u64, &Row)| (*id, wire::array(&self.load(*id, row).parts, part).len());
        let lengths: Lengths = self.rows.iter().map(length).collect();
        self.lengths.borrow_mut().insert(part.to_owned(), Arc::clone(&lengths));
        lengths
    }

    /// Clears what is cached about the records, after a change.
    fn change(&mut self) {
        self.searched.get_mut().clear();
        self.lengths.get_mut().clear();
    }

    /// A field's value, from the head where it has it, so that walks by id and date build no records.
    fn cell(&self, id: u64, row: &Row, loaded: &OnceCell<Arc<Record>>, field: &str, settled: DateTime<Utc>) -> Option<Cell> {
        let (head, resource) = (&row.head, self.resource);
        match field {
            "id" => return Some(Cell::Value((resource.id_of)(id))),
            "date_modified" => return Some(Cell::Date(row.indexed(settled))),
            "date_created" => return Some(Cell::Date(head.created)),
            field if field == resource.id => return Some(Cell::Value((resource.id_of)(id))),
            field if Some(field) == resource.dates.created => return Some(Cell::Date(head.created)),
            "status_id" if resource.kind == Kind::ORDERS => return Some(Cell::Value(Value::from(head.status_id))),
            "customer_id" if resource.kind == Kind::ORDERS => return Some(Cell::Value(Value::from(head.customer_id))),
            "is_deleted" if resource.kind == Kind::ORDERS => return Some(Cell::Value(Value::from(head.is_deleted))),
            _ => {}
        }
        let record = loaded.get_or_init(|| self.load(id, row));
        let seen = resource.seen.and_then(|seen| seen(record, field));
        seen.or_else(|| record.fields.get(field).cloned()).map(Cell::Value)
    }

    pub(crate) fn create(&mut self, at: DateTime<Utc>) -> u64 {
        let index = self.next_index;
        self.next_index += 1;
        let kind = self.resource.kind;
        let id = kind.id(index);
        let head = Head { created: at, modified: at, ..head(kind, self.seed, index, index + 1) };
        self.rows.insert(id, Row { head, changed: None, before: None });
        self.change();
        id
    }

    pub(crate) fn edit(&mut self, id: u64, at: DateTime<Utc>, change: impl FnOnce(&mut Record)) -> bool {
        let Some(mut record) = self.record(id) else { return false };
        let Some(row) = self.rows.get_mut(&id) else { return false };
        let changed = Arc::make_mut(&mut record);
        change(changed);
        row.before = Some(std::mem::replace(&mut row.head.modified, at));
        self.resource.settle(id, &mut row.head, changed);
        row.changed = Some(record);
        self.recent.get_mut().remove(&id);
        self.change();
        true
    }

    /// Puts a text in place of a record's `date_modified`; lists take the record for older than all others.
    pub(crate) fn set_date_text(&mut self, id: u64, text: &str) -> bool {
        let found = self.edit(id, DateTime::<Utc>::MIN_UTC, |_| {});
        if let Some(record) = self.rows.get_mut(&id).and_then(|row| row.changed.as_mut()) {
            Arc::make_mut(record).fields.insert("date_modified".to_owned(), Value::from(text));
        }
        found
    }

    pub(crate) fn delete(&mut self, id: u64) -> bool {
        self.recent.get_mut().remove(&id);
        self.change();
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
