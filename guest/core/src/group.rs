//! Streams that come from one walk: a list, read in one mode, and the streams that its records bring.

use crate::api::Query;
use crate::config::Config;
use crate::dates;
use crate::hash::hash;
use crate::json::{self, peek};
use crate::schema::Object;
use crate::shapes::Written;
use crate::singer::message::Output;
use crate::streams::{Embedded, Include, List, Lookup, Needed, RawRows, Rows, Source, Stream};
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Which part of a list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// What has changed since a bookmark.
    Changes,
    /// All of it, in each run.
    Whole,
    /// The ids of all records, to request something by those ids.
    Ids,
}

/// Streams that come from one walk.
#[derive(Debug)]
pub(crate) struct Group {
    /// The stream whose list is walked; it need not be selected itself.
    pub(crate) parent: &'static Stream,
    pub(crate) list: &'static List,
    /// The selected streams.
    pub(crate) members: Vec<Member>,
    /// The lists of each record that at least one of them wants.
    pub(crate) rows: Vec<&'static Rows>,
    /// The stream whose records have the list below them.
    pub(crate) below: Option<Above>,
    /// Parameters for what the API sends only when asked to.
    includes: Query,
    /// The filter for the channels that the user wants, where the list's takes them.
    pub(crate) channels: Option<(&'static str, String)>,
    /// The parameters of the walk: `includes`, or others that reduce records to ids and dates.
    query: Query,
    /// The nested lists that the walked list can include.
    pub(crate) embedding: Option<Rc<Embedding>>,
    /// If the walk brings only ids and dates: the filter that reads whole records by id, and how many at a time.
    pub(crate) by_ids: Option<(&'static str, usize)>,
    /// A hash of everything that shapes a walk: a walk resumes only if the hash is the same.
    pub(crate) selection: String,
}

/// The stream whose records have a list below them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Above {
    pub(crate) parent: &'static Stream,
    /// The field of the rows that gets the parent record's id.
    pub(crate) adds: Option<&'static str>,
}

/// Nested lists that the walked list includes, so that they need no requests of their own.
#[derive(Debug)]
pub(crate) struct Embedding {
    of: &'static Embedded,
    needed: Needed,
    /// The parameters of the list that bring them.
    query: Query,
    /// The store cannot serve them: the walks of this run no longer ask for them.
    is_given_up: Cell<bool>,
}

impl Embedding {
    /// The nested lists that these members want and the list can include. None if there is no such list.
    fn of(list: &List, rows: &[&'static Rows], members: &[Member], query: Query) -> Option<Embedding> {
        let of = list.embedded?;
        let is_brought = |wanted: &&'static Rows| of.rows.contains(wanted);
        let needed: Vec<_> = rows.iter().copied().filter(is_brought).map(|rows| (rows, fields_of(rows, members))).collect();
        (!needed.is_empty()).then(|| Embedding { of, needed: Needed(needed), query, is_given_up: Cell::new(false) })
    }

    /// Whether they are asked for.
    pub(crate) fn is_asked_for(&self) -> bool {
        !self.is_given_up.get()
    }

    /// Asks without them from now on.
    pub(crate) fn give_up(&self) {
        self.is_given_up.set(true);
    }

    /// Whether it brings a list.
    pub(crate) fn brings(&self, rows: &Rows) -> bool {
        self.needed.of(rows).is_some()
    }

    /// The nested lists in a record. None if the record does not prove that they are complete.
    pub(crate) fn take(&self, record: &RawValue) -> Option<Vec<(&'static Rows, RawRows)>> {
        let taken = (self.of.take)(record, &self.needed)?;
        Some(self.of.rows.iter().copied().zip(taken).filter(|(rows, _)| self.brings(rows)).collect())
    }
}

/// The fields of rows that members want.
fn fields_of(rows: &Rows, members: &[Member]) -> Vec<String> {
    let of = |member: &Member| -> Vec<String> {
        let shape = match member.stream.source {
            Source::With { .. } => Some(&member.shape),
            Source::List(_) | Source::Below { .. } => {
                let field = member.shape.position(rows.name).and_then(|place| member.shape.fields.get(place));
                field.and_then(|field| field.shape.of_rows())
            }
        };
        // Fields that are copied from the record are not the row's own.
        let is_own = |name: &&String| !rows.adds.iter().any(|(added, _)| added == name);
        shape.into_iter().flat_map(|shape| shape.fields.iter().map(|field| &field.name).filter(is_own)).cloned().collect()
    };
    let wanted: BTreeSet<String> = members.iter().filter(|member| member.wants(rows)).flat_map(of).collect();
    wanted.into_iter().collect()
}

/// A selected stream.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) stream: &'static Stream,
    pub(crate) mode: Mode,
    /// The stream as its messages show it.
    pub(crate) written: Written,
    /// The selected part of its schema.
    pub(crate) shape: Object,
    /// A hash of the selected fields.
    pub(crate) fields: String,
}

impl Member {
    /// Whether it writes these rows as records of its own, or as a field of its records.
    pub(crate) fn wants(&self, rows: &Rows) -> bool {
        match self.stream.source {
            Source::List(_) | Source::Below { .. } => self.shape.position(rows.name).is_some(),
            Source::With { rows: own, .. } => own == rows,
        }
    }
}

impl Group {
    /// The groups that walk this stream's list for these selected streams.
    pub(crate) fn of(parent: &'static Stream, members: Vec<Member>, config: &Config) -> Vec<Group> {
        let mut rest = members;
        let mut groups = Vec::new();
        for mode in [Mode::Changes, Mode::Whole, Mode::Ids] {
            let (members, others): (Vec<Member>, Vec<Member>) = rest.into_iter().partition(|member| member.mode == mode);
            rest = others;
            if !members.is_empty() {
                groups.push(Group::new(parent, mode, members, config));
            }
        }
        groups
    }

