use super::*;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

const STORE: &str = "https://api.bigcommerce.com/stores/abc";

/// The rows of a file, as another program reads them: each field a text.
pub(super) fn rows(file: &Path) -> Option<Vec<Value>> {
    let mut rows = records(&fs::read(file).ok()?).into_iter();
    let header = rows.next()?;
    let fields = |row: Vec<String>| {
        assert_eq!(row.len(), header.len());
        header.iter().cloned().zip(row.into_iter().map(Value::from)).collect()
    };
    Some(rows.map(|row| Value::Object(fields(row))).collect())
}

fn records(mut bytes: &[u8]) -> Vec<Vec<String>> {
    let (mut reader, mut records, mut fields) = (csv_core::Reader::new(), Vec::new(), Vec::new());
    let (mut text, mut field) = (vec![0; bytes.len()], Vec::new());
    loop {
        let (result, taken, written) = reader.read_field(bytes, &mut text);
        bytes = &bytes[taken..];
        field.extend_from_slice(&text[..written]);
        match result {
            csv_core::ReadFieldResult::Field { record_end } => {
                fields.push(String::from_utf8(std::mem::take(&mut field)).unwrap());
                if record_end {
                    records.push(std::mem::take(&mut fields));
                }
            }
            csv_core::ReadFieldResult::End => return records,
            csv_core::ReadFieldResult::InputEmpty | csv_core::ReadFieldResult::OutputFull => {}
        }
    }
}

struct Shop(TempDir);

