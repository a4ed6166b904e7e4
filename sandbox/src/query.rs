//! A query string, decoded.

use std::collections::BTreeSet;

use crate::refusal::Refusal;

/// The parameters of a request, percent-decoded. Of a repeated one the last counts.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads a raw query, leaving out the parameters that the server is to ignore.
    pub(crate) fn parse(raw: &str, ignored: &BTreeSet<String>) -> Self {
        let pairs = form_urlencoded::parse(raw.as_bytes()).into_owned().filter(|(name, _)| !ignored.contains(name)).collect();
        Self { pairs }
    }

    /// The query with no more than so many values in each `:in` filter.
    pub(crate) fn cut(mut self, most: usize) -> Self {
        for (_, value) in self.pairs.iter_mut().filter(|(name, _)| name.ends_with(":in")) {
            *value = split(value).into_iter().take(most).collect::<Vec<_>>().join(",");
        }
        self
    }

    /// The query without these parameters; `*` stands for all.
    pub(crate) fn without(&self, ignored: &BTreeSet<String>) -> Self {
        let all = ignored.contains("*");
        Self { pairs: self.pairs.iter().filter(|(name, _)| !all && !ignored.contains(name)).cloned().collect() }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A comma-separated list; empty when it was not sent.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        self.get(name).map(split).unwrap_or_default()
    }

    /// A whole number of at least 1.
    pub(crate) fn positive(&self, name: &str) -> Result<Option<usize>, Refusal> {
        self.get(name)
            .map(|text| match text.parse() {
                Ok(0) | Err(_) => Err(Refusal::parameter(name, "a whole number above zero is needed")),
                Ok(number) => Ok(number),
            })
            .transpose()
    }

    /// The query without some of its parameters and with others, for paging links: `?limit=50&page=2`.
    pub(crate) fn link(&self, without: &[&str], with: &[(&str, String)]) -> String {
        let mut link = form_urlencoded::Serializer::for_suffix(String::from("?"), 1);
        for (name, value) in self.pairs.iter().filter(|(name, _)| !without.contains(&name.as_str())) {
            link.append_pair(name, value);
        }
        for (name, value) in with {
            link.append_pair(name, value);
        }
        link.finish()
    }
}

/// The parts of a comma-separated value.
pub(crate) fn split(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect()
}
