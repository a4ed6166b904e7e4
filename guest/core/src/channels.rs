//! The channels of a store with several storefronts that a run is restricted to.

use crate::json::{self, peek};
use serde_json::Value;
use serde_json::value::RawValue;

/// How a list of a store with several storefronts is filtered by channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByChannel {
    /// The filter's name.
    pub filter: &'static str,
    /// The field in which a record names its channel, where the filter takes no more than one.
    pub field: Option<&'static str>,
}

/// Ids of channels; without any, all are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channels(Vec<u64>);

impl Channels {
    /// Reads a setting: an id, or several in a list or separated by commas. None: it is neither.
    pub(crate) fn parse(value: &Value) -> Option<Channels> {
        let mut ids = match value {
            Value::String(text) => text.split(',').map(|id| id.trim().parse().ok()).collect::<Option<Vec<u64>>>()?,
            Value::Number(id) => vec![id.as_u64()?],
            Value::Array(list) => {
                let lists = list.iter().map(|value| Some(Channels::parse(value).filter(|_| !value.is_array())?.0));
                lists.collect::<Option<Vec<_>>>()?.concat()
            }
            _ => return None,
        };
        ids.sort_unstable();
        ids.dedup();
        Some(Channels(ids))
    }

    /// The filter for a list. None: the list is not filtered, since all are read or the filter takes no more than one.
    pub(crate) fn filter(&self, of_list: Option<ByChannel>) -> Option<(&'static str, String)> {
        let ByChannel { filter, field } = of_list?;
        let takes_all = self.0.len() == 1 || field.is_none();
        Some((filter, self.as_text().filter(|_| takes_all)?))
    }

    /// The ids with commas between them; none where all channels are read.
    pub(crate) fn as_text(&self) -> Option<String> {
        let ids: Vec<String> = self.0.iter().map(u64::to_string).collect();
        Some(ids.join(",")).filter(|text| !text.is_empty())
    }

    /// The ids as text, for a list that has a filter for them.
    pub(crate) fn of(&self, of_list: Option<ByChannel>) -> Option<String> {
        of_list.and(self.as_text())
    }

    /// Whether an earlier run has read all of these channels, by its state. No channels stand for all of them, both here and in
    /// the state.
    pub(crate) fn are_among(&self, known: Option<&str>) -> bool {
        let Some(known) = known else { return true };
        let known: Vec<&str> = known.split(',').collect();
        !self.0.is_empty() && self.0.iter().all(|id| known.contains(&id.to_string().as_str()))
    }

    /// Whether a record belongs to one of them; true if it does not say.
    pub(crate) fn include(&self, record: &RawValue, field: &str) -> bool {
        let channel = || peek(record.get(), field).and_then(json::count);
        self.0.is_empty() || channel().is_none_or(|channel| self.0.contains(&channel))
    }
}
