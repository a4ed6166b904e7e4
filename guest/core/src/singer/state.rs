//! The state: where each stream resumes. What a given state holds beyond that is passed on as it is.

mod foreign;

use crate::dates;
use crate::error::{Failure, Kind, Result};
use crate::streams::{ALL, Stream};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Larger states are refused unread.
const MAX_BYTES: usize = 8 << 20;
const BOOKMARKS: &str = "bookmarks";
const SYNCING: &str = "currently_syncing";
const WALK: &str = "walk";
const SELECTION: &str = "selection";
const ASIDE: &str = "aside";
/// A stream with more entries set aside than this has another trouble than single records.
pub const MOST_ASIDE: usize = 100;
/// Streams that are read together share what is aside, so that each may bring its own hundred.
const MOST_IN_STATE: usize = 10 * MOST_ASIDE;
/// So much of a state that is not known is named.
const NAMED: usize = 10;

/// Records that the store could not serve, to be asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Aside {
    /// One record of the list that is walked.
    Id(u64),
    /// Whatever lies between two ids, both of them left out.
    Gap {
        /// The last id before it; 0 if there is none.
        above: u64,
        /// The first id behind it.
        below: u64,
    },
}

impl Aside {
    /// Whether it holds the record with this id.
    pub fn holds(&self, id: u64) -> bool {
        match *self {
            Aside::Id(own) => own == id,
            Aside::Gap { above, below } => above < id && id < below,
        }
    }

    /// How many records it holds at most.
    pub(crate) fn most(&self) -> u64 {
        match *self {
            Aside::Id(_) => 1,
            Aside::Gap { above, below } => below.saturating_sub(above).saturating_sub(1),
        }
    }

    /// The last id that it may hold.
    pub(crate) fn last(&self) -> u64 {
        match *self {
            Aside::Id(id) => id,
            Aside::Gap { below, .. } => below.saturating_sub(1),
        }
    }

    /// Adds it to what is known to be aside, unless that has it. Reports whether it is new.
    pub(crate) fn join(self, known: &mut Vec<Aside>) -> bool {
        let is_new = !known.iter().any(|known| known.covers(&self));
        if is_new {
            known.retain(|known| !self.covers(known));
            known.push(self);
        }
        is_new
    }

    /// Whether to ask for it is to ask for the other. A single record that lies in a gap stands for itself: the gap may come without it.
    pub(crate) fn covers(&self, other: &Aside) -> bool {
        match (self, other) {
            (Aside::Gap { above, below }, Aside::Gap { above: from, below: to }) => above <= from && to <= below,
            _ => self == other,
        }
    }
}

impl std::fmt::Display for Aside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Aside::Id(id) => write!(f, "record {id}"),
            Aside::Gap { above, below } => write!(f, "the records between {above} and {below}"),
        }
    }
}

/// How far a walk has come. In the state while the walk is under way.
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
    /// The last record done, where the list is walked by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_id: Option<u64>,
    /// The last whole page done, where the list is walked by cursor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The highest id that the list had when the walk began, where the list can say so: there is no need to go further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// The walk ends with this id: it repeats the part of a full table that was read before a resumption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_id: Option<u64>,
    /// The records seen that the store is asked to count at the end.
    #[serde(default)]
    pub seen: u64,
    /// The walk follows a resumed one at once, to read what had changed meanwhile.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// A hash of what is selected and of the settings that shape it.
    pub selection: String,
    /// The version of the tap, for whoever reads the state.
    pub version: String,
}

impl Progress {
    /// The form that this tap writes and reads.
    pub const FORM: u32 = 1;

