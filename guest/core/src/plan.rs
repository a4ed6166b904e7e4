//! What a run is to do: config, catalog and state, read and checked against each other before the first request.

use crate::config::{Config, Credentials};
use crate::error::{Failure, Kind, Result};
use crate::group::{Group, Member, Mode};
use crate::hash::hash;
use crate::schema::{self, Object};
use crate::select;
use crate::shapes::Shapes;
use crate::singer::catalog::{Catalog, Entry};
use crate::singer::message::{Output, Sink};
use crate::singer::state::{State, forget};
use crate::streams::{ALL, Replication, Stream};
use std::rc::Rc;

/// What an interface asks for.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
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
    /// Streams that are read from their start, whatever the state says.
    pub full_refresh: Vec<String>,
    /// End the run after this many records; in a list that is walked by cursor, at the end of the page.
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

/// The replication method of a catalog that reads a stream whole.
const FULL_TABLE: &str = "FULL_TABLE";

impl Plan {
    /// Reads and checks everything that was given. Fails with one failure that says what to fix.
    pub fn new(inputs: &Inputs) -> Result<Plan> {
        let credentials = if inputs.embedder_has_credentials { Credentials::MayBeEmbedders } else { Credentials::InConfig };
        let (config, mut warnings) = Config::parse(&inputs.config, credentials)?;
        if config.batches.is_some() {
            warnings.push("batch_config has no effect here: RECORD messages are written".into());
        }
        let selection = Selection::new(inputs)?;
        let mut given = inputs.state.clone();
        for stream in &inputs.full_refresh {
            given = Some(forget(given.as_deref(), config.shapes.source(stream))?);
        }
        let (state, unknown) = State::parse(given.as_deref())?;
        ALL.iter().try_for_each(|stream| state.aside(stream).map(drop))?;
        if config.activates_versions {
            ALL.iter().try_for_each(|stream| state.table_version(stream).map(drop))?;
        }
        warnings.extend(unknown);
        warnings.extend(selection.warnings());
        let mut members = selection.members(&config.shapes)?;
        let mut family = |parent: &Stream| members.extract_if(.., |member| member.stream.walked().name == parent.name).collect();
        let mut groups: Vec<Group> = ALL.iter().flat_map(|parent| Group::of(parent, family(parent), &config)).collect();
        if groups.is_empty() {
            warnings.push("no stream is selected, so nothing is read; select streams in the catalog".into());
        }
        let interrupted = |group: &Group| group.members.iter().any(|member| Some(member.stream.name) == state.syncing());
        // Start with the group that was interrupted, so that a series of interrupted runs gets to every stream.
        let first = groups.iter().position(interrupted);
        groups.rotate_left(first.unwrap_or(0));
        let (max_records, max_seconds) = (inputs.max_records, inputs.max_seconds);
        Ok(Plan { config: Rc::new(config), groups, state, max_records, max_seconds, warnings })
    }

    /// The names of the selected streams, in the order in which they are read.
    pub fn streams(&self) -> impl Iterator<Item = &'static str> {
        self.groups.iter().flat_map(|group| group.members.iter().map(|member| member.stream.name))
    }

    /// What the user should know before the run.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Writes a SCHEMA message for each selected stream, and nothing else.
    ///
    /// # Errors
    /// The sink failed.
    pub async fn write_schemas<S: Sink>(&self, sink: &mut S) -> Result<()> {
        let mut output = Output::new(sink);
        self.groups.iter().for_each(|group| group.announce(&mut output));
        output.settle().await
    }
}

/// What the user selected.
enum Selection {
    Default,
    Catalog(Catalog),
}

impl Selection {
    fn new(inputs: &Inputs) -> Result<Selection> {
        let catalog = select::apply(inputs.catalog.clone(), inputs.select.as_deref(), &inputs.exclude)?;
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

    /// The streams that are selected and not dropped.
    ///
    /// # Errors
    /// The config shapes them in a way that they do not fit.
    fn members(&self, shapes: &Shapes) -> Result<Vec<Member>> {
        let is_selected = |stream: &Stream| match self {
            Selection::Catalog(_) => self.entry(stream).is_some_and(Entry::is_selected),
            Selection::Default => stream.selected_by_default,
        };
        let (mut members, mut faults): (Vec<Member>, Vec<String>) = (Vec::new(), Vec::new());
        for stream in ALL.iter().copied().filter(|stream| is_selected(stream) && !shapes.drops(stream.name)) {
            match self.member(stream, shapes) {
                Ok(member) => members.push(member),
                Err(of_stream) => faults.extend(of_stream),
            }
        }
        for (place, member) in members.iter().enumerate() {
            if let Some(other) = members.iter().take(place).find(|other| other.written.name == member.written.name) {
                let (name, one, other) = (&member.written.name, other.stream.name, member.stream.name);
                faults.push(format!(
                    "{one} and {other} would both be written as {name:?}; give one another __alias__ in stream_maps"
                ));
            }
        }
        faults.extend(shapes.faults(&members.iter().map(|member| member.stream.name).collect::<Vec<_>>()));
        faults.dedup();
        match faults.is_empty() {
            true => Ok(members),
            false => Err(Failure::new(Kind::Config, format!("the config cannot be used: {}", faults.join("; ")))),
        }
    }

    /// A selected stream, or why the config cannot be applied to it.
    fn member(&self, stream: &'static Stream, shapes: &Shapes) -> Result<Member, Vec<String>> {
        let whole = stream.schema();
        let paths = schema::paths(whole);
        let by_default = |path: &[&str]| path.len() > 1 || !stream.off_by_default.contains(&path[0]);
        let automatic = |path: &[&str]| path.len() == 1 && stream.is_automatic(path[0]);
        let chosen = self.entry(stream).map(|entry| entry.selection(&paths, &by_default));
        let is_dropped = |path: &[&str]| path.len() == 1 && shapes.needs_no(stream.name, path[0]);
        let kept = schema::prune(whole, &|path| {
            let is_chosen = || chosen.as_ref().map_or_else(|| by_default(path), |chosen| chosen.contains(path));
            automatic(path) || is_chosen() && !is_dropped(path)
        });
        let fields = hash(schema::paths(&kept).into_iter().map(|path| path.join(".")).chain(shapes.trace(stream.name)));
        let wants_all = self.entry(stream).and_then(Entry::replication_method).as_deref() == Some(FULL_TABLE);
        let by_ids = stream.rows().is_some_and(|rows| !rows.is_inside()) && !stream.list().ids_only.is_empty();
        let mode = match wants_all || stream.replication == Replication::FullTable {
            true if by_ids => Mode::Ids,
            true => Mode::Whole,
            false => Mode::Changes,
        };
        let written = shapes.written(stream, schema::public(&kept))?;
        Ok(Member { stream, mode, written, shape: Object::compile(whole, &kept), fields })
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
                    "{}: the catalog asks for a replication method that is neither INCREMENTAL nor FULL_TABLE; this is ignored",
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
