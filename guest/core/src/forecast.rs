//! What a run has before it: how many records, and how many requests they take. An estimate, for people: nothing is decided by it.

use crate::api::gate::Gate;
use crate::api::list::{self, Form};
use crate::api::{Clock, Query, Request, Slice, Transport};
use crate::config::Config;
use crate::error::Result;
use crate::group::Group;
use crate::log::Log;
use crate::plan::Plan;
use crate::progress::{Progress, Starts};
use crate::singer::state::State;
use crate::start::Start;
use crate::streams::{End, List, Paging};
use crate::walk::between;
use chrono::{DateTime, Utc};
use futures_util::future::{Either, select};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

/// How long a run waits for its outlook.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a run has before it in one walk, as the store counts it. An estimate: the store changes while it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// The streams that come from the walk.
    pub streams: Vec<&'static str>,
    /// Records of the first of them.
    pub records: u64,
    /// Requests for all of them.
    pub requests: u64,
}

/// Asks the store how much a run will read, with one request for each walk, one after the other. The outlooks are in the order of the run. None:
/// the store does not say it of each walk, or not soon.
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
        let Some(mut request) = forecast.request() else { return Ok(None) };
        let counted = gate.get(&mut request, |body| Ok(forecast.records(body))).await.map_err(|refused| refused.failure)?;
        let Some(records) = counted.body else { return Ok(None) };
        outlooks.push(Outlook { requests: forecast.requests(records), streams: forecast.streams, records });
    }
    Ok(Some(outlooks))
}

/// What one walk of a run has before it.
#[derive(Debug)]
pub(crate) struct Forecast {
    streams: Vec<&'static str>,
    list: &'static List,
    /// The first stream is made of another one's rows, or lies below its records, and only those are counted.
    of_rows: bool,
    /// The filters of the request that counts.
    filters: Query,
    /// Records that are counted, but were read by an earlier run.
    read_before: u64,
    page: u64,
    /// For each request that records take: how many of them share it.
    at_a_time: Vec<u64>,
}

impl Plan {
    /// What each walk of the run has before it if it begins now, in the order of the run.
    pub(crate) fn forecasts(&self, now: DateTime<Utc>) -> Vec<Forecast> {
        self.groups.iter().map(|group| Forecast::new(group, &self.config, &self.state, now)).collect()
    }
}

impl Forecast {
    fn new(group: &Group, config: &Config, state: &State, now: DateTime<Utc>) -> Forecast {
        let list = group.list;
        // The run itself reports a state that cannot be read.
        let start = group.start(config, state, now).unwrap_or_else(|_| Start::New(Progress::new(Starts::new(), "")));
        let (left, since) = match start {
            Start::Resume(walk) => (Some(walk.clone()), walk.since),
            Start::New(walk) | Start::Over(walk, _) => (None, walk.since),
        };
        let since = since.and_then(|since| since.checked_sub_signed(config.lookback));
        let mut filters = between(list, since, group.until(config));
        filters.extend(group.channels.clone());
        let hidden = left.as_ref().and_then(|walk| list.hidden_in(walk.pass));
        filters.extend(hidden.map(|hidden| (hidden.filter.0, hidden.filter.1.to_owned())));
        let after = left.as_ref().and_then(|walk| position(list, walk));
        let counts_all = list.end == End::AllSeen;
        let read_before = if after.is_some() && !counts_all { 0 } else { left.map_or(0, |walk| walk.seen) };
        filters.extend(after.filter(|_| !counts_all));
        let asked = group.rows.iter().filter(|rows| !rows.is_inside()).filter_map(|rows| rows.at_a_time());
        Forecast {
            streams: group.members.iter().map(|member| member.stream.name).collect(),
            list,
            of_rows: group.below.is_some() || group.members.first().is_some_and(|member| member.stream.rows().is_some()),
            filters,
            read_before,
            page: u64::from(config.page_size.max(1)),
            // Of rows that records hold themselves, the few that do not fit are not foreseen.
            at_a_time: group.by_ids.map(|(_, most)| most).into_iter().chain(asked).map(|most| most as u64).collect(),
        }
    }

    /// The streams that the walk brings. The records that are counted are those of the first one.
    pub(crate) fn streams(&self) -> &[&'static str] {
        &self.streams
    }

    /// Asks where the store counts the records. None: it counts them nowhere.
    fn request(&self) -> Option<Request> {
        let (path, page) = match (self.list.form, self.list.count) {
            (_, Some(count)) => (count, None),
            (Form::Envelope, None) => (self.list.path, Some(Slice::first(1))),
            (Form::Bare | Form::Object, None) => return None,
        };
        let stream = self.streams.first().copied().filter(|_| !self.of_rows)?;
        Some(Request { query: self.filters.clone(), page, ..Request::new(stream, self.list.scope, path.to_owned()) })
    }

    /// How many records the run has to read, by the answer's body. None: the answer does not say.
    fn records(&self, body: &[u8]) -> Option<u64> {
        let counted = match self.list.count {
            Some(_) => list::count(body).ok(),
            None => self.list.form.decode(body).ok().and_then(|rows| rows.total),
        };
        counted.map(|counted| counted.saturating_sub(self.read_before))
    }

