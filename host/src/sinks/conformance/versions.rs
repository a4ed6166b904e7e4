//! With versions in a full table's records, what is gone from the store is removed from the target, and nothing else.

use super::*;

/// A place for each target that removes what is gone.
fn heeding() -> Vec<Place> {
    let places: Vec<Place> = places().into_iter().filter(|place| place.target.heeds_versions()).collect();
    assert!(places.len() > 1);
    places
}

fn versioned(id: u32, version: u64) -> Value {
    let mut message = record(json!({"id": id, "note": version.to_string()}));
    message["version"] = json!(version);
    message
}

fn activate(version: u64) -> Value {
    json!({"type": "ACTIVATE_VERSION", "stream": "orders", "version": version})
}

/// A message of another stream.
fn of_customers(mut message: Value) -> Value {
    message["stream"] = json!("customers");
    message
}

fn has(place: &Place, wanted: &[&str], when: &str) {
    assert_eq!(ids(place), wanted, "{}: {when}", place.target.scheme());
}

#[test]
fn what_is_not_of_the_activated_version_is_gone_with_the_next_state() {
    for place in heeding() {
        let before = record(json!({"id": 3}));
        place.run(&[plain(), before, versioned(1, 5), versioned(2, 5), record(json!({"id": 4})), state(1)]);
        has(&place, &["1", "2", "3", "4"], "nothing is activated yet");
        place.run(&[plain(), versioned(1, 6), versioned(5, 6), activate(6), versioned(6, 6), state(2)]);
        has(&place, &["1", "5", "6"], "all others were not in the second walk");
        assert_eq!(place.records("orders")["1"]["note"], "6", "{}", place.target.scheme());
        assert_eq!(place.open().state.as_deref(), Some(r#"{"n":2}"#), "{}", place.target.scheme());
    }
}

#[test]
fn a_run_that_is_killed_after_any_message_removes_what_its_last_state_removes() {
    let messages = [
        (plain(), &["1", "2"][..]),
        (versioned(2, 6), &["1", "2"]),
        (state(2), &["1", "2"]),
        (versioned(3, 6), &["1", "2"]),
        (activate(6), &["1", "2"]),
        (versioned(4, 6), &["1", "2"]),
        (state(3), &["2", "3", "4"]),
        (versioned(5, 7), &["2", "3", "4"]),
        (activate(7), &["2", "3", "4"]),
        (state(4), &["5"]),
    ];
    for killed in 1..=messages.len() {
        for place in heeding() {
            place.run(&[plain(), versioned(1, 5), record(json!({"id": 2})), state(1)]);
            let mut opened = place.open();
            messages[..killed].iter().for_each(|(message, _)| put(&mut opened, message).unwrap());
            let place = place.killed(opened);
            drop(place.open());
            has(&place, messages[killed - 1].1, &format!("killed after message {killed}"));
            // The next run reads the last walk again, and ends well.
            place.run(&[plain(), versioned(5, 7), activate(7), state(5)]);
            has(&place, &["5"], &format!("a whole run after message {killed}"));
        }
    }
}

#[test]
fn a_run_that_ends_before_the_state_removes_nothing() {
    for place in heeding() {
        place.run(&[plain(), versioned(1, 5), state(1)]);
        place.run(&[plain(), versioned(2, 6), activate(6)]);
        has(&place, &["1"], "no state came");
        place.run(&[plain(), state(2)]);
        has(&place, &["1"], "the activation was that of another run");
    }
}

#[test]
fn a_version_that_is_resumed_keeps_what_earlier_runs_have_written() {
    for place in heeding() {
        place.run(&[plain(), record(json!({"id": 9})), versioned(1, 5), state(1)]);
        place.run(&[plain(), versioned(2, 5), state(2)]);
        place.run(&[plain(), versioned(3, 5), activate(5), state(3)]);
        has(&place, &["1", "2", "3"], "one walk in three runs");
        place.run(&[plain(), activate(5), state(4)]);
        has(&place, &["1", "2", "3"], "activated a second time, without a record");
        place.run(&[plain(), versioned(4, 5), state(5), activate(5), state(6)]);
        has(&place, &["1", "2", "3", "4"], "and with one more");
    }
}

#[test]
fn a_walk_without_a_record_empties_the_stream() {
    for place in heeding() {
        place.run(&[plain(), activate(5), state(1)]);
        has(&place, &[], "a new place");
        place.run(&[plain(), record(json!({"id": 1})), state(2)]);
        place.run(&[plain(), activate(6), state(3)]);
        has(&place, &[], "what was there had no version");
        place.run(&[plain(), versioned(2, 7), state(4)]);
        place.run(&[plain(), activate(8), state(5)]);
        has(&place, &[], "what was there had another version");
        place.run(&[plain(), versioned(3, 9), activate(9), state(6)]);
        has(&place, &["3"], "the next walk");
    }
}

#[test]
fn a_record_without_a_version_has_none() {
    for place in heeding() {
        let unversioned = |id: u32| record(json!({ "id": id }));
        place.run(&[plain(), versioned(1, 5), unversioned(2), versioned(3, 5), state(1)]);
        place.run(&[plain(), versioned(5, 5), unversioned(4), activate(5), unversioned(6), state(2)]);
        has(&place, &["1", "3", "5", "6"], "what came after the activation stays");
        place.run(&[plain(), unversioned(7), state(3)]);
        has(&place, &["1", "3", "5", "6", "7"], "without an activation all stays");
    }
}

#[test]
fn a_place_that_was_written_without_versions_can_still_be_used() {
    for place in heeding() {
        place.run(&[plain(), record(json!({"id": 1})), record(json!({"id": 2})), state(1)]);
        place.run(&[plain(), versioned(2, 5), state(2)]);
        has(&place, &["1", "2"], "nothing is activated yet");
        place.run(&[plain(), versioned(3, 5), activate(5), state(3)]);
        has(&place, &["2", "3"], "what came before the walk is gone");
    }
}

/// As when a machine's clock was wrong for a time.
#[test]
fn a_version_may_be_lower_than_the_one_before() {
    for place in heeding() {
        place.run(&[plain(), versioned(1, 9), versioned(2, 9), activate(9), state(1)]);
        place.run(&[plain(), versioned(2, 5), versioned(3, 5), activate(5), state(2)]);
        has(&place, &["2", "3"], "those of the newer walk");
    }
}

#[test]
fn what_one_activation_has_removed_no_other_brings_back() {
    for place in heeding() {
        place.run(&[plain(), versioned(1, 6), versioned(2, 5), activate(5), activate(6), versioned(3, 5), state(1)]);
        has(&place, &["3"], "two activations before one state");
    }
}

#[test]
fn other_streams_keep_everything() {
    for place in heeding() {
        let customer = |id: u32| of_customers(record(json!({ "id": id })));
        place.run(&[plain(), of_customers(plain()), versioned(1, 5), customer(1), of_customers(versioned(2, 5)), state(1)]);
        place.run(&[plain(), of_customers(plain()), activate(6), customer(3), state(2)]);
        has(&place, &[], "the stream that was activated");
        let customers: Vec<String> = place.records("customers").into_keys().collect();
        assert_eq!(customers, ["1", "2", "3"], "{}", place.target.scheme());
        place.run(&[
            of_customers(plain()),
            of_customers(versioned(4, 7)),
            of_customers(activate(7)),
            plain(),
            activate(7),
            state(3),
        ]);
        assert_eq!(place.records("customers").len(), 1, "{}", place.target.scheme());
    }
}

#[test]
fn a_message_that_is_not_understood_removes_nothing() {
    let odd = |version: Value| json!({"type": "ACTIVATE_VERSION", "stream": "orders", "version": version});
    let versions = [json!(null), json!("5"), json!(0), json!(-5), json!(5.5), json!(1u64 << 53), json!([5]), json!({"v": 5})];
    let without = [json!({"type": "ACTIVATE_VERSION", "stream": "orders"}), json!({"type": "ACTIVATE_VERSION", "version": 5})];
    for message in versions.into_iter().map(odd).chain(without).chain([of_customers(activate(5))]) {
        for place in places() {
            place.run(&[plain(), of_customers(plain()), versioned(1, 4), of_customers(versioned(1, 4)), state(1)]);
            let mut opened = place.open();
            put(&mut opened, &plain()).unwrap();
            let why = put(&mut opened, &message).unwrap_err().to_string();
            assert!(why.contains("cannot be stored"), "{}, {message}: {why}", place.target.scheme());
            // Even if the sink still takes messages after that, it must not have removed anything.
            put(&mut opened, &state(2)).unwrap();
            opened.sink.finish().unwrap();
            drop(opened);
            has(&place, &["1"], &message.to_string());
            assert_eq!(place.records("customers").len(), 1, "{}, {message}", place.target.scheme());
        }
    }
}

#[test]
fn a_record_whose_version_is_not_understood_is_refused() {
    for place in places() {
        let mut opened = place.open();
        put(&mut opened, &plain()).unwrap();
        for version in [json!("5"), json!(0), json!(-5), json!(5.5), json!(1u64 << 53), json!(true)] {
            let mut odd = versioned(1, 5);
            odd["version"] = version;
            let why = put(&mut opened, &odd).unwrap_err().to_string();
            assert!(why.contains("not a whole number"), "{}, {odd}: {why}", place.target.scheme());
        }
        let mut without = versioned(7, 5);
        without["version"] = json!(null);
        put(&mut opened, &without).unwrap();
        put(&mut opened, &state(1)).unwrap();
        opened.sink.finish().unwrap();
        drop(opened);
        has(&place, &["7"], "null is no version");
    }
}

#[test]
fn a_target_that_removes_nothing_says_nothing_of_it_and_keeps_everything() {
    for place in places().into_iter().filter(|place| !place.target.heeds_versions()) {
        place.run(&[plain(), versioned(1, 5), record(json!({"id": 2})), state(1)]);
        place.run(&[plain(), versioned(3, 6), activate(6), state(2)]);
        has(&place, &["1", "2", "3"], "everything that came");
    }
}
