//! The description of a list of the API: how it is requested, how it is walked, and which nested lists its records have.

use crate::api::list::{Form, Listing};
pub use crate::channels::ByChannel;
use crate::json::peek;
use serde_json::value::RawValue;

/// A query's constant names and values.
pub type Params = &'static [(&'static str, &'static str)];

/// A list of the API and how to walk it.
#[derive(Debug)]
pub struct List {
    /// The path below the store's.
    pub path: &'static str,
    /// The API scope that its requests need.
    pub scope: &'static str,
    /// The form of its pages.
    pub form: Form,
    /// Parameters that each page's request has.
    pub fixed: Params,
    /// The fields that identify a record. Positions by id need a single field, a number.
    pub key: &'static [&'static str],
    /// The date that it can be filtered by. None: it is always read whole.
    pub dates: Option<Dates>,
    /// The position in the list.
    pub paging: Paging,
    /// How its end is confirmed.
    pub end: End,
    /// The path of an endpoint that counts the list's records: for forecasts, for `End::AllSeen`, and to check that an empty list is empty.
    pub count: Option<&'static str>,
    /// Fields that the API sends only when asked to.
    pub includes: &'static [Include],
    /// Lists that each of its records has.
    pub rows: &'static [&'static Rows],
    /// How one record is looked up, if it was set aside or its nested list was not found. None if it cannot be looked up.
    pub one: Option<Lookup>,
    /// Parameters that leave only ids and dates in the records; none where there are no such parameters.
    pub ids_only: Params,
    /// How it is filtered by channel.
    pub channels: Option<ByChannel>,
    /// The filters for the least and the greatest id, where the list has them: used to request a range of records that was set
    /// aside.
    pub range: Option<(&'static str, &'static str)>,
    /// The most requests that the store allows at the same time, where it says so.
    pub at_once: Option<usize>,
    /// Records that the list may hide unless a filter asks for them: after its own records, a walk makes one more pass for each of these.
    pub hidden: &'static [Hidden],
    /// Nested lists that it can include in another form, so that they need no requests of their own.
    pub embedded: Option<&'static Embedded>,
}

/// The rows of one list, as they came.
pub type RawRows = Vec<Box<RawValue>>;

/// Nested lists that the records contain in another form, if the walked list is asked to include it.
#[derive(Debug)]
pub struct Embedded {
    /// How the walked list is asked for them.
    pub include: &'static Include,
    /// The lists.
    pub rows: &'static [&'static Rows],
    /// Takes them out of a record, in the order of `rows`. None if the record does not prove that they are complete.
    pub take: fn(&RawValue, &Needed) -> Option<Vec<RawRows>>,
}

/// The fields that the streams of a run want of the rows of each list.
#[derive(Debug)]
pub struct Needed(pub Vec<(&'static Rows, Vec<String>)>);

impl Needed {
    /// Those of one list. None: nobody wants that list.
    pub fn of(&self, rows: &Rows) -> Option<&[String]> {
        self.0.iter().find(|(known, _)| *known == rows).map(|(_, fields)| fields.as_slice())
    }
}

/// Records that a list may hide unless a filter asks for them.
#[derive(Debug)]
pub struct Hidden {
    /// What messages call them.
    pub name: &'static str,
    /// The filter, and its value.
    pub filter: (&'static str, &'static str),
    /// The field that is true in each of them, and in no other record.
    pub mark: &'static str,
}

impl Hidden {
    /// Whether a record is one of them.
    pub(crate) fn has(&self, record: &RawValue) -> bool {
        peek(record.get(), self.mark).is_some_and(|mark| matches!(mark.trim_matches('"'), "true" | "1"))
    }
}

/// A date of a list's records, and the filters that go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dates {
    /// The field.
    pub field: &'static str,
    /// The filter for the least date, inclusive.
    pub since: &'static str,
    /// The filter for the greatest date, inclusive.
    pub until: &'static str,
    /// Parameters that put the record with the last date first.
    pub newest_first: Params,
}

/// How one record of a list is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Lookup {
    /// By a path of its own, with `{id}`; 404 if there is none.
    Path(&'static str),
    /// By the list's filter of this name; an empty list if there is none.
    Filter(&'static str),
}

/// How a walk knows where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
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
    /// By page number, for small lists: a deletion shifts the rows after it, so all pages are read until a pass brings nothing
    /// new.
    Page,
    /// One request brings everything.
    Once,
}

/// How the end of a list is confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The list itself, sorted by id downward with these parameters, has no row above the last one.
    Highest(Params),
    /// A second empty page, and the store's count of all rows, which is no higher than what the walk has seen.
    AllSeen,
    /// A second empty page, and the list's own count: for the time that the walk covers completely, it counts no more modified
    /// rows than the walk has seen.
    CoveredSeen,
    /// All pages once more, which bring nothing new.
    Again,
    /// Nothing: one answer holds all.
    Answer,
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
    /// The page size to which the API limits requests with this field, if it does.
    pub page_at_most: Option<usize>,
    /// If its values can change while the record keeps its date: the stream that reads all of them in each run.
    pub undated: Option<&'static str>,
}

/// A list that each record of another list has: an order's lines, a customer's addresses.
#[derive(Debug)]
pub struct Rows {
    /// What they are called; the field in which the record shows them.
    pub name: &'static str,
    /// The fields that tell the rows of one record apart.
    pub key: &'static [&'static str],
    /// Where they come from, in order: the first complete source is used.
    pub from: &'static [Way],
    /// The record's field that says something about how many there are.
    pub announced_by: Option<Announced>,
    /// Fields that a stream of these rows copies from the record: the row's field and the record's.
    pub adds: Params,
}

