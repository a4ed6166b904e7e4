//! The state: where each stream resumes. Anything else in a given state is passed on unchanged.

mod foreign;

use crate::aside::{Aside, MOST_ASIDE};
use crate::dates;
use crate::error::{Failure, Kind, Result};
use crate::progress::Progress;
use crate::streams::{ALL, Stream};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Larger states are refused unread.
const MAX_BYTES: usize = 8 << 20;
const BOOKMARKS: &str = "bookmarks";
const SYNCING: &str = "currently_syncing";
const WALK: &str = "walk";
const SELECTION: &str = "selection";
const CHANNELS: &str = "channel_id";
const ASIDE: &str = "aside";
const TABLE_VERSION: &str = "table_version";
/// Every JSON reader keeps numbers exact up to here.
const MAX_VERSION: u64 = (1 << 53) - 1;
const REFRESHED: &str = "refreshed";
/// The most entries in a state: streams that are read together share them, and each of these may add a hundred.
const MOST_IN_STATE: usize = 10 * MOST_ASIDE;
/// How many unknown parts of a state are named.
const NAMED: usize = 10;

/// A state, whole.
#[derive(Clone, Debug)]
pub struct State(Value);

impl State {
    /// Reads a state: the value of a STATE message, the message itself, or what other tools make of it. None and empty text mean
    /// a first run. Fails if nothing in it is recognised: otherwise everything would be read again without a warning. The texts
    /// are warnings.
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
            return Err(fault(format!("this tap does not recognize its content ({})", named.join(", "))));
        }
        let pass_on = |what| format!("the state holds {what}, which this tap does not know; it is kept in the STATE unchanged");
        warnings.extend(unknown.into_iter().map(pass_on));
        Ok((state, warnings))
    }

    /// Whether any bookmark is recognised. A bookmark of a full table always is, and so is an empty one.
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

    /// A stream's bookmark. Fails if it is not a date: otherwise everything would be read again without a warning.
    pub fn bookmark(&self, stream: &Stream) -> Result<Option<DateTime<Utc>>> {
        let Some(value) = stream.replication_key().and_then(|key| self.of(stream)?.get(key)).filter(|value| !value.is_null())
        else {
            return Ok(None);
        };
        let date = value.as_str().and_then(dates::parse);
        date.map(Some).ok_or_else(|| fault("its bookmark is not a date".into()).of_stream(stream.name))
    }

    /// A stream's unfinished walk. The error says why the walk in the state cannot be read.
    pub fn walk(&self, stream: &Stream) -> std::result::Result<Option<Progress>, &'static str> {
        let Some(walk) = self.of(stream).and_then(|bookmark| bookmark.get(WALK)) else { return Ok(None) };
        Progress::read(walk).map(Some)
    }

    /// What a stream has set aside. Fails if it is not such a list, or is longer than this tap writes.
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
    pub(crate) fn note_aside(&mut self, stream: &Stream, aside: &[Aside]) {
        let is_known = self.of(stream).is_some_and(|entry| entry.get(ASIDE).is_some());
        if aside.is_empty() && !is_known {
            return;
        }
        if let Some(entry) = self.of_mut(stream) {
            // Numbers and dates: this cannot fail.
            entry.insert(ASIDE.into(), serde_json::to_value(aside).unwrap_or_default());
        }
    }

    /// The last version that a stream's records carried. None if they have never carried one. Fails if there is no room for a
    /// higher version.
    pub(crate) fn table_version(&self, stream: &Stream) -> Result<Option<u64>> {
        let known = self.of(stream).and_then(|entry| entry.get(TABLE_VERSION)).filter(|version| !version.is_null());
        let Some(known) = known else { return Ok(None) };
        let version = known.as_u64().filter(|version| *version < MAX_VERSION);
        let wrong = || fault("its \"table_version\" is not a whole number below 2^53 - 1".into()).of_stream(stream.name);
        version.map(Some).ok_or_else(wrong)
    }

    /// Notes the version that a stream's records carry.
    pub(crate) fn note_table_version(&mut self, stream: &Stream, version: u64) {
        if let Some(entry) = self.of_mut(stream) {
            entry.insert(TABLE_VERSION.into(), version.into());
        }
    }

    /// What was selected when the bookmark was written.
    pub fn selection(&self, stream: &Stream) -> Option<&str> {
        self.of(stream)?.get(SELECTION)?.as_str()
    }

    /// The channels that a stream's bookmark is of. None: all.
    pub(crate) fn channels(&self, stream: &Stream) -> Option<&str> {
        self.of(stream)?.get(CHANNELS)?.as_str()
    }

    /// When the last refresh of a stream began: a walk that read it from before its bookmark. None if the state does not say.
    pub(crate) fn refreshed(&self, stream: &Stream) -> Option<DateTime<Utc>> {
        dates::parse(self.of(stream)?.get(REFRESHED)?.as_str()?)
    }

    /// Notes when a refresh of a stream began: a walk that read it from before its bookmark.
    pub(crate) fn note_refreshed(&mut self, stream: &Stream, begun: DateTime<Utc>) {
        self.of_mut(stream).into_iter().for_each(|entry| drop(entry.insert(REFRESHED.into(), dates::format(begun).into())));
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

    /// Notes that a stream has no walk under way any more. Its bookmark stays.
    pub(crate) fn drop_walk(&mut self, stream: &Stream) {
        if let Some(bookmark) = self.of_mut(stream) {
            bookmark.shift_remove(WALK);
        }
    }

    /// Notes that a stream's walk is complete, its new bookmark if it has one, and the channels that the walk was restricted to.
    pub fn complete(&mut self, stream: &Stream, bookmark: Option<DateTime<Utc>>, selection: &str, channels: Option<String>) {
        let Some(entry) = self.of_mut(stream) else { return };
        entry.shift_remove(WALK);
        match (stream.replication_key(), bookmark) {
            (Some(key), Some(date)) => drop(entry.insert(key.into(), dates::format(date).into())),
            (Some(key), None) => drop(entry.shift_remove(key)),
            (None, _) => {}
        }
        entry.insert(SELECTION.into(), selection.into());
        entry.shift_remove(CHANNELS);
        entry.extend(channels.map(|channels| (CHANNELS.to_owned(), channels.into())));
    }
}