    /// About how many requests it takes to read so many records: their pages, the list's end and what confirms it, and each record's own lists.
    /// Retries, longer lists and further walks are not foreseen.
    pub(crate) fn requests(&self, records: u64) -> u64 {
        // The highest id and a page behind it; or two empty pages and a count. The same for each pass for what the list hides.
        let end = if matches!(self.list.end, End::Highest(_)) { 2 } else { 3 } * (1 + self.list.hidden.len() as u64);
        let of_records: u64 = self.at_a_time.iter().map(|most| records.div_ceil((*most).max(1))).sum();
        (records.div_ceil(self.page) + end).saturating_add(of_records)
    }
}

/// The filter for what lies behind a walk's position, where the list has one.
fn position(list: &List, walk: &Progress) -> Option<(&'static str, String)> {
    match list.paging {
        Paging::Id { after } => Some((after, walk.last_id()?.to_string())),
        Paging::Cursor { .. } | Paging::Page | Paging::Once => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::gate::add_query;
    use crate::plan::Inputs;
    use serde_json::{Value, json};

    fn forecasts(settings: Value, select: &str, state: Value) -> Vec<Forecast> {
        let mut config = json!({"client_id": "c", "access_token": "t", "store_hash": "abc"});
        config.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let select = Some(vec![select.to_owned()]);
        let request = Inputs { config: config.to_string(), select, state: Some(state.to_string()), ..Inputs::default() };
        Plan::new(&request).unwrap().forecasts(Utc::now())
    }

    fn only(settings: Value, select: &str, state: Value) -> Forecast {
        let mut all = forecasts(settings, select, state);
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    /// Path and query of what is asked.
    fn target(forecast: &Forecast) -> Option<String> {
        let request = forecast.request()?;
        let limit = request.page.map(|page| ("limit", page.limit.to_string()));
        let mut target = request.path;
        add_query(&mut target, request.query.into_iter().chain(limit));
        Some(target)
    }

    #[test]
    fn an_order_costs_a_request_for_each_of_its_lists_that_is_selected() {
        let whole = only(json!({}), "orders,order_products", json!({}));
        assert_eq!(whole.streams(), ["orders", "order_products"]);
        assert_eq!(whole.requests(1000), 4 + 2 + 2 + 3000);
        assert_eq!(only(json!({"page_size": 100}), "orders.id", json!({})).requests(1000), 10 + 2 + 2);
    }

    #[test]
    fn products_with_options_are_listed_first_and_read_ten_at_a_time() {
        assert_eq!(only(json!({}), "products", json!({})).requests(200), 1 + 2);
        assert_eq!(only(json!({}), "products.options", json!({})).requests(200), 1 + 2 + 20);
        assert_eq!(only(json!({}), "product_variants", json!({})).requests(200), 1 + 2 + 4);
    }

    #[test]
    fn what_is_counted_is_what_the_run_will_read() {
        let settings = json!({"start_date": "2024-01-01", "end_date": "2025-01-01"});
        let state = json!({"bookmarks": {"customers": {"date_modified": "2024-06-01T00:00:00Z"}}});
        let targets: Vec<String> = forecasts(settings, "orders,customers,products,coupons", state)
            .iter()
            .map(|forecast| target(forecast).unwrap())
            .collect();
        assert_eq!(
            targets,
            [
                "v2/orders/count?min_date_modified=2023-12-31T23:59:59Z&max_date_modified=2025-01-01T00:00:00Z",
                "v3/customers?date_modified:min=2024-05-31T23:59:59Z&date_modified:max=2025-01-01T00:00:00Z&limit=1",
                "v3/catalog/products?date_modified:max=2025-01-01T00:00:00Z&limit=1",
                "v2/coupons/count",
            ]
        );
        assert_eq!(target(&only(json!({}), "order_products", json!({}))), None, "line items are counted nowhere");
    }

    #[test]
    fn counts_are_read_in_both_forms() {
        assert_eq!(only(json!({}), "coupons", json!({})).records(br#"{"count": 7}"#), Some(7));
        let products = only(json!({}), "products", json!({}));
        assert_eq!(products.records(br#"{"data": [], "meta": {"pagination": {"total": 9}}}"#), Some(9));
        assert_eq!(products.records(b"<html>"), None);
    }

    #[test]
    fn what_an_earlier_run_has_read_is_not_before_this_one() {
        let left = |stream: &str, position: Value| {
            let selection = Plan::new(&Inputs {
                config: json!({"client_id": "c", "access_token": "t", "store_hash": "abc"}).to_string(),
                select: Some(vec![stream.to_owned()]),
                ..Inputs::default()
            });
            let selection = selection.unwrap().groups.remove(0).selection;
            let mut walk = json!({"v": 1, "seen": 3, "selection": selection, "version": "1"});
            walk.as_object_mut().unwrap().extend(position.as_object().unwrap().clone());
            only(json!({}), stream, json!({"bookmarks": {stream: {"walk": walk}}}))
        };
        let orders = left("orders", json!({"last_id": 100}));
        assert_eq!(target(&orders).as_deref(), Some("v2/orders/count?min_id=100"));
        assert_eq!(orders.records(br#"{"count": 7}"#), Some(7));
        assert_eq!(left("coupons", json!({"last_id": 100})).records(br#"{"count": 7}"#), Some(4));
        let customers = left("customers", json!({"cursor": "x"}));
        assert_eq!(customers.records(br#"{"data": [], "meta": {"pagination": {"total": 9}}}"#), Some(6));
    }
}
