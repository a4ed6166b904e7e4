//! What a run is to do: config, catalog and state, read and checked against each other before the first request.

use crate::config::{Config, Credentials};
use crate::error::{Failure, Kind, Result};
use crate::json::{self, peek};
use crate::schema::{self, Object};
use crate::select;
use crate::singer::catalog::{Catalog, Entry};
use crate::singer::message::{Output, Sink};
use crate::singer::state::State;
use crate::streams::{ALL, Include, List, Part, Replication, Source, Stream};
use crate::walk::Query;
use serde_json::Value;
use serde_json::value::RawValue;
use std::rc::Rc;

/// What an interface asks for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The config, a JSON object.
    pub config: String,
    /// Whether the embedder may hold the credentials, so that the config need not.
    pub embedder_has_credentials: bool,
    /// A Singer catalog, a JSON object. None: what is selected by default.
    pub catalog: Option<String>,
    /// Rules for what to read, applied on top of the catalog: see [`select::apply`]. None: no rules.
    pub select: Option<Vec<String>>,
    /// Rules for what to leave out.
    pub exclude: Vec<String>,
    /// The state of the last run, a JSON object.
    pub state: Option<String>,
    /// End the run after so many records: at the next record, where a list is walked by cursor at the end of a page.
    pub max_records: Option<u64>,
    /// End the run after so many seconds, likewise.
    pub max_seconds: Option<u64>,
}

/// A run that can start.
#[derive(Debug)]
pub struct Plan {
    pub(crate) config: Rc<Config>,
    pub(crate) groups: Vec<Group>,
    pub(crate) state: State,
    pub(crate) max_records: Option<u64>,
    pub(crate) max_seconds: Option<u64>,
    /// What the user should know before the run.
    pub(crate) warnings: Vec<String>,
}

/// Streams that come from one walk: a list and the parts of its records.
#[derive(Debug)]
pub(crate) struct Group {
    /// The stream whose list is walked; it need not be selected itself.
    pub(crate) parent: &'static Stream,
    pub(crate) list: &'static List,
    /// The selected streams.
    pub(crate) members: Vec<Member>,
    /// The parts to fetch.
    pub(crate) parts: Vec<&'static Part>,
    /// Parameters for what the API sends only when asked to.
    pub(crate) includes: Query,
    /// The most records that a page holds with those, where the API cuts its pages.
    pub(crate) page_at_most: Option<u32>,
    /// A hash of all that shapes a walk: a walk resumes only under the same one.
    pub(crate) selection: String,
}

/// A selected stream.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) stream: &'static Stream,
    /// Its schema as messages show it: only what is selected.
    pub(crate) schema: Value,
    pub(crate) shape: Object,
    /// A hash of the selected fields.
    pub(crate) fields: String,
    /// The catalog wants all of it in each run, whatever its bookmark is.
    pub(crate) full_table: bool,
}

/// The replication method of a catalog that reads a stream whole.
const FULL_TABLE: &str = "FULL_TABLE";

impl Plan {
    /// Reads and checks everything that was given. Fails with one failure that says what to fix.
    pub fn new(request: &Request) -> Result<Plan> {
        let credentials = if request.embedder_has_credentials { Credentials::MayBeEmbedders } else { Credentials::InConfig };
        let (config, mut warnings) = Config::parse(&request.config, credentials)?;
        let selection = Selection::new(request)?;
        let (state, unknown) = State::parse(request.state.as_deref())?;
        ALL.iter().try_for_each(|stream| state.aside(stream).map(drop))?;
        warnings.extend(unknown);
        warnings.extend(selection.warnings());
        let mut groups: Vec<Group> = ALL
            .iter()
            .filter_map(|parent| match &parent.source {
                Source::List(list) => Group::new(parent, list, &selection, &config),
                Source::Part { .. } => None,
            })
            .collect();
        if groups.is_empty() {
            warnings.push("no stream is selected, so nothing is read; select streams in the catalog".into());
        }
        let interrupted = state.syncing().and_then(Stream::find).map(|stream| stream.walked_with().name);
        // Those before it have had their turn: runs that are cut short one after the other come round to every stream.
        let first = groups.iter().position(|group| Some(group.parent.name) == interrupted);
        groups.rotate_left(first.unwrap_or(0));
        let (max_records, max_seconds) = (request.max_records, request.max_seconds);
        Ok(Plan { config: Rc::new(config), groups, state, max_records, max_seconds, warnings })
    }

