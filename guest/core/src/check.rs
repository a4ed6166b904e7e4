//! Is the token good, which streams may it read, and what does a first run cost.

use crate::api::answer::Refused;
use crate::api::gate::Gate;
use crate::api::list::{self, Form};
use crate::api::{Clock, NoBody, Query, Quota, Request, Slice, Transport};
use crate::config::Config;
use crate::error::{Failure, Result, summarize};
use crate::forecast::Forecast;
use crate::head::id_of;
use crate::log::Log;
use crate::plan::{Inputs, Plan};
use crate::start::first;
use crate::streams::{ALL, List, Paging, Rows, Source, Stream};
use crate::walk::between;
use serde_json::{Value, json};
use std::rc::Rc;

/// What a check found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The store that was asked.
    pub store_hash: String,
    /// Each stream, in the registry's order.
    pub streams: Vec<Access>,
    /// The quota, where the store told of it.
    pub quota: Option<Quota>,
}

/// Whether a stream can be read.
#[derive(Clone, Debug)]
pub struct Access {
    /// The stream.
    pub stream: &'static Stream,
    /// How many records a first run would read, where the store counts them; or why it cannot be read.
    pub records: Result<Option<u64>>,
    /// What a first run pays for it.
    pub cost: Cost,
}

/// What a first run pays for a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// It is not selected.
    NotSelected,
    /// Its records come with those of another stream, whose cost has both.
    With(&'static str),
    /// About so many requests.
    Requests(u64),
    /// It cannot be read, or the store does not count it.
    Unknown,
}

impl Report {
    /// `{"store_hash", "streams": [{"stream", "readable", "scope", "records", "failure", "selected", "with", "requests"}],
    /// "quota": {"requests", "window_ms"}}`. `with` names the stream whose requests bring this one's records, too.
    pub fn to_json(&self) -> Value {
        let streams = self.streams.iter().map(|access| {
            json!({
                "stream": access.stream.name,
                "readable": access.records.is_ok(),
                "scope": access.stream.scope(),
                "records": access.records.as_ref().ok().copied().flatten(),
                "failure": access.records.as_ref().err().map(|failure| json!({ "kind": failure.kind.name(), "message": failure.message })),
                "selected": access.cost != Cost::NotSelected,
                "with": if let Cost::With(stream) = access.cost { Some(stream) } else { None },
                "requests": if let Cost::Requests(requests) = access.cost { Some(requests) } else { None },
            })
        });
        let window = |quota: Quota| u64::try_from(quota.window.as_millis()).unwrap_or(u64::MAX);
        let quota = self.quota.map(|quota| json!({ "requests": quota.requests, "window_ms": window(quota) }));
        json!({ "store_hash": self.store_hash, "streams": streams.collect::<Vec<_>>(), "quota": quota })
    }
}

/// Asks the store for one record of each stream, and what a run with these inputs costs. Fails if they cannot be used, the token is refused or
/// the store is not there; a stream that may not be read is in the report.
pub async fn check<T: Transport, C: Clock>(inputs: &Inputs, transport: T, clock: C, log: Rc<dyn Log>) -> Result<Report> {
    let plan = Plan::new(inputs)?;
    plan.warnings().iter().for_each(|warning| log.warn(None, warning));
    let config = plan.config.clone();
    let gate = Gate::new(transport, clock, log, config.clone());
    let forecasts = plan.forecasts(gate.clock().date());
    let mut streams: Vec<Access> = Vec::new();
    for stream in ALL.iter().copied() {
        let records = match stream.source {
            Source::List(list) => probe(&gate, &config, stream, list).await,
            // The list needs a record of the other one to lie below; how many rows there are nobody counts.
            Source::Below { parent, .. } => probe(&gate, &config, stream, parent.list()).await.map(|_| None),
            // How many there are nobody counts.
            Source::With { parent, rows } => {
                let of_parent = streams.iter().find(|access| access.stream.name == parent.name);
                match of_parent.map_or(Ok(None), |access| access.records.clone()) {
                    Ok(_) if stream.scope() != parent.scope() => probe_rows(&gate, stream, parent.list(), rows).await,
                    records => records.map(|_| None),
                }
            }
        };
        match records {
            Err(failure) if !failure.spares_other_streams() => return Err(failure),
            records => streams.push(Access { stream, cost: Cost::of(stream, &records, &forecasts), records }),
        }
    }
    Ok(Report { store_hash: config.store_hash.clone(), streams, quota: gate.quota() })
}

