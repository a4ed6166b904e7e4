//! Where settings come from: variables of the environment, and several configs that become one.

use super::{ENV_PREFIX, SETTINGS};
use crate::error::{Failure, Kind, Result};
use serde_json::{Map, Value};

/// The settings that are in the environment, from its variables. Their values stay text; [`Config::parse`](super::Config::parse) reads numbers and
/// booleans from text.
pub fn from_env(variables: impl IntoIterator<Item = (String, String)>) -> Map<String, Value> {
    let known = |key: &str| SETTINGS.iter().any(|setting| setting.key == key);
    variables
        .into_iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(ENV_PREFIX)?.to_ascii_lowercase(), value)))
        .filter(|(key, value)| known(key) && !value.is_empty())
        .map(|(key, value)| (key, Value::String(value)))
        .collect()
}

/// One config from several, each with its name for messages: a later one's keys win. A byte order mark is passed over.
pub fn merge(sources: &[(String, String)]) -> Result<String> {
    let mut merged = Map::new();
    for (name, text) in sources {
        let text = text.trim_start_matches('\u{feff}');
        let map: Map<String, Value> = serde_json::from_str(text).map_err(|fault| {
            let why = match text.trim().is_empty() {
                true => "it is empty".to_owned(),
                false if fault.is_eof() => "it ends too early".to_owned(),
                false => format!("look at line {}, column {}", fault.line(), fault.column()),
            };
            Failure::new(Kind::Config, format!("{name} does not hold a JSON object: {why}"))
        })?;
        merged.extend(map);
    }
    Ok(Value::Object(merged).to_string())
}
