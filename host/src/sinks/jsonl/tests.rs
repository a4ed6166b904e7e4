use super::*;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

mod versions;

const STORE: &str = "https://api.bigcommerce.com/stores/abc";
const SCHEMA: &str =
    r#"{"type":"SCHEMA","stream":"orders","key_properties":["id"],"schema":{"properties":{"id":{"type":"integer"}}}}"#;

struct Shop(TempDir);

impl Shop {
    fn new() -> Shop {
        Shop(tempfile::tempdir().unwrap())
    }

    /// A folder with two orders and the state 1.
    fn filled() -> Shop {
        let shop = Shop::new();
        let mut sink = shop.open();
        write(&mut sink, &[SCHEMA, &record(r#"{"id":1}"#), &record(r#"{"id":2}"#), &state(1)]);
        sink.finish().unwrap();
        shop
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("lines")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    fn open(&self) -> JsonlSink {
        JsonlSink::open(&self.folder(), STORE).unwrap()
    }

    fn refusal(&self) -> String {
        refusal(&self.folder(), STORE)
    }

    fn orders(&self) -> String {
        fs::read_to_string(self.path("orders.jsonl")).unwrap()
    }
}

fn refusal(folder: &Path, store: &str) -> String {
    JsonlSink::open(folder, store).err().expect("the folder was taken").to_string()
}

fn write(sink: &mut JsonlSink, lines: &[&str]) {
    lines.iter().for_each(|line| sink.write(&Message::read(line.as_bytes())).unwrap());
}

fn record(record: &str) -> String {
    format!(r#"{{"type":"RECORD","stream":"orders","record":{record},"time_extracted":"2024-01-01T00:00:00Z"}}"#)
}

fn state(value: u32) -> String {
    format!(r#"{{"type":"STATE","value":{{"n":{value}}}}}"#)
}

fn of(state: u32) -> Option<String> {
    Some(format!(r#"{{"n":{state}}}"#))
}

fn told(why: &str, words: &[&str]) {
    words.iter().for_each(|word| assert!(why.contains(word), "{word:?} is not in: {why}"));
}

#[test]
fn a_line_is_the_record_as_it_was_written() {
    let shop = Shop::new();
    let exact = r#"{"id":1,"total":336.3200,"note":"a \"q\" \u00e9\n","lines":[{"x":1.10}],"big":92233720368547758089}"#;
    write(&mut shop.open(), &[SCHEMA, &record(exact), &state(1)]);
    assert_eq!(shop.orders(), format!("{exact}\n"));
}

#[test]
fn a_record_that_is_read_again_is_one_more_line() {
    let shop = Shop::filled();
    let mut sink = shop.open();
    write(&mut sink, &[SCHEMA, &record(r#"{"id":1,"note":"x"}"#), &record(r#"{"id":2}"#), &state(2)]);
    assert_eq!(shop.orders(), "{\"id\":1}\n{\"id\":2}\n{\"id\":1,\"note\":\"x\"}\n{\"id\":2}\n");
}

#[test]
fn nothing_is_kept_without_its_state() {
    let shop = Shop::filled();
    let mut sink = shop.open();
    let long = record(&format!(r#"{{"id":3,"note":"{}"}}"#, "x".repeat(1_000_000)));
    write(&mut sink, &[SCHEMA, &long, &record(r#"{"id":4}"#)]);
    assert!(shop.orders().len() > 1_000_000, "long lines do not wait for the state");
    sink.finish().unwrap();
    drop(sink);
    assert_eq!(shop.orders(), "{\"id\":1}\n{\"id\":2}\n");
    let sink = shop.open();
    assert_eq!((sink.state().map(str::to_owned), sink.repaired()), (of(1), None));
}

#[test]
fn what_a_killed_run_left_is_cut_off_and_told() {
    for left in ["{\"id\":3}\n", "{\"id\":3}\n{\"id\":", "{", "\n"] {
        let shop = Shop::filled();
        fs::write(shop.path("orders.jsonl"), shop.orders() + left).unwrap();
        fs::write(shop.path("state.json.new"), "{\"store\":").unwrap();
        let mut sink = shop.open();
        told(sink.repaired().unwrap(), &["orders.jsonl", "interrupted", "removed"]);
        assert_eq!((sink.state().map(str::to_owned), shop.orders().as_str()), (of(1), "{\"id\":1}\n{\"id\":2}\n"));
        write(&mut sink, &[SCHEMA, &record(r#"{"id":3}"#), &state(2)]);
        drop(sink);
        assert_eq!(shop.orders(), "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n");
        let sink = shop.open();
        assert_eq!((sink.state().map(str::to_owned), sink.repaired()), (of(2), None));
    }
}

#[test]
fn a_run_killed_before_its_first_state_leaves_nothing_in_the_way() {
    let shop = Shop::new();
    let mut sink = shop.open();
    write(&mut sink, &[SCHEMA, &record(r#"{"id":1}"#)]);
    drop(sink);
    fs::write(shop.path("orders.jsonl"), "{\"id\":1}\n{\"i").unwrap();
    assert_eq!(shop.open().state(), None);
    assert_eq!(shop.orders(), "");
    // As after a kill between the file's making and the state's.
    fs::remove_file(shop.path("state.json")).unwrap();
    write(&mut shop.open(), &[SCHEMA, &record(r#"{"id":1}"#), &state(1)]);
    assert_eq!(shop.orders(), "{\"id\":1}\n");
}

#[test]
fn a_file_that_lost_lines_is_an_error_and_no_file_is_changed() {
    let whole = "{\"id\":1}\n{\"id\":2}\n";
    for (now, words) in [
        (Some("{\"id\":1}\n"), "shorter than the 18 bytes"),
        (None, "is missing"),
        (Some("{\"id\":1}\n{\"id\":22}\n{"), "no line end after the 18 bytes"),
    ] {
        let shop = Shop::filled();
        match now {
            Some(now) => fs::write(shop.path("orders.jsonl"), now).unwrap(),
            None => fs::remove_file(shop.path("orders.jsonl")).unwrap(),
        }
        told(&shop.refusal(), &["orders.jsonl", words, "put it back", "a new folder"]);
        if let Some(now) = now {
            assert_eq!(shop.orders(), now);
        }
        fs::write(shop.path("orders.jsonl"), whole).unwrap();
        write(&mut shop.open(), &[SCHEMA]);
    }
}

#[test]
fn another_stores_folder_is_refused_and_left_as_it_was() {
    let shop = Shop::filled();
    fs::write(shop.path("orders.jsonl"), shop.orders() + "{").unwrap();
    let why = refusal(&shop.folder(), "https://api.bigcommerce.com/stores/other");
    told(&why, &["lines", "stores/abc", "stores/other", "name another folder"]);
    assert!(shop.orders().ends_with('{'));
}

#[test]
fn a_folder_in_use_is_refused() {
    let shop = Shop::filled();
    let running = shop.open();
    told(&shop.refusal(), &["lines", "in use by another run"]);
    drop(running);
    shop.open();
}

#[test]
fn lines_of_somebody_elses_are_not_written_to() {
    let shop = Shop::new();
    fs::create_dir(shop.folder()).unwrap();
    fs::write(shop.path("orders.jsonl"), "mine\n").unwrap();
    told(&shop.refusal(), &["orders.jsonl", "already exists", "move it away"]);
    assert_eq!(fs::read_dir(shop.folder()).unwrap().count(), 1, "nothing was added to the folder");

    let shop = Shop::filled();
    fs::write(shop.path("coupons.jsonl"), "mine\n").unwrap();
    let mut sink = shop.open();
    let why = sink.write(&Message::read(SCHEMA.replace("orders", "coupons").as_bytes())).unwrap_err().to_string();
    told(&why, &["coupons.jsonl", "already exists"]);
    drop(sink);
    shop.open();
    assert_eq!(fs::read_to_string(shop.path("coupons.jsonl")).unwrap(), "mine\n");
}

#[test]
fn a_state_of_somebody_elses_is_not_written_over() {
    for text in [
        r#"{"bookmarks":{}}"#,
        "",
        r#"{"store":1,"files":{}}"#,
        r#"{"store":"https://api.bigcommerce.com/stores/abc","files":{"../orders":0}}"#,
    ] {
        let shop = Shop::new();
        fs::create_dir(shop.folder()).unwrap();
        fs::write(shop.path("state.json"), text).unwrap();
        told(&shop.refusal(), &["state.json", "not written by this tap", "name another folder"]);
        assert_eq!(fs::read_to_string(shop.path("state.json")).unwrap(), text);
    }
}

#[test]
fn a_folder_that_cannot_be_the_sink_is_refused_in_a_sentence() {
    let shop = Shop::filled();
    told(&refusal(&shop.path("orders.jsonl"), STORE), &["orders.jsonl", "is a file, not a folder"]);
    told(&refusal(&shop.path("orders.jsonl/below"), STORE), &["cannot be created", "name another folder"]);
    JsonlSink::open(&shop.path("new/below"), STORE).unwrap();
    for name in ["orders.jsonl", "state.json"] {
        let shop = Shop::filled();
        fs::remove_file(shop.path(name)).unwrap();
        fs::create_dir(shop.path(name)).unwrap();
        told(&shop.refusal(), &[name, "is a folder"]);
    }
}

#[test]
#[cfg(unix)]
fn a_read_only_folder_is_refused_before_anything_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let shop = Shop::filled();
    let mode = |mode| fs::set_permissions(shop.folder(), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    told(&shop.refusal(), &["lines", "is read-only"]);
    mode(0o755);
    shop.open();
}

#[test]
#[cfg(unix)]
fn a_socket_and_a_link_are_no_data_files() {
    let shop = Shop::filled();
    fs::remove_file(shop.path("orders.jsonl")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(shop.path("orders.jsonl")).unwrap();
    told(&shop.refusal(), &["orders.jsonl", "not an ordinary file"]);
    drop(socket);
    fs::remove_file(shop.path("orders.jsonl")).unwrap();
    std::os::unix::fs::symlink("/dev/null", shop.path("orders.jsonl")).unwrap();
    told(&shop.refusal(), &["orders.jsonl", "is a link"]);
}

#[test]
fn messages_that_cannot_be_stored_are_refused() {
    let shop = Shop::new();
    let mut sink = shop.open();
    let long = "x".repeat(65);
    for name in ["Orders", "a b", "..", "../orders", "/tmp/x", "a.b", "", &long] {
        let why = sink.write(&Message::read(SCHEMA.replace("orders", name).as_bytes())).unwrap_err().to_string();
        told(&why, &["not a stream's name"]);
    }
    told(&sink.write(&Message::read(record("{}").as_bytes())).unwrap_err().to_string(), &["before its SCHEMA"]);
    write(&mut sink, &[SCHEMA]);
    for wrong in ["[1]", "1", "null"] {
        assert!(sink.write(&Message::read(record(wrong).as_bytes())).is_err(), "{wrong}");
    }
    assert!(sink.write(&Message::read(br#"{"type":"STATE"}"#)).unwrap_err().to_string().contains("lacks its content"));
    assert!(sink.write(&Message::read(b"not json")).is_err());
    write(&mut sink, &[r#"{"type":"BATCH","stream":"orders"}"#, &state(1)]);
    assert_eq!(shop.orders(), "");
}
