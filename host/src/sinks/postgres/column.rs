//! The columns of a stream's table: how PostgreSQL holds what the SCHEMA says of a field.

use super::super::columns::{Field, Fields, Kind, Limits};
use super::super::message::{is_stream_name, not_a_name};
use super::url::MAX_NAME;
use serde_json::value::RawValue;

/// PostgreSQL's limit is 1600, and a staging table has two more columns. Names that are too long are refused below.
const LIMITS: Limits = Limits { holder: "a table", columns: 1598, name: usize::MAX };

/// The number of a row on its way: of rows with the same key, the last counts.
pub(super) const ROW: &str = "_tap_row";
/// The walk of a full table that a row belongs to.
pub(super) const VERSION: &str = "_tap_version";
/// What PostgreSQL and this tap keep for themselves.
const RESERVED: [&str; 8] = [ROW, VERSION, "cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"];

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Bigint,
    Numeric,
    Boolean,
    Timestamp,
    Date,
    Json,
    Text,
}

impl Type {
    pub(super) fn of(field: &Field) -> Type {
        match field.kind {
            Kind::Integer => Type::Bigint,
            Kind::Decimal => Type::Numeric,
            Kind::Boolean => Type::Boolean,
            Kind::Timestamp => Type::Timestamp,
            Kind::Date => Type::Date,
            Kind::Text => Type::Text,
            Kind::Object(_) | Kind::Array(_) | Kind::Json => Type::Json,
        }
    }

    /// As PostgreSQL names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Type::Bigint => "bigint",
            Type::Numeric => "numeric",
            Type::Boolean => "boolean",
            Type::Timestamp => "timestamp with time zone",
            Type::Date => "date",
            Type::Json => "jsonb",
            Type::Text => "text",
        }
    }
}

/// The fields of a stream and the type of each, in the order of the SCHEMA. The error says what is wrong with the message.
pub(super) fn read(stream: &str, schema: &RawValue, keys: &[String]) -> Result<(Fields, Vec<Type>), String> {
    if !is_stream_name(stream) || stream.starts_with("_tap_") {
        return Err(not_a_name(stream));
    }
    if stream.len() > MAX_NAME {
        return Err(format!("the name of the stream {stream} has {} bytes, and PostgreSQL keeps {MAX_NAME}", stream.len()));
    }
    let fields = Fields::read(stream, schema, keys, &LIMITS)?;
    for Field { name, .. } in &fields.list {
        if name.len() > MAX_NAME {
            let length = name.len();
            return Err(format!(
                "{stream} has a field {name:?} of {length} bytes, and PostgreSQL keeps {MAX_NAME} of a name; leave it out with --exclude"
            ));
        }
        if RESERVED.contains(&name.as_str()) {
            return Err(format!(
                "{stream} has a field {name:?}, and PostgreSQL or this tap has a column of that name; leave it out with --exclude"
            ));
        }
    }
    let types = fields.list.iter().map(Type::of).collect();
    Ok((fields, types))
}