impl Cost {
    fn of(stream: &'static Stream, records: &Result<Option<u64>>, forecasts: &[Forecast]) -> Cost {
        let forecast = forecasts.iter().find(|forecast| forecast.streams().contains(&stream.name));
        match (forecast, records) {
            (None, _) => Cost::NotSelected,
            (Some(_), Err(_)) => Cost::Unknown,
            (Some(forecast), Ok(records)) => match (forecast.streams().first(), records) {
                (Some(first), _) if *first != stream.name => Cost::With(first),
                (_, Some(records)) => Cost::Requests(forecast.requests(*records)),
                (_, None) => Cost::Unknown,
            },
        }
    }
}

async fn probe<T: Transport, C: Clock>(
    gate: &Gate<T, C>,
    config: &Config,
    stream: &'static Stream,
    list: &List,
) -> Result<Option<u64>> {
    let dates = between(list, first(stream, config), config.end_date).into_iter();
    let query: Query = dates.chain(config.channels.filter(list.channels)).collect();
    let request = |path: &str| Request { query: query.clone(), ..Request::new(stream.name, list.scope, path.to_owned()) };
    let mut page = request(list.path);
    page.page = Some(Slice::first(1)).filter(|_| list.paging != Paging::Once);
    let rows = gate.get(&mut page, |body| list.form.decode(body)).await?.body;
    match (list.form, list.count) {
        (Form::Envelope, _) => Ok(rows.total),
        (Form::Bare | Form::Object, Some(count)) => {
            match gate.get(&mut request(count), list::count).await {
                Ok(answer) => Ok(Some(answer.body)),
                // The stream can be read all the same.
                Err(Refused { spent: true, .. } | Refused { status: Some(400 | 404 | 422), .. }) => Ok(None),
                Err(refused) => Err(refused.failure),
            }
        }
        (Form::Bare | Form::Object, None) => Ok(None),
    }
}

/// Asks for the rows of one record, which need a scope of their own.
async fn probe_rows<T: Transport, C: Clock>(
    gate: &Gate<T, C>,
    stream: &'static Stream,
    list: &'static List,
    rows: &'static Rows,
) -> Result<Option<u64>> {
    let mut first = Request { page: Some(Slice::first(1)), ..Request::new(stream.name, list.scope, list.path.to_owned()) };
    let found = gate.get(&mut first, |body| list.form.decode(body)).await?.body;
    let id = found.rows.first().and_then(|row| id_of(row, list));
    // Without a record there is nothing to ask for.
    let (Some(id), Some(ask)) = (id, rows.ask()) else { return Ok(None) };
    let path = ask.path.replace("{id}", &id.to_string());
    let mut below =
        Request { page: Some(Slice::first(1)), no_body: NoBody::NoRows, ..Request::new(stream.name, ask.scope, path) };
    match gate.get(&mut below, |body| ask.form.decode(body)).await {
        // It may have been deleted since.
        Ok(_) | Err(Refused { status: Some(404), .. }) => Ok(None),
        Err(refused) => Err(refused.failure),
    }
}

/// The failure that a check's report amounts to: none if every stream can be read.
pub fn verdict(report: &Report) -> Option<Failure> {
    let left = report.streams.iter().filter_map(|access| Some((access.stream.name, access.records.as_ref().err()?)));
    summarize("not every stream can be read", left)
}
