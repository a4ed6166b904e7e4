//! The streams: one file each, one line each in [`ALL`]. All other code follows these declarations.

mod consigned;
mod list;

/// Declares the streams, in the order in which a run takes them.
macro_rules! streams {
    ($($name:ident),* $(,)?) => {
        $(pub mod $name;)*

        /// Every stream, in the order in which a run takes them.
        pub const ALL: &[&Stream] = &[$(&$name::STREAM),*];
    };
}

streams!(
    orders,
    order_products,
    order_coupons,
    order_shipping_addresses,
    order_fees,
    transactions,
    order_shipments,
    order_taxes,
    order_messages,
    order_pickups,
    order_consignments,
    customers,
    customer_addresses,
    customer_ids,
    products,
    product_variants,
    product_channel_assignments,
    product_category_assignments,
    product_images,
    product_options,
    product_modifiers,
    product_complex_rules,
    product_reviews,
    inventory_items,
    product_ids,
    coupons,
    refunds,
    price_lists,
    price_list_records,
    brands,
    categories,
    store,
    order_statuses,
    customer_groups,
    category_trees,
    channels,
    channel_listings,
    sites,
    currencies,
    pages,
    blog_posts,
    redirects,
    gift_certificates,
    banners,
    locations,
    tax_classes,
    tax_zones,
    tax_rates,
    shipping_zones,
    shipping_methods,
    system_logs,
    wishlists,
    order_metafields,
    product_metafields,
    variant_metafields,
    category_metafields,
    brand_metafields,
    customer_metafields,
    channel_metafields,
    location_metafields,
    customer_attributes,
    subscribers,
    segments,
    shopper_profiles,
    price_list_assignments,
    webhooks,
    promotions,
    coupon_codes,
    customer_attribute_values,
    customer_form_field_values,
);

use crate::schema;
use list::include;
pub use list::{
    Announced, Ask, ByChannel, Dates, Embedded, End, Hidden, Include, List, Lookup, Needed, Paging, Params, RawRows, Rows, Way,
};
use serde_json::Value;
use std::sync::OnceLock;

/// What there is to know of a stream.
#[derive(Debug)]
pub struct Stream {
    /// Its name, `^[a-z0-9_]{1,64}$`.
    pub name: &'static str,
    /// Its JSON Schema's file.
    pub schema: &'static str,
    /// The fields that identify a record together; none of them is ever null.
    pub key: &'static [&'static str],
    /// How it is replicated.
    pub replication: Replication,
    /// Where its records come from.
    pub source: Source,
    /// Read when no catalog says what to read.
    pub selected_by_default: bool,
    /// Fields that are only read when a catalog selects them.
    pub off_by_default: &'static [&'static str],
    /// Its rows may change while the record that they belong to keeps its date: the setting `child_refresh_days` reads them again.
    pub changes_alone: bool,
}

/// How a stream is replicated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replication {
    /// From a bookmark on.
    Incremental {
        /// The replication key: a date field.
        key: &'static str,
        /// Whether a first run heeds `start_date`; else it takes everything.
        heeds_start_date: bool,
    },
    /// Whole, each time.
    FullTable,
}

/// Where a stream's records come from.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// The rows of a list of the API, walked.
    List(&'static List),
    /// The rows of child lists: one list for each record of another stream's list.
    Below {
        /// The stream whose list is walked for their ids.
        parent: &'static Stream,
        /// The list, whose path has `{id}`.
        list: &'static List,
        /// The field that gets the parent record's id, if the rows do not contain it.
        adds: Option<&'static str>,
    },
    /// Rows that come with each record of another stream's walk.
    With {
        /// The stream whose walk it shares.
        parent: &'static Stream,
        /// One of the lists that its records have.
        rows: &'static Rows,
    },
}

impl Stream {
    /// The stream of that name.
    pub fn find(name: &str) -> Option<&'static Stream> {
        ALL.iter().copied().find(|stream| stream.name == name)
    }

    /// A stream that is read whole each time, and only when it is asked for.
    const fn full_table(name: &'static str, schema: &'static str, source: Source) -> Stream {
        let replication = Replication::FullTable;
        Stream {
            name,
            schema,
            key: &["id"],
            replication,
            source,
            selected_by_default: false,
            off_by_default: &[],
            changes_alone: false,
        }
    }

    /// Its JSON Schema, references resolved; read once.
    pub fn schema(&self) -> &'static Value {
        static READ: [OnceLock<Value>; ALL.len()] = [const { OnceLock::new() }; ALL.len()];
        static NONE: Value = Value::Null;
        let place = ALL.iter().position(|stream| stream.name == self.name);
        place.map_or(&NONE, |place| READ[place].get_or_init(|| schema::load(self.schema, &shared)))
    }

    /// The replication key of an incremental stream.
    pub fn replication_key(&self) -> Option<&'static str> {
        match self.replication {
            Replication::Incremental { key, .. } => Some(key),
            Replication::FullTable => None,
        }
    }

    /// The stream whose walk brings this one's records: itself, or its parent.
    pub fn walked(&'static self) -> &'static Stream {
        match self.source {
            Source::List(_) | Source::Below { .. } => self,
            Source::With { parent, .. } => parent,
        }
    }

    /// The list whose walk brings its records.
    pub fn list(&self) -> &'static List {
        match self.source {
            Source::List(list) | Source::Below { list, .. } => list,
            Source::With { parent, .. } => parent.list(),
        }
    }

    /// The rows that it is made of, where they come with another stream's records.
    pub fn rows(&self) -> Option<&'static Rows> {
        match self.source {
            Source::List(_) | Source::Below { .. } => None,
            Source::With { rows, .. } => Some(rows),
        }
    }

    /// The API scope that reading it needs, next to that of the walk it shares.
    pub fn scope(&self) -> &'static str {
        self.rows().and_then(Rows::ask).map_or(self.list().scope, |ask| ask.scope)
    }

    /// Whether a field leaves with every record, selected or not.
    pub fn is_automatic(&self, field: &str) -> bool {
        self.key.contains(&field) || Some(field) == self.replication_key()
    }
}

