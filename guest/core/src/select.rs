//! Rules that select streams and fields by name, so that nobody has to edit a catalog: `orders`, `orders.products`, `*.id`.
//!
//! A rule names a stream, or a stream and a field at any depth, with dots between; `*` stands for any part of one name. Rules are separated by
//! commas, and `!` before one excludes. They are applied on top of a catalog, by marking in it what they say.

use crate::discover;
use crate::error::{Failure, Kind, Result};
use crate::schema;
use crate::singer::catalog::{self, Catalog, Entry};
use crate::streams::{ALL, Stream};
use serde_json::{Map, Value, json};
use std::cell::OnceCell;
use std::collections::BTreeSet;

/// The most bytes of all rules together: nobody writes a longer selection by hand.
const MAX_BYTES: usize = 16 << 10;
/// The least similarity of a suggestion; 1 means the same name.
const ALIKE: f64 = 0.6;
/// The similarity of a name that is right but in the wrong place.
const ELSEWHERE: f64 = 0.75;

/// Applies the rules to a catalog or, if there is none, to the default selection. With `select`, only what it names is read, plus
/// automatic fields; without it, what was selected stays, minus what `exclude` names. Without any rules the catalog is unchanged.
///
/// # Errors
/// A rule names what does not exist, or excludes what every record needs; or the catalog cannot be used.
pub fn apply(catalog: Option<String>, select: Option<&[String]>, exclude: &[String]) -> Result<Option<String>> {
    if select.is_none() && exclude.is_empty() {
        return Ok(catalog);
    }
    if select.unwrap_or_default().iter().chain(exclude).map(String::len).sum::<usize>() > MAX_BYTES {
        return Err(Failure::new(Kind::Catalog, format!("the selection rules are longer than {MAX_BYTES} bytes; use a catalog")));
    }
    let known: Vec<Known> = ALL.iter().map(|stream| Known { stream, paths: OnceCell::new() }).collect();
    let rules = Rules::parse(select, exclude, &known)?;
    let mut catalog = match &catalog {
        Some(text) => catalog::read(text)?,
        // All that is selected is named, and added below.
        None if rules.select.is_some() => json!({ "streams": [] }),
        None => discover::catalog(),
    };
    if let Some(streams) = catalog.get_mut("streams").and_then(Value::as_array_mut) {
        rules.add_missing(streams, &known);
    }
    let parsed = Catalog::from_value(&catalog)?;
    let streams = catalog.get_mut("streams").and_then(Value::as_array_mut);
    for (value, entry) in streams.into_iter().flatten().zip(&parsed.entries) {
        mark(value, rules.marks(entry, &known));
    }
    Ok(Some(catalog.to_string()))
}

/// A stream that rules may name, and the names of its fields from the root.
struct Known {
    stream: &'static Stream,
    /// Read when a rule comes to them: most rules name few streams.
    paths: OnceCell<Vec<Vec<String>>>,
}

impl Known {
    fn paths(&self) -> &[Vec<String>] {
        self.paths.get_or_init(|| schema::paths(self.stream.schema()))
    }
}

/// One rule: patterns for the stream and for the names of a field from the root. None for the field: the whole stream.
struct Rule(Vec<String>);

impl Rule {
    fn new(text: &str) -> Rule {
        Rule(text.split('.').map(str::to_owned).collect())
    }

    fn names_stream(&self, name: &str) -> bool {
        self.0.first().is_some_and(|pattern| fits(pattern, name))
    }

    fn field(&self) -> &[String] {
        self.0.get(1..).unwrap_or_default()
    }

    fn names_field(&self, path: &[String]) -> bool {
        self.field().len() == path.len() && self.field().iter().zip(path).all(|(pattern, name)| fits(pattern, name))
    }

