use super::*;
use crate::sinks::AnySink;
use parquet::file::reader::FileReader;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

#[path = "../../../../tests/src/parquet.rs"]
#[allow(unreachable_pub, reason = "it is a part of the tests' library, too")]
pub(super) mod read;
mod room;

const STORE: &str = "https://api.bigcommerce.com/stores/abc";
const WAITING: Limits = LIMITS;

/// The target as it is when each STATE completes the files.
pub(super) struct AtEachState;

impl Target for AtEachState {
    fn scheme(&self) -> &'static str {
        ToParquet.scheme()
    }

    fn promise(&self) -> &'static str {
        ToParquet.promise()
    }

    fn keeps_state(&self) -> Option<&'static str> {
        ToParquet.keeps_state()
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, SinkError> {
        open(opening, Limits { time: Duration::ZERO, ..LIMITS })
    }

    fn read_back(&self, place: &Path, stream: &str) -> Option<Vec<Value>> {
        ToParquet.read_back(place, stream)
    }
}

/// A folder, and runs that write to it by a clock of the test.
struct Shop {
    folder: TempDir,
    now: Arc<Mutex<Instant>>,
    limits: Limits,
}

impl Shop {
    fn new(limits: Limits) -> Shop {
        Shop { folder: tempfile::tempdir().unwrap(), now: Arc::new(Mutex::new(Instant::now())), limits }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("shop")
    }

    fn try_open(&self) -> Result<ParquetSink, SinkError> {
        let mut sink = ParquetSink::open(&self.path(), STORE)?;
        let now = self.now.clone();
        sink.limits = self.limits;
        sink.clock = Box::new(move || *now.lock().unwrap());
        sink.since = (sink.clock)();
        Ok(sink)
    }

    fn open(&self) -> ParquetSink {
        self.try_open().unwrap()
    }

    fn wait(&self, time: Duration) {
        *self.now.lock().unwrap() += time;
    }

    /// A run that ends well.
    fn run(&self, messages: &[Value]) {
        let mut sink = self.open();
        messages.iter().for_each(|message| put(&mut sink, message).unwrap());
        sink.finish().unwrap();
    }

    fn records(&self) -> Vec<Value> {
        read::records(&self.path(), "orders").unwrap_or_default()
    }

    fn ids(&self) -> Vec<i64> {
        self.records().iter().map(|record| record["id"].as_i64().unwrap()).collect()
    }

    fn files(&self) -> usize {
        read::files(&self.path(), "orders").len()
    }

