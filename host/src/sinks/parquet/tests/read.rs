//! Reads a folder as its manifest lists it, with the library's own reader.

use super::super::manifest::Manifest;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

pub(in super::super) fn manifest(folder: &Path) -> Manifest {
    serde_json::from_slice(&fs::read(folder.join("state.json")).unwrap()).unwrap()
}

/// The files of a stream that count, in their order.
pub(in super::super) fn files(folder: &Path, stream: &str) -> Vec<PathBuf> {
    let manifest = manifest(folder);
    let files = manifest.streams.get(stream).into_iter().flat_map(|files| &files.files);
    files.map(|listed| folder.join(stream).join(&listed.file)).collect()
}

pub(in super::super) fn open(file: &Path) -> SerializedFileReader<File> {
    SerializedFileReader::new(File::open(file).unwrap()).unwrap()
}

/// The records of a stream, in their order; decimals as their text.
pub(in super::super) fn records(folder: &Path, stream: &str) -> Option<Vec<Value>> {
    folder.join("state.json").exists().then(|| {
        let read = |file: PathBuf| open(&file).get_row_iter(None).unwrap().map(|row| object(&row.unwrap())).collect::<Vec<_>>();
        files(folder, stream).into_iter().flat_map(read).collect()
    })
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
        Field::TimestampMicros(micros) => json!(chrono::DateTime::from_timestamp_micros(*micros).unwrap().to_rfc3339()),
        Field::Str(text) => json!(text),
        Field::Decimal(decimal) => {
            let unscaled = i128::from_be_bytes(decimal.data().try_into().unwrap());
            let (sign, digits) = (if unscaled < 0 { "-" } else { "" }, format!("{:019}", unscaled.unsigned_abs()));
            let (whole, fraction) = digits.split_at(digits.len() - 18);
            json!(format!("{sign}{whole}.{fraction}").trim_end_matches('0').trim_end_matches('.'))
        }
        Field::Group(row) => object(row),
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        other => panic!("a field of another type: {other:?}"),
    }
}