    /// The fields of a stream that it names; none of another stream's.
    fn fields_of<'k>(&self, known: &'k Known) -> impl Iterator<Item = &'k Vec<String>> {
        let paths = if self.names_stream(known.stream.name) { known.paths() } else { &[] };
        paths.iter().filter(|path| self.names_field(path))
    }

    /// Whether it names the stream, or a field that the stream has.
    fn reaches(&self, known: &Known) -> bool {
        self.names_stream(known.stream.name) && (self.field().is_empty() || self.fields_of(known).next().is_some())
    }

    /// Whether all that it names is part of every record.
    fn is_automatic(&self, known: &[Known]) -> bool {
        let automatic = |known: &Known| {
            let fields = self.fields_of(known).filter(|path| !matches!(&path[..], [name] if known.stream.is_automatic(name)));
            fields.count() == 0
        };
        !self.field().is_empty() && known.iter().all(automatic)
    }

    fn unknown(&self, known: &[Known]) -> Failure {
        let text = self.0.join(".");
        let hint = match self.nearest(known) {
            Some(name) => format!("did you mean {name:?}?"),
            None if self.field().is_empty() => {
                format!("this tap has the streams {}", ALL.iter().map(|stream| stream.name).collect::<Vec<_>>().join(", "))
            }
            None => "--discover lists every stream and field".to_owned(),
        };
        Failure::new(Kind::Catalog, format!("the rule {text:?} matches nothing; {hint}"))
    }

    /// What was most likely meant.
    fn nearest(&self, known: &[Known]) -> Option<String> {
        let streams = known.iter().map(|known| vec![known.stream.name]);
        let fields = known.iter().flat_map(|known| {
            known.paths().iter().map(|path| std::iter::once(known.stream.name).chain(path.iter().map(String::as_str)).collect())
        });
        let mut best: (f64, Option<Vec<&str>>) = (ALIKE, None);
        for names in streams.chain(fields) {
            let alike = self.likeness(&names);
            if alike > best.0 {
                best = (alike, Some(names));
            }
        }
        Some(best.1?.join("."))
    }

    fn likeness(&self, names: &[&str]) -> f64 {
        let alike = |pattern: &str, name: &str| match fits(pattern, name) {
            true => 1.0,
            false => strsim::normalized_levenshtein(pattern, name),
        };
        if self.0.len() == names.len() {
            return self.0.iter().zip(names).map(|(pattern, name)| alike(pattern, name)).fold(1.0, f64::min);
        }
        let (last, stream) = (self.0.last().map(String::as_str), names.first().copied().unwrap_or_default());
        let same_end = last == names.last().copied();
        if same_end && (self.0.len() == 1 || self.names_stream(stream)) { ELSEWHERE } else { 0.0 }
    }
}

/// Whether a name fits a pattern, in which `*` stands for any text.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    let mut pieces: Vec<&str> = pattern.split('*').collect();
    let (first, last) = (pieces.remove(0), pieces.pop());
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = last else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

struct Rules {
    /// None: what was selected stays.
    select: Option<Vec<Rule>>,
    exclude: Vec<Rule>,
}

impl Rules {
    fn parse(select: Option<&[String]>, exclude: &[String], known: &[Known]) -> Result<Rules> {
        let mut rules = Rules { select: select.filter(|list| list.is_empty()).map(|_| Vec::new()), exclude: Vec::new() };
        let selecting = select.unwrap_or_default().iter().map(|text| (text, false));
        for (text, excludes) in selecting.chain(exclude.iter().map(|text| (text, true))) {
            for piece in text.split(',').map(str::trim) {
                let name = piece.strip_prefix('!').unwrap_or(piece);
                if name.is_empty() {
                    let text = "a rule is empty; write names such as orders,products.variants";
                    return Err(Failure::new(Kind::Catalog, text));
                }
                let rule = Rule::new(name);
                if !known.iter().any(|known| rule.reaches(known)) {
                    return Err(rule.unknown(known));
                }
                if !excludes && name.len() == piece.len() {
                    rules.select.get_or_insert_default().push(rule);
                } else if rule.is_automatic(known) {
                    let text = format!(
                        "{name:?} cannot be excluded: every record needs it, as part of its key or as its replication key"
                    );
                    return Err(Failure::new(Kind::Catalog, text));
                } else {
                    rules.exclude.push(rule);
                }
            }
        }
        Ok(rules)
    }

