//! States that other tools have written, in this tap's form: Meltano's wrappers, and the bookmarks of taps that are made with its SDK.

use super::{BOOKMARKS, fault};
use crate::dates;
use crate::error::Result;
use crate::streams::Stream;
use serde_json::{Map, Value};

const KEY: &str = "replication_key";
const VALUE: &str = "replication_key_value";
/// The date that a bookmark may not pass, because records may still have changed when it was read.
const SIGNPOST: &str = "replication_key_signpost";
const PARTITIONS: &str = "partitions";
/// The keys of a bookmark in the SDK's form. What an unfinished run adds is not safe to resume from.
const KEYS: [&str; 6] = [KEY, VALUE, SIGNPOST, PARTITIONS, "starting_replication_value", "progress_markers"];

/// The state inside a STATE message, inside Meltano's payload `{"singer_state": …}`, or inside its `{"completed": …, "partial": …}`. None: it
/// is not a JSON object.
pub(super) fn unwrapped(value: Value) -> Option<Map<String, Value>> {
    let mut root = match value {
        Value::Object(root) => root,
        Value::Null => return Some(Map::new()),
        _ => return None,
    };
    if root.contains_key(BOOKMARKS) {
        return Some(root);
    }
    let is_state = |root: &Map<String, Value>, key: &str| root.get(key).is_some_and(|state| state.is_object() || state.is_null());
    let is_message = root.get("type").is_some_and(|kind| kind == "STATE");
    for key in ["value", "singer_state"] {
        if is_state(&root, key) && (key == "singer_state" || is_message) {
            return unwrapped(root.shift_remove(key)?);
        }
    }
    if !is_state(&root, "completed") && !is_state(&root, "partial") {
        return Some(root);
    }
    let mut part = |key: &str| root.shift_remove(key).and_then(unwrapped).unwrap_or_default();
    Some(overlaid(part("completed"), part("partial")))
}

/// A state with a later one on top of it, bookmark by bookmark.
fn overlaid(mut state: Map<String, Value>, mut later: Map<String, Value>) -> Map<String, Value> {
    let bookmarks = later.shift_remove(BOOKMARKS);
    state.extend(later);
    match (state.get_mut(BOOKMARKS), bookmarks) {
        (Some(Value::Object(bookmarks)), Some(Value::Object(later))) => bookmarks.extend(later),
        (_, Some(later)) => drop(state.insert(BOOKMARKS.to_owned(), later)),
        (_, None) => {}
    }
    state
}

/// Whether a bookmark has the SDK's form.
pub(super) fn is_sdks(bookmark: &Map<String, Value>) -> bool {
    KEYS.iter().any(|key| bookmark.contains_key(*key))
}

/// Whether a key belongs to the SDK's form.
pub(super) fn is_sdk_key(key: &str) -> bool {
    KEYS.contains(&key)
}

