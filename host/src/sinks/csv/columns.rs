//! The columns of a stream's file, and a record as one of its rows.

use super::SCHEME;
use crate::sinks::Schema;
use crate::sinks::columns::{Fields, Limits, Slots, refuse_alike, unquoted};
use crate::sinks::folder::Kind;
use crate::sinks::folder::grown::Format;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, BufRead, Write};

/// Excel opens no more columns.
const LIMITS: Limits = Limits { holder: "a CSV file", columns: 16_384, name: 1024 };
const LINE_END: &[u8] = b"\r\n";

/// The columns of a file, in their order.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct Columns {
    names: Vec<String>,
    /// Where to find each column's value, according to the last SCHEMA.
    #[serde(skip)]
    sources: Option<Sources>,
}

#[derive(Clone, Debug)]
struct Sources {
    fields: Fields,
    /// The field of each column.
    places: Vec<Option<usize>>,
}

impl Format for Columns {
    const KIND: Kind = Kind { scheme: SCHEME, extension: SCHEME };
    const HAS_HEAD: bool = true;

    /// A field that is new becomes the last column.
    fn schema(&mut self, schema: &Schema<'_>) -> Result<(), String> {
        let fields = Fields::read(&schema.stream, schema.schema, &schema.keys, &LIMITS)?;
        let held = self.names.len();
        self.names.extend(fields.list.iter().map(|field| field.name.clone()));
        let mut seen = HashSet::new();
        self.names.retain(|name| seen.insert(name.clone()));
        if self.names.len() > LIMITS.columns {
            let (stream, holder, most) = (&schema.stream, LIMITS.holder, LIMITS.columns);
            return Err(format!(
                "{stream} has new fields next to the {held} columns of its file, and {holder} has at most {most}; leave fields out with --exclude, or start \
                 with a new folder"
            ));
        }
        refuse_alike(&schema.stream, &self.names)?;
        let places = self.names.iter().map(|name| fields.place(name)).collect();
        self.sources = Some(Sources { fields, places });
        Ok(())
    }

    fn head(&self) -> Vec<u8> {
        let mut head = Vec::new();
        row(self.names.iter().map(|name| Some(Cow::Borrowed(name.as_str()))), &mut head);
        head
    }

    fn line(&self, record: &RawValue, to: &mut Vec<u8>) -> Result<(), String> {
        let Sources { fields, places } = self.sources.as_ref().ok_or("came before its SCHEMA")?;
        let slots = Slots::read(fields, record).map_err(|fault| format!("is not a JSON object: {fault}"))?;
        row(places.iter().map(|place| place.and_then(|place| slots.get(place)).map(text)), to);
        Ok(())
    }

    /// Pads rows with fewer columns with empty fields.
    fn copy(&self, earlier: &Columns, rows: &mut impl BufRead, to: &mut impl Write) -> io::Result<u64> {
        let missing = vec![b','; self.names.len().saturating_sub(earlier.names.len())];
        let (mut copied, mut is_quoted) = (0, false);
        loop {
            let bytes = rows.fill_buf()?;
            if bytes.is_empty() {
                return Ok(copied);
            }
            // Outside quotes, this byte only occurs at the end of a row.
            let is_end = |byte: &u8| {
                is_quoted ^= *byte == b'"';
                *byte == b'\r' && !is_quoted
            };
            let end = bytes.iter().position(is_end);
            let (row, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            to.write_all(row)?;
            let mut taken = row.len();
            if let Some(end) = rest.get(..1) {
                to.write_all(&missing)?;
                to.write_all(end)?;
                copied += missing.len() as u64;
                taken += 1;
            }
            copied += taken as u64;
            rows.consume(taken);
        }
    }
}

/// A value as a field has it: a text without its quotes, anything else as it came.
fn text(json: &str) -> Cow<'_, str> {
    if json.starts_with('"') { unquoted(json) } else { Cow::Borrowed(json) }
}

/// Adds a row. What has no value is empty, and an empty text is `""`.
fn row<'a>(fields: impl ExactSizeIterator<Item = Option<Cow<'a, str>>>, to: &mut Vec<u8>) {
    let is_alone = fields.len() == 1;
    for (place, field) in fields.enumerate() {
        if place > 0 {
            to.push(b',');
        }
        match field {
            Some(text) => add(&text, to),
            // Readers skip an empty line, so quote a row's only field.
            None if is_alone => to.extend_from_slice(b"\"\""),
            None => {}
        }
    }
    to.extend_from_slice(LINE_END);
}

fn add(text: &str, to: &mut Vec<u8>) {
    if !text.is_empty() && !text.contains(['"', ',', '\r', '\n']) {
        return to.extend_from_slice(text.as_bytes());
    }
    to.push(b'"');
    for (place, part) in text.split('"').enumerate() {
        if place > 0 {
            to.extend_from_slice(b"\"\"");
        }
        to.extend_from_slice(part.as_bytes());
    }
    to.push(b'"');
}