    /// What the rules say of a stream. None: nothing.
    fn stream(&self, name: &str, known: &[Known]) -> Option<bool> {
        if self.exclude.iter().any(|rule| rule.field().is_empty() && rule.names_stream(name)) {
            return Some(false);
        }
        let known = known.iter().find(|known| known.stream.name == name);
        let reached = |rule: &Rule| known.is_some_and(|known| rule.reaches(known));
        self.select.as_ref().map(|rules| rules.iter().any(reached))
    }

    /// Adds an entry for each selected stream that the catalog lacks.
    fn add_missing(&self, streams: &mut Vec<Value>, known: &[Known]) {
        let present: Vec<String> = streams.iter().filter_map(catalog::name).map(str::to_owned).collect();
        let missing = known.iter().map(|known| known.stream).filter(|stream| !present.iter().any(|name| name == stream.name));
        streams.extend(missing.filter(|stream| self.stream(stream.name, known) == Some(true)).map(discover::entry));
    }

    /// The marks for a catalog's entry: the path of each field, empty for the stream itself, and whether it is selected.
    fn marks(&self, entry: &Entry, known: &[Known]) -> Vec<(Vec<String>, bool)> {
        let of_stream = self.stream(&entry.name, known);
        let mut marks: Vec<_> = of_stream.map(|selected| (Vec::new(), selected)).into_iter().collect();
        let known = known.iter().find(|known| known.stream.name == entry.name && of_stream != Some(false));
        if let Some(known) = known {
            let of = |rules: &[Rule]| -> Vec<Vec<String>> {
                let fields: BTreeSet<&Vec<String>> = rules.iter().flat_map(|rule| rule.fields_of(known)).collect();
                fields.into_iter().cloned().collect()
            };
            let excluded = of(&self.exclude);
            let selected = self.select.as_deref().map(|rules| {
                let whole = rules.iter().any(|rule| rule.field().is_empty() && rule.names_stream(known.stream.name));
                Selected { named: of(rules), whole }
            });
            for path in known.paths() {
                let said = match excluded.contains(path) {
                    true => Some(false),
                    false => selected.as_ref().and_then(|selected| selected.says(entry, path)),
                };
                marks.extend(said.map(|selected| (path.clone(), selected)));
            }
        }
        marks
    }
}

/// What rules select of one stream.
struct Selected {
    /// The fields that are named.
    named: Vec<Vec<String>>,
    /// Whether the stream is named as a whole.
    whole: bool,
}

impl Selected {
    /// Whether a field is selected. None: that is as the catalog's entry has it.
    fn says(&self, entry: &Entry, path: &[String]) -> Option<bool> {
        if self.named.iter().any(|named| named.starts_with(path)) {
            return Some(true);
        }
        match self.named.iter().find(|named| path.starts_with(named)) {
            // If the entry does not list the named field, everything in it is selected.
            Some(named) => (!entry.lists(&named.iter().map(String::as_str).collect::<Vec<_>>())).then_some(true),
            None => (!self.whole).then_some(false),
        }
    }
}

/// Writes the marks into the metadata of a catalog's entry.
fn mark(entry: &mut Value, marks: Vec<(Vec<String>, bool)>) {
    let Some(entry) = entry.as_object_mut() else { return };
    if !entry.get("metadata").is_some_and(Value::is_array) {
        entry.insert("metadata".into(), json!([]));
    }
    let Some(metadata) = entry.get_mut("metadata").and_then(Value::as_array_mut) else { return };
    let places: Vec<Option<Vec<String>>> = metadata.iter().map(catalog::path).collect();
    for (path, selected) in marks {
        let mut found = false;
        for (item, _) in metadata.iter_mut().zip(&places).filter(|(_, place)| place.as_ref() == Some(&path)) {
            found = true;
            if let Some(about) = item.get_mut("metadata").and_then(Value::as_object_mut) {
                about.insert("selected".into(), selected.into());
            }
        }
        if !found {
            let breadcrumb: Vec<&str> = path.iter().flat_map(|name| ["properties", name]).collect();
            let about = Map::from_iter([("selected".to_owned(), selected.into())]);
            metadata.push(json!({ "breadcrumb": breadcrumb, "metadata": about }));
        }
    }
}

#[cfg(test)]
mod tests;
