//! Estimates how many records a run will read and how many requests that takes, for each walk and each stream. The estimate is
//! for people: nothing depends on it.

mod cost;
mod inquiry;
mod requests;
#[cfg(test)]
mod tests;

use crate::api::gate::Gate;
use crate::api::{Clock, Query, Transport};
use crate::config::Config;
use crate::error::Result;
use crate::group::{Group, Member};
use crate::log::Log;
use crate::plan::Plan;
use crate::progress::{Progress, Starts};
use crate::singer::state::State;
use crate::start::Start;
use crate::streams::{End, List, Paging, Rows, Stream, Way};
use crate::walk::between;
use chrono::{DateTime, Utc};
pub use cost::{Cost, Rate};
use futures_util::future::{Either, select};
pub use inquiry::Figure;
pub(crate) use inquiry::Inquiry;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

/// How long a run waits for its outlook.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is left to read in one walk, by the store's count. An estimate: the store changes while it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// The streams that come from the walk.
    pub streams: Vec<&'static str>,
    /// Records of the first of them.
    pub records: u64,
    /// Requests for all of them.
    pub requests: u64,
}

/// Asks the store how much a run will read, with one request for each walk, one after the other. The outlooks are in the order of
/// the run. None if the store does not say it for every walk, or not in time.
///
/// # Errors
/// The store refused.
pub async fn outlook<T: Transport, C: Clock>(
    plan: &Plan,
    transport: T,
    clock: C,
    log: Rc<dyn Log>,
) -> Result<Option<Vec<Outlook>>> {
    let gate = Gate::new(transport, clock, log, plan.config.clone());
    let counting = pin!(count(plan, &gate));
    match select(counting, pin!(gate.clock().sleep(PATIENCE))).await {
        Either::Left((counted, _)) => counted,
        Either::Right(_) => Ok(None),
    }
}

async fn count<T: Transport, C: Clock>(plan: &Plan, gate: &Gate<T, C>) -> Result<Option<Vec<Outlook>>> {
    let mut outlooks = Vec::new();
    for forecast in plan.forecasts(gate.clock().date()) {
        let Some(inquiry) = forecast.inquiry() else { return Ok(None) };
        let counted = inquiry.ask(gate).await?.map(|counted| forecast.left(counted));
        let Some(Figure { number: records, at_least: false }) = counted else { return Ok(None) };
        outlooks.push(Outlook { requests: forecast.requests(records), streams: forecast.streams(), records });
    }
    Ok(Some(outlooks))
}

/// What one walk of a run has before it.
#[derive(Debug)]
pub(crate) struct Forecast {
    /// The stream that the walk is named after.
    parent: &'static Stream,
    /// The list whose records are counted: the walked one, or its parent list.
    list: &'static List,
    below: Option<&'static Stream>,
    /// The streams that the walk brings.
    shares: Vec<Share>,
    /// Records that are counted, but were read by an earlier run.
    read_before: u64,
    /// The real cost is higher: an earlier run left an unfinished walk, which is completed first, or records that are requested
    /// again.
    is_more: bool,
    /// Which pass through the list the walk is in.
    pass: usize,
    /// The list counts records that the run leaves out.
    counts_others: bool,
    page_size: u32,
    /// How many records are completed together.
    chunk: u64,
    /// How many records are read together by their ids, if the walk brings only ids.
    by_ids: Option<u64>,
}

/// What one stream takes of a walk.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) stream: &'static Stream,
    /// The least date of the records that it takes. None: all.
    since: Option<DateTime<Utc>>,
    /// The filters for those.
    filters: Query,
    /// The lists of each record that it wants.
    wants: Vec<Wanted>,
}

/// A list of each record.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    rows: &'static Rows,
    /// How many records share a request. None if the records contain the list.
    at_a_time: Option<u64>,
    /// It may take more requests than that.
    may_be_longer: bool,
}

impl Plan {
    /// What each walk of the run has before it if it begins now, in the order of the run.
    pub(crate) fn forecasts(&self, now: DateTime<Utc>) -> Vec<Forecast> {
        self.groups.iter().map(|group| Forecast::new(group, &self.config, &self.state, now)).collect()
    }
}