    /// The names of the selected streams, in the order in which they are read.
    pub fn streams(&self) -> impl Iterator<Item = &'static str> {
        self.groups.iter().flat_map(|group| group.members.iter().map(|member| member.stream.name))
    }

    /// Writes a SCHEMA message for each selected stream, and nothing else.
    ///
    /// # Errors
    /// The sink failed.
    pub async fn write_schemas<S: Sink>(&self, sink: &mut S) -> Result<()> {
        let mut output = Output::new(sink);
        self.groups.iter().for_each(|group| group.announce(&mut output));
        output.flush().await
    }
}

impl Group {
    fn new(parent: &'static Stream, list: &'static List, selection: &Selection, config: &Config) -> Option<Group> {
        let family = ALL.iter().copied().filter(|stream| stream.walked_with().name == parent.name);
        let members: Vec<Member> = family.filter_map(|stream| selection.member(stream)).collect();
        let of_parent = members.iter().find(|member| member.stream.name == parent.name);
        let in_record = |field: &str| of_parent.is_some_and(|parent| parent.shape.position(field).is_some());
        let as_stream = |field: &str| {
            members.iter().any(|member| matches!(member.stream.source, Source::Part { field: of, .. } if of == field))
        };
        let parts = list.parts.iter().filter(|part| in_record(part.field) || as_stream(part.field)).collect();
        let included = || list.includes.iter().filter(|include| in_record(include.field));
        let (includes, page_at_most) = (includes(included()), included().filter_map(|include| include.page_at_most).min());
        let fields = members.iter().flat_map(|member| [member.stream.name.to_owned(), member.fields.clone()]);
        let settings = [config.end_date.map(crate::dates::format), Some(config.lookback.to_string())];
        let selection = hash(fields.chain(settings.into_iter().flatten()));
        (!members.is_empty()).then_some(Group { parent, list, members, parts, includes, page_at_most, selection })
    }

    /// About how many RECORD messages a row brings at most, as far as the row says.
    pub(crate) fn expects(&self, row: &RawValue) -> u64 {
        let of = |member: &Member| match member.stream.source {
            Source::List(_) => 1,
            Source::Part { field, .. } => {
                let announced = self.list.parts.iter().find(|part| part.field == field).and_then(|part| part.announced_by);
                announced.and_then(|announced| json::count(peek(row, announced.field())?)).unwrap_or(1)
            }
        };
        self.members.iter().map(of).sum()
    }

    /// Adds the SCHEMA messages of its streams.
    pub(crate) fn announce<S: Sink>(&self, output: &mut Output<'_, S>) {
        for member in &self.members {
            output.schema(member.stream.name, &member.schema, Stream::KEY, member.stream.replication_key());
        }
    }
}

/// The `include` parameter and what goes with it.
fn includes<'i>(wanted: impl Iterator<Item = &'i Include>) -> Query {
    let (mut values, mut query): (Vec<&str>, Query) = (Vec::new(), Vec::new());
    for include in wanted {
        if !values.contains(&include.value) {
            values.push(include.value);
            query.extend(include.with.map(|(name, value)| (name, value.to_owned())));
        }
    }
    if !values.is_empty() {
        query.insert(0, ("include", values.join(",")));
    }
    query
}

/// FNV-1a over the texts, as hexadecimal: the same in every build, which the standard library's hash does not promise.
fn hash(texts: impl Iterator<Item = String>) -> String {
    let bytes = texts.flat_map(|text| text.into_bytes().into_iter().chain([0]));
    format!(
        "{:016x}",
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    )
}

