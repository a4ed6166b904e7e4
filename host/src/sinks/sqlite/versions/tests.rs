use super::super::{Message, Sink, SqliteSink};
use rusqlite::Connection;
use tempfile::TempDir;

const STORE: &str = "https://api.bigcommerce.com/stores/abc";
const SCHEMA: &str = r#"{"type":"SCHEMA","stream":"brands","key_properties":["id"],"schema":{"properties":{
    "id":{"type":"integer"},"name":{"type":["null","string"]}}}}"#;

struct Shop(TempDir);

impl Shop {
    fn new() -> Shop {
        Shop(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> SqliteSink {
        SqliteSink::open(&self.0.path().join("shop.db"), STORE).unwrap()
    }

    fn run(&self, lines: &[&str]) {
        write(&mut self.open(), lines);
    }

    fn look(&self) -> Connection {
        Connection::open(self.0.path().join("shop.db")).unwrap()
    }

    /// The tables, but for those that every file has.
    fn tables(&self) -> Vec<String> {
        let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('_tap_meta', '_tap_streams', '_tap_state') ORDER BY name";
        let connection = self.look();
        let mut names = connection.prepare(names).unwrap();
        names.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }

    fn query(&self, sql: &str) -> String {
        self.look().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

fn write(sink: &mut SqliteSink, lines: &[&str]) {
    lines.iter().for_each(|line| sink.write(&Message::read(line.as_bytes())).unwrap());
}

fn record(fields: &str, version: Option<u64>) -> String {
    let version = version.map_or(String::new(), |version| format!(r#","version":{version}"#));
    format!(r#"{{"type":"RECORD","stream":"brands","record":{{{fields}}}{version}}}"#)
}

fn activate(version: u64) -> String {
    format!(r#"{{"type":"ACTIVATE_VERSION","stream":"brands","version":{version}}}"#)
}

const STATE: &str = r#"{"type":"STATE","value":{}}"#;
const IDS: &str = "SELECT ifnull(group_concat(id), '') FROM (SELECT id FROM brands ORDER BY id)";

#[test]
fn a_streams_table_shows_its_fields_and_nothing_of_the_taps() {
    let shop = Shop::new();
    shop.run(&[SCHEMA, &record(r#""id":1,"name":"a""#, None), STATE]);
    assert_eq!(shop.tables(), ["brands"], "without versions there is no table for them");
    shop.run(&[SCHEMA, &record(r#""id":1,"name":"b""#, Some(7)), &activate(7), STATE]);
    let connection = shop.look();
    assert_eq!(connection.prepare("SELECT * FROM brands").unwrap().column_names(), ["id", "name"]);
    assert_eq!(shop.tables(), ["_tap_versions_brands", "brands"]);
}

#[test]
fn a_row_that_is_written_again_without_a_version_is_no_longer_of_the_one_before() {
    let shop = Shop::new();
    shop.run(&[SCHEMA, &record(r#""id":1"#, Some(7)), &record(r#""id":2"#, Some(7)), STATE]);
    shop.run(&[SCHEMA, &record(r#""id":1"#, None), STATE]);
    shop.run(&[SCHEMA, &activate(7), STATE]);
    assert_eq!(shop.query(IDS), "2");
}

#[test]
fn the_version_of_a_row_goes_with_it() {
    let shop = Shop::new();
    shop.run(&[SCHEMA, &record(r#""id":1"#, Some(7)), &record(r#""id":2"#, Some(7)), &activate(7), STATE]);
    shop.run(&[SCHEMA, &record(r#""id":2"#, Some(8)), &activate(8), STATE]);
    assert_eq!(shop.query("SELECT json_group_array(json_array(id, _tap_version)) FROM _tap_versions_brands"), "[[2,8]]");
}

#[test]
fn rows_go_by_their_key_whatever_its_form() {
    let schema = r#"{"type":"SCHEMA","stream":"brands","key_properties":["b \"two\"","a"],"schema":{"properties":{
        "a":{"type":"integer"},"b \"two\"":{"type":"string"},"id":{"type":"integer"},"_tap":{"type":"string"}}}}"#;
    let keys = [
        r#""a":1,"b \"two\"":"x","id":1"#,
        r#""a":1,"b \"two\"":"y\"","id":2"#,
        r#""a":92233720368547758089,"b \"two\"":"x","id":3"#,
        r#""a":92233720368547758090,"b \"two\"":"x","id":4"#,
        r#""a":2,"b \"two\"":"007","id":5"#,
        r#""a":2,"b \"two\"":"7","id":6"#,
    ];
    for (first, second) in [(0, 1), (2, 3), (4, 5)] {
        let shop = Shop::new();
        let all: Vec<String> = keys.iter().map(|key| record(key, Some(7))).collect();
        let mut lines = vec![schema];
        lines.extend(all.iter().map(String::as_str));
        lines.push(STATE);
        shop.run(&lines);
        shop.run(&[schema, &record(keys[first], Some(8)), STATE]);
        // Row numbers may change when a file is compacted, and keys do not.
        shop.look().execute_batch("VACUUM").unwrap();
        shop.run(&[schema, &record(keys[second], Some(8)), &activate(8), STATE]);
        assert_eq!(shop.query(IDS), format!("{},{}", first + 1, second + 1));
    }
}

#[test]
fn a_table_that_is_rebuilt_has_no_versions_from_before() {
    let shop = Shop::new();
    shop.run(&[SCHEMA, &record(r#""id":1,"name":"a""#, Some(7)), STATE]);
    let by_two = SCHEMA.replace(r#"["id"]"#, r#"["id","name"]"#);
    let mut sink = shop.open().read_whole(["brands".to_owned()]);
    write(&mut sink, &[&by_two, &record(r#""id":1,"name":"a""#, None), &record(r#""id":1,"name":"b""#, Some(7))]);
    write(&mut sink, &[&activate(7), STATE]);
    drop(sink);
    assert_eq!(shop.query("SELECT group_concat(name) FROM brands"), "b");
}

#[test]
fn rows_that_no_key_tells_apart_are_refused_with_a_version_and_taken_without() {
    let shop = Shop::new();
    let keyless = SCHEMA.replace(r#"["id"]"#, "[]");
    shop.run(&[&keyless, &record(r#""id":1"#, None), STATE]);
    for line in [record(r#""id":2"#, Some(7)), activate(7)] {
        let mut sink = shop.open();
        write(&mut sink, &[&keyless]);
        let why = sink.write(&Message::read(line.as_bytes())).unwrap_err().to_string();
        assert!(why.contains("shop.db cannot keep versions of brands, which has no key"), "{why}");
    }
    assert_eq!(shop.query(IDS), "1");
}

#[test]
fn a_stream_may_have_the_name_of_anything_in_the_statements() {
    for name in ["_version", "kept", "excluded", "versions", "table", "select"] {
        let shop = Shop::new();
        let other = |line: &str| line.replace("\"brands\"", &format!("\"{name}\"")).replace("\"id\"", "\"version\"");
        let lines = [SCHEMA, &record(r#""id":1"#, Some(7)), &record(r#""id":2"#, Some(8)), &activate(8), STATE].map(other);
        shop.run(&lines.each_ref().map(String::as_str));
        assert_eq!(shop.query(&format!("SELECT group_concat(version) FROM \"{name}\"")), "2", "{name}");
    }
}
