//! Seeded data: every record is a function of the seed, its kind and its place.

mod addresses;
pub(crate) mod coupons;
pub(crate) mod customers;
mod head;
mod lines;
mod options;
pub(crate) mod orders;
pub(crate) mod products;
mod statuses;
mod variants;
pub(crate) mod words;

use fastrand::Rng;
use serde_json::Value;

use crate::kind::Kind;
use crate::make::{self, Field, For};
use crate::record::Record;
use crate::registry;
use crate::resource::Make;
pub(crate) use head::{Head, head, id, settle};
pub(crate) use lines::add_lines;
pub(crate) use statuses::STATUSES;

/// A generator of its own for each record and purpose, so that no record depends on another.
fn rng(seed: u64, kind: Kind, index: u64, purpose: u64) -> Rng {
    let key = [kind.place() as u64, index, purpose].into_iter().fold(mix(seed), |key, part| mix(key ^ part));
    Rng::with_seed(key)
}

/// The finishing step of splitmix64: neighbouring numbers give unrelated ones.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// The whole record behind a head.
pub(crate) fn record(kind: Kind, seed: u64, id: u64, head: &Head) -> Record {
    let (resource, rng) = (registry::of(kind), &mut rng(seed, kind, head.index, 1));
    match resource.make {
        Make::Hand(make) => make(rng, seed, id, head),
        Make::Fields(fields, parts) => {
            let dates = (head.created, head.modified);
            let mut with = For { rng, id, row: None, dates, write: resource.dates.write };
            let fields = make::object(fields, &mut with);
            let mut rows = |(name, most, fields): &(&str, u64, &[Field])| {
                let count = with.rng.u64(0..=*most);
                ((*name).to_owned(), Value::from(make::rows(fields, &mut with, count)))
            };
            let parts = parts.iter().map(&mut rows).collect();
            Record { fields, parts }
        }
    }
}

/// One of the choices.
fn pick<'a, T: ?Sized>(rng: &mut Rng, choices: &[&'a T]) -> &'a T {
    choices[rng.usize(..choices.len())]
}

/// True so many times in a hundred.
fn percent(rng: &mut Rng, of_hundred: u32) -> bool {
    rng.u32(..100) < of_hundred
}

/// A UUID-shaped text.
pub(crate) fn uuid(rng: &mut Rng) -> String {
    let (a, b) = (rng.u64(..), rng.u64(..));
    format!("{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}", a >> 32, (a >> 16) & 0xffff, a & 0xfff, b >> 52, b & 0xffff_ffff_ffff)
}

/// Letters and digits in capitals.
fn code(rng: &mut Rng, length: usize) -> String {
    const SIGNS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    (0..length).map(|_| char::from(SIGNS[rng.usize(..SIGNS.len())])).collect()
}