/// Turns a bookmark in the SDK's form into one of this tap's. One that cannot be used stays as it is. The text is a warning.
pub(super) fn convert(stream: &Stream, bookmark: &mut Map<String, Value>) -> Result<Option<String>> {
    if !is_sdks(bookmark) {
        return Ok(None);
    }
    let Some(ours) = stream.replication_key() else {
        // Each run reads all of it.
        bookmark.retain(|key, _| !is_sdk_key(key));
        return Ok(None);
    };
    if bookmark.get(ours).is_some_and(|value| !value.is_null()) {
        return Ok(None);
    }
    let name = stream.name;
    let given = |key: &str| bookmark.get(key).filter(|value| !value.is_null());
    let from_start = |why: String| Ok(Some(format!("{name}: the state's bookmark {why}, so {name} is read from its start")));
    if given(PARTITIONS).is_some_and(|partitions| partitions.as_array().is_none_or(|list| !list.is_empty())) {
        return from_start("is made of partitions".to_owned());
    }
    match (given(KEY), given(VALUE)) {
        (Some(key), _) if key != ours => from_start(format!("is by {key}, not by {ours}")),
        (None, Some(_)) => from_start("does not say what it is by".to_owned()),
        (_, None) => {
            bookmark.retain(|key, _| !is_sdk_key(key));
            from_start("is of a first run that did not end".to_owned())
        }
        (Some(_), Some(value)) => {
            let date = |value: &Value| value.as_str().and_then(dates::parse);
            let reached = date(value).ok_or_else(|| fault("its bookmark is not a date".into()).of_stream(name))?;
            let safe = given(SIGNPOST).and_then(date).map_or(reached, |signpost| signpost.min(reached));
            bookmark.retain(|key, _| !is_sdk_key(key));
            bookmark.insert(ours.to_owned(), dates::format(safe).into());
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::error::Kind;
    use crate::singer::state::State;

    /// The state as it is passed on, and the warnings.
    fn read(text: &str) -> (String, Vec<String>) {
        let (state, warnings) = State::parse(Some(text)).unwrap();
        (state.value().to_string(), warnings)
    }

    fn refused(text: &str) -> String {
        let failure = State::parse(Some(text)).unwrap_err();
        assert_eq!(failure.kind, Kind::State);
        failure.to_string()
    }

    const OURS: &str = r#"{"bookmarks":{"orders":{"date_modified":"2024-05-04T12:00:00Z"}}}"#;

    #[test]
    fn meltanos_wrappers_are_taken_off() {
        let state = r#"{"bookmarks": {"orders": {"date_modified": "2024-05-04T12:00:00Z"}}}"#;
        for wrapped in [
            format!(r#"{{"singer_state": {state}}}"#),
            format!(r#"{{"type": "STATE", "value": {state}}}"#),
            format!(r#"{{"type": "STATE", "value": {{"singer_state": {state}}}}}"#),
            format!(r#"{{"completed": {{"singer_state": {state}}}, "partial": {{}}}}"#),
            format!(r#"{{"completed": {{}}, "partial": {{"singer_state": {state}}}}}"#),
            format!(r#"{{"completed": null, "partial": {{"singer_state": {state}}}}}"#),
        ] {
            assert_eq!(read(&wrapped), (OURS.to_owned(), Vec::new()), "{wrapped}");
        }
        for first in [r#"{"singer_state": {}}"#, r#"{"singer_state": null}"#, r#"{"completed": {}, "partial": {}}"#] {
            assert_eq!(read(first), (r#"{"bookmarks":{}}"#.to_owned(), Vec::new()), "{first}");
        }
    }

    #[test]
    fn an_unfinished_run_replaces_the_bookmarks_that_it_has_written() {
        let (state, warnings) = read(
            r#"{"completed": {"singer_state": {"bookmarks": {"orders": {"date_modified": "2024-01-01", "walk": {"v": 1}},
                                                            "customers": {"date_modified": "2024-01-01"}}}},
                "partial": {"singer_state": {"currently_syncing": "customers", "bookmarks": {"orders": {"date_modified": "2024-02-01"}}}}}"#,
        );
        assert_eq!(
            state,
            r#"{"bookmarks":{"orders":{"date_modified":"2024-02-01"},"customers":{"date_modified":"2024-01-01"}},"currently_syncing":"customers"}"#
        );
        assert!(warnings.is_empty());
    }

    #[test]
    fn the_sdks_bookmarks_become_this_taps() {
        for bookmark in [
            r#"{"replication_key": "date_modified", "replication_key_value": "2024-05-04T12:00:00+00:00"}"#,
            r#"{"replication_key": "date_modified", "replication_key_value": "2024-05-04T12:00:00Z", "starting_replication_value": "2020-01-01",
                "progress_markers": {"Note": "Progress is not resumable if interrupted.", "replication_key": "date_modified",
                                     "replication_key_value": "2024-06-06T00:00:00Z"}}"#,
            r#"{"replication_key": "date_modified", "replication_key_value": "2024-05-04T13:00:00Z",
                "replication_key_signpost": "2024-05-04T12:00:00Z", "partitions": []}"#,
            r#"{"replication_key": "date_modified", "replication_key_value": "2024-05-04T12:00:00Z",
                "replication_key_signpost": "2024-05-05T12:00:00Z"}"#,
        ] {
            let text = format!(r#"{{"bookmarks": {{"orders": {bookmark}}}}}"#);
            assert_eq!(read(&text), (OURS.to_owned(), Vec::new()), "{bookmark}");
        }
        let (state, warnings) =
            read(r#"{"bookmarks": {"coupons": {"replication_key": "id", "replication_key_value": 7}, "orders": {}}}"#);
        assert_eq!((state.as_str(), warnings.len()), (r#"{"bookmarks":{"coupons":{},"orders":{}}}"#, 0));
    }

    #[test]
    fn a_first_run_that_did_not_end_starts_again_and_says_so() {
        for bookmark in [
            r#"{"starting_replication_value": "2020-01-01", "progress_markers": {"replication_key": "date_modified", "replication_key_value": "2024-06-06"}}"#,
            r#"{"replication_key": "date_modified", "replication_key_value": null}"#,
        ] {
            let (state, warnings) = read(&format!(r#"{{"bookmarks": {{"orders": {bookmark}}}}}"#));
            assert_eq!(state, r#"{"bookmarks":{"orders":{}}}"#);
            assert!(warnings.len() == 1 && warnings[0].contains("orders is read from its start"), "{warnings:?}");
        }
    }

    #[test]
    fn a_bookmark_by_another_key_is_never_read_as_a_date() {
        for bookmark in [
            r#"{"replication_key": "id", "replication_key_value": "2024-01-01"}"#,
            r#"{"replication_key": "date_created", "replication_key_value": "2024-01-01"}"#,
            r#"{"replication_key_value": "2024-01-01"}"#,
            r#"{"partitions": [{"context": {"id": 1}, "replication_key": "date_modified", "replication_key_value": "2024-01-01"}]}"#,
        ] {
            let text = |more: &str| format!(r#"{{"bookmarks": {{"orders": {bookmark}{more}}}}}"#);
            let (state, warnings) = read(&text(r#", "customers": {"date_modified": "2024-01-01"}"#));
            assert!(state.contains("2024-01-01") && !state.contains(r#""orders":{"date_modified""#), "{state}");
            assert!(warnings.concat().contains("orders is read from its start"), "{warnings:?}");
            assert!(refused(&text("")).contains("a bookmark of orders in another form"), "{bookmark}");
        }
        let wrong = r#"{"bookmarks": {"orders": {"replication_key": "date_modified", "replication_key_value": "soon"}}}"#;
        assert!(refused(wrong).contains("orders: ") && refused(wrong).contains("not a date"));
    }

    #[test]
    fn a_state_in_which_nothing_is_known_is_refused_and_named() {
        for (text, named) in [
            (r#"{"owner": 1}"#, "the key \"owner\""),
            (r#"{"orders": {"date_modified": "2024-01-01"}}"#, "the key \"orders\""),
            (
                r#"{"bookmarks": {"gift_registries": {"date_modified": "2024-01-01"}}}"#,
                "a bookmark of the stream \"gift_registries\"",
            ),
            (r#"{"bookmarks": {"orders": {"updated_at": "2024-01-01"}}}"#, "the key \"updated_at\" in the bookmark of orders"),
            (r#"{"singer_state": {"owner": 1}}"#, "the key \"owner\""),
            (r#"{"singer_state": 5}"#, "the key \"singer_state\""),
            (r#"{"type": "RECORD", "record": {}}"#, "the key \"record\""),
        ] {
            assert!(refused(text).contains(named), "{}", refused(text));
        }
        let many: Vec<String> = (0..1000).map(|place| format!("\"k{place}\": 1")).collect();
        assert!(refused(&format!("{{{}}}", many.join(","))).len() < 1000);
        for known in
            [r#"{"bookmarks": {}, "owner": 1}"#, r#"{"currently_syncing": null}"#, r#"{"bookmarks": {"coupons": {"id": 3}}}"#]
        {
            assert!(State::parse(Some(known)).is_ok(), "{known}");
        }
    }
}
