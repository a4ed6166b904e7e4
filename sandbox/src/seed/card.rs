//! What a product is called and costs.

use super::draw::{code, pick, rng};
use super::words;
use crate::kind::Kind;

/// What line items know of a product.
pub(super) struct Card {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) sku: String,
    /// In cents.
    pub(super) price: i64,
}

impl Card {
    pub(super) fn of(seed: u64, index: u64) -> Self {
        let rng = &mut rng(seed, Kind::PRODUCTS, index, 2);
        Self {
            id: Kind::PRODUCTS.id(index),
            name: format!("{} {} {}", pick(rng, words::ADJECTIVES), pick(rng, words::THINGS), index + 1),
            sku: if index % 11 == 4 { String::new() } else { format!("{}-{}", code(rng, 3), index + 1) },
            price: rng.i64(99..49_999),
        }
    }
}
