//! Seeded data: every record is a function of the seed, its kind and its place.

mod addresses;
mod card;
pub(crate) mod coupons;
pub(crate) mod customers;
pub(crate) mod draw;
pub(crate) mod head;
mod inventory;
pub(crate) mod lines;
pub(crate) mod make;
mod options;
pub(crate) mod orders;
pub(crate) mod products;
pub(crate) mod statuses;
mod transactions;
mod variants;
mod words;