/// Where the rows of a record come from.
#[derive(Debug)]
pub enum Way {
    /// The record holds them itself, up to the API's documented maximum for lists inside records.
    Inside {
        /// That maximum: a list with this many rows may have more. None if it is always complete.
        full: Option<usize>,
    },
    /// A request for each record.
    Each(Ask),
    /// A request for some records together.
    Batch {
        /// The request.
        ask: Ask,
        /// The filter that takes the records' ids, separated by commas.
        filter: &'static str,
        /// The field in which a row names its record.
        owner: &'static str,
        /// The most ids of one request.
        most: usize,
    },
}

/// A request for a record's rows.
#[derive(Debug)]
pub struct Ask {
    /// The path of the list, with `{id}` for the record's id where it stands in the path.
    pub path: &'static str,
    /// Parameters.
    pub query: Params,
    /// The form of its pages.
    pub form: Form,
    /// The API scope that it needs.
    pub scope: &'static str,
}

impl Ask {
    /// Reads a page of the rows. If a record has no such object, the answer is empty or has PHP's form of an empty object.
    pub(crate) fn decode(&self, body: &[u8]) -> Result<Listing, String> {
        match (self.form, body.trim_ascii()) {
            (Form::Object, b"" | b"{}" | b"[]") => Ok(Listing::default()),
            _ => self.form.decode(body),
        }
    }
}

/// What a field of a record says about the length of one of its lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// A number above zero contradicts an empty list; what else it counts is not documented.
    Some(&'static str),
    /// How many rows the list has.
    Count(&'static str),
    /// A number above zero contradicts an empty list. A page whose rows do not add up to it is not the last, unless it brings nothing new.
    Sum {
        /// The record's field.
        field: &'static str,
        /// The field of the rows that adds up.
        of: &'static str,
    },
}

impl Announced {
    /// The field.
    pub fn field(self) -> &'static str {
        let (Announced::Some(field) | Announced::Count(field) | Announced::Sum { field, .. }) = self;
        field
    }
}

impl Rows {
    /// The request that brings those that the record does not hold itself.
    pub fn ask(&self) -> Option<&'static Ask> {
        self.from.iter().find_map(|from| match from {
            Way::Inside { .. } => None,
            Way::Each(ask) | Way::Batch { ask, .. } => Some(ask),
        })
    }

    /// How they are asked for together, where they can be: the filter that takes the records' ids, and the field in which a row names its
    /// record.
    pub fn batch(&self) -> Option<(&'static str, &'static str)> {
        self.from.iter().find_map(|from| match from {
            Way::Batch { filter, owner, .. } => Some((*filter, *owner)),
            Way::Inside { .. } | Way::Each(_) => None,
        })
    }

    /// How many records share a request. None if these rows need no request.
    pub fn at_a_time(&self) -> Option<usize> {
        self.from.iter().find_map(|from| match from {
            Way::Inside { .. } => None,
            // Rows that a record contains seldom need a request of their own.
            Way::Each(_) => Some(1).filter(|_| !self.is_inside()),
            Way::Batch { most, .. } => Some(*most),
        })
    }

    /// Whether records hold them, at least some of them.
    pub fn is_inside(&self) -> bool {
        self.from.iter().any(|from| matches!(from, Way::Inside { .. }))
    }
}

impl PartialEq for Rows {
    /// Each list is declared once, so the address identifies it.
    fn eq(&self, other: &Rows) -> bool {
        std::ptr::eq(self, other)
    }
}

/// A field that comes with `include=` under another or the same name.
pub(super) const fn include(field: &'static str, value: &'static str) -> Include {
    Include { field, value, with: None, page_at_most: None, undated: None }
}

impl List {
    /// A list of API v2 that is walked by id, whole.
    pub(super) const fn v2(path: &'static str, scope: &'static str) -> List {
        List {
            path,
            scope,
            form: Form::Bare,
            fixed: &[],
            key: &["id"],
            dates: None,
            paging: Paging::Id { after: "min_id" },
            end: End::AllSeen,
            count: None,
            includes: &[],
            rows: &[],
            one: None,
            ids_only: &[],
            channels: None,
            range: None,
            at_once: None,
            hidden: &[],
            embedded: None,
        }
    }

    /// A small list of API v3 that is read by page number, whole.
    pub(super) const fn v3(path: &'static str, scope: &'static str) -> List {
        List { form: Form::Envelope, paging: Paging::Page, end: End::Again, ..List::v2(path, scope) }
    }

    /// A list of API v3 that is walked by cursor, filtered by when a record was modified.
    pub(super) const fn by_cursor(path: &'static str, scope: &'static str) -> List {
        List {
            dates: Some(Dates {
                field: "date_modified",
                since: "date_modified:min",
                until: "date_modified:max",
                newest_first: &[],
            }),
            paging: Paging::Cursor { after: "after" },
            end: End::CoveredSeen,
            ..List::v3(path, scope)
        }
    }

    /// The field that holds a record's id, where that is one field.
    pub fn id(&self) -> Option<&'static str> {
        match self.key {
            [id] => Some(id),
            _ => None,
        }
    }

    /// The field of the date that the list goes by.
    pub fn date(&self) -> Option<&'static str> {
        self.dates.map(|dates| dates.field)
    }

    /// The hidden records that a pass asks for. None if it asks for the list's own records.
    pub fn hidden_in(&self, pass: usize) -> Option<&'static Hidden> {
        self.hidden.get(pass.checked_sub(1)?)
    }

    /// Whether a walk goes by id.
    pub fn is_by_id(&self) -> bool {
        matches!(self.paging, Paging::Id { .. })
    }
}
