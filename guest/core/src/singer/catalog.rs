//! The catalog: what a user selected, in today's form (metadata) and in the older one (`selected` inside the schema).

mod flags;

use crate::error::{Failure, Kind, Result};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// Larger catalogs are refused unread.
const MAX_BYTES: usize = 16 << 20;

/// A catalog as given.
#[derive(Debug)]
pub struct Catalog {
    /// Its entries, in its order.
    pub entries: Vec<Entry>,
}

/// A catalog's text as JSON, whatever is in it.
pub(crate) fn read(text: &str) -> Result<Value> {
    if text.len() > MAX_BYTES {
        return Err(fault(format!("it is larger than {MAX_BYTES} bytes")));
    }
    serde_json::from_str(text).map_err(|e| fault(format!("it is not JSON (look at line {}, column {})", e.line(), e.column())))
}

fn fault(what: String) -> Failure {
    Failure::new(Kind::Catalog, format!("the catalog cannot be used: {what}; write a new one with --discover"))
}

/// The name of an entry's stream: `tap_stream_id`, else `stream`.
pub(crate) fn name(entry: &Value) -> Option<&str> {
    entry.get("tap_stream_id").or_else(|| entry.get("stream"))?.as_str()
}

/// The path of the field that an item of an entry's metadata describes.
pub(crate) fn path(item: &Value) -> Option<Vec<String>> {
    let breadcrumb = item.get("breadcrumb")?.as_array()?.iter().map(|step| step.as_str().map(str::to_owned));
    Some(names(breadcrumb.collect::<Option<Vec<_>>>()?))
}

/// One stream of a catalog.
#[derive(Debug, Default)]
pub struct Entry {
    /// `tap_stream_id`, else `stream`.
    pub name: String,
    schema: Value,
    selected: Option<bool>,
    metadata: HashMap<Vec<String>, Map<String, Value>>,
    replication_method: Option<String>,
}

impl Catalog {
    /// Reads a catalog from JSON text.
    pub fn parse(text: &str) -> Result<Catalog> {
        Catalog::from_value(&read(text)?)
    }

    /// Reads a catalog from a JSON object.
    pub(crate) fn from_value(value: &Value) -> Result<Catalog> {
        let streams = value.get("streams").and_then(Value::as_array).ok_or_else(|| fault("it has no list \"streams\"".into()))?;
        let mut entries: Vec<Entry> = Vec::with_capacity(streams.len());
        for (place, stream) in streams.iter().enumerate() {
            let entry = Entry::parse(stream)
                .ok_or_else(|| fault(format!("entry {} of its streams has no name or a wrong form", place + 1)))??;
            if entries.iter().any(|known| known.name == entry.name) {
                return Err(fault(format!("it has two entries for the stream {:?}", entry.name)));
            }
            entries.push(entry);
        }
        Ok(Catalog { entries })
    }

    /// The entry of a stream.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

impl Entry {
    /// None if it has no name, or the wrong form. Fails if a flag of a field cannot be understood.
    fn parse(value: &Value) -> Option<Result<Entry>> {
        let name = name(value)?;
        let mut metadata: HashMap<Vec<String>, Map<String, Value>> = HashMap::new();
        for item in value.get("metadata").and_then(Value::as_array).into_iter().flatten() {
            let place = path(item)?;
            let mut about = item.get("metadata")?.as_object()?.clone();
            if let Err(fault) = flags::read(&mut about, name, &place) {
                return Some(Err(fault));
            }
            let known = metadata.entry(place.clone()).or_default();
            if known.get("selected").is_some_and(|said| about.get("selected").is_some_and(|says| says != said)) {
                let field = flags::shown(name, &place);
                return Some(Err(fault(format!("{field} is both selected and not selected in its metadata"))));
            }
            known.extend(about);
        }
        let mut schema = value.get("schema").cloned().unwrap_or_default();
        let mut entry = Map::from_iter(value.get("selected").map(|selected| ("selected".to_owned(), selected.clone())));
        let understood = flags::read(&mut entry, name, &[]).and_then(|()| flags::read_schema(&mut schema, name, &mut Vec::new()));
        if let Err(fault) = understood {
            return Some(Err(fault));
        }
        Some(Ok(Entry {
            name: name.to_owned(),
            schema,
            selected: entry.get("selected").and_then(Value::as_bool),
            metadata,
            replication_method: value.get("replication_method").and_then(Value::as_str).map(str::to_owned),
        }))
    }

