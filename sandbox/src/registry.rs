//! Every resource that a store serves.

use crate::kind::Kind;
use crate::resource::Resource;
use crate::resources::{
    banners, blog_posts, brands, categories, category_trees, channels, coupons, currencies, customer_attributes, customer_groups,
    customers, gift_certificates, locations, metafields, order_statuses, orders, pages, price_list_assignments, price_lists,
    products, promotions, redirects, refunds, segments, shipping_zones, shopper_profiles, sites, subscribers, system_logs,
    tax_classes, tax_rates, tax_zones, webhooks, wishlists,
};

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
    &order_statuses::RESOURCE,
    &customer_groups::RESOURCE,
    &category_trees::RESOURCE,
    &channels::RESOURCE,
    &sites::RESOURCE,
    &currencies::RESOURCE,
    &pages::RESOURCE,
    &blog_posts::RESOURCE,
    &redirects::RESOURCE,
    &gift_certificates::RESOURCE,
    &banners::RESOURCE,
    &locations::RESOURCE,
    &tax_classes::RESOURCE,
    &tax_zones::RESOURCE,
    &tax_rates::RESOURCE,
    &shipping_zones::RESOURCE,
    &system_logs::RESOURCE,
    &wishlists::RESOURCE,
    &metafields::ORDERS,
    &metafields::PRODUCTS,
    &metafields::VARIANTS,
    &metafields::CATEGORIES,
    &metafields::BRANDS,
    &metafields::CUSTOMERS,
    &metafields::CHANNELS,
    &metafields::LOCATIONS,
    &customer_attributes::RESOURCE,
    &subscribers::RESOURCE,
    &segments::RESOURCE,
    &shopper_profiles::RESOURCE,
    &price_list_assignments::RESOURCE,
    &webhooks::RESOURCE,
    &promotions::RESOURCE,
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