impl Shop {
    fn new() -> Shop {
        Shop(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("rows").join(name)
    }

    fn open(&self) -> CsvSink {
        CsvSink::open(&self.path(""), STORE).unwrap()
    }

    fn orders(&self) -> String {
        fs::read_to_string(self.path("orders.csv")).unwrap()
    }

    fn held(&self) -> String {
        fs::read_to_string(self.path("state.json")).unwrap()
    }
}

fn put(sink: &mut CsvSink, message: &str) -> Result<(), String> {
    sink.write(&Message::read(message.as_bytes())).map_err(|why| why.to_string())
}

fn write(sink: &mut CsvSink, messages: &[String]) {
    messages.iter().for_each(|message| put(sink, message).unwrap());
}

fn schema(fields: &[&str]) -> String {
    let properties: serde_json::Map<String, Value> = fields.iter().map(|field| ((*field).to_owned(), json!({}))).collect();
    json!({"type": "SCHEMA", "stream": "orders", "key_properties": [], "schema": {"properties": properties}}).to_string()
}

fn record(record: &str) -> String {
    format!(r#"{{"type":"RECORD","stream":"orders","record":{record}}}"#)
}

fn versioned(id: u32, version: u64) -> String {
    format!(r#"{{"type":"RECORD","stream":"orders","record":{{"id":{id}}},"version":{version}}}"#)
}

fn activate(version: u64) -> String {
    format!(r#"{{"type":"ACTIVATE_VERSION","stream":"orders","version":{version}}}"#)
}

fn state(value: u32) -> String {
    format!(r#"{{"type":"STATE","value":{{"n":{value}}}}}"#)
}

#[test]
fn values_are_written_unchanged_and_quoted_where_needed() {
    let shop = Shop::new();
    for (value, field) in [
        ("7", "7"),
        ("336.3200", "336.3200"),
        ("1e400", "1e400"),
        ("-92233720368547758089", "-92233720368547758089"),
        ("true", "true"),
        (r#""2025-10-09T08:53:20Z""#, "2025-10-09T08:53:20Z"),
        (r#""plain text, no""#, r#""plain text, no""#),
        (r#""a \"q\"""#, r#""a ""q""""#),
        (r#""\"""#, r#""""""#),
        (r#""two\nlines""#, "\"two\nlines\""),
        (r#""a\r""#, "\"a\r\""),
        (r#""\u00e9\ud83d\ude00é""#, "é😀é"),
        (r#""=SUM(A1)""#, "=SUM(A1)"),
        (r#""+1""#, "+1"),
        (r#""@x""#, "@x"),
        (r#"" x ""#, " x "),
        ("[]", "[]"),
        (r#"[{"x": 1.10, "y":null}]"#, r#""[{""x"": 1.10, ""y"":null}]""#),
        (r#"{"a":"b"}"#, r#""{""a"":""b""}""#),
        ("null", ""),
        (r#""""#, r#""""#),
    ] {
        let mut sink = shop.open();
        write(&mut sink, &[schema(&["id", "value"]), record(&format!(r#"{{"id":1,"value":{value}}}"#)), state(1)]);
        assert_eq!(shop.orders(), format!("id,value\r\n1,{field}\r\n"), "{value}");
        drop(sink);
        fs::remove_dir_all(shop.path("")).unwrap();
    }
}

#[test]
fn the_header_has_the_order_of_the_schema_and_a_row_the_order_of_the_header() {
    let shop = Shop::new();
    let names = ["z", "a,b", "Größe \"neu\"", "id"];
    write(&mut shop.open(), &[schema(&names), record(r#"{"id":1,"other":5,"a,b":"x","z":"y"}"#), state(1)]);
    assert_eq!(shop.orders(), "z,\"a,b\",\"Größe \"\"neu\"\"\",id\r\ny,x,,1\r\n");
    let found = rows(&shop.path("orders.csv")).unwrap();
    assert_eq!(found, [json!({"z": "y", "a,b": "x", "Größe \"neu\"": "", "id": "1"})]);
}

#[test]
fn a_row_without_a_value_is_still_a_row() {
    let shop = Shop::new();
    write(&mut shop.open(), &[schema(&["code"]), record("{}"), record(r#"{"code":"x"}"#), state(1)]);
    assert_eq!(shop.orders(), "code\r\n\"\"\r\nx\r\n");
}

#[test]
fn a_stream_without_a_record_has_its_header_with_the_state() {
    let shop = Shop::new();
    let mut sink = shop.open();
    write(&mut sink, &[schema(&["id"])]);
    assert_eq!(shop.orders(), "");
    write(&mut sink, &[state(1)]);
    assert_eq!(shop.orders(), "id\r\n");
    drop(sink);
    // Nothing but a header: the next SCHEMA may widen it.
    write(&mut shop.open(), &[schema(&["id", "note"]), record(r#"{"id":1,"note":"a"}"#), state(2)]);
    assert_eq!(shop.orders(), "id,note\r\n1,a\r\n");
}

#[test]
fn a_field_that_is_new_widens_the_file_with_the_next_state() {
    let shop = Shop::new();
    let odd = r#"{"id":1,"note":"a \"q\",\r\n\n\"\r\nx"}"#;
    let held = "id,note\r\n1,\"a \"\"q\"\",\r\n\n\"\"\r\nx\"\r\n2,\r\n";
    write(&mut shop.open(), &[schema(&["id", "note"]), record(odd), record(r#"{"id":2}"#), state(1)]);
    assert_eq!(shop.orders(), held);
    let mut sink = shop.open();
    write(&mut sink, &[schema(&["total", "id"]), record(r#"{"id":3,"total":1.10,"note":"gone"}"#)]);
    assert_eq!(shop.orders(), held, "up to the state, the file is as it was");
    write(
        &mut sink,
        &[schema(&["id", "more", "note", "total"]), record(r#"{"id":4,"total":5,"note":"n","more":"m"}"#), state(2)],
    );
    let wider = "id,note,total,more\r\n1,\"a \"\"q\"\",\r\n\n\"\"\r\nx\",,\r\n2,,,\r\n3,,1.10,\r\n4,n,5,m\r\n";
    assert_eq!(shop.orders(), wider);
    write(&mut sink, &[record(r#"{"id":5,"more":"m"}"#), state(3)]);
    assert_eq!(shop.orders(), format!("{wider}5,,,m\r\n"));
    drop(sink);
    let sink = shop.open();
    assert_eq!((sink.state(), sink.repaired()), (Some(r#"{"n":3}"#), None));
    assert!(!shop.path("orders.csv.new").exists() && !shop.held().contains("replaced"), "{}", shop.held());
}

#[test]
fn rows_longer_than_any_buffer_are_widened_whole() {
    let shop = Shop::new();
    let long = "\"ü,\r\n".repeat(300_000);
    let record_of = |id: u32| record(&json!({"id": id, "note": long}).to_string());
    write(&mut shop.open(), &[schema(&["id", "note"]), record_of(1), record_of(2), state(1)]);
    write(&mut shop.open(), &[schema(&["id", "note", "new"]), record_of(3), state(2)]);
    let found = rows(&shop.path("orders.csv")).unwrap();
    for (row, id) in found.iter().zip(["1", "2", "3"]) {
        assert!(row["note"] == *long && row["id"] == id && row["new"] == "", "{id}");
    }
    assert_eq!(found.len(), 3);
}

#[test]
fn rows_are_removed_and_the_header_grows_in_one_replacement() {
    let shop = Shop::new();
    write(&mut shop.open(), &[schema(&["id"]), versioned(1, 5), versioned(2, 6), state(1)]);
    let messages = [versioned(3, 5), schema(&["id", "note"]), versioned(4, 6), activate(6), versioned(5, 7), state(2)];
    let mut sink = shop.open();
    put(&mut sink, &schema(&["id"])).unwrap();
    write(&mut sink, &messages);
    assert_eq!(shop.orders(), "id,note\r\n2,\r\n4,\r\n5,\r\n");
    write(&mut sink, &[activate(7), state(3)]);
    assert_eq!(shop.orders(), "id,note\r\n5,\r\n");
    write(&mut sink, &[activate(8), state(4)]);
    assert_eq!(shop.orders(), "id,note\r\n");
}

/// The folder as a kill leaves it at each step of an exchange: the old file or the new one is there, and a state that fits it.
#[test]
fn a_run_killed_while_the_header_grows_leaves_the_old_file_or_the_new_one() {
    let filled = || {
        let shop = Shop::new();
        write(&mut shop.open(), &[schema(&["id"]), record(r#"{"id":1}"#), state(1)]);
        shop
    };
    let wide = [schema(&["id", "note"]), record(r#"{"id":2,"note":"x"}"#), state(2)];
    // The draft is there, and the state does not name it.
    let shop = filled();
    fs::write(shop.path("orders.csv.new"), "id,note\r\n1,\r\n").unwrap();
    fs::write(shop.path("orders.csv"), "id\r\n1\r\n2,x\r\n").unwrap();
    assert!(shop.open().repaired().is_some());
    assert_eq!((shop.orders().as_str(), shop.path("orders.csv.new").exists()), ("id\r\n1\r\n", false));
    write(&mut shop.open(), &wide);
    let (after, held) = (shop.orders(), shop.held());
    assert_eq!(after, "id,note\r\n1,\r\n2,x\r\n");
    // The state names it, before and after it has taken its place.
    for has_moved in [false, true] {
        let shop = filled();
        let named = held.replace(r#""files":{"orders":18}"#, r#""files":{"orders":7},"replaced":{"orders":18}"#);
        assert!(named.contains("replaced"), "{named}");
        fs::write(shop.path("state.json"), named).unwrap();
        fs::write(shop.path("orders.csv"), if has_moved { after.as_str() } else { "id\r\n1\r\n2,x\r\n" }).unwrap();
        if !has_moved {
            fs::write(shop.path("orders.csv.new"), &after).unwrap();
        }
        let sink = shop.open();
        assert_eq!((sink.state(), sink.repaired()), (Some(r#"{"n":2}"#), None));
        drop(sink);
        assert_eq!((shop.orders(), shop.held()), (after.clone(), held.clone()));
    }
}

#[test]
fn a_file_that_another_program_has_saved_is_refused_and_kept() {
    let shop = Shop::new();
    write(&mut shop.open(), &[schema(&["id", "note"]), record(r#"{"id":1,"note":"a"}"#), state(1)]);
    for changed in ["id;note\r\n1;a\r\n", "id,note\n1,a\n", "\u{feff}id,note\r\n1,a\r\n", "id,note\r\n1,abc\r\n"] {
        fs::write(shop.path("orders.csv"), changed).unwrap();
        let why = CsvSink::open(&shop.path(""), STORE).err().expect("the folder was taken").to_string();
        assert!(why.contains("orders.csv") && why.contains("another program has changed it"), "{why}");
        assert_eq!(shop.orders(), changed);
    }
}

#[test]
fn a_folder_of_another_output_is_refused() {
    let shop = Shop::new();
    fs::create_dir(shop.path("")).unwrap();
    for held in [
        r#"{"store":"https://api.bigcommerce.com/stores/abc","state":{"n":1},"files":{"orders":18}}"#,
        r#"{"store":"https://api.bigcommerce.com/stores/abc","files":{"orders":3},"columns":{"orders":["id"]}}"#,
        r#"{"store":"https://api.bigcommerce.com/stores/abc","files":{},"columns":{"orders":["id"]}}"#,
    ] {
        fs::write(shop.path("state.json"), held).unwrap();
        let why = CsvSink::open(&shop.path(""), STORE).err().unwrap().to_string();
        assert!(why.contains("not written by this tap's csv output"), "{held}: {why}");
    }
}

#[test]
fn more_columns_than_a_sheet_has_are_refused() {
    let shop = Shop::new();
    let fields = |from: usize, to: usize| -> Vec<String> { (from..to).map(|number| format!("f{number}")).collect() };
    let of = |fields: Vec<String>| schema(&fields.iter().map(String::as_str).collect::<Vec<_>>());
    let mut sink = shop.open();
    assert!(put(&mut sink, &of(fields(0, 16_385))).unwrap_err().contains("16384 columns"));
    write(&mut sink, &[of(fields(0, 16_384)), state(1)]);
    assert!(put(&mut sink, &of(fields(1, 16_385))).unwrap_err().contains("has at most 16384"));
}
