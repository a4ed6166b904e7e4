//! Shapes that the user asks for, with the settings of Meltano's SDK: `stream_maps` filters, renames, drops, hashes and aliases;
//! `flattening_…` turns the fields of objects into fields of the record. docs/shapes.md says which of the SDK's settings are
//! supported.
//!
//! The settings are read once ([`Shapes::read`]), checked against each selected stream before the run ([`Shapes::written`]), and
//! applied to the bytes of each record that fits its schema ([`RecordMap::write`]). Requests and the STATE know only the tap's
//! own names.

mod flatten;
mod grammar;
mod record;
mod settings;
#[cfg(test)]
mod tests;
mod types;
mod value;
mod words;
mod written;

pub(crate) use self::flatten::Flattening;
pub(crate) use self::record::RecordMap;
use self::settings::{Rule, StreamMap};
pub(crate) use self::written::Written;
use crate::select::fits;
use crate::streams::{ALL, Stream};
use std::fmt;

/// The least similarity of a suggestion; 1 means the same name.
const ALIKE: f64 = 0.6;

/// What the config says of the shape of messages.
#[derive(Clone, Default)]
pub(crate) struct Shapes {
    /// Patterns of streams' names, and what becomes of those streams.
    rules: Vec<(String, Rule)>,
    /// Streams without a rule are left out.
    drops_others: bool,
    flattening: Option<Flattening>,
}

/// Constants of a map may be secrets.
impl fmt::Debug for Shapes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shapes").field("flattening", &self.flattening).finish_non_exhaustive()
    }
}

impl Shapes {
    /// The rule of a stream: as in the SDK the last one that names it, and its pattern.
    fn rule(&self, stream: &str) -> Option<(&str, &Rule)> {
        let rule = self.rules.iter().rev().find(|(pattern, _)| fits(pattern, stream));
        rule.map(|(pattern, rule)| (pattern.as_str(), rule))
    }

    fn map(&self, stream: &str) -> Option<(&str, &StreamMap)> {
        match self.rule(stream)? {
            (pattern, Rule::Map(map)) => Some((pattern, map)),
            (_, Rule::Drop) => None,
        }
    }

    /// A text that changes whenever the config changes the form of a stream's messages. None if the config does not change them.
    /// The values in `stream_map_config` are not in it, since they may be secrets.
    pub(crate) fn trace(&self, stream: &str) -> Option<String> {
        let map = self.map(stream).map(|(_, map)| map.text.as_str());
        let flattening = self.flattening.as_ref().map(|flattening| format!("{flattening:?}"));
        (map.is_some() || flattening.is_some()).then(|| format!("{} {}", map.unwrap_or_default(), flattening.unwrap_or_default()))
    }

    /// The stream that is written under this name, or the name itself.
    pub(crate) fn source<'n>(&self, name: &'n str) -> &'n str {
        let is_it = |stream: &&&Stream| self.map(stream.name).is_some_and(|(_, map)| map.alias.as_deref() == Some(name));
        if Stream::find(name).is_some() { name } else { ALL.iter().find(is_it).map_or(name, |stream| stream.name) }
    }

    /// Whether a stream is left out.
    pub(crate) fn drops(&self, stream: &str) -> bool {
        self.rule(stream).map_or(self.drops_others, |(_, rule)| matches!(rule, Rule::Drop))
    }

    /// Whether a field of a stream is dropped and nothing reads it, so that it need not be asked for.
    pub(crate) fn needs_no(&self, stream: &str, field: &str) -> bool {
        let Some((_, map)) = self.map(stream) else { return false };
        let is_dropped = match map.fields.iter().find(|(name, _)| name == field) {
            Some((_, becomes)) => becomes.is_none(),
            None => map.drops_others,
        };
        let is_key = map.key.as_ref().is_some_and(|key| key.iter().any(|name| name == field));
        is_dropped && !is_key && !map.reads(field)
    }

    /// What is wrong with the rules, whichever streams are selected. [`Shapes::written`] already checks those in `selected`.
    pub(crate) fn faults(&self, selected: &[&str]) -> Vec<String> {
        let mut faults = Vec::new();
        for (pattern, rule) in &self.rules {
            let named: Vec<&Stream> = ALL.iter().copied().filter(|stream| fits(pattern, stream.name)).collect();
            if named.is_empty() {
                let hint = did_you_mean(pattern, ALL.iter().map(|stream| stream.name));
                faults.push(format!("stream_maps.{pattern} names no stream{hint}"));
            }
            let applies = |stream: &&Stream| self.rule(stream.name).is_some_and(|(known, _)| known == pattern);
            if !named.is_empty() && !named.iter().any(applies) {
                let last = named.first().and_then(|stream| self.rule(stream.name)).map_or("", |(last, _)| last);
                faults.push(format!(
                    "stream_maps.{pattern} never applies, because stream_maps.{last} comes later and names the same streams; put {pattern} last"
                ));
            }
            let Rule::Map(map) = rule else { continue };
            if let Some(other) = self.taken(map.alias.as_deref(), &named) {
                faults.push(format!(
                    "stream_maps.{pattern}.__alias__ is the name of another stream, and a target could mix both; take another name, or give {other} an \
                     __alias__, too"
                ));
            }
            let fields = || named.iter().flat_map(|stream| names_of(stream));
            for (name, _) in map.fields.iter().filter(|(_, becomes)| becomes.is_none()) {
                if !named.is_empty() && !fields().any(|field| field == name) {
                    let hint = did_you_mean(name, fields());
                    faults.push(format!("stream_maps.{pattern}.{name} is to be dropped, but there is no such field{hint}"));
                }
            }
            // A stream that is not selected now may be next time.
            if let [stream] = named[..]
                && !selected.contains(&stream.name)
                && let Err(of_stream) = self.written(stream, crate::schema::public(stream.schema()))
            {
                faults.extend(of_stream);
            }
        }
        faults
    }
}

impl Shapes {
    /// The other stream that is written under this name, or could be: it may be selected in the next run.
    fn taken(&self, alias: Option<&str>, named: &[&Stream]) -> Option<&'static str> {
        let other = Stream::find(alias?)?;
        let is_elsewhere =
            self.map(other.name).is_some_and(|(_, map)| map.alias.as_deref().is_some_and(|name| name != other.name));
        let is_itself = named.iter().any(|stream| stream.name == other.name);
        (!is_itself && !is_elsewhere && !matches!(self.rule(other.name), Some((_, Rule::Drop)))).then_some(other.name)
    }
}

/// The names of a stream's fields.
fn names_of(stream: &Stream) -> impl Iterator<Item = &str> {
    crate::schema::properties(stream.schema()).into_iter().flat_map(|properties| properties.keys().map(String::as_str))
}

/// `; did you mean "status"?`, or nothing.
fn did_you_mean<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> String {
    let alike = names.map(|other| (strsim::normalized_levenshtein(name, other), other));
    let best = alike.filter(|(alike, _)| *alike >= ALIKE).max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.map_or(String::new(), |(_, name)| format!("; did you mean {name:?}?"))
}
