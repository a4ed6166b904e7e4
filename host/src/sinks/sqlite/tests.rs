use super::*;
use tempfile::TempDir;

const STORE: &str = "https://api.bigcommerce.com/stores/abc";
const SCHEMA: &str = r#"{"type":"SCHEMA","stream":"orders","key_properties":["id"],"schema":{"properties":{
    "id":{"type":"integer"},"total":{"type":["null","number"]},"paid":{"type":["null","boolean"]},
    "note":{"type":["null","string"]},"lines":{"anyOf":[{"type":"array"},{"type":"null"}]},"big":{"type":["null","integer"]}}}}"#;

struct Shop {
    folder: TempDir,
}

impl Shop {
    fn new() -> Shop {
        Shop { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("shop.db")
    }

    fn open(&self) -> SqliteSink {
        SqliteSink::open(&self.file(), STORE).unwrap()
    }

    fn query(&self, sql: &str) -> String {
        Connection::open(self.file()).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

fn write(sink: &mut SqliteSink, lines: &[&str]) {
    lines.iter().for_each(|line| sink.write(&Message::read(line.as_bytes())).unwrap());
}

fn record(rest: &str) -> String {
    format!(r#"{{"type":"RECORD","stream":"orders","record":{{{rest}}}}}"#)
}

fn state(value: u32) -> String {
    format!(r#"{{"type":"STATE","value":{{"n":{value}}}}}"#)
}

fn refusal(file: &Path, store: &str) -> String {
    SqliteSink::open(file, store).err().expect("the file was taken").to_string()
}

#[test]
fn values_are_kept_exactly() {
    let shop = Shop::new();
    let row = record(
        r#""id":1,"total":336.3200,"paid":true,"note":"a \"q\" \u00e9","lines":[{"x":1.10}],"big":92233720368547758089,"unknown":1"#,
    );
    write(&mut shop.open(), &[SCHEMA, &row, &state(1)]);
    let all =
        "SELECT json_array(id, typeof(id), total__exact, typeof(total__exact), paid, note, lines, CAST(big AS TEXT)) FROM orders";
    let expected = r#"[1,"integer","336.3200","text",1,"a \"q\" é","[{\"x\":1.10}]","92233720368547758089"]"#;
    assert_eq!(shop.query(all), expected);
}

#[test]
fn records_are_replaced_by_key_and_what_a_record_lacks_is_null() {
    let shop = Shop::new();
    let (first, second) = (record(r#""id":1,"note":"old","total":1"#), record(r#""id":1,"note":"new""#));
    write(&mut shop.open(), &[SCHEMA, &first, &second, &state(1)]);
    assert_eq!(shop.query("SELECT json_group_array(json_array(id, note, total)) FROM orders"), r#"[[1,"new",null]]"#);
}

#[test]
fn a_stream_without_a_key_is_appended_to() {
    let shop = Shop::new();
    let schema = SCHEMA.replace(r#""key_properties":["id"]"#, r#""key_properties":[]"#);
    write(&mut shop.open(), &[&schema, &record(r#""id":1"#), &record(r#""id":1"#), &state(1)]);
    assert_eq!(shop.query("SELECT CAST(count(*) AS TEXT) FROM orders"), "2");
}

#[test]
fn nothing_is_kept_without_its_state() {
    let shop = Shop::new();
    let mut sink = shop.open();
    write(&mut sink, &[SCHEMA, &record(r#""id":1"#), &state(1), &record(r#""id":2"#)]);
    sink.finish().unwrap();
    drop(sink);
    assert_eq!(shop.query("SELECT group_concat(id) FROM orders"), "1");
    assert_eq!(shop.open().state(), Some(r#"{"n":1}"#));
}

#[test]
fn a_run_that_is_dropped_in_the_middle_leaves_the_last_state_and_its_records() {
    let shop = Shop::new();
    let mut sink = shop.open();
    write(&mut sink, &[SCHEMA, &record(r#""id":1"#), &state(1), &record(r#""id":2"#)]);
    // As after SIGKILL: the connection is never closed.
    std::mem::forget(sink);
    let copy = shop.folder.path().join("copy.db");
    for end in ["", "-wal"] {
        std::fs::copy(format!("{}{end}", shop.file().display()), format!("{}{end}", copy.display())).unwrap();
    }
    let ids: String =
        Connection::open(&copy).unwrap().query_row("SELECT group_concat(id) FROM orders", [], |row| row.get(0)).unwrap();
    assert_eq!(ids, "1");
    assert_eq!(SqliteSink::open(&copy, STORE).unwrap().state(), Some(r#"{"n":1}"#));
}

#[test]
fn new_fields_become_new_columns_and_fields_that_left_keep_theirs() {
    let shop = Shop::new();
    write(&mut shop.open(), &[SCHEMA, &record(r#""id":1,"note":"kept""#), &state(1)]);
    let schema = r#"{"type":"SCHEMA","stream":"orders","key_properties":["id"],
        "schema":{"properties":{"id":{"type":"integer"},"a \"new\" one":{"type":"string"}}}}"#;
    write(&mut shop.open(), &[schema, &record(r#""id":1,"a \"new\" one":"x""#), &state(2)]);
    assert_eq!(shop.query(r#"SELECT json_array(note, "a ""new"" one") FROM orders"#), r#"["kept","x"]"#);
}

#[test]
fn a_column_of_another_type_is_refused_before_it_mangles_a_value() {
    let shop = Shop::new();
    write(&mut shop.open(), &[SCHEMA, &record(r#""id":1,"big":7"#), &state(1)]);
    let now_text = SCHEMA.replace(r#""big":{"type":["null","integer"]}"#, r#""BIG":{"type":["null","string"]}"#);
    let mut sink = shop.open();
    let why = sink.write(&Message::read(now_text.as_bytes())).unwrap_err().to_string();
    for part in
        ["shop.db", "orders", r#"column "BIG""#, "INTEGER", "must now be TEXT", "--full-refresh orders", "start with a new file"]
    {
        assert!(why.contains(part), "{why}");
    }
    drop(sink);
    let now_integer = SCHEMA.replace(r#""note":{"type":["null","string"]}"#, r#""note":{"type":["null","integer"]}"#);
    assert!(
        shop.open()
            .write(&Message::read(now_integer.as_bytes()))
            .unwrap_err()
            .to_string()
            .contains(r#""TEXT" and must now be INTEGER"#)
    );
}

#[test]
fn decimals_compare_and_add_up_as_numbers_and_keep_their_digits() {
    let shop = Shop::new();
    let totals = ["99.5000", "1000.0000", "5.0000", "208181.4100", "null", "-3.10", "0.0000"];
    let rows: Vec<String> =
        totals.iter().enumerate().map(|(id, total)| record(&format!(r#""id":{id},"total":{total}"#))).collect();
    let mut sink = shop.open();
    write(&mut sink, &[SCHEMA]);
    rows.iter().for_each(|row| write(&mut sink, &[row]));
    write(&mut sink, &[&state(1)]);
    drop(sink);
    for (query, answer) in [
        ("SELECT group_concat(id) FROM (SELECT id FROM orders WHERE total > 100 ORDER BY id)", "1,3"),
        ("SELECT group_concat(id) FROM (SELECT id FROM orders WHERE total BETWEEN 50 AND 2000 ORDER BY id)", "0,1"),
        ("SELECT max(total) || ' ' || min(total) || ' ' || typeof(max(total)) FROM orders", "208181.41 -3.1 real"),
        ("SELECT CAST(round(sum(total), 2) AS TEXT) FROM orders", "209282.81"),
        ("SELECT group_concat(id) FROM (SELECT id FROM orders WHERE total IS NOT NULL ORDER BY total DESC)", "3,1,0,2,6,5"),
        (
            "SELECT group_concat(total__exact, ' ') FROM (SELECT * FROM orders ORDER BY id LIMIT 4)",
            "99.5000 1000.0000 5.0000 208181.4100",
        ),
        ("SELECT CAST(count(*) AS TEXT) FROM orders WHERE total = 99.5", "1"),
    ] {
        assert_eq!(shop.query(query), answer, "{query}");
    }
}

#[test]
fn decimals_of_a_file_of_an_earlier_version_become_numbers_and_keep_their_digits() {
    let shop = Shop::new();
    drop(shop.open());
    let old = r#"CREATE TABLE orders (id INTEGER NOT NULL, total TEXT, paid INTEGER, note TEXT, lines TEXT, big INTEGER, PRIMARY KEY (id));
        INSERT INTO orders (id, total) VALUES (1, '988.2800'), (2, '208181.4100'), (3, NULL);
        CREATE VIEW mine AS SELECT id, total FROM orders;
        INSERT INTO _tap_streams VALUES ('orders', '["id"]');"#;
    Connection::open(shop.file()).unwrap().execute_batch(&format!("BEGIN; {}{old} COMMIT;", OWN_TABLES)).unwrap();
    write(&mut shop.open(), &[SCHEMA, &record(r#""id":4,"total":5.10"#), &state(1)]);
    let all = "SELECT json_group_array(json_array(id, total, total__exact)) FROM orders";
    assert_eq!(shop.query(all), r#"[[1,988.28,"988.2800"],[2,208181.41,"208181.4100"],[3,null,null],[4,5.1,"5.10"]]"#);
    assert_eq!(shop.query("SELECT CAST(max(total) AS TEXT) FROM orders"), "208181.41");
    // A second run finds it as it should be.
    write(&mut shop.open(), &[SCHEMA, &record(r#""id":4,"total":6.20"#), &state(2)]);
    assert_eq!(shop.query("SELECT total__exact FROM orders WHERE id = 4"), "6.20");
}

#[test]
fn a_stream_that_is_read_whole_gets_a_table_that_fits_and_others_keep_theirs() {
    let shop = Shop::new();
    write(&mut shop.open(), &[SCHEMA, &record(r#""id":1,"big":7"#), &state(1)]);
    let now_text = SCHEMA.replace(r#""big":{"type":["null","integer"]}"#, r#""big":{"type":["null","string"]}"#);
    let mut other = shop.open().read_whole(["customers".to_owned()]);
    assert!(other.write(&Message::read(now_text.as_bytes())).unwrap_err().to_string().contains("--full-refresh orders"));
    drop(other);
    let mut sink = shop.open().read_whole(["orders".to_owned()]);
    write(&mut sink, &[&now_text, &record(r#""id":2,"big":"007""#), &state(2)]);
    drop(sink);
    assert_eq!(shop.query("SELECT json_group_array(json_array(id, big)) FROM orders"), r#"[[2,"007"]]"#);
    // Where it fits, nothing is taken away.
    write(&mut shop.open().read_whole(["orders".to_owned()]), &[&now_text, &record(r#""id":3"#), &state(3)]);
    assert_eq!(shop.query("SELECT group_concat(id) FROM orders"), "2,3");
    let now_by_two = now_text.replace(r#""key_properties":["id"]"#, r#""key_properties":["id","note"]"#);
    let row = record(r#""id":1,"note":"a""#);
    write(&mut shop.open().read_whole(["orders".to_owned()]), &[&now_by_two, &row, &row, &state(4)]);
    assert_eq!(shop.query("SELECT group_concat(id) FROM orders"), "1");
}

#[test]
fn a_new_table_is_there_only_with_the_state_that_covers_it() {
    let shop = Shop::new();
    write(&mut shop.open(), &[SCHEMA, &record(r#""id":1,"big":7"#), &state(1)]);
    let now_text = SCHEMA.replace(r#""big":{"type":["null","integer"]}"#, r#""big":{"type":["null","string"]}"#);
    let mut sink = shop.open().read_whole(["orders".to_owned()]);
    write(&mut sink, &[&now_text, &record(r#""id":2"#)]);
    drop(sink);
    assert_eq!(shop.query("SELECT group_concat(id) FROM orders"), "1", "the run was gone before its first STATE");
}

#[test]
fn a_field_in_another_case_is_the_same_column() {
    let shop = Shop::new();
    write(&mut shop.open(), &[SCHEMA, &record(r#""id":1,"note":"a""#), &state(1)]);
    let shouted = SCHEMA.replace(r#""note""#, r#""NOTE""#);
    write(&mut shop.open(), &[&shouted, &record(r#""id":2,"NOTE":"b""#), &state(2)]);
    assert_eq!(shop.query("SELECT group_concat(note) FROM orders"), "a,b");
    let twice = SCHEMA.replace(r#""note":"#, r#""Paid":{"type":"boolean"},"note":"#);
    assert!(shop.open().write(&Message::read(twice.as_bytes())).unwrap_err().to_string().contains("upper and lower case apart"));
}

#[test]
fn a_table_that_was_dropped_is_missed_in_a_sentence() {
    let shop = Shop::new();
    write(&mut shop.open(), &[SCHEMA, &record(r#""id":1"#), &state(1)]);
    Connection::open(shop.file()).unwrap().execute_batch("DROP TABLE orders").unwrap();
    let why = shop.open().write(&Message::read(SCHEMA.as_bytes())).unwrap_err().to_string();
    assert!(why.contains("has lost its table orders") && why.contains("start with a new file"), "{why}");
}

#[test]
fn a_run_that_was_overtaken_by_another_ends() {
    let shop = Shop::new();
    let mut slow = shop.open();
    write(&mut slow, &[SCHEMA, &record(r#""id":1,"note":"old""#), &state(1)]);
    // As between two transactions of the slow run.
    slow.connection.execute_batch("COMMIT").unwrap();
    write(&mut shop.open(), &[SCHEMA, &record(r#""id":1,"note":"new""#), &state(2)]);
    let why = slow.hold().unwrap_err().to_string();
    assert!(why.contains("another run wrote to") && why.contains("run again"), "{why}");
    drop(slow);
    assert_eq!((shop.query("SELECT note FROM orders").as_str(), shop.open().state()), ("new", Some(r#"{"n":2}"#)));

    let mut alone = shop.open();
    alone.connection.execute_batch("COMMIT").unwrap();
    Connection::open(shop.file()).unwrap().execute_batch("CREATE TABLE mine (x)").unwrap();
    alone.hold().unwrap();
    write(&mut alone, &[&state(3)]);
}

#[test]
#[cfg(unix)]
fn names_that_mean_something_to_sqlite_are_files() {
    const CHILD: &str = "TAP_TEST_FILE";
    match std::env::var(CHILD) {
        // In a folder of its own, which a test among others cannot go to.
        Ok(name) => write(&mut SqliteSink::open(Path::new(&name), STORE).unwrap(), &[SCHEMA, &state(1)]),
        Err(_) => {
            for name in [":memory:", "file:x.db?mode=memory"] {
                let folder = tempfile::tempdir().unwrap();
                let this = "sinks::sqlite::tests::names_that_mean_something_to_sqlite_are_files";
                let mut child = std::process::Command::new(std::env::current_exe().unwrap());
                let ended = child.args(["--exact", this]).env(CHILD, name).current_dir(&folder).output().unwrap();
                assert!(ended.status.success(), "{ended:?}");
                assert_eq!(SqliteSink::open(&folder.path().join(name), STORE).unwrap().state(), Some(r#"{"n":1}"#), "{name}");
            }
            assert!(SqliteSink::open(Path::new(""), STORE).is_err());
        }
    }
}

#[test]
fn another_stores_file_is_refused_and_left_as_it_was() {
    let shop = Shop::new();
    write(&mut shop.open(), &[SCHEMA, &record(r#""id":1"#), &state(1)]);
    let why = refusal(&shop.file(), "https://api.bigcommerce.com/stores/other");
    assert!(why.contains("stores/abc") && why.contains("stores/other"), "{why}");
    assert_eq!(shop.open().state(), Some(r#"{"n":1}"#));
}

#[test]
fn a_file_that_cannot_be_the_sink_is_refused_in_a_sentence() {
    let shop = Shop::new();
    let folder = shop.folder.path();
    assert!(refusal(folder, STORE).contains("is a folder"));
    assert!(refusal(&folder.join("no/shop.db"), STORE).contains("folder does not exist"));

    let text = folder.join("text.db");
    std::fs::write(&text, "This is a text of more than a hundred bytes, and so SQLite has its header to look at.".repeat(20))
        .unwrap();
    assert!(refusal(&text, STORE).contains("is not an SQLite file"));

    shop.open().write(&Message::read(state(1).as_bytes())).unwrap();
    let mut permissions = std::fs::metadata(shop.file()).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(shop.file(), permissions).unwrap();
    assert!(refusal(&shop.file(), STORE).contains("is read-only"));
}

#[test]
fn a_file_in_use_is_refused() {
    let shop = Shop::new();
    let _running = shop.open();
    let why = refusal(&shop.file(), STORE);
    assert!(why.contains("in use by another program"), "{why}");
}

#[test]
fn a_full_disk_is_named_and_the_last_state_stays() {
    let shop = Shop::new();
    let mut sink = shop.open();
    write(&mut sink, &[SCHEMA, &state(1)]);
    let pages: i64 = sink.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    sink.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    let long = record(&format!(r#""id":1,"note":"{}""#, "x".repeat(100_000)));
    let why = sink.write(&Message::read(long.as_bytes())).unwrap_err().to_string();
    assert!(why.contains("disk is full"), "{why}");
    drop(sink);
    assert_eq!(shop.open().state(), Some(r#"{"n":1}"#));
}

#[test]
fn a_table_that_is_not_the_taps_is_not_touched() {
    let shop = Shop::new();
    Connection::open(shop.file()).unwrap().execute_batch("CREATE TABLE Orders (mine); INSERT INTO Orders VALUES ('x')").unwrap();
    let mut sink = shop.open();
    let why = sink.write(&Message::read(SCHEMA.as_bytes())).unwrap_err().to_string();
    assert!(why.contains("did not make"), "{why}");
    drop(sink);
    assert_eq!(shop.query("SELECT mine FROM Orders"), "x");
}

#[test]
fn messages_that_cannot_be_stored_are_refused() {
    let shop = Shop::new();
    let mut sink = shop.open();
    let long = "x".repeat(65);
    for name in ["Orders", "a b", "a\\\"b", "", "_tap_state", "sqlite_schema", &long] {
        let why =
            sink.write(&Message::read(SCHEMA.replace("\"orders\"", &format!("\"{name}\"")).as_bytes())).unwrap_err().to_string();
        assert!(why.contains("not a stream's name"), "{name}: {why}");
    }
    assert!(sink.write(&Message::read(record(r#""id":1"#).as_bytes())).unwrap_err().to_string().contains("before its SCHEMA"));
    assert!(
        sink.write(&Message::read(SCHEMA.replace(r#"["id"]"#, r#"["no"]"#).as_bytes()))
            .unwrap_err()
            .to_string()
            .contains("not among its fields")
    );
    write(&mut sink, &[SCHEMA]);
    for keyless in [r#""note":"no key""#, r#""id":null"#] {
        assert!(
            sink.write(&Message::read(record(keyless).as_bytes()))
                .unwrap_err()
                .to_string()
                .contains(r#"key "id" is null or missing"#)
        );
    }
    assert!(sink.write(&Message::read(b"{\"type\":\"RECORD\",\"stream\":\"orders\",\"record\":[1]}")).is_err());
    assert!(
        sink.write(&Message::read(SCHEMA.replace(r#"["id"]"#, r#"["id","note"]"#).as_bytes()))
            .unwrap_err()
            .to_string()
            .contains("by the key")
    );
}

/// The rows of a stream's table as records; none if it has no table.
pub(super) fn rows(file: &Path, stream: &str) -> Option<Vec<serde_json::Value>> {
    use rusqlite::types::Value;
    let connection = Connection::open(file).ok()?;
    let mut rows = connection.prepare(&format!("SELECT * FROM {stream}")).ok()?;
    let names: Vec<String> = rows.column_names().into_iter().map(str::to_owned).collect();
    let value = |value: Value| match value {
        Value::Integer(number) => number.into(),
        Value::Text(text) => text.into(),
        _ => serde_json::Value::Null,
    };
    let row = |row: &rusqlite::Row<'_>| {
        names.iter().enumerate().map(|(place, name)| Ok((name.clone(), value(row.get(place)?)))).collect::<rusqlite::Result<_>>()
    };
    Some(rows.query_map([], row).unwrap().collect::<rusqlite::Result<_>>().unwrap())
}
