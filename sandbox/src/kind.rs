//! The kinds of records that a store has.

/// Declares the kinds, in the order of their tables: the name, how many there usually are, their ids.
macro_rules! kinds {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, $usual:literal, $ids:expr;)*) => {
        impl Kind {
            $($(#[$doc])* pub const $constant: Self = Self(Place::$constant as usize);)*
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$constant),*];
            const NAMES: &'static [&'static str] = &[$($name),*];
            const IDS: &'static [Ids] = &[$($ids),*];
        }

        impl Counts {
            const USUAL: Self = Self([$($usual),*]);
        }

        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "they only count")]
        enum Place { $($constant),* }
    };
}

/// A kind of record with an id of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(usize);

/// The ids of a kind: upward from the first one, with gaps as deletions leave them.
struct Ids {
    first: u64,
    /// One id is left out after so many.
    gap: u64,
}

/// How many records of each kind a store starts with. What belongs to them comes with them: line items with orders, addresses with customers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts([u64; Kind::ALL.len()]);

kinds! {
    /// `/v2/orders`. Parts: `products`, `coupons`, `shipping_addresses`, `fees`, `transactions`.
    // Ids begin as in a new store.
    ORDERS = "orders", 500, Ids { first: 100, gap: 40 };
    /// `/v3/customers`. Parts: `addresses`, `attributes`, `form_fields`, `store_credit_amounts`, `shopper_profile_id`, `segment_ids`.
    CUSTOMERS = "customers", 300, Ids { first: 1, gap: 17 };
    /// `/v3/catalog/products`. Parts are named as in `include`; and `channel_assignments`.
    PRODUCTS = "products", 200, Ids { first: 77, gap: 23 };
    /// `/v2/coupons`. No modification date.
    COUPONS = "coupons", 40, Ids { first: 1, gap: 9 };
    /// `/v3/orders/payment_actions/refunds`. Dated by `created`.
    REFUNDS = "refunds", 60, Ids { first: 1, gap: 17 };
    /// `/v3/pricelists`. Parts: `records`.
    PRICE_LISTS = "price_lists", 12, Ids { first: 1, gap: 17 };
    /// `/v3/catalog/brands`. No dates.
    BRANDS = "brands", 30, Ids { first: 1, gap: 17 };
    /// `/v3/catalog/trees/categories`. No dates; the id is `category_id`.
    CATEGORIES = "categories", 45, Ids { first: 18, gap: 11 };
    /// `/v2/order_statuses`.
    ORDER_STATUSES = "order_statuses", 15, Ids { first: 0, gap: 17 };
    /// `/v2/customer_groups`.
    CUSTOMER_GROUPS = "customer_groups", 8, Ids { first: 1, gap: 17 };
    /// `/v3/catalog/trees`.
    CATEGORY_TREES = "category_trees", 3, Ids { first: 1, gap: 17 };
    /// `/v3/channels`.
    CHANNELS = "channels", 4, Ids { first: 1, gap: 17 };
    /// `/v3/sites`.
    SITES = "sites", 4, Ids { first: 1000, gap: 17 };
    /// `/v2/currencies`.
    CURRENCIES = "currencies", 4, Ids { first: 1, gap: 17 };
    /// `/v3/content/pages`.
    PAGES = "pages", 14, Ids { first: 1, gap: 17 };
    /// `/v2/blog/posts`.
    BLOG_POSTS = "blog_posts", 16, Ids { first: 1, gap: 17 };
    /// `/v3/storefront/redirects`.
    REDIRECTS = "redirects", 40, Ids { first: 1, gap: 17 };
    /// `/v2/gift_certificates`.
    GIFT_CERTIFICATES = "gift_certificates", 30, Ids { first: 1, gap: 17 };
    /// `/v2/banners`.
    BANNERS = "banners", 12, Ids { first: 1, gap: 17 };
    /// `/v3/inventory/locations`.
    LOCATIONS = "locations", 6, Ids { first: 1, gap: 17 };
    /// `/v2/tax_classes`.
    TAX_CLASSES = "tax_classes", 5, Ids { first: 0, gap: 17 };
    /// `/v3/tax/zones`.
    TAX_ZONES = "tax_zones", 5, Ids { first: 1, gap: 17 };
    /// `/v3/tax/rates`.
    TAX_RATES = "tax_rates", 9, Ids { first: 1, gap: 17 };
    /// `/v2/shipping/zones`.
    SHIPPING_ZONES = "shipping_zones", 4, Ids { first: 1, gap: 17 };
    /// `/v3/store/systemlogs`.
    SYSTEM_LOGS = "system_logs", 40, Ids { first: 1, gap: 17 };
    /// `/v3/wishlists`.
    WISHLISTS = "wishlists", 20, Ids { first: 1, gap: 17 };
    /// `/v3/orders/metafields`.
    ORDER_METAFIELDS = "order_metafields", 24, Ids { first: 1, gap: 17 };
    /// `/v3/catalog/products/metafields`.
    PRODUCT_METAFIELDS = "product_metafields", 24, Ids { first: 1, gap: 17 };
    /// `/v3/catalog/variants/metafields`.
    VARIANT_METAFIELDS = "variant_metafields", 24, Ids { first: 1, gap: 17 };
    /// `/v3/catalog/categories/metafields`.
    CATEGORY_METAFIELDS = "category_metafields", 24, Ids { first: 1, gap: 17 };
    /// `/v3/catalog/brands/metafields`.
    BRAND_METAFIELDS = "brand_metafields", 24, Ids { first: 1, gap: 17 };
    /// `/v3/customers/metafields`.
    CUSTOMER_METAFIELDS = "customer_metafields", 24, Ids { first: 1, gap: 17 };
    /// `/v3/channels/metafields`.
    CHANNEL_METAFIELDS = "channel_metafields", 24, Ids { first: 1, gap: 17 };
    /// `/v3/inventory/locations/metafields`.
    LOCATION_METAFIELDS = "location_metafields", 24, Ids { first: 1, gap: 17 };
    /// `/v3/customers/attributes`.
    CUSTOMER_ATTRIBUTES = "customer_attributes", 12, Ids { first: 1, gap: 17 };
    /// `/v3/customers/subscribers`.
    SUBSCRIBERS = "subscribers", 40, Ids { first: 1, gap: 17 };
    /// `/v3/segments`.
    SEGMENTS = "segments", 6, Ids { first: 1, gap: 17 };
    /// `/v3/shopper-profiles`.
    SHOPPER_PROFILES = "shopper_profiles", 20, Ids { first: 1, gap: 17 };
    /// `/v3/pricelists/assignments`.
    PRICE_LIST_ASSIGNMENTS = "price_list_assignments", 9, Ids { first: 1, gap: 17 };
    /// `/v3/hooks`.
    WEBHOOKS = "webhooks", 5, Ids { first: 1, gap: 17 };
    /// `/v3/promotions`.
    PROMOTIONS = "promotions", 14, Ids { first: 1, gap: 17 };
}

