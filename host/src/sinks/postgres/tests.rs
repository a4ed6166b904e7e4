#![allow(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use super::super::conformance::Stage;
use super::*;
use server::{PASSWORD, Server, USER};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

mod connections;
#[path = "../../../../tests/src/postgres.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is a part of the tests' library, too")]
mod server;
mod values;

const STORE: &str = "https://api.bigcommerce.com/stores/abc";

/// One for all tests of this process. It ends with it.
static SERVER: LazyLock<Option<Server>> = LazyLock::new(Server::start);

/// A schema of a test's own.
struct Shop {
    server: &'static Server,
    name: String,
}

impl Shop {
    /// `None` if PostgreSQL is not installed, which the server has already reported.
    fn new() -> Option<Shop> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let server = SERVER.as_ref()?;
        Some(Shop { server, name: format!("place {}", COUNT.fetch_add(1, Ordering::Relaxed)) })
    }

    /// Its sessions can be told from others by their name.
    fn url(&self) -> String {
        let name = self.name.replace(' ', "%20");
        self.server.url(&format!("schema={name}&application_name={name}"))
    }

    fn open(&self) -> PostgresSink {
        PostgresSink::open(&self.url(), STORE).unwrap()
    }

    fn refusal(&self, store: &str) -> String {
        PostgresSink::open(&self.url(), store).err().expect("the schema was taken").to_string()
    }

    /// What a query gives; `{}` stands for the schema.
    fn text(&self, query: &str) -> String {
        self.server.text(&self.with_schema(query)).unwrap_or_else(|| "NULL".to_owned())
    }

    fn execute(&self, sql: &str) {
        self.server.execute(&self.with_schema(sql));
    }

    fn with_schema(&self, sql: &str) -> String {
        sql.replace("{}", &format!("\"{}\"", self.name))
    }

    fn ids(&self) -> String {
        self.text("SELECT string_agg(id::text, ',' ORDER BY id) FROM {}.orders")
    }

    fn state(&self) -> String {
        self.text("SELECT (SELECT value FROM {}._tap_bigcommerce WHERE name = 'state')")
    }
}

/// A schema, as the suite of all targets opens it.
struct Place(Shop, PathBuf);

impl Stage for Place {
    fn place(&self) -> &Path {
        &self.1
    }

    /// Closes the run's connection from the server's side, like the kernel does for a killed process.
    fn killed(self: Box<Self>, opened: Opened) -> Box<dyn Stage> {
        std::mem::forget(opened);
        let Shop { server, name } = &self.0;
        let sessions = format!("FROM pg_stat_activity WHERE application_name = '{name}'");
        server.execute(&format!("SELECT pg_terminate_backend(pid) {sessions}"));
        let end = Instant::now() + Duration::from_secs(60);
        while server.text(&format!("SELECT count(*)::text {sessions}")).as_deref() != Some("0") {
            assert!(Instant::now() < end, "the session has not ended");
            std::thread::sleep(Duration::from_millis(5));
        }
        self
    }

    fn folder(&self) -> Option<&Path> {
        None
    }
}

pub(super) fn stage() -> Option<Box<dyn Stage>> {
    let shop = Shop::new()?;
    let place = PathBuf::from(shop.url());
    Some(Box::new(Place(shop, place)))
}

/// The rows of a stream's table as records; none if it has no table.
pub(super) fn rows(place: &Path, stream: &str) -> Option<Vec<serde_json::Value>> {
    SERVER.as_ref()?.rows(&Url::read(place.to_str()?).ok()?.schema, stream)
}

fn write(sink: &mut PostgresSink, lines: &[&str]) {
    lines.iter().for_each(|line| sink.write(&Message::read(line.as_bytes())).unwrap());
}

fn refused(sink: &mut PostgresSink, line: &str) -> String {
    sink.write(&Message::read(line.as_bytes())).expect_err("it was taken").to_string()
}

fn schema(properties: &str) -> String {
    format!(
        r#"{{"type":"SCHEMA","stream":"orders","key_properties":["id"],"schema":{{"properties":{{"id":{{"type":"integer"}}{properties}}}}}}}"#
    )
}