/// What the user selected.
enum Selection {
    Default,
    Catalog(Catalog),
}

impl Selection {
    fn new(request: &Request) -> Result<Selection> {
        let catalog = select::apply(request.catalog.clone(), request.select.as_deref(), &request.exclude)?;
        let selection = match catalog {
            Some(text) => Selection::Catalog(Catalog::parse(&text)?),
            None => Selection::Default,
        };
        let selected: Vec<&str> = match &selection {
            Selection::Catalog(catalog) => {
                catalog.entries.iter().filter(|entry| entry.is_selected()).map(|entry| entry.name.as_str()).collect()
            }
            Selection::Default => Vec::new(),
        };
        match selected.iter().find(|name| Stream::find(name).is_none()) {
            None => Ok(selection),
            Some(unknown) => {
                let known: Vec<&str> = ALL.iter().map(|stream| stream.name).collect();
                let text =
                    format!("the stream {unknown:?} is selected, but this tap has no such stream; it has {}", known.join(", "));
                Err(Failure::new(Kind::Catalog, text))
            }
        }
    }

    fn entry(&self, stream: &Stream) -> Option<&Entry> {
        match self {
            Selection::Catalog(catalog) => catalog.entry(stream.name),
            _ => None,
        }
    }

    /// The stream as it is selected; none if it is not.
    fn member(&self, stream: &'static Stream) -> Option<Member> {
        if matches!(self, Selection::Catalog(_)) && !self.entry(stream)?.is_selected() {
            return None;
        }
        let whole = stream.schema();
        let paths = schema::paths(whole);
        let by_default = |path: &[&str]| path.len() > 1 || !stream.off_by_default.contains(&path[0]);
        let automatic = |path: &[&str]| path.len() == 1 && stream.is_automatic(path[0]);
        let chosen = self.entry(stream).map(|entry| entry.selection(&paths, &by_default));
        let kept = schema::prune(whole, &|path| {
            automatic(path) || chosen.as_ref().map_or_else(|| by_default(path), |chosen| chosen.contains(path))
        });
        let fields = hash(schema::paths(&kept).into_iter().map(|path| path.join(".")));
        let full_table = self.entry(stream).and_then(Entry::replication_method).as_deref() == Some(FULL_TABLE);
        Some(Member { stream, schema: schema::public(&kept), shape: Object::compile(whole, &kept), fields, full_table })
    }

    fn warnings(&self) -> Vec<String> {
        let Selection::Catalog(catalog) = self else { return Vec::new() };
        let mut warnings = Vec::new();
        for entry in catalog.entries.iter().filter(|entry| entry.is_selected()) {
            let Some(stream) = Stream::find(&entry.name) else { continue };
            match (stream.replication, entry.replication_method().as_deref()) {
                (Replication::FullTable, Some("INCREMENTAL")) => warnings.push(format!(
                    "{}: the catalog asks for INCREMENTAL, but its records have no modification date; it is replicated in full, so that edits are not missed",
                    stream.name
                )),
                (_, None | Some("INCREMENTAL" | FULL_TABLE)) => {}
                (_, Some(_)) => warnings.push(format!(
                    "{}: the catalog asks for a replication method that is neither INCREMENTAL nor FULL_TABLE; it is replicated as without it",
                    stream.name
                )),
            }
            let paths = schema::paths(stream.schema());
            for object in entry.contradictions(&paths) {
                warnings.push(format!(
                    "{}: the catalog selects fields inside {object}, but deselects {object} itself, so they are left out; select {object}, too",
                    stream.name
                ));
            }
            let unknown = entry.unknown_fields(&|path| paths.iter().any(|known| known == path));
            if !unknown.is_empty() {
                warnings.push(format!(
                    "{}: the catalog selects fields that this tap does not have: {}",
                    stream.name,
                    unknown.join(", ")
                ));
            }
        }
        warnings
    }
}
