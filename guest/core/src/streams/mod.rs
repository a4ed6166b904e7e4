//! The streams: one file each, one line each in [`ALL`]. Everything else works from what they say here.

pub mod coupons;
pub mod customers;
pub mod order_products;
pub mod orders;
pub mod products;

use crate::api::list::Form;
use crate::schema;
use serde_json::Value;
use std::sync::OnceLock;

/// Every stream, in the order in which a run takes them.
pub const ALL: &[&Stream] = &[&orders::STREAM, &order_products::STREAM, &customers::STREAM, &products::STREAM, &coupons::STREAM];

/// What there is to know of a stream.
#[derive(Debug)]
pub struct Stream {
    /// Its name, `^[a-z0-9_]{1,64}$`.
    pub name: &'static str,
    /// Its JSON Schema's file.
    pub schema: &'static str,
    /// The API scope that reading it needs.
    pub scope: &'static str,
    /// How it is replicated.
    pub replication: Replication,
    /// Where its records come from.
    pub source: Source,
    /// Fields that are only read when a catalog selects them.
    pub off_by_default: &'static [&'static str],
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
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one for each stream, and it never moves; smaller on wasm32")]
pub enum Source {
    /// A list of the API, walked.
    List(List),
    /// A part of another stream's records, fetched with them.
    Part {
        /// The stream whose walk it shares.
        parent: &'static str,
        /// The part's field in that stream's records.
        field: &'static str,
    },
}

/// A list of the API and how to walk it.
#[derive(Debug)]
pub struct List {
    /// The path below the store's.
    pub path: &'static str,
    /// The form of its pages.
    pub form: Form,
    /// Parameters that each page's request has.
    pub fixed: &'static [(&'static str, &'static str)],
    /// The position in the list.
    pub position: Position,
    /// The filter for the least modification date, inclusive.
    pub since: Option<&'static str>,
    /// The filter for the greatest modification date, inclusive.
    pub until: Option<&'static str>,
    /// Parameters that put the last modified record first.
    pub newest_first: &'static [(&'static str, &'static str)],
    /// What could contradict that the list has ended.
    pub end: End,
    /// The path of an endpoint that counts the list's records, for forecasts.
    pub count: Option<&'static str>,
    /// Fields that the API sends only when asked to.
    pub includes: &'static [Include],
    /// Fields with requests of their own.
    pub parts: &'static [Part],
    /// How one record is asked for: one that was set aside, and one whose part is not found.
    pub record: Record,
    /// The filters for the least and the greatest id, where the list has them: how records that were set aside together are asked for.
    pub range: Option<(&'static str, &'static str)>,
}

/// How one record of a list is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Record {
    /// By a path of its own, with `{id}`; 404 if there is none.
    Path(&'static str),
    /// By the list's filter of this name; an empty list if there is none.
    Filter(&'static str),
}

/// How a walk knows where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// By the last id; the filter starts the page at or after it.
    Id {
        /// The filter's name.
        after: &'static str,
    },
    /// By the cursor of the last page.
    Cursor {
        /// The parameter's name.
        after: &'static str,
    },
}

/// How the end of a list is confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The list itself, sorted by id downward with these parameters, has no row above the last one.
    Highest(&'static [(&'static str, &'static str)]),
    /// A second empty page, and the count endpoint, which counts no more rows than the walk has seen.
    AllSeen,
    /// A second empty page, and the list itself, which counts no more rows last modified in a time that the walk covers whole than it has
    /// seen.
    CoveredSeen,
}

/// A field that the API sends only when asked to.
#[derive(Debug)]
pub struct Include {
    /// The field.
    pub field: &'static str,
    /// The value for `include=`.
    pub value: &'static str,
    /// Another parameter that goes with it.
    pub with: Option<(&'static str, &'static str)>,
    /// The most records that a page holds with it, where the API cuts its pages for it.
    pub page_at_most: Option<u32>,
}

/// A field that is fetched by requests of its own.
#[derive(Debug)]
pub struct Part {
    /// The field in the record.
    pub field: &'static str,
    /// The path of its list, with `{id}` for the record's id where it stands in the path.
    pub path: &'static str,
    /// Where the path does not name the record: the filter that does, and the field in which its rows name the record.
    pub owner: Option<(&'static str, &'static str)>,
    /// More parameters.
    pub query: &'static [(&'static str, &'static str)],
    /// The form of its pages.
    pub form: Form,
    /// Fetched only where the record's own list has come with so many rows: the API's documented maximum for lists inside records.
    pub when_full: Option<usize>,
    /// The record's field that says something about the list's length.
    pub announced_by: Option<Announced>,
}

/// What a field of a record says about the length of one of its lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// A number above zero contradicts an empty list; what else it counts is not documented.
    Some(&'static str),
    /// How many rows the list has.
    Count(&'static str),
}

impl Announced {
    /// The field.
    pub fn field(self) -> &'static str {
        let (Announced::Some(field) | Announced::Count(field)) = self;
        field
    }
}

/// A field that comes with `include=` under another or the same name.
const fn include(field: &'static str, value: &'static str) -> Include {
    Include { field, value, with: None, page_at_most: None }
}

impl Stream {
    /// The field that identifies a record. Every stream of the API has `id`.
    pub const KEY: &str = "id";

    /// The stream of that name.
    pub fn find(name: &str) -> Option<&'static Stream> {
        ALL.iter().copied().find(|stream| stream.name == name)
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
    pub fn walked_with(&'static self) -> &'static Stream {
        match self.source {
            Source::List(_) => self,
            Source::Part { parent, .. } => Stream::find(parent).unwrap_or(self),
        }
    }

    /// Whether a field leaves with every record, selected or not.
    pub fn is_automatic(&self, field: &str) -> bool {
        field == Self::KEY || Some(field) == self.replication_key()
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
    "option_config",
    "option_value",
    "order_billing_address",
    "order_consignments",
    "order_coupon",
    "order_fee",
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
            assert_eq!(schema["properties"][Stream::KEY], serde_json::json!({"type": "integer"}), "{}", stream.name);
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
            if let Source::List(list) = &stream.source {
                list.includes.iter().for_each(|include| has(include.field));
                list.parts.iter().for_each(|part| has(part.field));
                list.parts.iter().filter_map(|part| part.announced_by).for_each(|announced| has(announced.field()));
            }
        }
    }

    #[test]
    fn a_part_that_is_a_stream_names_a_part_of_its_parent() {
        for stream in ALL {
            if let Source::Part { parent, field } = stream.source {
                let Source::List(list) = &Stream::find(parent).unwrap().source else { panic!("{parent} is no list") };
                assert!(list.parts.iter().any(|part| part.field == field));
            }
        }
    }
}