/// Whether a key of a stream's bookmark is this tap's.
fn is_known(stream: &Stream, key: &str) -> bool {
    [WALK, SELECTION, CHANNELS, ASIDE, TABLE_VERSION, REFRESHED].contains(&key) || Some(key) == stream.replication_key()
}

/// The state without the bookmark of one stream, which is then read from its start again. The version of its records stays, since
/// the next version must be higher. Fails if there is no such stream.
pub fn forget(text: Option<&str>, stream: &str) -> Result<String> {
    if Stream::find(stream).is_none() {
        let known: Vec<&str> = ALL.iter().map(|stream| stream.name).collect();
        return Err(Failure::new(
            Kind::Config,
            format!("there is no stream {stream:?} to refresh; there are {}", known.join(", ")),
        ));
    }
    let (mut state, _) = State::parse(text)?;
    let has_version = Stream::find(stream).is_some_and(|stream| matches!(state.table_version(stream), Ok(Some(_))));
    // The empty entry stays: a state without any entry would not be recognised as one.
    if let Some(bookmark) = state.0[BOOKMARKS].get_mut(stream).and_then(Value::as_object_mut) {
        bookmark.retain(|key, _| key == TABLE_VERSION && has_version);
    }
    Ok(state.0.to_string())
}

fn fault(what: String) -> Failure {
    Failure::new(
        Kind::State,
        format!("the state cannot be used: {what}; pass the last STATE of an earlier run, or no state to read everything"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::{Position, Since, Starts};
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
    fn a_whole_state_message_and_an_empty_state_are_accepted() {
        let wrapped = r#"{"type": "STATE", "value": {"bookmarks": {"orders": {"date_modified": "2021-05-04T12:00:00Z"}}}}"#;
        assert!(state(wrapped).bookmark(&orders::STREAM).unwrap().is_some());
        for text in [None, Some(""), Some("null"), Some("{}")] {
            assert_eq!(State::parse(text).unwrap().0.bookmark(&orders::STREAM).unwrap(), None);
        }
    }

    #[test]
    fn what_this_tap_does_not_know_is_passed_on() {
        let text = r#"{"bookmarks": {"gift_registries": "x", "customers": {}}, "owner": 1}"#;
        let (mut state, warnings) = State::parse(Some(text)).unwrap();
        assert_eq!(warnings.len(), 2);
        state.set_syncing(Some("orders"));
        state.set_walk(&orders::STREAM, &Progress::new(Starts::default(), "s"));
        state.complete(&orders::STREAM, dates::parse("2024-01-01"), "s", None);
        state.set_syncing(None);
        assert_eq!(
            state.value().to_string(),
            r#"{"bookmarks":{"gift_registries":"x","customers":{},"orders":{"date_modified":"2024-01-01T00:00:00Z","selection":"s"}},"owner":1}"#
        );
    }

    #[test]
    fn a_walk_comes_back_as_it_was_written() {
        let mut state = state("{}");
        let progress = Progress {
            position: Some(Position::Id { id: 7 }),
            newest: dates::parse("2024-01-01"),
            seen: 3,
            ..Progress::new([("orders".to_owned(), Since::default())].into(), "abc")
        };
        state.set_walk(&orders::STREAM, &progress);
        assert_eq!(state.walk(&orders::STREAM), Ok(Some(progress)));
        assert_eq!(state.bookmark(&orders::STREAM).unwrap(), None, "an unfinished walk is no bookmark");
    }

    #[test]
    fn a_walk_of_another_form_is_not_taken_for_no_walk() {
        for walk in [
            "5",
            "{}",
            r#"{"v": 3, "selection": "a", "tap": "9"}"#,
            r#"{"v": 2, "selection": "a", "tap": "9", "members": ["orders"]}"#,
            r#"{"v": 2, "selection": "a", "tap": "9", "position": {"row": 1}}"#,
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
    fn a_stream_that_is_forgotten_keeps_the_version_of_its_records() {
        let text = r#"{"bookmarks": {"coupons": {"selection": "s", "table_version": 7, "walk": {}}}}"#;
        let forgotten = state(&forget(Some(text), "coupons").unwrap());
        assert_eq!(forgotten.value()["bookmarks"]["coupons"], serde_json::json!({"table_version": 7}));
        assert_eq!(forgotten.table_version(&coupons::STREAM), Ok(Some(7)));
    }

    #[test]
    fn a_stream_can_be_forgotten_and_only_a_stream() {
        let text = r#"{"bookmarks": {"orders": {"date_modified": "2021-05-04"}, "customers": {"date_modified": "2021-05-04"}}}"#;
        assert_eq!(
            forget(Some(text), "orders").unwrap(),
            r#"{"bookmarks":{"orders":{},"customers":{"date_modified":"2021-05-04"}}}"#
        );
        let alone = r#"{"bookmarks": {"orders": {"date_modified": "2021-05-04"}, "gift_registries": {}}}"#;
        assert!(State::parse(Some(&forget(Some(alone), "orders").unwrap())).is_ok(), "what is left is still a state");
        assert!(forget(Some(text), "order").unwrap_err().message.contains("orders"));
    }
}
