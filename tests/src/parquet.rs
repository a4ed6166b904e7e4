//! Reads a folder of `parquet:` as its manifest lists it, with the library's own reader.

use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::{Field, Row};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The files of a stream that count, in their order.
pub fn files(folder: &Path, stream: &str) -> Vec<PathBuf> {
    let manifest = fs::read(folder.join("state.json")).expect("the folder has a manifest");
    let manifest: Value = serde_json::from_slice(&manifest).expect("the manifest is JSON");
    let listed = manifest["streams"][stream]["files"].as_array().into_iter().flatten();
    listed.map(|file| folder.join(stream).join(file["file"].as_str().expect("a file has a name"))).collect()
}

/// A file of Parquet.
pub fn open(file: &Path) -> SerializedFileReader<File> {
    let opened = File::open(file).expect("a listed file is there");
    SerializedFileReader::new(opened).expect("a listed file is whole")
}

/// The records of a stream, in their order; decimals as their text. None: nothing has been written.
pub fn records(folder: &Path, stream: &str) -> Option<Vec<Value>> {
    folder.join("state.json").exists().then(|| files(folder, stream).iter().flat_map(|file| of_file(file)).collect())
}

fn of_file(file: &Path) -> Vec<Value> {
    let reader = open(file);
    let rows = reader.get_row_iter(None).expect("the columns are known");
    rows.map(|row| object(&row.expect("a row can be read"))).collect()
}

fn object(row: &Row) -> Value {
    row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect::<serde_json::Map<_, _>>().into()
}

fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(value) => json!(value),
        Field::Long(value) => json!(value),
        Field::Date(days) => json!(format!("day {days}")),
        Field::TimestampMicros(micros) => {
            json!(chrono::DateTime::from_timestamp_micros(*micros).expect("a time that chrono has").to_rfc3339())
        }
        Field::Str(text) => json!(text),
        Field::Decimal(decimal) => {
            let unscaled = i128::from_be_bytes(decimal.data().try_into().expect("16 bytes"));
            let (sign, digits) = (if unscaled < 0 { "-" } else { "" }, format!("{:019}", unscaled.unsigned_abs()));
            let (whole, fraction) = digits.split_at(digits.len() - 18);
            json!(format!("{sign}{whole}.{fraction}").trim_end_matches('0').trim_end_matches('.'))
        }
        Field::Group(row) => object(row),
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        other => panic!("a field of another type: {other:?}"),
    }
}
