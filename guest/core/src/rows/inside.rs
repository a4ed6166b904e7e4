//! What a record says of its lists: the rows that it holds itself, and how many there are.

use crate::json::{self, peek};
use crate::page::Row;
use crate::streams::{Announced, Rows, Way};
use serde_json::value::RawValue;

/// The rows that a record holds itself, if they are whole.
pub(crate) fn inside<'r>(rows: &Rows, record: &'r Row) -> Option<Vec<&'r str>> {
    let full = rows.from.iter().find_map(|from| match from {
        Way::Inside { full } => Some(*full),
        _ => None,
    })?;
    // Of a link in place of a list, and of a list that is not there, nothing is known.
    let list = match peek(record.raw.get(), rows.name)? {
        "null" => Vec::new(),
        list => json::list(list)?.rows,
    };
    let (came, is_full) = (list.len(), full.is_some_and(|full| list.len() >= full));
    let count = match rows.announced_by {
        Some(Announced::Count(field)) => number(record, field).and_then(|count| usize::try_from(count).ok()),
        _ => None,
    };
    let may_be_longer = count.map_or(is_full, |count| full.is_some() && (count > came || is_full && count != came));
    (!may_be_longer).then_some(list)
}

/// How many rows of a list a record holds itself.
fn length(record: &Row, field: &str) -> usize {
    peek(record.raw.get(), field).map_or(0, json::length)
}

/// How many rows the list has at least: those that the record holds itself, and what it announces.
pub(super) fn least(rows: &Rows, record: &Row) -> (usize, usize) {
    let known = if rows.is_inside() { length(record, rows.name) } else { 0 };
    let announced = match rows.announced_by {
        Some(Announced::Some(field) | Announced::Sum { field, .. }) => {
            usize::from(number(record, field).is_some_and(|number| number > 0))
        }
        Some(Announced::Count(field)) => number(record, field).and_then(|number| usize::try_from(number).ok()).unwrap_or(0),
        None => 0,
    };
    (known, known.max(announced))
}

/// Whether rows do not add up to what the record announces.
pub(super) fn fall_short(announced_by: Option<Announced>, record: &Row, list: &[Box<RawValue>]) -> bool {
    let Some(Announced::Sum { field, of }) = announced_by else { return false };
    let sum = list.iter().filter_map(|raw| peek(raw.get(), of).and_then(json::count)).fold(0, u64::saturating_add);
    number(record, field).is_some_and(|announced| sum < announced)
}

fn number(record: &Row, field: &str) -> Option<u64> {
    peek(record.raw.get(), field).and_then(json::count)
}