fn record(fields: &str) -> String {
    format!(r#"{{"type":"RECORD","stream":"orders","record":{{{fields}}}}}"#)
}

fn state(value: u32) -> String {
    format!(r#"{{"type":"STATE","value":{{"n":{value}}}}}"#)
}

fn told(why: &str, words: &[&str]) {
    words.iter().for_each(|word| assert!(why.contains(word), "{word:?} is not in: {why}"));
}

const NOTE: &str = r#","note":{"type":["null","string"]}"#;

#[test]
fn a_table_that_is_not_the_taps_is_refused_and_not_touched() {
    for (sql, is_of_stream) in [
        ("CREATE TABLE {}.orders (id bigint PRIMARY KEY, note text)", true),
        ("CREATE VIEW {}.orders AS SELECT 1 AS id, 'mine' AS note", true),
        ("CREATE TABLE {}._tap_bigcommerce (mine text)", false),
        ("CREATE TABLE {}._tap_bigcommerce (name text, value text)", false),
    ] {
        let Some(shop) = Shop::new() else { return };
        shop.execute(&format!("CREATE SCHEMA {{}}; {sql}"));
        if !is_of_stream {
            told(&shop.refusal(STORE), &["_tap_bigcommerce", "did not make", "another schema"]);
            assert_eq!(shop.text("SELECT count(*)::text FROM {}._tap_bigcommerce"), "0");
            continue;
        }
        let mut sink = shop.open();
        told(&refused(&mut sink, &schema(NOTE)), &["orders", "did not make", "?schema="]);
        drop(sink);
        assert!(["0", "1"].contains(&shop.text("SELECT count(*)::text FROM {}.orders").as_str()));
        assert_eq!(shop.state(), "NULL");
    }
}

#[test]
fn a_type_or_a_key_that_changes_is_refused_unless_the_stream_is_read_whole() {
    let Some(shop) = Shop::new() else { return };
    write(&mut shop.open(), &[&schema(NOTE), &record(r#""id":1,"note":"a""#), &state(1)]);
    let of_numbers = schema(r#","note":{"type":"integer"}"#);
    let by_two = schema(NOTE).replace(r#"["id"]"#, r#"["id","note"]"#);
    for (changed, words) in [(&of_numbers, "is of the type text and must now be bigint"), (&by_two, "by the key")] {
        let mut sink = shop.open().read_whole(["customers".to_owned()]);
        told(&refused(&mut sink, changed), &["orders", words, "--full-refresh orders"]);
    }
    let mut sink = shop.open().read_whole(["orders".to_owned()]);
    write(&mut sink, &[&of_numbers, &record(r#""id":2,"note":7"#)]);
    assert_eq!(shop.ids(), "1", "the new table comes with its state");
    write(&mut sink, &[&state(2)]);
    drop(sink);
    assert_eq!((shop.ids().as_str(), shop.text("SELECT note::text FROM {}.orders").as_str()), ("2", "7"));
    // Where it fits, nothing is taken away.
    write(&mut shop.open().read_whole(["orders".to_owned()]), &[&of_numbers, &record(r#""id":3"#), &state(3)]);
    assert_eq!(shop.ids(), "2,3");
}

#[test]
fn a_table_that_was_dropped_or_lost_its_key_is_missed_in_a_sentence() {
    let Some(shop) = Shop::new() else { return };
    write(&mut shop.open(), &[&schema(NOTE), &record(r#""id":1"#), &state(1)]);
    shop.execute("ALTER TABLE {}.orders DROP CONSTRAINT orders_pkey");
    let mut sink = shop.open();
    write(&mut sink, &[&schema(NOTE), &record(r#""id":2"#)]);
    told(&refused(&mut sink, &state(2)), &["primary key", "--full-refresh"]);
    drop(sink);
    assert_eq!((shop.ids().as_str(), shop.state().as_str()), ("1", r#"{"n":1}"#));
    shop.execute("DROP TABLE {}.orders");
    told(&refused(&mut shop.open(), &schema(NOTE)), &["lost its table", "--full-refresh orders", "another schema"]);
    write(&mut shop.open().read_whole(["orders".to_owned()]), &[&schema(NOTE), &record(r#""id":3"#), &state(2)]);
    assert_eq!(shop.ids(), "3");
}

/// A full refresh may discard rows from before the run, but not the run's own.
#[test]
fn a_full_refresh_rebuilds_a_table_once() {
    let Some(shop) = Shop::new() else { return };
    write(&mut shop.open(), &[&schema(NOTE), &record(r#""id":1"#), &state(1)]);
    let mut sink = shop.open().read_whole(["orders".to_owned()]);
    write(&mut sink, &[&schema(r#","note":{"type":"integer"}"#), &record(r#""id":2"#), &state(2)]);
    told(&refused(&mut sink, &schema(NOTE)), &["must now be text"]);
    drop(sink);
    assert_eq!(shop.ids(), "2");
}

#[test]
fn somebody_who_holds_a_table_is_not_waited_for_for_ever() {
    let Some(shop) = Shop::new() else { return };
    write(&mut shop.open(), &[&schema(""), &record(r#""id":1"#), &state(1)]);
    let mut other = shop.server.client();
    other.batch_execute(&shop.with_schema("BEGIN; LOCK TABLE {}.orders IN ACCESS SHARE MODE")).unwrap();
    let mut sink = shop.open();
    write(&mut sink, &[&schema(NOTE), &record(r#""id":2,"note":"a""#)]);
    told(&refused(&mut sink, &state(2)), &["another session has locked", "it resumes"]);
    drop((sink, other));
    write(&mut shop.open(), &[&schema(NOTE), &record(r#""id":2,"note":"a""#), &state(2)]);
    assert_eq!(shop.ids(), "1,2");
}

#[test]
fn the_server_notices_when_the_taps_machine_is_gone() {
    // A socket of this machine has none of these settings.
    let Some(server) = Server::start_on_a_port() else { return };
    server.execute(&format!("ALTER ROLE {USER} SET idle_session_timeout = '1h'; ALTER ROLE {USER} SET lock_timeout = '2h'"));
    let url = format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/postgres", server.port());
    let sink = PostgresSink::open(&url, STORE).unwrap();
    for (name, value) in [
        ("tcp_keepalives_idle", "60"),
        ("tcp_keepalives_interval", "15"),
        ("tcp_keepalives_count", "4"),
        ("tcp_user_timeout", "120000"),
        ("idle_session_timeout", "0"),
        ("lock_timeout", "1s"),
    ] {
        let held = sink.session.ask(move |client| Ok(client.query_one(&format!("SHOW {name}"), &[])?.get::<_, String>(0)));
        assert_eq!(held.ok().as_deref(), Some(value), "{name}");
    }
}

#[test]
fn a_server_that_no_longer_answers_is_not_waited_for_for_ever() {
    let Some(shop) = Shop::new() else { return };
    let mut sink = shop.open();
    write(&mut sink, &[&schema(NOTE), &record(r#""id":1"#)]);
    let process = sink.session.ask(|client| Ok(client.query_one("SELECT pg_backend_pid()", &[])?.get::<_, i32>(0)));
    let signal =
        |name: &str| std::process::Command::new("kill").args([name, &process.as_ref().ok().unwrap().to_string()]).status();
    sink.session.patience = Duration::from_millis(200);
    assert!(signal("-STOP").unwrap().success());
    told(&refused(&mut sink, &state(1)), &["no longer answers", "nothing is half-written", "resumes"]);
    told(&refused(&mut sink, &state(1)), &["was lost"]);
    // It ends although its server does not answer.
    drop(sink);
    assert!(signal("-CONT").unwrap().success());
    write(&mut shop.open(), &[&schema(NOTE), &record(r#""id":1"#), &state(1)]);
    assert_eq!(shop.ids(), "1");
}

#[test]
fn a_schema_that_comes_again_takes_no_lock() {
    let Some(shop) = Shop::new() else { return };
    write(&mut shop.open(), &[&schema(""), &record(r#""id":1"#), &state(1)]);
    let mut sink = shop.open();
    write(&mut sink, &[&schema(NOTE), &record(r#""id":2"#), &schema(NOTE), &record(r#""id":3"#)]);
    let mut reader = shop.server.client();
    reader.batch_execute(&shop.with_schema("SET lock_timeout = '1s'; BEGIN; LOCK TABLE {}.orders; ROLLBACK")).unwrap();
    write(&mut sink, &[&state(3)]);
    assert_eq!(shop.ids(), "1,2,3");
}

#[test]
fn the_last_of_a_key_counts_however_the_rows_were_sent() {
    let Some(shop) = Shop::new() else { return };
    let mut sink = shop.open();
    let of = |note: &str| record(&format!(r#""id":1,"note":"{note}""#));
    write(&mut sink, &[&schema(NOTE), &of("a"), &of("b")]);
    sink.send().unwrap();
    write(&mut sink, &[&of("c"), &of("d"), &state(1)]);
    assert_eq!(shop.text("SELECT string_agg(note, ',') FROM {}.orders"), "d");
    write(&mut sink, &[&of("e"), &state(2), &of("f")]);
    sink.finish().unwrap();
    assert_eq!(shop.text("SELECT string_agg(note, ',') FROM {}.orders"), "e");
    drop(sink);
    let keyless = schema(NOTE).replace(r#"["id"]"#, "[]").replace("orders", "lines");
    let line = record(r#""id":1"#).replace("orders", "lines");
    write(&mut shop.open(), &[&keyless, &line, &line, &state(3)]);
    assert_eq!(shop.text("SELECT count(*)::text FROM {}.lines"), "2", "without a key each one is a row");
}

#[test]
fn what_is_gathered_is_sent_long_before_its_state() {
    let Some(shop) = Shop::new() else { return };
    let mut sink = shop.open();
    write(&mut sink, &[&schema(NOTE)]);
    let note = "x".repeat(100_000);
    for id in 0..150 {
        write(&mut sink, &[&record(&format!(r#""id":{id},"note":"{note}""#))]);
        assert!(sink.gathered < ROOM, "{id}");
    }
    write(&mut sink, &[&state(1)]);
    assert_eq!(shop.text("SELECT sum(length(note))::text FROM {}.orders"), "15000000");
}

#[test]
fn readers_wait_only_during_a_commit() {
    let Some(shop) = Shop::new() else { return };
    write(&mut shop.open(), &[&schema(""), &record(r#""id":1"#), &state(1)]);
    let mut sink = shop.open();
    write(&mut sink, &[&schema(NOTE), &record(r#""id":2,"note":"a""#)]);
    sink.send().unwrap();
    let mut reader = shop.server.client();
    reader.batch_execute(&shop.with_schema("SET lock_timeout = '1s'; BEGIN; LOCK TABLE {}.orders; ROLLBACK")).unwrap();
    write(&mut sink, &[&state(2)]);
    assert_eq!(shop.ids(), "1,2");
}

#[test]
fn versions_have_a_column_once_there_is_one() {
    let Some(shop) = Shop::new() else { return };
    let columns =
        "SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '{}.orders'::regclass AND attnum > 0";
    write(&mut shop.open(), &[&schema(NOTE), &record(r#""id":1"#), &state(1)]);
    assert_eq!(shop.text(columns), "id,note");
    let versioned = record(r#""id":2"#).replace(r#","record""#, r#","version":7,"record""#);
    write(&mut shop.open(), &[&schema(NOTE), &versioned, &state(2)]);
    assert_eq!(shop.text(columns), "id,note,_tap_version");
    let keyless = schema(NOTE).replace(r#"["id"]"#, "[]").replace("orders", "lines");
    let mut sink = shop.open();
    write(&mut sink, &[&keyless]);
    told(&refused(&mut sink, &versioned.replace("orders", "lines")), &["lines", "no key", "emit_activate_version_messages"]);
}

#[test]
fn another_stores_schema_is_refused_and_the_way_out_is_named() {
    let Some(shop) = Shop::new() else { return };
    write(&mut shop.open(), &[&state(1)]);
    told(&shop.refusal("other"), &[STORE, "other", "?schema=NAME"]);
    let next = PostgresSink::open(&shop.server.url(&format!("schema={}_next", shop.name.replace(' ', "_"))), "other").unwrap();
    assert_eq!(next.state(), None, "a schema next to it is another place");
}
