//! How lines of other versions leave a file. What stays is up to `conformance/versions.rs`.

use super::*;

fn versioned(text: &str, version: u64) -> String {
    record(text).replacen('{', &format!(r#"{{"version":{version},"#), 1)
}

fn activate(version: u64) -> String {
    format!(r#"{{"type":"ACTIVATE_VERSION","stream":"orders","version":{version}}}"#)
}

impl Shop {
    /// A folder with one order of no version and one of version 5, and the state 1.
    fn with_versions() -> Shop {
        let shop = Shop::new();
        write(&mut shop.open(), &[SCHEMA, &record(r#"{"id":1}"#), &versioned(r#"{"id":2}"#, 5), &state(1)]);
        shop
    }

    fn held(&self) -> String {
        fs::read_to_string(self.path("state.json")).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

#[test]
fn a_folder_without_versions_is_that_of_earlier_programs() {
    let wanted = r#"{"store":"https://api.bigcommerce.com/stores/abc","state":{"n":1},"files":{"orders":18}}"#;
    assert_eq!(Shop::filled().held(), format!("{wanted}\n"));
}

#[test]
fn what_stays_is_byte_for_byte_what_was_there() {
    let shop = Shop::with_versions();
    let long = format!(r#"{{"id":3,"note":"{}\u00e9"}}"#, "x".repeat(1_000_000));
    let mut sink = shop.open();
    write(&mut sink, &[SCHEMA, &record(&long), &versioned(&long, 5), &record(r#"{"id":4}"#), &state(2)]);
    write(&mut sink, &[&versioned(r#"{ "id" : 5 }"#, 5), &activate(5), &record(r#"{"id":6}"#), &state(3)]);
    let kept = format!("{{\"id\":2}}\n{long}\n{{ \"id\" : 5 }}\n{{\"id\":6}}\n");
    assert!(shop.orders() == kept);
    assert_eq!(shop.names(), [".lock", "orders.jsonl", "state.json"]);
    assert!(!shop.held().contains("replaced"), "{}", shop.held());
    write(&mut sink, &[&versioned(r#"{"id":7}"#, 5), &state(4), &activate(5), &state(5)]);
    drop(sink);
    assert!(shop.orders() == kept.replace("{\"id\":6}\n", "{\"id\":7}\n"));
    assert_eq!(shop.open().repaired(), None);
}

#[test]
fn nothing_is_written_twice_where_every_line_stays() {
    let shop = Shop::new();
    write(&mut shop.open(), &[SCHEMA, &versioned(r#"{"id":1}"#, 5), &state(1)]);
    // With a folder in the place of the draft, none can be made; the folder is not there yet when the sink opens.
    let mut sink = shop.open();
    fs::create_dir(shop.path("orders.jsonl.new")).unwrap();
    write(&mut sink, &[SCHEMA, &versioned(r#"{"id":2}"#, 5), &activate(5), &state(2)]);
    assert_eq!(shop.orders(), "{\"id\":1}\n{\"id\":2}\n");
}

#[test]
fn a_draft_that_cannot_be_written_leaves_the_last_state() {
    let shop = Shop::with_versions();
    let mut sink = shop.open();
    fs::create_dir(shop.path("orders.jsonl.new")).unwrap();
    write(&mut sink, &[SCHEMA, &activate(5)]);
    assert!(sink.write(&Message::read(state(2).as_bytes())).unwrap_err().to_string().contains("orders.jsonl cannot be written"));
    drop(sink);
    fs::remove_dir(shop.path("orders.jsonl.new")).unwrap();
    assert_eq!((shop.open().state().map(str::to_owned), shop.orders().as_str()), (of(1), "{\"id\":1}\n{\"id\":2}\n"));
}

/// The moments of a STATE that removes lines: the draft, `state.json` that names it, the draft in place of the file, `state.json` without it.
#[test]
#[cfg(unix)]
fn a_run_killed_while_lines_are_removed_leaves_the_old_file_or_the_new_one() {
    let (old, new) = ("{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n", "{\"id\":2}\n{\"id\":3}\n");
    // The draft cannot take the place of a folder, so that the run ends right before.
    let stopped = || {
        let shop = Shop::with_versions();
        let before = shop.held();
        let mut sink = shop.open();
        write(&mut sink, &[SCHEMA, &versioned(r#"{"id":3}"#, 5), &activate(5)]);
        fs::remove_file(shop.path("orders.jsonl")).unwrap();
        fs::create_dir(shop.path("orders.jsonl")).unwrap();
        sink.write(&Message::read(state(2).as_bytes())).unwrap_err();
        drop(sink);
        fs::remove_dir(shop.path("orders.jsonl")).unwrap();
        assert_eq!(fs::read_to_string(shop.path("orders.jsonl.new")).unwrap(), new);
        fs::write(shop.path("orders.jsonl"), old).unwrap();
        (shop, before)
    };
    let whole = Shop::with_versions();
    write(&mut whole.open(), &[SCHEMA, &versioned(r#"{"id":3}"#, 5), &activate(5), &state(2)]);
    assert_eq!(whole.orders(), new);

    for torn in [false, true] {
        let (shop, before) = stopped();
        fs::write(shop.path("state.json"), &before).unwrap();
        if torn {
            fs::write(shop.path("orders.jsonl.new"), "{\"id\":").unwrap();
        }
        assert_eq!(shop.open().state().map(str::to_owned), of(1));
        assert_eq!((shop.orders().as_str(), shop.held()), ("{\"id\":1}\n{\"id\":2}\n", before));
        assert_eq!(shop.names(), [".lock", "orders.jsonl", "state.json"], "the draft is gone");
    }
    for in_place in [false, true] {
        let (shop, _) = stopped();
        if in_place {
            fs::rename(shop.path("orders.jsonl.new"), shop.path("orders.jsonl")).unwrap();
        }
        let sink = shop.open();
        assert_eq!((sink.state().map(str::to_owned), sink.repaired()), (of(2), None));
        assert_eq!((shop.orders().as_str(), shop.held()), (new, whole.held()));
        drop(sink);
        assert_eq!(shop.open().repaired(), None);
        assert_eq!(shop.names(), [".lock", "orders.jsonl", "state.json"]);
    }
    // An earlier program, which knows no drafts, still finds every line of its state in the folder.
    let (shop, _) = stopped();
    let mut held: serde_json::Value = serde_json::from_str(&shop.held()).unwrap();
    for unknown in ["replaced", "versions"] {
        assert!(held.as_object_mut().unwrap().remove(unknown).is_some(), "{unknown}");
    }
    fs::write(shop.path("state.json"), held.to_string()).unwrap();
    assert_eq!((shop.open().repaired(), shop.orders().as_str()), (None, old));

    let (shop, _) = stopped();
    fs::remove_file(shop.path("orders.jsonl.new")).unwrap();
    told(&shop.refusal(), &["orders.jsonl", "does not have the 18 bytes", "put it back"]);
    assert_eq!(shop.orders(), old, "nothing is cut off where the draft was lost");
}

#[test]
#[cfg(unix)]
fn a_file_that_is_replaced_keeps_its_readers() {
    use std::os::unix::fs::PermissionsExt;
    let shop = Shop::with_versions();
    fs::set_permissions(shop.path("orders.jsonl"), fs::Permissions::from_mode(0o640)).unwrap();
    write(&mut shop.open(), &[SCHEMA, &activate(5), &state(2)]);
    assert_eq!(shop.orders(), "{\"id\":2}\n");
    let mode = fs::metadata(shop.path("orders.jsonl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn versions_that_do_not_fit_their_file_are_damage() {
    let shop = Shop::with_versions();
    let sound = r#""versions":{"orders":[{"from":0},{"from":9,"version":5}]}"#;
    assert!(shop.held().contains(sound), "{}", shop.held());
    for damaged in [
        r#""versions":{"orders":[{"from":9,"version":5}]}"#,
        r#""versions":{"orders":[{"from":0},{"from":18,"version":5}]}"#,
        r#""versions":{"orders":[{"from":0},{"from":9},{"from":9,"version":5}]}"#,
        r#""replaced":{"orders":9},"versions":{"orders":[{"from":0},{"from":9,"version":5}]}"#,
        r#""versions":{"coupons":[]}"#,
        r#""versions":{"orders":[{"from":-1}]}"#,
        r#""replaced":{"coupons":0}"#,
        r#""replaced":{"../orders":0}"#,
    ] {
        let other = Shop::with_versions();
        fs::write(other.path("state.json"), shop.held().replace(sound, damaged)).unwrap();
        told(&other.refusal(), &["state.json", "is damaged"]);
        assert_eq!(other.orders(), shop.orders());
    }
}
