//! A stream as its messages show it: what the settings make of its name, schema and key, before the first record comes.

use super::flatten::{Column, Properties, allows};
use super::grammar::{Expr, FieldPath};
use super::record::{Content, RecordMap};
use super::settings::StreamMap;
use super::types::{Fields, Type};
use super::{Shapes, did_you_mean, names_of};
use crate::streams::Stream;
use serde_json::{Map, Value, json};

/// A stream as its messages show it.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) name: String,
    pub(crate) schema: Value,
    pub(crate) key: Vec<String>,
    pub(crate) bookmark: Option<String>,
    /// What becomes of each record. None: it is written as it is.
    pub(crate) map: Option<RecordMap>,
}

/// A field that is written, before it is flattened.
struct Draft {
    name: String,
    schema: Value,
    content: Content,
}

impl Shapes {
    /// A stream as the settings have it written. `schema` is that of its selected fields.
    ///
    /// # Errors
    /// Its map does not fit it, or two fields get one name.
    pub(crate) fn written(&self, stream: &Stream, schema: Value) -> Result<Written, Vec<String>> {
        let key = || stream.key.iter().map(|name| (*name).to_owned()).collect();
        let (name, bookmark) = (stream.name.to_owned(), stream.replication_key().map(str::to_owned));
        let (pattern, map) = match self.map(stream.name) {
            Some((pattern, map)) => (pattern, map),
            None if self.flattening.is_none() => return Ok(Written { name, schema, key: key(), bookmark, map: None }),
            None => ("", &StreamMap::default()),
        };
        let mut writing =
            Writing { stream, schema: &schema, place: format!("stream_maps.{pattern}"), slots: Vec::new(), faults: Vec::new() };
        let (filter, drafts) = writing.drafts(map);
        let key = writing.key(map, &drafts);
        let bookmark = bookmark.and_then(|name| moved_to(&name, &drafts));
        let Writing { slots, mut faults, .. } = writing;
        if drafts.is_empty() {
            faults.push(format!(
                "stream_maps.{pattern} leaves no field of {}; use null in place of the map to leave the stream out",
                stream.name
            ));
        }
        let mut is_changed = filter.is_some() || map.drops_others || !map.fields.is_empty();
        let (mut properties, mut columns) = (Properties::new(), Vec::new());
        for Draft { name, schema, content } in drafts {
            let column = self.column(&name, schema, &mut properties);
            is_changed |= !column.is_plain(&name);
            columns.push((content, column));
        }
        faults.extend(twice(stream, &properties));
        if !faults.is_empty() {
            return Err(faults);
        }
        let record_map = RecordMap { filter, slots, columns };
        let named = |name: String| self.flattening.as_ref().map_or_else(|| name.clone(), |flattening| flattening.name(&[&name]));
        let mut schema = schema;
        schema["properties"] = properties.into_iter().collect::<Map<_, _>>().into();
        Ok(Written {
            name: map.alias.clone().unwrap_or(name),
            schema,
            key: key.into_iter().map(named).collect(),
            bookmark: bookmark.map(named),
            map: is_changed.then_some(record_map),
        })
    }

    fn column(&self, name: &str, schema: Value, properties: &mut Properties) -> Column {
        match &self.flattening {
            Some(flattening) => flattening.column(&[name], &schema, properties),
            None => {
                properties.push((name.to_owned(), schema));
                Column::plain(name)
            }
        }
    }
}

/// The fault that two fields have the same name, if they do.
fn twice(stream: &Stream, properties: &Properties) -> Option<String> {
    let mut names: Vec<&str> = properties.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1])?;
    let (name, stream) = (twice[0], stream.name);
    Some(format!("two fields of {stream} would be called {name:?}; rename one in stream_maps, or change flattening_separator"))
}

/// The name under which a field's value is written as it is.
fn moved_to(name: &str, drafts: &[Draft]) -> Option<String> {
    let is_it = |draft: &&Draft| matches!(&draft.content, Content::Field(field) if field.names == [name]);
    let kept = drafts.iter().filter(is_it).find(|draft| draft.name == name);
    kept.or_else(|| drafts.iter().find(is_it)).map(|draft| draft.name.clone())
}

/// Applies one stream's map, and collects its faults.
struct Writing<'w> {
    stream: &'w Stream,
    /// The schema of the selected fields.
    schema: &'w Value,
    /// Where the map is, for messages.
    place: String,
    slots: Vec<String>,
    faults: Vec<String>,
}

