//! What lists filter and sort by, cheap to build and keep.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::draw::{percent, rng};
use super::statuses;
use crate::kind::Kind;
use crate::wire;

/// 2021-01-01T00:00:00Z: nothing is older.
const FIRST: i64 = 1_609_459_200;
/// 2025-06-30T23:59:59Z: nothing seeded is newer.
const LAST: i64 = 1_751_327_999;
/// Orders refer to this many customers, however many there are.
const CUSTOMER_POOL: u64 = 300;

/// The part of a record that is always in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    /// The record's place among all ever made of its kind, from 0.
    pub(crate) index: u64,
    pub(crate) created: DateTime<Utc>,
    pub(crate) modified: DateTime<Utc>,
    /// Orders only.
    pub(crate) status_id: u8,
    /// Orders only; 0 is a guest.
    pub(crate) customer_id: u64,
    /// Orders only; archived.
    pub(crate) is_deleted: bool,
}

impl Head {
    /// Takes over what an order's fields say.
    pub(crate) fn read_order(&mut self, fields: &Map<String, Value>) {
        self.status_id = u8::try_from(wire::whole(fields.get("status_id"))).unwrap_or(0);
        self.customer_id = u64::try_from(wire::whole(fields.get("customer_id"))).unwrap_or(0);
        self.is_deleted = fields.get("is_deleted").and_then(Value::as_bool).unwrap_or(false);
    }
}

/// The head of the record at a place among `count` that are spread over the shop's years.
pub(crate) fn head(kind: Kind, seed: u64, index: u64, count: u64) -> Head {
    let rng = &mut rng(seed, kind, index, 0);
    let created = created(rng, index, count);
    let modified = modified(rng, index, count, created);
    let guest = percent(rng, 25);
    let customer = Kind::CUSTOMERS.id(rng.u64(..CUSTOMER_POOL));
    Head {
        index,
        created: at(created),
        modified: at(modified),
        status_id: statuses::draw(rng),
        customer_id: if guest { 0 } else { customer },
        is_deleted: percent(rng, 6),
    }
}

/// Ids and creation follow each other; every eighth record shares its second with the one before.
fn created(rng: &mut fastrand::Rng, index: u64, count: u64) -> i64 {
    let place = if index % 8 == 7 { index - 1 } else { index };
    let step = (LAST - FIRST - 90 * 86_400) / i64::try_from(count.max(1)).unwrap_or(i64::MAX);
    let jitter = if index % 8 >= 6 { step / 2 } else { rng.i64(0..=step.max(1) - 1) };
    FIRST + step * i64::try_from(place).unwrap_or(0) + jitter
}

/// Most records change within weeks. Of each hundred, twenty were changed by one bulk edit in one second, and so were the first few
/// of a store.
fn modified(rng: &mut fastrand::Rng, index: u64, count: u64, created: i64) -> i64 {
    let bulk = match (index, index % 100) {
        (4..=9, _) => Some(9),
        (_, 40..60) => Some(index - index % 100 + 60),
        _ => None,
    };
    if let Some(after) = bulk {
        let step = (LAST - FIRST - 90 * 86_400) / i64::try_from(count.max(1)).unwrap_or(i64::MAX);
        return (FIRST + step * i64::try_from(after + 1).unwrap_or(0) + 3_600).min(LAST);
    }
    let later = match rng.u32(..10) {
        0 | 1 => 0,
        2..=5 => rng.i64(1..7_200),
        6..=8 => rng.i64(7_200..14 * 86_400),
        _ => rng.i64(14 * 86_400..90 * 86_400),
    };
    (created + later).min(LAST)
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}
