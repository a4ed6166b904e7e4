//! The description of a resource: where it is served, how it is paged and filtered, what its records are made of.

use chrono::{DateTime, Utc};
use fastrand::Rng;
use serde_json::{Map, Value};

use crate::context::Context;
use crate::dates;
use crate::filter::Rule;
use crate::kind::Kind;
use crate::options::{Caps, Scope};
use crate::paging::Paging;
use crate::record::Record;
use crate::refusal::{Refusal, Version};
use crate::seed::draw::rng;
use crate::seed::head::Head;
use crate::seed::make::{self, Field, For};

/// What an endpoint that counts says of these records, besides their number.
pub(crate) type CountOf = fn(&mut dyn Iterator<Item = &Head>) -> Map<String, Value>;
/// Finishes a record for a list.
pub(crate) type Show = fn(&Context<'_>, u64, &Record, &mut Map<String, Value>) -> Result<(), Refusal>;

/// Records of one kind, and the endpoints that serve them.
pub(crate) struct Resource {
    pub(crate) kind: Kind,
    pub(crate) api: Version,
    /// The path of the list after the version.
    pub(crate) path: &'static str,
    pub(crate) scope: Scope,
    /// The field of the id.
    pub(crate) id: &'static str,
    /// The id as it is written: a number, or a UUID.
    pub(crate) id_of: fn(u64) -> Value,
    pub(crate) dates: Dates,
    pub(crate) make: Make,
    pub(crate) paging: Paging,
    pub(crate) filters: &'static [Rule],
    pub(crate) sorts: Sorts,
    pub(crate) includes: &'static [Include],
    /// `include_fields` and `exclude_fields` are heeded, and these fields stay whatever they say.
    pub(crate) always: Option<&'static [&'static str]>,
    /// A record has a path of its own.
    pub(crate) has_one: bool,
    /// There is an endpoint that counts.
    pub(crate) count: Option<CountOf>,
    /// Records that are left out unless a filter asks for them: the filter's field and the value that is shown without it.
    pub(crate) hides: Option<(&'static str, &'static str)>,
    pub(crate) parts: &'static [Part],
    /// A record as the list shows it, where that is more than its fields and includes.
    pub(crate) show: Option<Show>,
    /// What filters see besides fields.
    pub(crate) seen: Option<fn(&Record, &str) -> Option<Value>>,
}

/// The dates of a record.
pub(crate) struct Dates {
    pub(crate) created: Option<&'static str>,
    pub(crate) modified: Option<&'static str>,
    pub(crate) write: fn(DateTime<Utc>) -> String,
}

/// The lengths of long lists, in turn: around ten, and around a page of 250. Each list that can have several rows is long in one
/// record of each hundred.
const LONG: [u64; 5] = [25, 11, 250, 251, 259];
/// The record of each hundred whose first list is long; its second list is long two records later, and so on.
const FIRST_LONG: u64 = 24;

/// Lists of rows that a record has as parts: the name, the most rows, what they are made of.
pub(crate) type More = &'static [(&'static str, u64, &'static [Field])];

/// How a record is made.
pub(crate) enum Make {
    /// By a function of the seed, the id and the head; the dates are filled in afterwards. The lists of rows become further
    /// parts.
    Hand(fn(&mut Rng, u64, u64, &Head) -> Record, More),
    /// From fields, and lists of rows as parts.
    Fields(&'static [Field], More),
}

/// What a list can be sorted by.
pub(crate) enum Sorts {
    None,
    /// `sort=field:desc`.
    Joined(&'static [&'static str]),
    /// `sort=field&direction=desc`.
    Apart(&'static [&'static str]),
    /// The same. Without `sort` the order is not documented: here it is by the first of these fields.
    Undocumented(&'static [&'static str]),
}

/// What a list shows when it is asked to.
pub(crate) struct Include {
    /// Its name in `include`.
    pub(crate) name: &'static str,
    /// The part that is shown; none for what `show` does, or for a field of the record that is left out otherwise.
    pub(crate) part: Option<&'static str>,
    /// The most rows of it that are shown.
    pub(crate) most: Option<fn(&Caps) -> usize>,
    /// The most records of a page that has it.
    pub(crate) page: Option<fn(&Caps) -> usize>,
}

impl Include {
    /// A field of the record that only comes when it is asked for.
    pub(crate) const fn field(name: &'static str) -> Self {
        Self { name, part: None, most: None, page: None }
    }
}