    fn new(parent: &'static Stream, mode: Mode, members: Vec<Member>, config: &Config) -> Group {
        let list = parent.list();
        let is_wanted = |rows: &Rows| members.iter().any(|member| member.wants(rows));
        let rows: Vec<&'static Rows> = list.rows.iter().copied().filter(|rows| is_wanted(rows)).collect();
        let of_parent = members.iter().find(|member| member.stream.name == parent.name);
        let is_shown = |field: &str| of_parent.is_some_and(|parent| parent.shape.position(field).is_some());
        let is_inside = |field: &str| rows.iter().any(|rows| rows.name == field && rows.is_inside());
        let included = || list.includes.iter().filter(|include| is_shown(include.field) || is_inside(include.field));
        let includes = query_of(included());
        let cut_to = included().filter_map(|include| include.page_at_most).min();
        let by_ids = match (cut_to, list.one) {
            (Some(most), Some(Lookup::Filter(filter))) if !list.ids_only.is_empty() => Some((filter, most)),
            _ => None,
        };
        let ids_only = || list.ids_only.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let query = if mode == Mode::Ids || by_ids.is_some() { ids_only() } else { includes.clone() };
        let brings = |embedded: &'static Embedded| query_of(included().chain([embedded.include]));
        let may_embed = config.embeds_order_lines && mode != Mode::Ids && by_ids.is_none();
        let query_with = list.embedded.filter(|_| may_embed).map(brings);
        let embedding = query_with.and_then(|query| Embedding::of(list, &rows, &members, query)).map(Rc::new);
        let below = match parent.source {
            Source::Below { parent, adds, .. } => Some(Above { parent, adds }),
            Source::List(_) | Source::With { .. } => None,
        };
        let fields = members.iter().flat_map(|member| [member.stream.name.to_owned(), member.fields.clone()]);
        let settings = [config.end_date.map(dates::format), Some(config.lookback.to_string()), config.channels.of(list.channels)];
        let selection = hash(fields.chain(settings.into_iter().flatten()));
        let channels = config.channels.filter(list.channels);
        Group { parent, list, members, rows, below, includes, channels, query, embedding, by_ids, selection }
    }

    /// The parameters with which its list is walked.
    pub(crate) fn query(&self) -> Query {
        self.embedded().map_or(&self.query, |embedding| &embedding.query).clone()
    }

    /// The same without the nested lists that the walked list can include.
    pub(crate) fn plain_query(&self) -> Query {
        self.query.clone()
    }

    /// Parameters for whole records, without embedded lists: they may be the reason why a record had to be set aside.
    pub(crate) fn includes(&self) -> Query {
        self.includes.clone()
    }

    fn embedded(&self) -> Option<&Embedding> {
        self.embedding.as_deref().filter(|embedding| embedding.is_asked_for())
    }

    /// What messages call it: the stream whose list is walked, or the first of those that its records bring.
    pub(crate) fn name(&self) -> &'static str {
        let of_parent = self.members.iter().any(|member| member.stream.name == self.parent.name);
        if of_parent { self.parent.name } else { self.members.first().map_or(self.parent.name, |member| member.stream.name) }
    }

    /// The stream that rows belong to, for messages: the one that shows them, or the one that is made of them.
    pub(crate) fn owner(&self, rows: &Rows) -> &'static str {
        self.members.iter().find(|member| member.wants(rows)).map_or(self.parent.name, |member| member.stream.name)
    }

    /// Whether anything is asked for to complete its records.
    pub(crate) fn asks(&self) -> bool {
        self.chunk() < usize::MAX
    }

    /// How many records are completed together: one if each has a request of its own, the whole page if none is needed.
    pub(crate) fn chunk(&self) -> usize {
        let by_ids = self.by_ids.map(|(_, most)| most);
        by_ids.or(self.rows.iter().filter_map(|rows| rows.at_a_time()).max()).unwrap_or(usize::MAX)
    }

    /// The latest date that the walk reads. None if a member has no date: the date of the record around its rows says nothing
    /// about them.
    pub(crate) fn until(&self, config: &Config) -> Option<DateTime<Utc>> {
        config.end_date.filter(|_| self.members.iter().all(|member| member.stream.replication_key().is_some()))
    }

    /// About how many RECORD messages a row brings at most, as far as the row says.
    pub(crate) fn expects(&self, row: &RawValue) -> u64 {
        let of = |member: &Member| {
            let announced = member.stream.rows().map(|rows| rows.announced_by);
            announced.map_or(1, |by| by.and_then(|by| json::count(peek(row.get(), by.field())?)).unwrap_or(1))
        };
        self.members.iter().map(of).sum()
    }

    /// Adds the SCHEMA messages of its streams.
    pub(crate) fn announce(&self, output: &mut Output<'_>) {
        for Member { written, .. } in &self.members {
            output.schema(&written.name, &written.schema, &written.key, written.bookmark.as_deref());
        }
    }
}

/// The `include` parameter and what goes with it.
fn query_of<'i>(wanted: impl Iterator<Item = &'i Include>) -> Query {
    let (mut values, mut query): (Vec<&str>, Query) = (Vec::new(), Vec::new());
    for include in wanted {
        if !values.contains(&include.value) {
            values.push(include.value);
            query.extend(include.with.map(|(name, value)| (name, value.to_owned())));
        }
    }
    if !values.is_empty() {
        query.insert(0, ("include", values.join(",")));
    }
    query
}
