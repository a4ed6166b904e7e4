//! What becomes of a record: it is left out, or its fields are mapped and flattened.

use super::flatten::{Column, place};
use super::grammar::{Expr, FieldPath};
use crate::json::members;
use std::fmt;

/// The filter has left a record out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeftOut;

/// The map of a stream's records.
#[derive(Default)]
pub(crate) struct RecordMap {
    pub(super) filter: Option<Expr>,
    /// The fields that are read, by their place.
    pub(super) slots: Vec<String>,
    pub(super) columns: Vec<(Content, Column)>,
}

/// Where the value of a field comes from.
pub(super) enum Content {
    Field(FieldPath),
    Computed(Expr),
}

/// Constants of a map may be secrets.
impl fmt::Debug for RecordMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordMap").field("slots", &self.slots).finish_non_exhaustive()
    }
}

impl RecordMap {
    /// Whether some records may be left out.
    pub(crate) fn has_filter(&self) -> bool {
        self.filter.is_some()
    }

    /// Writes what becomes of a record, the JSON text that fits the stream's schema.
    ///
    /// # Errors
    /// The filter leaves it out.
    pub(crate) fn write(&self, record: &str, out: &mut Vec<u8>) -> Result<(), LeftOut> {
        let mut slots: Vec<Option<&str>> = vec![None; self.slots.len()];
        let mut next = 0;
        for (name, value) in members(record).into_iter().flatten() {
            if let Some(place) = place(self.slots.len(), next, |place| self.slots[place] == *name) {
                slots[place] = Some(value);
                next = place + 1;
            }
        }
        if self.filter.as_ref().is_some_and(|filter| !filter.value(&slots).is_true()) {
            return Err(LeftOut);
        }
        out.push(b'{');
        let mut computed = Vec::new();
        for (content, column) in &self.columns {
            match content {
                // A field that the store does not send is not written either.
                Content::Field(field) => {
                    if let Some(value) = field.json(&slots) {
                        column.write(value, out);
                    }
                }
                Content::Computed(expr) => {
                    computed.clear();
                    expr.value(&slots).write(&mut computed);
                    column.write(&String::from_utf8_lossy(&computed), out);
                }
            }
        }
        out.push(b'}');
        Ok(())
    }
}
