//! Values made from a list of fields: their names and types are those of the official documentation.

use chrono::{DateTime, Utc};
use fastrand::Rng;
use serde_json::{Map, Value};

use super::draw::uuid;
use super::words;
use crate::kind::Kind;
use crate::wire;

/// A field and what it holds.
pub(crate) struct Field(pub(crate) &'static str, pub(crate) Is);

/// What a field holds.
pub(crate) enum Is {
    /// The record's own id.
    Id,
    /// The same as text.
    IdText,
    /// The same in a UUID.
    IdUuid,
    /// The id of the record that a row belongs to.
    Parent,
    /// The same as text.
    ParentText,
    /// An id that no other row has: the parent's, and the row's place.
    RowId,
    /// The id of a record of another kind: one that this store may have.
    Of(Kind),
    /// The place of a row, from 1.
    Place,
    Whole(u64, u64),
    /// A number with up to two decimals.
    Money,
    /// One of these texts.
    Text(&'static [&'static str]),
    /// A text of its own for each record.
    Name(&'static str),
    /// Words as people write them.
    Words,
    Flag,
    Uuid,
    Created,
    Modified,
    Null,
    Number(f64),
    /// Null so many times in a hundred.
    Maybe(u32, &'static Is),
    Object(&'static [Field]),
    /// Up to so many rows.
    Rows(u64, &'static [Field]),
    /// Up to so many words.
    List(u64),
    /// Up to so many whole numbers.
    Numbers(u64),
}

/// What values are made for.
pub(crate) struct For<'r> {
    pub(crate) rng: &'r mut Rng,
    pub(crate) id: u64,
    /// For rows: the record that they belong to, and the row's place.
    pub(crate) row: Option<(u64, u64)>,
    pub(crate) dates: (DateTime<Utc>, DateTime<Utc>),
    pub(crate) write: fn(DateTime<Utc>) -> String,
}

/// An object of these fields.
pub(crate) fn object(fields: &[Field], with: &mut For<'_>) -> Map<String, Value> {
    fields.iter().map(|Field(name, is)| ((*name).to_owned(), value(is, with))).collect()
}

/// So many rows of a record, or of a row of it.
pub(crate) fn rows(fields: &[Field], with: &mut For<'_>, count: u64) -> Vec<Value> {
    let row = with.row;
    let parent = row.map_or(with.id, |(parent, _)| parent);
    let rows = (1..=count).map(|place| {
        with.row = Some((parent, place));
        Value::from(object(fields, with))
    });
    let rows = rows.collect();
    with.row = row;
    rows
}

/// The UUID of a record whose id is one.
pub(crate) fn id_uuid(id: u64) -> Value {
    Value::from(format!("5e6{:05x}-0000-4000-a000-{id:012x}", id % 0xf_ffff))
}

fn value(is: &Is, with: &mut For<'_>) -> Value {
    let (parent, place) = with.row.unwrap_or((with.id, 1));
    match is {
        Is::Id => Value::from(with.id),
        Is::IdUuid => id_uuid(with.id),
        Is::IdText => Value::from(with.id.to_string()),
        Is::Parent => Value::from(parent),
        Is::ParentText => Value::from(parent.to_string()),
        Is::RowId => Value::from(parent * 100_000 + place),
        Is::Of(kind) => Value::from(kind.id(with.rng.u64(..200))),
        Is::Place => Value::from(place),
        Is::Whole(least, greatest) => Value::from(with.rng.u64(*least..=*greatest)),
        Is::Money => wire::amount(with.rng.i64(0..50_000)),
        Is::Text(texts) => Value::from(texts[with.rng.usize(..texts.len())]),
        Is::Name(name) => Value::from(format!("{name} {}", with.id)),
        Is::Words => Value::from(words::TEXTS[with.rng.usize(..words::TEXTS.len())]),
        Is::Flag => Value::from(with.rng.bool()),
        Is::Uuid => Value::from(uuid(with.rng)),
        Is::Created => Value::from((with.write)(with.dates.0)),
        Is::Modified => Value::from((with.write)(with.dates.1)),
        Is::Null => Value::Null,
        Is::Number(number) => Value::from(*number),
        Is::Maybe(percent, is) => {
            if with.rng.u32(..100) < *percent {
                Value::Null
            } else {
                value(is, with)
            }
        }
        Is::Object(fields) => object(fields, with).into(),
        Is::Rows(most, fields) => {
            let count = with.rng.u64(0..=*most);
            rows(fields, with, count).into()
        }
        Is::Numbers(most) => {
            let count = with.rng.u64(0..=*most);
            (0..count).map(|_| Value::from(with.rng.u64(1..90))).collect::<Vec<_>>().into()
        }
        Is::List(most) => {
            let count = with.rng.u64(0..=*most);
            (0..count).map(|_| Value::from(words::TEXTS[with.rng.usize(..words::TEXTS.len())])).collect::<Vec<_>>().into()
        }
    }
}
