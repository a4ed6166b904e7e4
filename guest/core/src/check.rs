//! Is the token good, which streams may it read, and what does a run cost.

mod probe;
mod report;

use crate::api::gate::Gate;
use crate::api::{Clock, Transport};
use crate::config::Config;
use crate::error::{Failure, Result, summarize};
use crate::forecast::{Figure, Forecast, Inquiry};
use crate::log::Log;
use crate::plan::{Inputs, Plan};
use crate::start::first;
use crate::streams::{ALL, Source, Stream};
use crate::walk::between;
use probe::Probe;
pub use report::{Access, Report};
use std::rc::Rc;

/// Asks the store for one record of each stream, and for what a run with these inputs costs. Fails if the inputs cannot be used,
/// the token is refused or the store cannot be reached. A stream that the token may not read is only reported.
///
/// Each list and each count endpoint is requested once, and so is one nested or child list where that needs a scope of its own. A
/// stream whose start differs from the others of its walk costs one more request.
pub async fn check<T: Transport, C: Clock>(inputs: &Inputs, transport: T, clock: C, log: Rc<dyn Log>) -> Result<Report> {
    let plan = Plan::new(inputs)?;
    plan.warnings().iter().for_each(|warning| log.warn(None, warning));
    let config = plan.config.clone();
    let gate = Gate::new(transport, clock, log, config.clone());
    let forecasts = plan.forecasts(gate.clock().date());
    let mut probe = Probe::new(&gate);
    let mut streams: Vec<Access> = Vec::new();
    for stream in ALL.iter().copied() {
        let own = |forecast: &Forecast| Some(forecast.inquiry_of(forecast.share(stream)?));
        match records(stream, forecasts.iter().find_map(own), &streams, &config, &mut probe).await {
            Err(failure) if !failure.spares_other_streams() => return Err(failure),
            records => streams.push(Access { stream, records, cost: None }),
        }
    }
    for forecast in &forecasts {
        foresee(forecast, &mut probe, &mut streams).await?;
    }
    Ok(Report { store_hash: config.store_hash.clone(), streams, quota: gate.quota() })
}

/// How many records a run reads of a stream, where anything counts them; or why it cannot be read. `own` is what the run reads, if it is selected.
async fn records<T: Transport, C: Clock>(
    stream: &'static Stream,
    own: Option<Inquiry>,
    before: &[Access],
    config: &Config,
    probe: &mut Probe<'_, T, C>,
) -> Result<Option<Figure>> {
    let parent = match (stream.source, own) {
        (Source::List(_), Some(own)) => return probe.list(&own).await,
        (Source::List(_), None) => {
            let records = probe.list(&of_first_run(stream, config)).await?;
            return Ok(records.filter(|records| !records.at_least));
        }
        // A child list can only be requested for a record of the parent list.
        (Source::Below { parent, .. }, _) => {
            probe.list(&all_of(parent, stream, config)).await?;
            parent
        }
        (Source::With { parent, .. }, _) => {
            let of_parent = before.iter().find(|access| access.stream.name == parent.name);
            of_parent.map_or(Ok(None), |access| access.records.clone())?;
            parent
        }
    };
    if stream.scope() != parent.scope() {
        probe.below(stream, parent.list()).await?;
    }
    // No endpoint counts the rows of nested and child lists.
    Ok(None)
}

/// What is asked of the list of a stream that is not selected: its length is not worth a whole page.
fn of_first_run(stream: &'static Stream, config: &Config) -> Inquiry {
    let dates = between(stream.list(), first(stream, config), config.end_date).into_iter();
    let filters = dates.chain(config.channels.filter(stream.list().channels)).collect();
    Inquiry { filters, page_size: 1, ..all_of(stream, stream, config) }
}

/// What is asked of a whole list, for a stream that is read by it.
fn all_of(listed: &Stream, stream: &'static Stream, config: &Config) -> Inquiry {
    Inquiry { stream: stream.name, list: listed.list(), filters: Vec::new(), page_size: config.page_size }
}

/// Adds the costs of the streams of one walk.
async fn foresee<T: Transport, C: Clock>(forecast: &Forecast, probe: &mut Probe<'_, T, C>, streams: &mut [Access]) -> Result<()> {
    let mut counted = Vec::new();
    for share in forecast.shares() {
        let is_readable = streams.iter().any(|access| access.stream.name == share.stream.name && access.records.is_ok());
        counted.push(if is_readable { probe.count(&forecast.inquiry_of(share)).await? } else { None });
    }
    for (cost, share) in forecast.costs(&counted).into_iter().zip(forecast.shares()) {
        if let Some(access) = streams.iter_mut().find(|access| access.stream.name == share.stream.name) {
            let counted = access.records.as_ref().ok().copied().flatten();
            access.records = counted.map_or(access.records.clone(), |counted| Ok(Some(forecast.left(counted))));
            access.cost = Some(cost);
        }
    }
    Ok(())
}

/// The failure that a check's report amounts to: none if every stream can be read.
pub fn verdict(report: &Report) -> Option<Failure> {
    let left = report.streams.iter().filter_map(|access| Some((access.stream.name, access.records.as_ref().err()?)));
    summarize("not every stream can be read", left)
}