macro_rules! shared {
    ($($name:literal),* $(,)?) => {
        /// The text of a schema file that streams share, by the name that `$ref` uses.
        fn shared(name: &str) -> Option<&'static str> {
            match name {
                $(concat!("shared/", $name, ".json") => Some(include_str!(concat!("shared/", $name, ".json"))),)*
                _ => None,
            }
        }
    };
}

shared!(
    "adjuster",
    "customer_address",
    "customer_attribute",
    "form_field",
    "link",
    "metafield",
    "option_config",
    "option_value",
    "order_billing_address",
    "order_consignments",
    "order_coupon",
    "order_fee",
    "order_pickup_location",
    "order_product",
    "order_shipping",
    "order_shipping_address",
    "product_image",
    "product_modifier",
    "product_option",
    "product_review",
    "product_video",
    "variant",
);

#[cfg(test)]
mod tests {
    use super::*;

    /// Every file of the folder is found by its name, and every schema stands on its own.
    #[test]
    fn every_schema_resolves_and_holds_its_keys() {
        for stream in ALL {
            let schema = stream.schema();
            assert!(!schema.to_string().contains("$ref"), "{}: a reference is left", stream.name);
            assert!(!schema.to_string().contains("null,null"), "{}", stream.name);
            assert!(!stream.key.is_empty(), "{}", stream.name);
            for key in stream.key {
                // A key must not be null.
                assert!(
                    ["integer", "string"].map(Value::from).contains(&schema["properties"][key]["type"]),
                    "{}.{key}",
                    stream.name
                );
            }
            if let Some(key) = stream.replication_key() {
                assert_eq!(schema["properties"][key]["format"], "date-time", "{}", stream.name);
            }
            for path in schema::paths(schema) {
                assert!(path.iter().all(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')), "{path:?}");
            }
        }
    }

    #[test]
    fn what_a_stream_names_exists_in_its_schema() {
        for stream in ALL {
            let schema = stream.schema();
            let has = |field: &str| assert!(schema["properties"].get(field).is_some(), "{}.{field}", stream.name);
            stream.off_by_default.iter().for_each(|field| has(field));
            match stream.source {
                Source::List(list) | Source::Below { list, .. } => {
                    list.key.iter().for_each(|key| has(key));
                    list.date().into_iter().for_each(has);
                    list.includes.iter().for_each(|include| has(include.field));
                    list.rows.iter().filter_map(|rows| rows.announced_by).for_each(|announced| has(announced.field()));
                }
                Source::With { rows, .. } => rows.adds.iter().for_each(|(field, _)| has(field)),
            }
        }
    }

    #[test]
    fn customer_ids_knows_each_key_that_customers_have() {
        let (ids, all) = (customer_ids::STREAM.schema(), customers::STREAM.schema());
        let known = schema::properties(ids).into_iter().flat_map(|fields| fields.keys().map(String::as_str));
        let known: Vec<&str> =
            known.chain(ids["x-unwanted"].as_array().into_iter().flatten().filter_map(Value::as_str)).collect();
        for (name, field) in schema::properties(all).into_iter().flatten() {
            let key = field["x-source"].as_str().unwrap_or(name).split('/').next().unwrap_or(name);
            assert!(known.contains(&key), "{key}");
        }
    }

    #[test]
    fn a_stream_that_remedies_exists() {
        let includes = ALL.iter().flat_map(|stream| stream.list().includes);
        assert!(includes.filter_map(|include| include.undated).all(|name| Stream::find(name).is_some()));
    }

    /// A walk by page number leaves out what changes while it reads a list with dates. A target would then drop those rows of a full table.
    #[test]
    fn a_full_table_that_is_read_by_page_number_has_no_dates() {
        for stream in ALL.iter().filter(|stream| stream.replication == Replication::FullTable) {
            let above = match stream.source {
                Source::Below { parent, .. } => Some(parent.list()),
                _ => None,
            };
            let is_closed = |list: &List| list.paging == Paging::Page && list.dates.is_some();
            assert!(![Some(stream.list()), above].into_iter().flatten().any(is_closed), "{}", stream.name);
        }
    }

    #[test]
    fn a_stream_of_rows_shares_the_walk_of_a_list_that_has_them() {
        for stream in ALL {
            if let Source::With { parent, rows } = stream.source {
                let Source::List(list) = parent.source else { panic!("{} has no list", parent.name) };
                assert!(list.rows.contains(&rows) && !rows.from.is_empty(), "{}", stream.name);
                assert!(rows.adds.iter().all(|(_, field)| parent.schema()["properties"].get(field).is_some()), "{}", stream.name);
            }
        }
    }
}