impl Kind {
    pub(crate) const fn place(self) -> usize {
        self.0
    }

    /// The id of the record at a place, from 0.
    pub(crate) const fn id(self, index: u64) -> u64 {
        let Ids { first, gap } = Self::IDS[self.0];
        // A store's first channel is number 1; the others are numbered across all stores.
        let first = if self.0 == Self::CHANNELS.0 && index > 0 { 664_178 } else { first };
        first + index + index / gap
    }

    /// How many of them a store has by default. References point to one of these, however many there are.
    pub(crate) const fn usual(self) -> u64 {
        Counts::USUAL.0[self.0]
    }

    /// Its name: that of its endpoint, and of a tap's stream.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self.0]
    }
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Counts {
    /// These counts, and nothing of any other kind.
    #[must_use]
    pub const fn of<const N: usize>(counts: [(Kind, u64); N]) -> Self {
        let (mut all, mut place) = (Self([0; Kind::ALL.len()]), 0);
        while place < N {
            all.0[counts[place].0.0] = counts[place].1;
            place += 1;
        }
        all
    }

    /// The same counts but for one kind.
    #[must_use]
    pub const fn with(mut self, kind: Kind, count: u64) -> Self {
        self.0[kind.0] = count;
        self
    }

    /// How many of a kind.
    #[must_use]
    pub const fn get(&self, kind: Kind) -> u64 {
        self.0[kind.0]
    }
}

impl Default for Counts {
    /// A shop for a demonstration: 500 orders, 300 customers, 200 products, and some of everything else.
    fn default() -> Self {
        Self::USUAL
    }
}
