//! The columns of a stream's files: nested as the SCHEMA nests them.

use super::super::columns::{Field, Fields, Kind, Limits, refuse_alike};
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::{Type, TypePtr};
use serde_json::value::RawValue;
use std::ops::Range;
use std::sync::Arc;

/// The format has no limit. Readers become slow long before this.
const LIMITS: Limits = Limits { holder: "a Parquet file", columns: MAX_COLUMNS, name: 1024 };
const MAX_COLUMNS: usize = 10_000;

/// The most digits that readers know.
pub(super) const DIGITS: u32 = 38;
/// Those after the point. Prices and rates have up to 10; a number that was calculated somewhere, such as 33.333333333333336, has up to 17.
pub(super) const SCALE: u32 = 18;

/// The column that keeps what does not fit its own column.
pub(super) const RESCUED: &str = "_rescued_data";
/// The column with a row's file name, by which the views order rows.
pub(super) const FILE: &str = "_tap_file";
/// DuckDB's own name for the number of a row, which cannot be changed.
pub(super) const ROW: &str = "file_row_number";

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Boolean,
    Integer,
    /// DECIMAL of [`DIGITS`] digits, [`SCALE`] of them after the point.
    Decimal,
    /// Microseconds, in UTC.
    Timestamp,
    Date,
    Text,
    /// JSON text, as it came.
    Json,
}

/// A field, or the element of a list, and where its columns are.
#[derive(Debug)]
pub(super) enum Node {
    Leaf {
        column: usize,
        scalar: Scalar,
    },
    Object {
        columns: Range<usize>,
        fields: Fields,
        nodes: Vec<Node>,
    },
    /// `depth`: in how many lists its elements are.
    Array {
        columns: Range<usize>,
        depth: i16,
        element: Box<Node>,
    },
}

/// What is to be known of a column to write it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) scalar: Scalar,
    /// It is in a list.
    pub(super) is_repeated: bool,
}

/// The columns of a stream's files.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) keys: Vec<String>,
    pub(super) fields: Fields,
    /// One for each field.
    pub(super) nodes: Vec<Node>,
    /// The last one is [`RESCUED`].
    pub(super) columns: Vec<Column>,
    pub(super) schema: TypePtr,
}

impl Shape {
    /// Reads the shape of a stream's files from its SCHEMA. The error says what is wrong with the message.
    pub(super) fn read(stream: &str, schema: &RawValue, keys: &[String]) -> Result<Shape, String> {
        let fields = Fields::read(stream, schema, keys, &LIMITS)?;
        let is_taken = |name: &&String| [RESCUED, FILE, ROW].iter().any(|taken| name.eq_ignore_ascii_case(taken));
        if let Some(name) = fields.list.iter().map(|field| &field.name).find(is_taken) {
            return Err(format!("{stream} has a field {name:?}, a name that Parquet files and their views need for themselves"));
        }
        let mut columns = Vec::new();
        let (nodes, mut types) = nodes(stream, &fields, 0, &mut columns)?;
        columns.push(Column { scalar: Scalar::Text, is_repeated: false });
        if columns.len() > MAX_COLUMNS {
            return Err(format!("{stream} needs {} columns; a Parquet file has at most {MAX_COLUMNS}", columns.len()));
        }
        types.push(Arc::new(scalar_type(RESCUED, Scalar::Text).map_err(|fault| unknown(stream, &fault))?));
        let schema = Type::group_type_builder("record").with_fields(types).build().map_err(|fault| unknown(stream, &fault))?;
        Ok(Shape { keys: keys.to_vec(), fields, nodes, columns, schema: Arc::new(schema) })
    }
}

fn unknown(stream: &str, fault: &ParquetError) -> String {
    format!("{stream} has no form in Parquet: {fault}")
}

fn nodes(stream: &str, fields: &Fields, depth: i16, columns: &mut Vec<Column>) -> Result<(Vec<Node>, Vec<TypePtr>), String> {
    let names: Vec<&String> = fields.list.iter().map(|field| &field.name).collect();
    refuse_alike(stream, &names)?;
    let node = |Field { name, kind, .. }: &Field| node(stream, name, kind, depth, columns);
    let nodes: Vec<(Node, Type)> = fields.list.iter().map(node).collect::<Result<_, _>>()?;
    Ok(nodes.into_iter().map(|(node, of)| (node, Arc::new(of))).unzip())
}

/// Every column is optional: fields may be missing, and list elements may be null.
fn node(stream: &str, name: &str, kind: &Kind, depth: i16, columns: &mut Vec<Column>) -> Result<(Node, Type), String> {
    let first = columns.len();
    let (node, of) = match kind {
        Kind::Object(fields) => {
            let (nodes, types) = nodes(stream, fields, depth, columns)?;
            let of = Type::group_type_builder(name).with_repetition(Repetition::OPTIONAL).with_fields(types).build();
            (Node::Object { columns: first..columns.len(), fields: fields.clone(), nodes }, of)
        }
        Kind::Array(element) => {
            let (element, of) = node(stream, "element", element, depth + 1, columns)?;
            let node = Node::Array { columns: first..columns.len(), depth: depth + 1, element: Box::new(element) };
            (node, list_type(name, of))
        }
        kind => {
            let scalar = scalar(kind);
            columns.push(Column { scalar, is_repeated: depth > 0 });
            (Node::Leaf { column: first, scalar }, scalar_type(name, scalar))
        }
    };
    Ok((node, of.map_err(|fault| unknown(stream, &fault))?))
}

fn scalar(kind: &Kind) -> Scalar {
    match kind {
        Kind::Integer => Scalar::Integer,
        Kind::Boolean => Scalar::Boolean,
        Kind::Decimal => Scalar::Decimal,
        Kind::Timestamp => Scalar::Timestamp,
        Kind::Date => Scalar::Date,
        Kind::Text => Scalar::Text,
        Kind::Json | Kind::Object(_) | Kind::Array(_) => Scalar::Json,
    }
}

fn scalar_type(name: &str, scalar: Scalar) -> Result<Type, ParquetError> {
    let (physical, logical) = match scalar {
        Scalar::Boolean => (Physical::BOOLEAN, None),
        Scalar::Integer => (Physical::INT64, None),
        Scalar::Decimal => {
            (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::decimal(SCALE.cast_signed(), DIGITS.cast_signed())))
        }
        Scalar::Timestamp => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
        Scalar::Date => (Physical::INT32, Some(LogicalType::Date)),
        // Some readers know the JSON type only as an extension, and do not return its values as text.
        Scalar::Text | Scalar::Json => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    let builder = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL).with_logical_type(logical);
    match scalar {
        Scalar::Decimal => {
            let (digits, scale) = (DIGITS.cast_signed(), SCALE.cast_signed());
            builder.with_length(size_of::<i128>() as i32).with_precision(digits).with_scale(scale).build()
        }
        _ => builder.build(),
    }
}

/// The form of a list that all readers know.
fn list_type(name: &str, element: Type) -> Result<Type, ParquetError> {
    let list =
        Type::group_type_builder("list").with_repetition(Repetition::REPEATED).with_fields(vec![Arc::new(element)]).build()?;
    Type::group_type_builder(name)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(Some(LogicalType::List))
        .with_fields(vec![Arc::new(list)])
        .build()
}
