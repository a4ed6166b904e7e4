//! One record of a store.

use serde_json::{Map, Value};

/// One record: its own fields as on the wire, and the parts that the API gives on request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// The fields of the list endpoint, without links and includes.
    pub fields: Map<String, Value>,
    /// Nested parts by name ([`Kind`](crate::Kind) lists them), whole.
    pub parts: Map<String, Value>,
}