    /// What stands in the stream's folder, drafts as well.
    fn there(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path().join("orders")).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn put(sink: &mut impl Sink, message: &Value) -> Result<(), SinkError> {
    sink.write(&Message::read(message.to_string().as_bytes()))
}

/// A line as it came: numbers keep their digits.
fn put_line(sink: &mut impl Sink, line: &str) -> Result<(), SinkError> {
    sink.write(&Message::read(line.as_bytes()))
}

fn schema(properties: Value) -> Value {
    json!({"type": "SCHEMA", "stream": "orders", "key_properties": ["id"], "schema": {"type": "object", "properties": properties}})
}

fn plain() -> Value {
    schema(json!({"id": {"type": "integer"}, "note": {"type": ["null", "string"]}}))
}

fn record(record: Value) -> Value {
    json!({"type": "RECORD", "stream": "orders", "record": record})
}

fn id(id: i64) -> Value {
    record(json!({ "id": id }))
}

fn state(number: u32) -> Value {
    json!({"type": "STATE", "value": {"n": number}})
}

fn every_kind() -> Value {
    let line = json!({"type": ["object", "null"], "properties": {
        "sku": {"type": "string"}, "price": {"type": ["number", "null"]}, "tags": {"type": ["array", "null"], "items": {"type": "string"}}
    }});
    schema(json!({
        "id": {"type": "integer"},
        "paid": {"type": ["boolean", "null"]},
        "total": {"type": ["number", "null"]},
        "made": {"type": ["string", "null"], "format": "date-time"},
        "day": {"type": ["string", "null"], "format": "date"},
        "lines": {"type": ["array", "null"], "items": line},
        "first": line,
        "more": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
    }))
}

#[test]
fn each_kind_of_field_has_its_type_and_comes_back_as_it_was() {
    let shop = Shop::new(WAITING);
    let whole = json!({
        "id": 1, "paid": true, "total": 12.5, "made": "2025-10-09T08:53:20.5Z", "day": "1970-01-02",
        "lines": [{"sku": "a", "price": -1.25, "tags": ["x", "y"]}, {"sku": "b", "price": null, "tags": []}, null, {"tags": null}],
        "first": {"sku": "ü", "price": 0}, "more": {"a": "b"},
    });
    let empty = json!({"id": 2, "lines": [], "first": null});
    shop.run(&[every_kind(), record(whole), record(empty), id(3), state(1)]);
    let nothing =
        json!({"paid": null, "total": null, "made": null, "day": null, "first": null, "more": null, "_rescued_data": null});
    let with = |more: Value| {
        let mut row = nothing.clone();
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    let lines = json!([
        {"sku": "a", "price": "-1.25", "tags": ["x", "y"]},
        {"sku": "b", "price": null, "tags": []},
        null,
        {"sku": null, "price": null, "tags": null},
    ]);
    let wanted = [
        with(json!({
            "id": 1, "paid": true, "total": "12.5", "made": "2025-10-09T08:53:20.500+00:00", "day": "day 1", "lines": lines,
            "first": {"sku": "ü", "price": "0", "tags": null}, "more": "{\"a\":\"b\"}",
        })),
        with(json!({"id": 2, "lines": []})),
        with(json!({"id": 3, "lines": null})),
    ];
    assert_eq!(shop.records(), wanted);
    let file = &read::files(&shop.path(), "orders")[0];
    let mut types = Vec::new();
    parquet::schema::printer::print_schema(&mut types, read::open(file).metadata().file_metadata().schema());
    let types = String::from_utf8(types).unwrap();
    for of in [
        "INT64 id;",
        "BOOLEAN paid;",
        "total (DECIMAL(38,18))",
        "made (TIMESTAMP(MICROS,true))",
        "day (DATE)",
        "lines (LIST)",
        "more (STRING)",
    ] {
        assert!(types.contains(of), "{of}: {types}");
    }
}

#[test]
fn what_does_not_fit_its_column_is_kept_next_to_it() {
    let shop = Shop::new(WAITING);
    let mut sink = shop.open();
    put(&mut sink, &every_kind()).unwrap();
    for line in [
        r#"{"id":1,"total":1e20,"paid":"yes","made":"soon","first":{"price":1e300,"sku":"a"}}"#,
        r#"{"id":2,"total":0.1234567890123456789,"lines":[{"price":1},{"price":"12.50"},7],"first":[1],"day":20250101}"#,
        r#"{"id":3,"total":33.333333333333336,"lines":{}}"#,
    ] {
        put_line(&mut sink, &format!(r#"{{"type":"RECORD","stream":"orders","record":{line}}}"#)).unwrap();
    }
    put(&mut sink, &state(1)).unwrap();
    sink.finish().unwrap();
    let records = shop.records();
    let rescued: Vec<&str> = records.iter().map(|record| record["_rescued_data"].as_str().unwrap()).collect();
    assert_eq!(
        rescued,
        [
            r#"{"paid":"yes","total":1e20,"made":"soon","first.price":1e300}"#,
            r#"{"total":0.1234567890123456789,"day":20250101,"lines[1].price":"12.50","lines[2]":7,"first":[1]}"#,
            r#"{"lines":{}}"#,
        ]
    );
    assert_eq!((&records[0]["total"], &records[0]["first"]["sku"]), (&Value::Null, &json!("a")));
    assert_eq!((&records[1]["total"], &records[2]["total"]), (&json!("0.123456789012345679"), &json!("33.333333333333336")));
    assert_eq!(
        records[1]["lines"],
        json!([{"sku": null, "price": "1", "tags": null}, {"sku": null, "price": null, "tags": null}, null])
    );
}

#[test]
fn a_whole_number_of_more_than_64_bits_is_kept_as_long_as_it_is_no_key() {
    let shop = Shop::new(WAITING);
    let mut sink = shop.open();
    put(&mut sink, &schema(json!({"id": {"type": "integer"}, "count": {"type": "integer"}}))).unwrap();
    let line = |record: &str| format!(r#"{{"type":"RECORD","stream":"orders","record":{record}}}"#);
    put_line(&mut sink, &line(r#"{"id":1,"count":9223372036854775808}"#)).unwrap();
    for (record, words) in [
        (r#"{"id":9223372036854775808}"#, "of orders whose key \"id\" has a value 9223372036854775808"),
        (r#"{"count":1}"#, "whose key \"id\" is null or missing"),
        (r#"{"id":null}"#, "whose key \"id\" is null or missing"),
    ] {
        let why = put_line(&mut sink, &line(record)).unwrap_err().to_string();
        assert!(why.contains(words), "{why}");
    }
    put(&mut sink, &state(1)).unwrap();
    sink.finish().unwrap();
    assert_eq!(shop.records(), [json!({"id": 1, "count": null, "_rescued_data": "{\"count\":9223372036854775808}"})]);
}

#[test]
fn a_state_counts_once_its_files_are_complete_and_nothing_is_seen_before() {
    let shop = Shop::new(WAITING);
    let mut sink = shop.open();
    for message in [plain(), id(1), state(1), id(2), state(2)] {
        put(&mut sink, &message).unwrap();
    }
    assert_eq!((shop.files(), sink.state()), (0, None));
    shop.wait(LIMITS.time - Duration::from_millis(1));
    put(&mut sink, &state(3)).unwrap();
    assert_eq!((shop.files(), sink.state()), (0, None));
    shop.wait(Duration::from_millis(1));
    put(&mut sink, &id(3)).unwrap();
    assert_eq!(shop.files(), 0);
    put(&mut sink, &state(4)).unwrap();
    assert_eq!((shop.ids(), sink.state()), (vec![1, 2, 3], Some(r#"{"n":4}"#)));
    for message in [id(4), state(5), id(5)] {
        put(&mut sink, &message).unwrap();
    }
    assert_eq!((shop.ids(), sink.state()), (vec![1, 2, 3], Some(r#"{"n":4}"#)));
    sink.finish().unwrap();
    assert_eq!((shop.ids(), sink.state()), (vec![1, 2, 3, 4], Some(r#"{"n":5}"#)));
    assert_eq!(shop.there(), ["0000000001.parquet", "0000000002.parquet"]);
}

#[test]
fn a_stream_without_a_row_has_a_file_that_shows_its_columns_until_rows_come() {
    let shop = Shop::new(WAITING);
    shop.run(&[plain(), state(1)]);
    assert_eq!((shop.files(), shop.records().len()), (1, 0));
    shop.run(&[plain(), state(2)]);
    assert_eq!(shop.there(), ["0000000001.parquet"]);
    shop.run(&[plain(), id(1), state(3)]);
    assert_eq!((shop.there(), shop.ids()), (vec!["0000000002.parquet".to_owned()], vec![1]));
}

#[test]
fn other_columns_begin_another_file_and_the_same_ones_do_not() {
    let shop = Shop::new(WAITING);
    let wider = schema(json!({"id": {"type": "integer"}, "more": {"type": "integer"}}));
    shop.run(&[plain(), id(1), plain(), id(2), state(1), wider, record(json!({"id": 3, "more": 7})), state(2), id(4)]);
    assert_eq!((shop.files(), shop.ids()), (2, vec![1, 2, 3]));
    assert_eq!(shop.records()[2], json!({"id": 3, "more": 7, "_rescued_data": null}));
}

#[test]
fn a_key_that_has_changed_is_refused_unless_the_stream_is_read_whole() {
    let shop = Shop::new(WAITING);
    shop.run(&[plain(), id(1), state(1)]);
    let mut other = plain();
    other["key_properties"] = json!(["note"]);
    let why = put(&mut shop.open(), &other).unwrap_err().to_string();
    assert!(why.contains("holds orders by the key [\"id\"]") && why.contains("--full-refresh orders"), "{why}");
    assert_eq!(shop.ids(), [1]);
    let mut sink = shop.open().read_whole(["orders".to_owned()]);
    for message in [other.clone(), record(json!({"id": 2, "note": "a"}))] {
        put(&mut sink, &message).unwrap();
    }
    assert_eq!(shop.ids(), [1]);
    put(&mut sink, &state(2)).unwrap();
    let why = put(&mut sink, &plain()).unwrap_err().to_string();
    assert!(why.contains("holds orders by the key"), "{why}");
    sink.finish().unwrap();
    drop(sink);
    assert_eq!(shop.ids(), [2]);
    put(&mut shop.open(), &other).unwrap();
}

#[test]
fn a_key_that_has_changed_in_a_run_that_ends_before_the_next_state_is_still_the_old_one() {
    let shop = Shop::new(WAITING);
    shop.run(&[plain(), id(1), state(1)]);
    let mut other = plain();
    other["key_properties"] = json!(["note"]);
    let mut sink = shop.open().read_whole(["orders".to_owned()]);
    for message in [state(2), other.clone(), record(json!({"id": 2, "note": "a"}))] {
        put(&mut sink, &message).unwrap();
    }
    sink.finish().unwrap();
    drop(sink);
    assert_eq!(shop.ids(), [1]);
    let why = put(&mut shop.open(), &other).unwrap_err().to_string();
    assert!(why.contains("holds orders by the key [\"id\"]"), "{why}");
    put(&mut shop.open(), &plain()).unwrap();
}

#[test]
fn fields_that_no_file_could_have_are_refused() {
    let shop = Shop::new(WAITING);
    let mut sink = shop.open();
    for (properties, words) in [
        (json!({"id": {}, "_rescued_data": {}}), "\"_rescued_data\", a name that Parquet files"),
        (json!({"id": {}, "File_Row_Number": {}}), "a name that Parquet files"),
        (json!({"id": {}, "ID": {}}), "two fields \"ID\""),
        (json!({"id": {}, "a": {"type": "object", "properties": {"b": {}, "B": {}}}}), "two fields \"B\""),
    ] {
        let why = put(&mut sink, &schema(properties)).unwrap_err().to_string();
        assert!(why.contains(words), "{why}");
    }
}

#[test]
fn a_killed_run_leaves_drafts_that_the_next_one_removes_or_completes() {
    let shop = Shop::new(Limits { rows: 1, time: Duration::ZERO, ..LIMITS });
    shop.run(&[plain(), id(1), state(1)]);
    let mut sink = shop.open();
    [plain(), id(2), id(3)].iter().for_each(|message| put(&mut sink, message).unwrap());
    drop(sink);
    assert_eq!(shop.there(), [".0000000002.parquet.new", "0000000001.parquet"]);
    let sink = shop.open();
    assert!(sink.repaired().unwrap().contains("orders"));
    drop(sink);
    assert_eq!(shop.there(), ["0000000001.parquet"]);
    // As if the run had been killed between the state and the names.
    let orders = shop.path().join("orders");
    fs::rename(orders.join("0000000001.parquet"), orders.join(".0000000001.parquet.new")).unwrap();
    fs::write(orders.join("0000000007.parquet"), "left").unwrap();
    fs::write(orders.join("notes.txt"), "mine").unwrap();
    fs::write(shop.path().join("views.sql"), "old").unwrap();
    drop(shop.open());
    assert_eq!((shop.there(), shop.ids()), (vec!["0000000001.parquet".to_owned(), "notes.txt".into()], vec![1]));
    assert!(fs::read_to_string(shop.path().join("views.sql")).unwrap().contains("orders/0000000001.parquet"));
}

#[test]
fn files_that_another_program_has_changed_are_missed_and_none_is_removed() {
    let shop = Shop::new(WAITING);
    shop.run(&[plain(), id(1), state(1)]);
    let file = shop.path().join("orders/0000000001.parquet");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[1..]).unwrap();
    let why = shop.try_open().err().unwrap().to_string();
    assert!(why.contains(&format!("has {} bytes", bytes.len() - 1)) && why.contains("another program"), "{why}");
    fs::remove_file(&file).unwrap();
    let why = shop.try_open().err().unwrap().to_string();
    assert!(why.contains("0000000001.parquet is missing"), "{why}");
    fs::write(&file, &bytes).unwrap();
    shop.run(&[plain(), id(2), state(2)]);
    assert_eq!(shop.ids(), [1, 2]);
}

#[test]
fn others_files_are_left_alone() {
    let shop = Shop::new(WAITING);
    fs::create_dir_all(shop.path().join("orders")).unwrap();
    fs::write(shop.path().join("orders/0000000001.parquet"), "mine").unwrap();
    let why = put(&mut shop.open(), &plain()).unwrap_err().to_string();
    assert!(why.contains("0000000001.parquet already exists"), "{why}");
    drop(shop.open());
    assert_eq!(fs::read(shop.path().join("orders/0000000001.parquet")).unwrap(), b"mine");
    for content in [r#"{"store":"x","files":{}}"#, r#"{"store":"x","streams":{"..":{"keys":[],"next":1,"files":[]}}}"#, "{"] {
        fs::write(shop.path().join("state.json"), content).unwrap();
        let why = shop.try_open().err().unwrap().to_string();
        assert!(why.contains("not written by this tap's parquet output"), "{content}: {why}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_a_streams_folder_is_refused() {
    let shop = Shop::new(WAITING);
    shop.run(&[plain(), state(1)]);
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), shop.path().join("customers")).unwrap();
    let mut customers = plain();
    customers["stream"] = json!("customers");
    let why = put(&mut shop.open(), &customers).unwrap_err().to_string();
    assert!(why.contains("links are not followed"), "{why}");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn the_sink_goes_to_a_thread_of_its_own() {
    let shop = Shop::new(WAITING);
    let mut sink = AnySink::new(shop.open());
    std::thread::spawn(move || [plain(), id(1), state(1)].iter().for_each(|message| put(&mut sink, message).unwrap()))
        .join()
        .unwrap();
}
