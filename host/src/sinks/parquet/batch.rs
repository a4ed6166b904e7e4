//! Rows in memory, column by column, until they become a row group of a file.

mod row;

use super::super::columns::Slots;
use super::shape::{Column, Scalar, Shape};
use bytes::Bytes;
use parquet::column::writer::{ColumnWriter, ColumnWriterImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::{ParquetError, Result};
use parquet::file::writer::SerializedFileWriter;
use std::io::Write;
use std::ops::Range;

/// How many levels to write at once for a type whose values must each be converted for the writer.
const PIECE: usize = 16 * 1024;
const DECIMAL: usize = size_of::<i128>();

/// Rows of one shape.
#[derive(Debug)]
pub(super) struct Batch {
    columns: Vec<Values>,
    rows: usize,
    bytes: usize,
}

/// The values of a column.
#[derive(Debug)]
struct Values {
    levels: Levels,
    there: There,
}

/// Parquet's definition and repetition levels. A definition level says how much of the path to a value is present. A repetition
/// level says in which list the next element begins.
#[derive(Debug)]
struct Levels {
    definitions: Vec<i16>,
    /// Empty unless the column is in a list.
    repetitions: Vec<i16>,
    is_repeated: bool,
}

/// The values that are not null.
#[derive(Debug)]
enum There {
    Boolean(Vec<bool>),
    Date(Vec<i32>),
    Integer(Vec<i64>),
    Decimal(Vec<i128>),
    Text { text: Vec<u8>, ends: Vec<usize> },
}

impl Batch {
    pub(super) fn new(shape: &Shape) -> Batch {
        Batch { columns: shape.columns.iter().map(Values::new).collect(), rows: 0, bytes: 0 }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The bytes of its values and levels.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a record that has been read by the shape's fields.
    pub(super) fn add(&mut self, shape: &Shape, record: &Slots<'_>) {
        self.bytes += row::add(&mut self.columns, shape, record);
        self.rows += 1;
    }

    /// Takes the rows of another one of the same shape, and leaves it empty.
    pub(super) fn append(&mut self, other: &mut Batch) {
        self.columns.iter_mut().zip(&mut other.columns).for_each(|(own, others)| own.append(others));
        self.rows += std::mem::take(&mut other.rows);
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Writes all rows as one row group. Each column is let go of once it is written.
    pub(super) fn write(self, file: &mut SerializedFileWriter<impl Write + Send>) -> Result<()> {
        let mut group = file.next_row_group()?;
        for values in self.columns {
            let mut column = group.next_column()?.ok_or_else(|| ParquetError::General("a column is missing".into()))?;
            values.write(column.untyped())?;
            column.close()?;
        }
        group.close().map(drop)
    }
}

impl Values {
    fn new(column: &Column) -> Values {
        let there = match column.scalar {
            Scalar::Boolean => There::Boolean(Vec::new()),
            Scalar::Date => There::Date(Vec::new()),
            Scalar::Integer | Scalar::Timestamp => There::Integer(Vec::new()),
            Scalar::Decimal => There::Decimal(Vec::new()),
            Scalar::Text | Scalar::Json => There::Text { text: Vec::new(), ends: Vec::new() },
        };
        let levels = Levels { definitions: Vec::new(), repetitions: Vec::new(), is_repeated: column.is_repeated };
        Values { levels, there }
    }

    fn append(&mut self, other: &mut Values) {
        self.levels.definitions.append(&mut other.levels.definitions);
        self.levels.repetitions.append(&mut other.levels.repetitions);
        match (&mut self.there, &mut other.there) {
            (There::Boolean(own), There::Boolean(others)) => own.append(others),
            (There::Date(own), There::Date(others)) => own.append(others),
            (There::Integer(own), There::Integer(others)) => own.append(others),
            (There::Decimal(own), There::Decimal(others)) => own.append(others),
            (There::Text { text, ends }, There::Text { text: more, ends: others }) => {
                ends.extend(others.drain(..).map(|end| text.len() + end));
                text.append(more);
            }
            _ => debug_assert!(false, "both are of one shape"),
        }
    }

    fn write(self, column: &mut ColumnWriter<'_>) -> Result<()> {
        let levels = self.levels;
        match (self.there, column) {
            (There::Boolean(values), ColumnWriter::BoolColumnWriter(column)) => levels.write(column, &values),
            (There::Date(values), ColumnWriter::Int32ColumnWriter(column)) => levels.write(column, &values),
            (There::Integer(values), ColumnWriter::Int64ColumnWriter(column)) => levels.write(column, &values),
            (There::Decimal(values), ColumnWriter::FixedLenByteArrayColumnWriter(column)) => {
                levels.write_in_pieces(column, |range| {
                    let bytes: Vec<u8> = values.get(range).into_iter().flatten().flat_map(|value| value.to_be_bytes()).collect();
                    let bytes = Bytes::from(bytes);
                    let places = (0..bytes.len()).step_by(DECIMAL);
                    places.map(|from| ByteArray::from(bytes.slice(from..from + DECIMAL)).into()).collect()
                })
            }
            (There::Text { text, ends }, ColumnWriter::ByteArrayColumnWriter(column)) => {
                let text = Bytes::from(text);
                let mut from = 0;
                levels.write_in_pieces(column, |range| {
                    let ends = ends.get(range).into_iter().flatten();
                    ends.map(|&end| ByteArray::from(text.slice(std::mem::replace(&mut from, end)..end))).collect()
                })
            }
            _ => Err(ParquetError::General("a column is of another type than its values".into())),
        }
    }
}

impl Levels {
    fn write<T: DataType>(&self, column: &mut ColumnWriterImpl<'_, T>, values: &[T::T]) -> Result<()> {
        self.write_some(column, 0..self.definitions.len(), values)
    }

    fn write_some<T: DataType>(&self, column: &mut ColumnWriterImpl<'_, T>, range: Range<usize>, values: &[T::T]) -> Result<()> {
        let repetitions = if self.is_repeated { self.repetitions.get(range.clone()) } else { None };
        column.write_batch(values, self.definitions.get(range), repetitions).map(drop)
    }

    /// Makes the values piece by piece: `values` gives those at some of the places. A piece ends with a row.
    fn write_in_pieces<T: DataType>(
        &self,
        column: &mut ColumnWriterImpl<'_, T>,
        mut values: impl FnMut(Range<usize>) -> Vec<T::T>,
    ) -> Result<()> {
        let is_there = column.get_descriptor().max_def_level();
        let (mut from, mut given) = (0, 0);
        while from < self.definitions.len() {
            let begins_row = |place: &usize| self.repetitions.get(*place).is_none_or(|repetition| *repetition == 0);
            let least = (from + PIECE).min(self.definitions.len());
            let to = (least..self.definitions.len()).find(begins_row).unwrap_or(self.definitions.len());
            let levels = self.definitions.get(from..to).into_iter().flatten();
            let count = levels.filter(|definition| **definition == is_there).count();
            self.write_some(column, from..to, &values(given..given + count))?;
            (from, given) = (to, given + count);
        }
        Ok(())
    }
}
