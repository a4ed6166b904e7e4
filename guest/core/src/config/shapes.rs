//! The settings that shape messages.

use super::Reader;
use crate::shapes::{Flattening, Shapes};
use serde_json::{Map, Value};

const DEPTH: &str = "flattening_max_depth";

impl Reader<'_> {
    pub(super) fn object(&mut self, key: &'static str) -> Option<Map<String, Value>> {
        let object = match self.value(key)? {
            Value::Object(map) => Some(map.clone()),
            Value::String(text) => serde_json::from_str(text).ok(),
            _ => None,
        };
        object.or_else(|| self.wrong(key, "a JSON object, or its text"))
    }

    pub(super) fn shapes(&mut self) -> Shapes {
        let (maps, config) = (self.object("stream_maps"), self.object("stream_map_config"));
        let separator = self.text("flattening_separator").unwrap_or_else(|| "__".to_owned());
        if !separator.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')) || separator.len() > 8 {
            self.faults.push("flattening_separator may hold 1 to 8 letters, digits, underscores, hyphens or points".into());
        }
        let (depth, longest) = (self.integer(DEPTH), self.integer("flattening_max_key_length") as usize);
        let is_enabled = self.boolean("flattening_enabled");
        if is_enabled && self.value(DEPTH).is_none() {
            self.faults.push(format!("{DEPTH} is missing: flattening_enabled needs it"));
        }
        let flattening = (is_enabled && depth > 0).then_some(Flattening { depth, separator, longest });
        Shapes::read(maps, config, flattening, &mut self.faults)
    }
}