impl Forecast {
    fn new(group: &Group, config: &Config, state: &State, now: DateTime<Utc>) -> Forecast {
        // The run itself reports a state that cannot be read.
        let start = group.start(config, state, now).unwrap_or_else(|_| Start::New(Progress::new(Starts::new(), "")));
        let (is_left, walk) = match start {
            Start::Resume(walk) => (true, walk),
            Start::New(walk) | Start::Over(walk, _) => (false, walk),
        };
        // The records that have lists below them are walked whole.
        let list = group.below.map_or(group.list, |above| above.parent.list());
        let after = position(list, &walk).filter(|_| is_left && group.below.is_none());
        let counts_all = list.end == End::AllSeen;
        let is_whole = group.below.is_some() || after.is_some() && !counts_all;
        let read_before = if is_left && !is_whole { walk.seen } else { 0 };
        let filters = |since: Option<DateTime<Utc>>| -> Query {
            let since = since.and_then(|since| since.checked_sub_signed(config.lookback));
            let dates = between(list, since, group.until(config)).into_iter();
            let hidden = list.hidden_in(walk.pass).map(|hidden| (hidden.filter.0, hidden.filter.1.to_owned()));
            dates.chain(group.channels.clone()).chain(hidden).chain(after.clone().filter(|_| !counts_all)).collect()
        };
        let share = |member: &Member| {
            let since = walk.start_of(member.stream.name).map_or(walk.since, |since| since.0);
            let filters = if group.below.is_some() { Query::new() } else { filters(since) };
            let wants =
                group.rows.iter().filter(|rows| member.wants(rows)).map(|rows| Wanted::new(rows, group, config)).collect();
            Share { stream: member.stream, since, filters, wants }
        };
        let has_aside = group.members.iter().any(|member| state.aside(member.stream).is_ok_and(|aside| !aside.is_empty()));
        let field = group.list.channels.and_then(|of| of.field);
        Forecast {
            parent: group.parent,
            list,
            below: group.below.map(|above| above.parent),
            shares: group.members.iter().map(share).collect(),
            read_before,
            is_more: is_left || has_aside,
            counts_others: field.is_some() && group.channels.is_none() && config.channels.as_text().is_some(),
            pass: walk.pass,
            page_size: config.page_size,
            chunk: group.chunk() as u64,
            by_ids: group.by_ids.map(|(_, most)| most as u64),
        }
    }

    /// The streams that the walk brings.
    pub(crate) fn shares(&self) -> &[Share] {
        &self.shares
    }

    /// What a stream takes of the walk. None: it does not come from it.
    pub(crate) fn share(&self, stream: &Stream) -> Option<&Share> {
        self.shares.iter().find(|share| share.stream.name == stream.name)
    }

    /// Their names.
    fn streams(&self) -> Vec<&'static str> {
        self.shares.iter().map(|share| share.stream.name).collect()
    }

    /// How many records a stream takes, or, where it has lists below them, how many there are.
    pub(crate) fn inquiry_of(&self, share: &Share) -> Inquiry {
        Inquiry { stream: share.stream.name, list: self.list, filters: share.filters.clone(), page_size: self.page_size }
    }

    /// How many records the walk brings. None: nothing counts those of its first stream.
    fn inquiry(&self) -> Option<Inquiry> {
        let first = self.shares.first().filter(|first| self.below.is_none() && first.stream.rows().is_none())?;
        // The streams that start first take the most.
        let all = self.shares.iter().min_by_key(|share| share.since).unwrap_or(first);
        Some(Inquiry { stream: first.stream.name, ..self.inquiry_of(all) })
    }

    /// How many of the records that the store counts are left to read.
    pub(crate) fn left(&self, counted: Figure) -> Figure {
        Figure { number: counted.number.saturating_sub(self.read_before), ..counted }
    }
}

impl Wanted {
    fn new(rows: &'static Rows, group: &Group, config: &Config) -> Wanted {
        // No more ids than a page has rows.
        let most = |at_a_time: usize| (at_a_time as u64).min(u64::from(config.page_size.max(2)));
        let is_whole = rows.from.iter().any(|way| matches!(way, Way::Inside { full: None }));
        let is_embedded = group.embedding.as_ref().is_some_and(|embedding| embedding.brings(rows));
        let at_a_time = rows.at_a_time().filter(|_| !rows.is_inside() && !is_embedded).map(most);
        Wanted { rows, at_a_time, may_be_longer: !is_whole }
    }
}

/// The filter for what follows a walk's position, where the list has one.
fn position(list: &List, walk: &Progress) -> Option<(&'static str, String)> {
    match list.paging {
        Paging::Id { after } => Some((after, walk.last_id()?.to_string())),
        Paging::Cursor { .. } | Paging::Page | Paging::Once => None,
    }
}
