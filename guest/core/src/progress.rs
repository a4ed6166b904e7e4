//! How far a walk has come, as the STATE holds it while the walk is under way.

use crate::aside::is_first_pass;
use crate::certainty::Certainty;
use crate::dates;
use crate::streams::List;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Where each stream of a walk starts, by its name.
pub type Starts = BTreeMap<String, Since>;

/// Where a stream starts: the least date that it takes. None: it takes everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Since(#[serde(with = "dates::option")] pub Option<DateTime<Utc>>);

/// Streams that a walk reads from before their bookmarks, because their rows can change while the parent record keeps its date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// When the walk began, by this machine's clock.
    #[serde(with = "dates::option")]
    pub begun: Option<DateTime<Utc>>,
    /// From where each of them is read.
    pub since: Starts,
}

/// A position in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Position {
    /// After the record with this id.
    Id {
        /// The id.
        id: u64,
    },
    /// At a cursor.
    Cursor {
        /// The cursor.
        cursor: String,
    },
    /// At a page.
    Page {
        /// Its number, from 1.
        page: u64,
        /// How many rows the pages have.
        limit: u32,
    },
}

/// A position in the lists below the records of another list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Below {
    /// The record whose list is read.
    pub parent: u64,
    /// Where in that list. None: at its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// The records seen of that list.
    #[serde(default)]
    pub seen: u64,
}

/// How far a walk has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The version of this form.
    pub v: u32,
    /// The least modification date that the walk takes; none: everything.
    #[serde(default, with = "dates::option")]
    pub since: Option<DateTime<Utc>>,
    /// The store's time when the walk began.
    #[serde(default, with = "dates::option")]
    pub started: Option<DateTime<Utc>>,
    /// The greatest modification date seen.
    #[serde(default, with = "dates::option")]
    pub newest: Option<DateTime<Utc>>,
    /// After the last record done; where the list is walked by cursor, after the last page done. None: at the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// For child lists: the one that is being read. `position` is then that of the page with its parent record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<Below>,
    /// Which pass through the list it is: 0 for its own records, then those that it may hide, in the order of [`List::hidden`].
    #[serde(default, skip_serializing_if = "is_first_pass")]
    pub pass: usize,
    /// The streams that the walk reads for, and where each of them starts.
    pub members: Starts,
    /// Those of them that the walk reads from further back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<Refresh>,
    /// The highest id that the list had when the walk began, where the list can say so: there is no need to go further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// The walk ends with this id: it repeats the part of a full table that was read before a resumption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_id: Option<u64>,
    /// How many records were seen, to compare with the store's count at the end.
    #[serde(default)]
    pub seen: u64,
    /// The walk directly follows a resumed one, to read what changed in the meantime.
    #[serde(rename = "again", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_second: bool,
    /// For each full table whose records carry a version in this walk: whether all of its rows have certainly come.
    #[serde(default, skip_serializing_if = "Certainty::is_empty")]
    pub certainty: Certainty,
    /// A hash of what is selected and of the settings that shape it.
    pub selection: String,
    /// The version of the tap, for whoever reads the state.
    pub tap: String,
}

impl Progress {
    /// The form that this tap writes.
    pub const FORM: u32 = 2;

    /// A new walk for streams with these starts, some of which are read from further back. It reads from the earliest start of
    /// all.
    pub fn refreshing(members: Starts, refresh: Option<Refresh>, selection: &str) -> Progress {
        let new = Progress { refresh, ..Progress::new(members, selection) };
        Progress { since: new.least_start().and_then(|since| since.0), ..new }
    }

    /// A new walk for streams with these starts. It reads from the earliest one.
    pub fn new(members: Starts, selection: &str) -> Progress {
        Progress {
            v: Self::FORM,
            // None is less than every date.
            since: members.values().min().and_then(|since| since.0),
            started: None,
            newest: None,
            position: None,
            below: None,
            pass: 0,
            members,
            refresh: None,
            end: None,
            until_id: None,
            seen: 0,
            is_second: false,
            certainty: Certainty::new(),
            selection: selection.to_owned(),
            tap: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Reads a walk from a state, in the current form or in that of 0.1.0, which does not list its members. The error says why it
    /// cannot be read.
    pub fn read(walk: &Value) -> Result<Progress, &'static str> {
        let read = match walk.get("v").and_then(Value::as_u64) {
            Some(1) => Before::deserialize(walk).map(Progress::from),
            Some(2) | None => Progress::deserialize(walk),
            Some(_) => return Err("it is of another version of the tap"),
        };
        read.map_err(|_| "it has another form")
    }

    /// The last id done, where the walk goes by id.
    pub fn last_id(&self) -> Option<u64> {
        match self.position {
            Some(Position::Id { id }) => Some(id),
            _ => None,
        }
    }

    /// Whether the walk has made no progress yet.
    pub fn is_at_start(&self) -> bool {
        self.position.is_none() && self.below.is_none() && self.pass == 0
    }

    /// From where the walk reads for a stream. None: it does not read for it.
    pub fn start_of(&self, stream: &str) -> Option<Since> {
        let own = self.members.get(stream)?;
        let further = self.refresh.as_ref().and_then(|refresh| refresh.since.get(stream));
        Some(further.map_or(*own, |further| *further.min(own)))
    }

    /// The least of the starts of its streams. None: it has no streams.
    pub fn least_start(&self) -> Option<Since> {
        self.members.keys().filter_map(|stream| self.start_of(stream)).min()
    }

    /// When the walk began, if it counts as a refresh of this stream.
    pub fn refreshed(&self, stream: &str) -> Option<DateTime<Utc>> {
        let refresh = self.refresh.as_ref()?;
        refresh.begun.filter(|_| refresh.since.contains_key(stream))
    }

    /// Begins the next pass through the list, if there is one: for what the list may hide. Reports whether there is.
    pub fn begin_next_pass(&mut self, list: &List) -> bool {
        let has_next = list.hidden_in(self.pass + 1).is_some();
        if has_next {
            self.pass += 1;
            (self.position, self.end, self.seen) = (None, None, 0);
        }
        has_next
    }
}

/// A walk as 0.1.0 wrote it.
#[derive(Deserialize)]
struct Before {
    #[serde(default, with = "dates::option")]
    since: Option<DateTime<Utc>>,
    #[serde(default, with = "dates::option")]
    started: Option<DateTime<Utc>>,
    #[serde(default, with = "dates::option")]
    newest: Option<DateTime<Utc>>,
    last_id: Option<u64>,
    cursor: Option<String>,
    end: Option<u64>,
    until_id: Option<u64>,
    #[serde(default)]
    seen: u64,
    #[serde(default)]
    again: bool,
    selection: String,
}

impl From<Before> for Progress {
    fn from(before: Before) -> Progress {
        let Before { since, started, newest, last_id, cursor, end, until_id, seen, again, selection } = before;
        let position = last_id.map(|id| Position::Id { id }).or(cursor.map(|cursor| Position::Cursor { cursor }));
        let new = Progress::new(Starts::new(), &selection);
        Progress { since, started, newest, position, end, until_id, seen, is_second: again, ..new }
    }
}