    fn meta<'a>(&'a self, path: &[&str], key: &str) -> Option<&'a Value> {
        let path: Vec<String> = path.iter().map(|&name| name.to_owned()).collect();
        self.metadata.get(&path)?.get(key)
    }

    fn flag(&self, path: &[&str], key: &str) -> Option<bool> {
        self.meta(path, key)?.as_bool()
    }

    /// Whether the stream is selected.
    pub fn is_selected(&self) -> bool {
        self.flag(&[], "selected")
            .or(self.selected)
            .or_else(|| self.schema.get("selected")?.as_bool())
            .or_else(|| self.flag(&[], "selected-by-default"))
            .unwrap_or(false)
    }

    /// The fields in `paths` that are selected. `default` decides where the entry says nothing about a field. A field that is not
    /// in the entry's schema is not selected, because the catalog lists what its user wants. A field that is selected by name
    /// also selects the objects around it, unless one of those is deselected by name.
    pub fn selection<'p>(&self, paths: &'p [Vec<String>], default: &dyn Fn(&[&'p str]) -> bool) -> HashSet<Vec<&'p str>> {
        let mut selected: HashSet<Vec<&str>> = HashSet::new();
        // An object comes before what is inside it.
        for path in paths.iter().map(|path| names_of(path)) {
            let within = path.len() == 1 || selected.contains(&path[..path.len() - 1]);
            let is_selected = match (self.inclusion(&path).as_deref(), self.says(&path)) {
                (Some("automatic"), _) => within,
                (Some("unsupported"), _) => false,
                (_, Some(true)) => self.refusing(&path).is_none(),
                (_, Some(false)) => false,
                (_, None) => {
                    let by_default = self.flag(&path, "selected-by-default");
                    within && by_default.unwrap_or_else(|| default(&path) && self.lists(&path))
                }
            };
            if is_selected {
                selected.insert(path);
            }
        }
        let above = |path: &Vec<&'p str>| (1..path.len()).map(|length| path[..length].to_vec()).collect::<Vec<_>>();
        let parents: Vec<Vec<&str>> = selected.iter().flat_map(above).collect();
        selected.extend(parents);
        selected
    }

    /// What the entry says of a field by name.
    fn says(&self, path: &[&str]) -> Option<bool> {
        self.flag(path, "selected").or_else(|| self.property(path)?.get("selected")?.as_bool())
    }

    fn inclusion(&self, path: &[&str]) -> Option<String> {
        self.meta(path, "inclusion").and_then(Value::as_str).map(str::to_ascii_lowercase)
    }

    /// The object around a field that the entry deselects by name, if there is one.
    fn refusing<'p, 'n>(&self, path: &'p [&'n str]) -> Option<&'p [&'n str]> {
        let refuses = |path: &[&str]| self.says(path) == Some(false) || self.inclusion(path).as_deref() == Some("unsupported");
        (1..path.len()).map(|length| &path[..length]).find(|above| refuses(above))
    }

    /// The objects that are deselected by name while some of the fields inside them, and not all, are selected by name.
    pub fn contradictions(&self, paths: &[Vec<String>]) -> Vec<String> {
        let mut objects: Vec<String> = Vec::new();
        for path in paths.iter().map(|path| names_of(path)) {
            let Some(object) = self.refusing(&path).filter(|_| self.says(&path) == Some(true)) else { continue };
            let name = object.join(".");
            // A pattern such as `*.*` selects every field by name, so this is no contradiction.
            let inside =
                || paths.iter().map(|path| names_of(path)).filter(|path| path.len() > object.len() && path.starts_with(object));
            if !objects.contains(&name) && inside().any(|path| self.says(&path) != Some(true)) {
                objects.push(name);
            }
        }
        objects
    }

    /// Whether a field is in the entry's schema. A schema without any fields stands for all of them.
    pub(crate) fn lists(&self, path: &[&str]) -> bool {
        let lists_fields = crate::schema::properties(&self.schema).is_some_and(|properties| !properties.is_empty());
        !lists_fields || self.property(path).is_some()
    }

    fn property(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.schema, |schema, name| crate::schema::properties(schema)?.get(*name))
    }

    /// The fields that the entry selects by name and that `known` turns down, as dotted paths.
    pub fn unknown_fields(&self, known: &dyn Fn(&[String]) -> bool) -> Vec<String> {
        let selected =
            self.metadata.iter().filter(|(path, map)| !path.is_empty() && map.get("selected") == Some(&Value::Bool(true)));
        let mut unknown: Vec<String> = selected.filter(|(path, _)| !known(path)).map(|(path, _)| path.join(".")).collect();
        unknown.sort();
        unknown
    }

    /// The replication method that the entry asks for, in the form of `FULL_TABLE`. What discovery has written counts least.
    pub fn replication_method(&self) -> Option<String> {
        let of = |key: &str| self.meta(&[], key).and_then(Value::as_str);
        let method =
            of("replication-method").or(self.replication_method.as_deref()).or_else(|| of("forced-replication-method"))?;
        Some(method.trim().to_ascii_uppercase().replace(['-', ' '], "_"))
    }
}

fn names_of(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

/// A breadcrumb's names: `["properties", "products", "items", "properties", "sku"]` becomes `["products", "sku"]`. Lists may be
/// written with or without `items`.
fn names(breadcrumb: Vec<String>) -> Vec<String> {
    let mut names = Vec::new();
    let mut steps = breadcrumb.into_iter();
    while let Some(step) = steps.next() {
        match step.as_str() {
            "properties" => names.extend(steps.next()),
            "items" => {}
            _ => names.push(step),
        }
    }
    names
}

#[cfg(test)]
mod tests;
