//! The resources, one file each.

pub(crate) mod brands;
pub(crate) mod categories;
pub(crate) mod consignments;
pub(crate) mod coupons;
pub(crate) mod customers;
pub(crate) mod orders;
pub(crate) mod price_lists;
pub(crate) mod products;
pub(crate) mod refunds;
pub(crate) mod store;