impl Writing<'_> {
    fn fault(&mut self, name: &str, why: &str) {
        self.faults.push(format!("{}.{name} cannot be used for {}: {why}", self.place, self.stream.name));
    }

    /// What a map makes of the stream's fields, and its filter.
    fn drafts(&mut self, map: &StreamMap) -> (Option<Expr>, Vec<Draft>) {
        let filter = map.filter.clone().and_then(|filter| self.checked("__filter__", filter).map(|(filter, _)| filter));
        let key = map.key.clone().unwrap_or_else(|| self.stream.key.iter().map(|name| (*name).to_owned()).collect());
        let mut drafts = Vec::new();
        for (name, schema) in self.schema["properties"].as_object().into_iter().flatten() {
            // A key is part of what is written, unless it is dropped by name.
            if !map.drops_others || key.contains(name) {
                let field = FieldPath { names: vec![name.clone()], slot: self.slot(name) };
                drafts.push(Draft { name: name.clone(), schema: schema.clone(), content: Content::Field(field) });
            }
        }
        for (name, becomes) in &map.fields {
            let place = drafts.iter().position(|draft| draft.name == *name);
            let Some(expr) = becomes else {
                place.map(|place| drafts.remove(place));
                continue;
            };
            let Some((expr, found)) = self.checked(name, expr.clone()) else { continue };
            let Some(draft) = self.draft(name, expr, found) else { continue };
            match place.and_then(|place| drafts.get_mut(place)) {
                Some(old) => *old = draft,
                None => drafts.push(draft),
            }
        }
        (filter, drafts)
    }

    /// An expression whose fields have been found, and what it yields.
    fn checked(&mut self, target: &str, mut expr: Expr) -> Option<(Expr, Type)> {
        let found = expr.check(&mut Known { writing: &mut *self, target });
        found.map_err(|why| self.fault(target, &why)).ok().map(|found| (expr, found))
    }

    fn draft(&mut self, name: &str, expr: Expr, found: Type) -> Option<Draft> {
        // For an unknown field, all that matters is that it may be null.
        let of_field = |field: &FieldPath| self.at(field).ok().flatten().cloned().unwrap_or_else(|| json!({ "type": ["null"] }));
        let schema = match (&expr, found) {
            (Expr::Field(_), Type::Any) => {
                Err("what it holds has no known type; take the whole field, or str(…) of it".to_owned())
            }
            _ => expr.schema(&of_field),
        };
        let schema = schema.map_err(|why| self.fault(name, &why)).ok()?;
        let content = if let Expr::Field(field) = expr { Content::Field(field) } else { Content::Computed(expr) };
        Some(Draft { name: name.to_owned(), schema, content })
    }

    fn slot(&mut self, name: &str) -> usize {
        self.slots.iter().position(|known| known == name).unwrap_or_else(|| {
            self.slots.push(name.to_owned());
            self.slots.len() - 1
        })
    }

    /// The schema of a field. None: it is inside an object whose fields are not documented.
    fn at(&self, field: &FieldPath) -> Result<Option<&Value>, String> {
        let mut schema = self.schema;
        for (depth, name) in field.names.iter().enumerate() {
            if schema["additionalProperties"] == json!(true) {
                return Ok(None);
            }
            let fields = schema["properties"].as_object();
            schema = fields.and_then(|fields| fields.get(name)).ok_or_else(|| match fields {
                _ if depth == 0 => self.unknown(name),
                Some(fields) => {
                    format!(
                        "{:?} has no field {name:?}{}",
                        field.names[depth - 1],
                        did_you_mean(name, fields.keys().map(String::as_str))
                    )
                }
                None => format!("{:?} is not an object, so it has no field {name:?}", field.names[depth - 1]),
            })?;
        }
        Ok(Some(schema))
    }

    fn unknown(&self, name: &str) -> String {
        if names_of(self.stream).any(|known| known == name) {
            return format!(
                "the field {name:?} is not selected; select it, and write null for it in the map if it is not to be written"
            );
        }
        format!("it names the field {name:?}, which is not there{}", did_you_mean(name, names_of(self.stream)))
    }

    /// The key of what is written.
    fn key(&mut self, map: &StreamMap, drafts: &[Draft]) -> Vec<String> {
        if let Some(key) = &map.key {
            for name in key.iter().filter(|name| !drafts.iter().any(|draft| draft.name == **name)) {
                let hint = did_you_mean(name, drafts.iter().map(|draft| draft.name.as_str()));
                self.fault("__key_properties__", &format!("no field {name:?} is written{hint}"));
            }
            for (place, name) in key.iter().enumerate() {
                let is_nested = |draft: &Draft| ["object", "array"].iter().any(|kind| allows(&draft.schema, kind));
                if drafts.iter().any(|draft| draft.name == *name && is_nested(draft)) {
                    self.fault("__key_properties__", &format!("{name:?} is a list or an object, which cannot be a key"));
                }
                if key.iter().take(place).any(|other| other == name) {
                    self.fault("__key_properties__", &format!("{name:?} is there twice"));
                }
            }
            return key.clone();
        }
        let names: Vec<Option<String>> = self.stream.key.iter().map(|name| self.key_part(name, drafts)).collect();
        names.into_iter().flatten().collect()
    }

    /// The field that a part of the key has become.
    fn key_part(&mut self, name: &str, drafts: &[Draft]) -> Option<String> {
        let carries = |draft: &&Draft| match &draft.content {
            Content::Field(field) => field.names == [name],
            Content::Computed(expr) => expr.carries(name),
        };
        let found = match drafts.iter().find(|draft| draft.name == name) {
            Some(draft) => Some(draft).filter(carries),
            None => {
                let is_field = |draft: &&&Draft| matches!(draft.content, Content::Field(_));
                let all: Vec<&Draft> = drafts.iter().filter(carries).collect();
                all.iter().find(is_field).or(all.first()).copied()
            }
        };
        if found.is_none() {
            let why = "the key is no longer written; write it under another name or hash it, or say in __key_properties__ what the key is (null: none)";
            self.fault(name, why);
        }
        found.map(|draft| draft.name.clone())
    }
}

/// The fields that an expression may name.
struct Known<'k, 'w> {
    writing: &'k mut Writing<'w>,
    /// The field that the expression is for: Python's `self`.
    target: &'k str,
}

impl Fields for Known<'_, '_> {
    fn find(&mut self, field: &mut FieldPath) -> Result<Type, String> {
        let has = |name: &str| self.writing.schema["properties"].get(name).is_some();
        if field.names[0] == "self" && !has("self") && has(self.target) {
            field.names[0] = self.target.to_owned();
        }
        let found = self.writing.at(field)?.map_or(Type::Any, Type::of);
        field.slot = self.writing.slot(&field.names[0]);
        Ok(found)
    }
}