/// Rows that belong to a record, with endpoints of their own.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    /// What a tap calls a stream of these rows; none for what is no stream.
    pub(crate) stream: Option<&'static str>,
    pub(crate) scope: Scope,
    pub(crate) api: Version,
    /// Where the rows of one record are served: a path with `{id}`.
    pub(crate) below: Option<&'static str>,
    /// The list of those of all records, where there is one.
    pub(crate) across: Option<Across>,
    pub(crate) paging: Paging,
    pub(crate) filters: &'static [Rule],
    /// Fields of a row that come only if `include` names them.
    pub(crate) includes: &'static [(&'static str, &'static str)],
    /// Fields of a row that come only with `details=true`.
    pub(crate) details: &'static [&'static str],
    pub(crate) always: Option<&'static [&'static str]>,
    /// Builds the answer, if it is not a list of rows.
    pub(crate) built: Option<fn(&Context<'_>, u64, &Record) -> Value>,
}

/// A list of the rows of all records.
pub(crate) struct Across {
    pub(crate) path: &'static str,
    /// The filter that names records.
    pub(crate) owner: &'static str,
}

impl Resource {
    /// The whole record behind a head.
    pub(crate) fn record(&self, seed: u64, id: u64, head: &Head) -> Record {
        let rng = &mut rng(seed, self.kind, head.index, 1);
        match self.make {
            Make::Hand(make, more) => {
                let mut record = make(rng, seed, id, head);
                self.dates.stamp(head, &mut record.fields);
                record.parts.extend(self.more(rng, id, head, more));
                record
            }
            Make::Fields(fields, more) => {
                let fields = make::object(fields, &mut For { rng, id, row: None, head, write: self.dates.write });
                Record { fields, parts: self.more(rng, id, head, more) }
            }
        }
    }

    fn more(&self, rng: &mut Rng, id: u64, head: &Head, more: More) -> Map<String, Value> {
        let mut with = For { rng, id, row: None, head, write: self.dates.write };
        let mut rows = |(place, (name, most, fields)): (u64, &(&str, u64, &[Field]))| {
            let is_long = *most > 1 && head.index % 100 == FIRST_LONG + 2 * place;
            let count = if is_long { LONG[(head.index / 100) as usize % LONG.len()] } else { with.rng.u64(0..=*most) };
            ((*name).to_owned(), Value::from(make::rows(fields, &mut with, count)))
        };
        (0..).zip(more).map(&mut rows).collect()
    }

    /// Makes head and record agree after a change: what an order's fields say goes into the head, id and dates into the fields.
    pub(crate) fn settle(&self, id: u64, head: &mut Head, record: &mut Record) {
        if self.kind == Kind::ORDERS {
            head.read_order(&record.fields);
        }
        record.fields.insert(self.id.to_owned(), (self.id_of)(id));
        self.dates.stamp(head, &mut record.fields);
    }
}

impl Dates {
    /// Writes them in the form of the endpoint.
    fn stamp(&self, head: &Head, fields: &mut Map<String, Value>) {
        for (name, at) in [(self.created, head.created), (self.modified, head.modified)] {
            name.into_iter().for_each(|name| drop(fields.insert(name.to_owned(), Value::from((self.write)(at)))));
        }
    }
}

/// A v3 list whose records are made from fields.
pub(crate) const fn plain(kind: Kind, path: &'static str, scope: Scope, make: Make) -> Resource {
    Resource {
        kind,
        api: Version::V3,
        path,
        scope,
        id: "id",
        id_of: Value::from,
        dates: Dates { created: None, modified: None, write: dates::iso_z },
        make,
        paging: Paging::Number,
        filters: &[],
        sorts: Sorts::None,
        includes: &[],
        always: None,
        has_one: false,
        count: None,
        hides: None,
        parts: &[],
        show: None,
        seen: None,
    }
}

/// Rows of a record that are served below it.
pub(crate) const fn below(name: &'static str, api: Version, path: &'static str, scope: Scope) -> Part {
    Part { below: Some(path), ..part(name, api, scope) }
}

impl Part {
    /// The same part, whose rows are a stream of this name.
    pub(crate) const fn of_stream(mut self, stream: &'static str) -> Self {
        self.stream = Some(stream);
        self
    }
}

/// Rows of all records.
pub(crate) const fn across(
    name: &'static str,
    path: &'static str,
    owner: &'static str,
    scope: Scope,
    filters: &'static [Rule],
) -> Part {
    Part { across: Some(Across { path, owner }), filters, ..part(name, Version::V3, scope) }
}

/// A part without an endpoint, for the functions above.
const fn part(name: &'static str, api: Version, scope: Scope) -> Part {
    Part {
        name,
        stream: None,
        scope,
        api,
        below: None,
        across: None,
        paging: Paging::Number,
        filters: &[],
        includes: &[],
        details: &[],
        always: None,
        built: None,
    }
}