    /// A walk that has not begun.
    pub fn new(since: Option<DateTime<Utc>>, selection: &str) -> Progress {
        Progress {
            v: Self::FORM,
            since,
            started: None,
            newest: None,
            last_id: None,
            cursor: None,
            end: None,
            until_id: None,
            seen: 0,
            again: false,
            selection: selection.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// A state, whole.
#[derive(Clone, Debug)]
pub struct State(Value);

impl State {
    /// Reads a state: the value of a STATE message, the message itself, or what other tools make of it. None and empty text: a first run. Fails
    /// on one in which nothing is known: everything would be read again, in silence. The texts are warnings.
    pub fn parse(text: Option<&str>) -> Result<(State, Vec<String>)> {
        let text = text.map(str::trim).filter(|text| !text.is_empty()).unwrap_or("{}");
        if text.len() > MAX_BYTES {
            return Err(fault(format!("it is larger than {MAX_BYTES} bytes")));
        }
        let value: Value = serde_json::from_str(text)
            .map_err(|e| fault(format!("it is not JSON (look at line {}, column {})", e.line(), e.column())))?;
        let mut root = foreign::unwrapped(value).ok_or_else(|| fault("it is not a JSON object".into()))?;
        let has_bookmarks = root.contains_key(BOOKMARKS);
        let bookmarks = root.entry(BOOKMARKS).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(bookmarks) = bookmarks else { return Err(fault("its \"bookmarks\" is not a JSON object".into())) };
        let ours = |name: &str| Stream::find(name).is_some();
        bookmarks.retain(|name, bookmark| !ours(name) || !bookmark.is_null());
        if let Some((name, _)) = bookmarks.iter().find(|(name, bookmark)| ours(name) && !bookmark.is_object()) {
            return Err(fault(format!("its bookmark of {name:?} is not a JSON object")));
        }
        let mut warnings = Vec::new();
        for (name, bookmark) in bookmarks.iter_mut() {
            if let (Some(stream), Some(bookmark)) = (Stream::find(name), bookmark.as_object_mut()) {
                warnings.extend(foreign::convert(stream, bookmark)?);
            }
        }
        let is_empty = bookmarks.is_empty();
        let state = State(Value::Object(root));
        let unknown = state.unknown();
        let is_foreign = if is_empty { !has_bookmarks && !unknown.is_empty() } else { !state.is_known() };
        if is_foreign {
            let mut named: Vec<String> = unknown.iter().take(NAMED).cloned().collect();
            named.extend(unknown.len().checked_sub(NAMED + 1).map(|more| format!("and {} more", more + 1)));
            return Err(fault(format!("this tap knows nothing of what it holds ({})", named.join(", "))));
        }
        let pass_on = |what| format!("the state holds {what}, which this tap does not know; it is passed on as it is");
        warnings.extend(unknown.into_iter().map(pass_on));
        Ok((state, warnings))
    }

    /// Whether one of the bookmarks says something: of a stream that each run reads whole, and of one that has not begun, any does.
    fn is_known(&self) -> bool {
        let bookmarks = self.0[BOOKMARKS].as_object().into_iter().flatten();
        let mut ours = bookmarks.filter_map(|(name, bookmark)| Some((Stream::find(name)?, bookmark.as_object()?)));
        ours.any(|(stream, bookmark)| {
            stream.replication_key().is_none() || bookmark.is_empty() || bookmark.keys().any(|key| is_known(stream, key))
        })
    }

    fn unknown(&self) -> Vec<String> {
        let mut unknown = Vec::new();
        let root = self.0.as_object().into_iter().flatten();
        unknown.extend(root.filter(|(key, _)| *key != BOOKMARKS && *key != SYNCING).map(|(key, _)| format!("the key {key:?}")));
        for (name, bookmark) in self.0[BOOKMARKS].as_object().into_iter().flatten() {
            let Some(stream) = Stream::find(name) else {
                unknown.push(format!("a bookmark of the stream {name:?}"));
                continue;
            };
            if bookmark.as_object().is_some_and(foreign::is_sdks) {
                unknown.push(format!("a bookmark of {name} in another form"));
            }
            let keys = bookmark.as_object().into_iter().flatten();
            let keys = keys.filter(|(key, _)| !is_known(stream, key) && !foreign::is_sdk_key(key));
            unknown.extend(keys.map(|(key, _)| format!("the key {key:?} in the bookmark of {name}")));
        }
        unknown
    }

    /// The state as messages carry it.
    pub fn value(&self) -> &Value {
        &self.0
    }

    fn of(&self, stream: &Stream) -> Option<&Map<String, Value>> {
        self.0[BOOKMARKS].get(stream.name)?.as_object()
    }

    fn of_mut(&mut self, stream: &Stream) -> Option<&mut Map<String, Value>> {
        let bookmarks = self.0.get_mut(BOOKMARKS)?.as_object_mut()?;
        bookmarks.entry(stream.name).or_insert_with(|| Value::Object(Map::new())).as_object_mut()
    }

    /// A stream's bookmark. Fails on one that is not a date: without it everything would be read again, in silence.
    pub fn bookmark(&self, stream: &Stream) -> Result<Option<DateTime<Utc>>> {
        let Some(value) = stream.replication_key().and_then(|key| self.of(stream)?.get(key)).filter(|value| !value.is_null())
        else {
            return Ok(None);
        };
        let date = value.as_str().and_then(dates::parse);
        date.map(Some).ok_or_else(|| fault("its bookmark is not a date".into()).of_stream(stream.name))
    }

    /// The walk of a stream that was left under way. The error says why what the state holds is no such walk.
    pub fn walk(&self, stream: &Stream) -> std::result::Result<Option<Progress>, &'static str> {
        let Some(walk) = self.of(stream).and_then(|bookmark| bookmark.get(WALK)) else { return Ok(None) };
        if walk.get("v").is_some_and(|v| v != Progress::FORM) {
            return Err("it is of another version of the tap");
        }
        Progress::deserialize(walk).map(Some).map_err(|_| "it has another form")
    }

    /// What a stream has set aside. Fails on what is no such list, or is longer than this tap writes.
    pub fn aside(&self, stream: &Stream) -> Result<Vec<Aside>> {
        let Some(list) = self.of(stream).and_then(|bookmark| bookmark.get(ASIDE)) else { return Ok(Vec::new()) };
        let wrong = |what: String| fault(format!("its \"aside\" {what}")).of_stream(stream.name);
        match list.as_array().map(Vec::len) {
            None if list.is_null() => return Ok(Vec::new()),
            Some(len) if len > MOST_IN_STATE => {
                return Err(wrong(format!("has {len} entries, and {MOST_IN_STATE} at most are possible")));
            }
            _ => {}
        }
        Vec::<Aside>::deserialize(list).map_err(|_| wrong("is not a list of ids and ranges of ids".into()))
    }

    /// Notes what a stream has set aside. An empty list stays in the state, since some runners merge a state into the one before.
    pub(crate) fn set_aside(&mut self, stream: &Stream, aside: &[Aside]) {
        let Some(entry) = self.of_mut(stream) else { return };
        if !aside.is_empty() || entry.contains_key(ASIDE) {
            // Numbers: this cannot fail.
            entry.insert(ASIDE.into(), serde_json::to_value(aside).unwrap_or_default());
        }
    }

    /// What was selected when the bookmark was written.
    pub fn selection(&self, stream: &Stream) -> Option<&str> {
        self.of(stream)?.get(SELECTION)?.as_str()
    }

    /// The stream that a run was busy with when it ended.
    pub fn syncing(&self) -> Option<&str> {
        self.0.get(SYNCING)?.as_str()
    }

    /// Notes the stream that the run is busy with; none: it has done them all.
    pub fn set_syncing(&mut self, stream: Option<&str>) {
        if let Some(root) = self.0.as_object_mut() {
            root.shift_remove(SYNCING);
            if let Some(stream) = stream {
                root.shift_insert(0, SYNCING.into(), stream.into());
            }
        }
    }

    /// Notes how far a stream's walk has come.
    pub fn set_walk(&mut self, stream: &Stream, progress: &Progress) {
        // Dates, numbers and text: this cannot fail.
        let walk = serde_json::to_value(progress).unwrap_or_default();
        if let Some(bookmark) = self.of_mut(stream) {
            bookmark.insert(WALK.into(), walk);
        }
    }

    /// Notes that a stream's walk is complete, and its new bookmark if it has one.
    pub fn complete(&mut self, stream: &Stream, bookmark: Option<DateTime<Utc>>, selection: &str) {
        let Some(entry) = self.of_mut(stream) else { return };
        entry.shift_remove(WALK);
        if let (Some(key), Some(date)) = (stream.replication_key(), bookmark) {
            entry.insert(key.into(), dates::format(date).into());
        }
        entry.insert(SELECTION.into(), selection.into());
    }
}

/// Whether a key of a stream's bookmark is this tap's.
fn is_known(stream: &Stream, key: &str) -> bool {
    [WALK, SELECTION, ASIDE].contains(&key) || Some(key) == stream.replication_key()
}

/// The text of a state without what it remembers of one stream: the stream is read from its start again. Fails on a name that is no
/// stream's.
pub fn forget(text: Option<&str>, stream: &str) -> Result<String> {
    if Stream::find(stream).is_none() {
        let known: Vec<&str> = ALL.iter().map(|stream| stream.name).collect();
        return Err(Failure::new(
            Kind::Config,
            format!("there is no stream {stream:?} to refresh; there are {}", known.join(", ")),
        ));
    }
    let (mut state, _) = State::parse(text)?;
    // The entry stays: without it, a state that holds nothing else would not be known as one.
    if let Some(bookmark) = state.0[BOOKMARKS].get_mut(stream) {
        *bookmark = Value::Object(Map::new());
    }
    Ok(state.0.to_string())
}

fn fault(what: String) -> Failure {
    Failure::new(
        Kind::State,
        format!("the state cannot be used: {what}; give the last STATE of an earlier run, or none to read everything"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::{coupons, orders};

    fn state(text: &str) -> State {
        State::parse(Some(text)).unwrap().0
    }

    #[test]
    fn the_python_taps_state_is_read() {
        let text = r#"{"bookmarks": {"orders": {"date_modified": "2021-05-04T12:00:00+00:00"}, "coupons": {"id": 3}}}"#;
        let (state, warnings) = State::parse(Some(text)).unwrap();
        assert_eq!(state.bookmark(&orders::STREAM).unwrap().map(dates::format).as_deref(), Some("2021-05-04T12:00:00Z"));
        assert_eq!(state.bookmark(&coupons::STREAM).unwrap(), None);
        assert_eq!(warnings.len(), 1, "coupons.id is not ours: {warnings:?}");
        assert_eq!(state.value()["bookmarks"]["coupons"]["id"], 3);
    }

    #[test]
    fn a_message_in_place_of_its_value_and_nothing_at_all_are_understood() {
        let wrapped = r#"{"type": "STATE", "value": {"bookmarks": {"orders": {"date_modified": "2021-05-04T12:00:00Z"}}}}"#;
        assert!(state(wrapped).bookmark(&orders::STREAM).unwrap().is_some());
        for text in [None, Some(""), Some("null"), Some("{}")] {
            assert_eq!(State::parse(text).unwrap().0.bookmark(&orders::STREAM).unwrap(), None);
        }
    }

    #[test]
    fn what_this_tap_does_not_know_is_passed_on() {
        let text = r#"{"bookmarks": {"refunds": "x", "customers": {}}, "owner": 1}"#;
        let (mut state, warnings) = State::parse(Some(text)).unwrap();
        assert_eq!(warnings.len(), 2);
        state.set_syncing(Some("orders"));
        state.set_walk(&orders::STREAM, &Progress::new(None, "s"));
        state.complete(&orders::STREAM, dates::parse("2024-01-01"), "s");
        state.set_syncing(None);
        assert_eq!(
            state.value().to_string(),
            r#"{"bookmarks":{"refunds":"x","customers":{},"orders":{"date_modified":"2024-01-01T00:00:00Z","selection":"s"}},"owner":1}"#
        );
    }

    #[test]
    fn a_walk_comes_back_as_it_was_written() {
        let mut state = state("{}");
        let progress = Progress { last_id: Some(7), newest: dates::parse("2024-01-01"), seen: 3, ..Progress::new(None, "abc") };
        state.set_walk(&orders::STREAM, &progress);
        assert_eq!(state.walk(&orders::STREAM), Ok(Some(progress)));
        assert_eq!(state.bookmark(&orders::STREAM).unwrap(), None, "an unfinished walk is no bookmark");
    }

    #[test]
    fn a_walk_of_another_form_is_told_from_none() {
        for walk in [
            "5",
            "{}",
            r#"{"v": 2, "selection": "a", "version": "9"}"#,
            r#"{"v": 1, "selection": "a", "version": "9", "since": "soon"}"#,
        ] {
            let text = format!(r#"{{"bookmarks": {{"orders": {{"walk": {walk}}}}}}}"#);
            assert!(state(&text).walk(&orders::STREAM).is_err(), "{walk}");
        }
    }

    #[test]
    fn what_is_no_state_is_refused() {
        for text in ["[]", "{", "3", r#"{"bookmarks": []}"#, r#"{"bookmarks": {"orders": "2021"}}"#] {
            assert_eq!(State::parse(Some(text)).unwrap_err().kind, Kind::State, "{text}");
        }
        let unreadable = state(r#"{"bookmarks": {"orders": {"date_modified": "soon"}}}"#);
        assert_eq!(unreadable.bookmark(&orders::STREAM).unwrap_err().kind, Kind::State);
    }

    #[test]
    fn a_stream_can_be_forgotten_and_only_a_stream() {
        let text = r#"{"bookmarks": {"orders": {"date_modified": "2021-05-04"}, "customers": {"date_modified": "2021-05-04"}}}"#;
        assert_eq!(
            forget(Some(text), "orders").unwrap(),
            r#"{"bookmarks":{"orders":{},"customers":{"date_modified":"2021-05-04"}}}"#
        );
        let alone = r#"{"bookmarks": {"orders": {"date_modified": "2021-05-04"}, "refunds": {}}}"#;
        assert!(State::parse(Some(&forget(Some(alone), "orders").unwrap())).is_ok(), "what is left is still a state");
        assert!(forget(Some(text), "order").unwrap_err().message.contains("orders"));
    }
}
