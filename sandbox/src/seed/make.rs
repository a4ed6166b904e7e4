//! Values made from a list of fields: their names and types are those of the official documentation.

use chrono::{DateTime, Utc};
use fastrand::Rng;
use serde_json::{Map, Value};

use super::draw::uuid;
use super::head::Head;
use super::variants::VARIANTS_A_PRODUCT;
use super::words;
use crate::kind::Kind;
use crate::wire;

/// A field and what it holds.
pub(crate) struct Field(pub(crate) &'static str, pub(crate) Is);

/// What a field holds.
pub(crate) enum Is {
    /// The record's own id.
    Id,
    /// The same in a UUID.
    IdUuid,
    /// The id of the record that a row belongs to.
    Parent,
    /// An id that no other row has: the parent's, and the row's place.
    RowId,
    /// The id of the first row in another list of the parent, whose ids have room for so many.
    FirstOf(u64),
    /// The id of the row at the same place in such a list.
    RowOf(u64),
    /// The customer of an order.
    Shopper,
    /// The id of a record of another kind.
    Of(Kind),
    /// The same, of another record for each row of the parent.
    EachOf(Kind),
    /// The id of the record of another kind that has the same place.
    SamePlace(Kind),
    /// 0 for the first records of a kind, up to this number; for the others, the id of one of those.
    Under(Kind, u64),
    /// The id of the first variant of a product.
    VariantOf(&'static Is),
    /// A number as text.
    Written(&'static Is),
    /// The place of a row, from 1.
    Place,
    Whole(u64, u64),
    /// A number with up to two decimals.
    Money,
    /// One of these texts.
    Text(&'static [&'static str]),
    /// A text of its own for each record.
    Name(&'static str),
    /// These for the first records, in turn; then a text of its own for each.
    Names(&'static [&'static str]),
    /// Words as people write them.
    Words,
    Flag,
    /// True for the first record alone.
    First,
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
    /// The ids of up to so many records of another kind.
    Ids(u64, Kind),
}

/// What values are made for.
pub(crate) struct For<'r> {
    pub(crate) rng: &'r mut Rng,
    pub(crate) id: u64,
    /// For rows: the record that they belong to, and the row's place.
    pub(crate) row: Option<(u64, u64)>,
    /// The record that they are made for, or belong to.
    pub(crate) head: &'r Head,
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

/// The id of one of the records that a store usually has.
fn any(kind: Kind, rng: &mut Rng) -> Value {
    Value::from(kind.id(rng.u64(..kind.usual())))
}

/// The id of a product's first variant.
pub(super) const fn base_variant(product_id: u64) -> u64 {
    product_id * VARIANTS_A_PRODUCT + 1
}

fn value(is: &Is, with: &mut For<'_>) -> Value {
    let (parent, place) = with.row.unwrap_or((with.id, 1));
    match is {
        Is::Id => Value::from(with.id),
        Is::IdUuid => id_uuid(with.id),
        Is::Parent => Value::from(parent),
        Is::RowId => Value::from(parent * 100_000 + place),
        Is::FirstOf(room) => Value::from(parent * room + 1),
        Is::RowOf(room) => Value::from(parent * room + place),
        Is::Shopper => Value::from(with.head.customer_id),
        Is::Of(kind) => any(*kind, with.rng),
        Is::EachOf(kind) => Value::from(kind.id((parent + place) % kind.usual())),
        Is::SamePlace(kind) => Value::from(kind.id(with.head.index % kind.usual())),
        Is::Under(_, roots) if with.head.index < *roots => Value::from(0),
        Is::Under(kind, roots) => Value::from(kind.id(with.rng.u64(..*roots))),
        Is::VariantOf(product) => value(product, with).as_u64().map(base_variant).into(),
        Is::Written(number) => Value::from(value(number, with).to_string()),
        Is::Place => Value::from(place),
        Is::Whole(least, greatest) => Value::from(with.rng.u64(*least..=*greatest)),
        Is::Money => wire::amount(with.rng.i64(0..50_000)),
        Is::Text(texts) => Value::from(texts[with.rng.usize(..texts.len())]),
        Is::Name(name) => Value::from(format!("{name} {}", with.id)),
        Is::Names(names) => {
            let count = names.len() as u64;
            let name = names[(with.head.index % count) as usize];
            Value::from(if with.head.index < count { name.to_owned() } else { format!("{name} {}", with.id) })
        }
        Is::Words => Value::from(words::TEXTS[with.rng.usize(..words::TEXTS.len())]),
        Is::Flag => Value::from(with.rng.bool()),
        Is::First => Value::from(with.head.index == 0),
        Is::Uuid => Value::from(uuid(with.rng)),
        Is::Created => Value::from((with.write)(with.head.created)),
        Is::Modified => Value::from((with.write)(with.head.modified)),
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
        Is::Ids(most, kind) => {
            let count = with.rng.u64(0..=*most);
            (0..count).map(|_| any(*kind, with.rng)).collect::<Vec<_>>().into()
        }
        Is::List(most) => {
            let count = with.rng.u64(0..=*most);
            (0..count).map(|_| Value::from(words::TEXTS[with.rng.usize(..words::TEXTS.len())])).collect::<Vec<_>>().into()
        }
    }
}
