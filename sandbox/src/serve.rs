//! From a path to an answer: one way for every resource.

use std::sync::Arc;

use chrono::NaiveTime;
use serde_json::{Map, Value};

use crate::context::Context;
use crate::filter::{Cell, Filters, Rule};
use crate::http::Response;
use crate::kind::Kind;
use crate::list::Sort;
use crate::options::Scope;
use crate::paging::{Page, Pages, Paging};
use crate::query::split;
use crate::record::Record;
use crate::refusal::{Refusal, Version};
use crate::registry::RESOURCES;
use crate::resource::{Across, Include, Part, Resource, Sorts};
use crate::resources::store;
use crate::store::Store;
use crate::store::table::Table;
use crate::{query, wire};

type Row = Map<String, Value>;

/// A field that is not documented, which some records are made with.
const UNANNOUNCED: &str = "sandbox_unannounced";

/// What a path leads to.
#[derive(Clone, Copy)]
pub(crate) enum Endpoint {
    List(&'static Resource),
    Count(&'static Resource),
    One(&'static Resource, u64),
    /// The rows of one record.
    Below(&'static Resource, &'static Part, u64),
    /// The rows of all records.
    Across(&'static Resource, &'static Part, &'static Across),
    Store(store::AnswerOne),
}

/// Finds the endpoint of the part of a path after the version.
pub(crate) fn find(api: Version, path: &str) -> Option<Endpoint> {
    let single = store::ENDPOINTS.iter().filter(|_| api == Version::V2).find(|(known, _)| *known == path);
    if let Some((_, answer)) = single {
        return Some(Endpoint::Store(*answer));
    }
    RESOURCES.iter().find_map(|resource| of_parts(resource, api, path)).or_else(|| {
        RESOURCES.iter().filter(|resource| resource.api == api).find_map(|resource| {
            let rest = path.strip_prefix(resource.path)?;
            match rest.strip_prefix('/') {
                None => rest.is_empty().then_some(Endpoint::List(resource)),
                Some("count") => resource.count.map(|_| Endpoint::Count(resource)),
                Some(id) => id.parse().ok().filter(|_| resource.has_one).map(|id| Endpoint::One(resource, id)),
            }
        })
    })
}

fn of_parts(resource: &'static Resource, api: Version, path: &str) -> Option<Endpoint> {
    resource.parts.iter().filter(|part| part.api == api).find_map(|part| {
        if let Some(across) = part.across.as_ref().filter(|across| across.path == path) {
            return Some(Endpoint::Across(resource, part, across));
        }
        let (before, behind) = part.below?.split_once("{id}")?;
        let id = path.strip_prefix(before)?.strip_suffix(behind)?.parse().ok()?;
        Some(Endpoint::Below(resource, part, id))
    })
}

impl Endpoint {
    pub(crate) fn scope(self) -> Scope {
        match self {
            Self::List(resource) | Self::Count(resource) | Self::One(resource, _) => resource.scope,
            Self::Below(_, part, _) | Self::Across(_, part, _) => part.scope,
            Self::Store(_) => Scope::Information,
        }
    }

    pub(crate) fn answer(self, store: &Store, context: &Context<'_>) -> Result<Response, Refusal> {
        match self {
            Self::List(resource) => list(context, store.table(resource.kind)),
            Self::Count(resource) => count(context, store.table(resource.kind)),
            Self::One(resource, id) => one(context, store.table(resource.kind), id),
            Self::Below(resource, part, id) => below(context, store.table(resource.kind), part, id),
            Self::Across(resource, part, across) => rows_of_all(context, store.table(resource.kind), part, across),
            Self::Store(answer) => Ok(answer(context)),
        }
    }
}

fn list(context: &Context<'_>, table: &Table) -> Result<Response, Refusal> {
    let resource = table.resource;
    let includes = includes(context, resource)?;
    let caps = &context.options.caps;
    let mut page = Page::read(context, resource.api)?;
    page.limit = includes.iter().filter_map(|include| include.page).map(|cap| cap(caps)).fold(page.limit, usize::min);
    let list = context.list(filters(context, resource, &context.query)?, sort(context, &resource.sorts)?);
    if resource.paging == Paging::Whole {
        let rows: Vec<Value> = shown(context, table, &table.select(list), &includes)?;
        return Ok(if resource.api == Version::V2 { Response::rows(&rows) } else { envelope(rows, Row::new()) });
    }
    if resource.api == Version::V2 {
        let ids = table.page(list, page);
        let rows: Vec<Value> = shown(context, table, &ids, &includes)?;
        return Ok(Response::rows(&rows));
    }
    let ids = table.select(list);
    let (ids, meta) = Pages { context, page, paging: resource.paging }.cut(&ids)?;
    let data = shown(context, table, &ids, &includes)?;
    Ok(envelope(data, meta))
}

fn count(context: &Context<'_>, table: &Table) -> Result<Response, Refusal> {
    let (resource, quirks) = (table.resource, context.quirks);
    let query = context.query.without(&quirks.count_ignores);
    let filters = match quirks.count_leaves_out_archived {
        true => filters(context, resource, &query)?,
        false => read_filters(context, resource.filters, &query)?,
    };
    let ids = table.select(context.list(filters, Sort::by_id()));
    let mut body = resource.count.map(|about| about(&mut table.heads(&ids))).unwrap_or_default();
    // Never below 0.
    let counted = i64::try_from(ids.len()).unwrap_or(i64::MAX).saturating_add(quirks.count_off_by).max(0);
    body.insert("count".to_owned(), Value::from(counted));
    Ok(Response::json(200, &Value::from(body)))
}

fn one(context: &Context<'_>, table: &Table, id: u64) -> Result<Response, Refusal> {
    let resource = table.resource;
    let record = record(context, table, id).ok_or_else(Refusal::not_found)?;
    let shown = show(context, resource, id, &record, &includes(context, resource)?)?;
    Ok(match resource.api {
        Version::V2 => Response::json(200, &shown.into()),
        Version::V3 => envelope(Value::from(shown), Row::new()),
    })
}

fn below(context: &Context<'_>, table: &Table, part: &Part, id: u64) -> Result<Response, Refusal> {
    let record = table.record(id).ok_or_else(Refusal::not_found)?;
    if let Some(build) = part.built {
        return Ok(Response::json(200, &build(context, id, &record)));
    }
    let filters = read_filters(context, part.filters, &context.query)?;
    let rows: Vec<Row> = objects(&record.parts, part.name).filter(|row| passes(&filters, row)).cloned().collect();
    answer_rows(context, part, rows)
}

/// A page of the rows of all records, or of those that a filter names.
fn rows_of_all(context: &Context<'_>, table: &Table, part: &Part, across: &Across) -> Result<Response, Refusal> {
    let filters = read_filters(context, part.filters, &context.query)?;
    if filters.is_empty() && part.paging == Paging::Cursor {
        return all_rows_by_cursor(context, table, part);
    }
    if filters.is_empty() {
        return all_rows(context, table, part);
    }
    let named = context.query.get(across.owner).map(|text| numbers(across.owner, text)).transpose()?;
    let owners = named.unwrap_or_else(|| table.ids().collect());
    let mut rows: Vec<Row> = Vec::new();
    for record in owners.into_iter().filter_map(|id| table.record(id)) {
        rows.extend(objects(&record.parts, part.name).filter(|row| passes(&filters, row)).cloned());
    }
    answer_rows(context, part, rows)
}

/// A page of all rows. Records that have none on the page are not built.
fn all_rows(context: &Context<'_>, table: &Table, part: &Part) -> Result<Response, Refusal> {
    let page = Page::read(context, part.api)?;
    let lengths = table.part_lengths(part.name);
    let total = lengths.iter().map(|(_, length)| length).sum();
    let skip = (page.number - 1).saturating_mul(page.limit);
    let (mut place, mut data) = (0, Vec::new());
    for (id, length) in lengths.iter() {
        let begins = place;
        place += length;
        if place <= skip || data.len() >= page.limit {
            continue;
        }
        if let Some(record) = table.record(*id) {
            let rows = objects(&record.parts, part.name).skip(skip.saturating_sub(begins)).take(page.limit - data.len());
            data.extend(rows.cloned());
        }
    }
    let meta = object! { "pagination": page.meta(&context.query, total, data.len()) };
    Ok(envelope(finished(context, part, data)?, meta))
}

/// The same by cursor: a row is identified by its record and its place there, so other records may change.
fn all_rows_by_cursor(context: &Context<'_>, table: &Table, part: &Part) -> Result<Response, Refusal> {
    const MOST: u64 = 100_000;
    let page = Page::read(context, part.api)?;
    let lengths = table.part_lengths(part.name);
    let keys: Vec<u64> =
        lengths.iter().flat_map(|(id, length)| (0..*length as u64).map(move |place| id * MOST + place)).collect();
    let (keys, meta) = Pages { context, page, paging: part.paging }.cut(&keys)?;
    let row = |key: u64| {
        let record = table.record(key / MOST)?;
        objects(&record.parts, part.name).nth(usize::try_from(key % MOST).ok()?).cloned()
    };
    Ok(envelope(finished(context, part, keys.into_iter().filter_map(row).collect())?, meta))
}

fn answer_rows(context: &Context<'_>, part: &Part, rows: Vec<Row>) -> Result<Response, Refusal> {
    let page = Page::read(context, part.api)?;
    if part.paging == Paging::Whole {
        return Ok(Response::rows(&finished(context, part, rows)?));
    }
    if part.api == Version::V2 {
        return Ok(Response::rows(&finished(context, part, page.cut(&rows).to_vec())?));
    }
    // A row's place stands for an id in its cursor.
    let places: Vec<u64> = (1..=rows.len() as u64).collect();
    let (places, meta) = Pages { context, page, paging: part.paging }.cut(&places)?;
    let rows = places.iter().filter_map(|place| rows.get(usize::try_from(place - 1).ok()?)).cloned().collect();
    Ok(envelope(finished(context, part, rows)?, meta))
}

/// Rows without the fields that were not asked for.
fn finished(context: &Context<'_>, part: &Part, mut rows: Vec<Row>) -> Result<Vec<Value>, Refusal> {
    let known: Vec<&str> = part.includes.iter().map(|(name, _)| *name).collect();
    let asked = named(context, &known)?;
    let is_detailed = context.query.get("details") == Some("true");
    for row in &mut rows {
        announce(context, row);
        part.details.iter().filter(|_| !is_detailed).for_each(|field| drop(row.shift_remove(*field)));
        part.includes.iter().filter(|(name, _)| !asked.contains(name)).for_each(|(_, field)| drop(row.shift_remove(*field)));
        if let Some(always) = part.always {
            trim(context, row, always);
        }
    }
    Ok(rows.into_iter().map(Value::from).collect())
}

/// Removes the undocumented field, unless a quirk wants it.
pub(crate) fn announce(context: &Context<'_>, fields: &mut Row) {
    if !context.quirks.unannounced_fields {
        fields.shift_remove(UNANNOUNCED);
    }
}

/// A record that is about to be shown.
fn record(context: &Context<'_>, table: &Table, id: u64) -> Option<Arc<Record>> {
    let record = table.record(id)?;
    context.shows(table.resource.kind, id);
    Some(record)
}

fn shown(context: &Context<'_>, table: &Table, ids: &[u64], includes: &[&Include]) -> Result<Vec<Value>, Refusal> {
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(record) = record(context, table, *id) {
            rows.push(show(context, table.resource, *id, &record, includes)?.into());
        }
    }
    Ok(rows)
}

fn show(context: &Context<'_>, resource: &Resource, id: u64, record: &Record, includes: &[&Include]) -> Result<Row, Refusal> {
    let mut fields = record.fields.clone();
    announce(context, &mut fields);
    if let Some(always) = resource.always {
        trim(context, &mut fields, always);
    }
    for (part, most) in includes.iter().filter_map(|include| Some((include.part?, include.most))) {
        let mut value = wire::field(&record.parts, part);
        if let (Some(rows), Some(most)) = (value.as_array_mut(), most) {
            rows.truncate(most(&context.options.caps));
        }
        fields.insert(part.to_owned(), value);
    }
    let asked = |name| includes.iter().any(|include| include.name == name);
    for field in resource.includes.iter().filter(|include| include.part.is_none() && !asked(include.name)) {
        fields.shift_remove(field.name);
    }
    if let Some(finish) = resource.show {
        finish(context, id, record, &mut fields)?;
    }
    Ok(fields)
}

/// The includes that were asked for, each of which must be known.
fn includes<'r>(context: &Context<'_>, resource: &'r Resource) -> Result<Vec<&'r Include>, Refusal> {
    let known: Vec<&str> = resource.includes.iter().map(|include| include.name).collect();
    let asked = named(context, &known)?;
    Ok(resource.includes.iter().filter(|include| asked.contains(&include.name)).collect())
}

/// What `include` names. A list that can include nothing ignores it.
fn named<'c>(context: &'c Context<'_>, known: &[&str]) -> Result<Vec<&'c str>, Refusal> {
    let asked = context.query.list("include");
    match asked.iter().find(|name| !known.contains(name)) {
        Some(unknown) if !known.is_empty() => Err(Refusal::parameter("include", &format!("{unknown} cannot be included"))),
        _ => Ok(asked),
    }
}

/// Applies `include_fields` and `exclude_fields`; `always` stays whatever they say (common query parameters reference).
fn trim(context: &Context<'_>, fields: &mut Row, always: &[&str]) {
    if context.query.get("include_fields").is_some() {
        let wanted = context.query.list("include_fields");
        fields.retain(|name, _| wanted.contains(&name.as_str()) || always.contains(&name.as_str()));
    }
    let unwanted = context.query.list("exclude_fields");
    fields.retain(|name, _| !unwanted.contains(&name.as_str()) || always.contains(&name.as_str()));
}

/// The filters of a list, plus the one that hides records which nobody asked for.
fn filters(context: &Context<'_>, resource: &Resource, query: &query::Query) -> Result<Filters, Refusal> {
    let filters = read_filters(context, resource.filters, query)?;
    Ok(match resource.hides {
        Some((field, shown)) if !context.quirks.archived_listed && !filters.look_at(field) => filters.and(field, shown),
        _ => filters,
    })
}

fn read_filters(context: &Context<'_>, rules: &[Rule], query: &query::Query) -> Result<Filters, Refusal> {
    // A day without a time starts at midnight; the products' endpoint completes it with the time of the request.
    let is_products = std::ptr::eq(rules, RESOURCES[Kind::PRODUCTS.place()].filters);
    let time_of_day = if is_products { context.now.time() } else { NaiveTime::MIN };
    Filters::read(query, rules, context.quirks.bounds_exclusive, time_of_day)
}

fn passes(filters: &Filters, row: &Row) -> bool {
    // Inventory has its ids in an object.
    let value = |field: &str| row.get(field).or_else(|| row.get("identity")?.get(field));
    filters.match_all(|field| value(field).cloned().map(Cell::Value))
}

fn sort(context: &Context<'_>, sorts: &Sorts) -> Result<Sort, Refusal> {
    let (known, field, direction) = match (sorts, context.query.get("sort")) {
        (Sorts::None, _) | (Sorts::Joined(_), None) => return Ok(Sort::by_id()),
        (Sorts::Joined(known), Some(text)) => {
            let (field, direction) = text.split_once(':').unwrap_or((text, "asc"));
            (known, field, direction)
        }
        (Sorts::Apart(known), field) => (known, field.unwrap_or("id"), context.query.get("direction").unwrap_or("asc")),
        (Sorts::Undocumented(known), field) => {
            let field = field.or(known.first().copied()).unwrap_or("id");
            (known, field, context.query.get("direction").unwrap_or("asc"))
        }
    };
    let is_known = known.contains(&field) || field == "id" && matches!(sorts, Sorts::Apart(_));
    match direction {
        "asc" | "desc" if is_known => Ok(Sort { field: field.to_owned(), descending: direction == "desc" }),
        _ => Err(Refusal::parameter("sort", "a field that can be sorted by and asc or desc are needed")),
    }
}

/// Ids from a list, upward and once each.
fn numbers(parameter: &str, text: &str) -> Result<Vec<u64>, Refusal> {
    let ids: Result<Vec<u64>, _> = split(text).into_iter().map(str::parse).collect();
    let mut ids = ids.map_err(|_| Refusal::parameter(parameter, "whole numbers are needed"))?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

fn objects<'a>(map: &'a Row, name: &str) -> impl Iterator<Item = &'a Row> {
    wire::array(map, name).iter().filter_map(Value::as_object)
}

fn envelope(data: impl Into<Value>, meta: Row) -> Response {
    Response::json(200, &Value::from(object! { "data": data.into(), "meta": meta }))
}
