//! Every resource that a store serves.

use crate::kind::Kind;
use crate::resource::Resource;
use crate::resources::{brands, categories, coupons, customers, orders, price_lists, products, refunds};

/// In the order of [`Kind::ALL`].
pub(crate) static RESOURCES: [&Resource; Kind::ALL.len()] = [
    &orders::RESOURCE,
    &customers::RESOURCE,
    &products::RESOURCE,
    &coupons::RESOURCE,
    &refunds::RESOURCE,
    &price_lists::RESOURCE,
    &brands::RESOURCE,
    &categories::RESOURCE,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_resource_stands_at_its_kinds_place() {
        for (place, resource) in RESOURCES.iter().enumerate() {
            assert_eq!((resource.kind.place(), Kind::ALL[place]), (place, resource.kind));
        }
    }
}
