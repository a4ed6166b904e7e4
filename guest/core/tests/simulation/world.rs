//! The world around the tap: the store and its replica, what happens to them, the way there and back.

use crate::health::{Health, is_good};
use crate::journal::{Journal, make_odd};
use crate::mutation::Mutation;
use crate::scenario::{Broken, Change, Ending, Fault, Happening, RunPlan, Shop, Shown, Trouble};
use crate::shared::{LISTS, Way};
use crate::trace::Trace;
use chrono::{DateTime, Utc};
use fastrand::Rng;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;
use tap_bigcommerce_core::api::Clock;
use tap_bigcommerce_core::virtual_time::VirtualClock;
use tap_bigcommerce_sandbox::{Action, Answer, Counts, Delivery, Fault as Hit, Kind, Options, Request, Response, Store};

/// When the chain of runs begins.
pub(crate) const EPOCH: DateTime<Utc> = DateTime::from_timestamp(1_760_000_000, 250_000_000).expect("a date");
/// A run that sends more requests than this does not end.
const MOST_REQUESTS: u64 = 20_000;

/// What a seed's store is built from.
pub(crate) fn options(seed: u64, counts: Counts) -> Options {
    Options { seed, counts, ..Options::default() }
}

/// How often what happened.
pub(crate) type Tally = BTreeMap<&'static str, u64>;

/// The store and all around it.
pub(crate) struct World {
    pub(crate) journal: RefCell<Journal>,
    pub(crate) trace: Trace,
    pub(crate) tally: RefCell<Tally>,
    shop: Shop,
    /// The ids of the new shop's records, in the order of [`LISTS`].
    first_ids: [Vec<u64>; LISTS.len()],
    store: RefCell<Store>,
    replica: RefCell<Replica>,
    rng: RefCell<Rng>,
    run: RefCell<Running>,
    versions: Cell<u64>,
    /// The time since [`EPOCH`] at which the current run began, or the last one ended.
    elapsed: Cell<Duration>,
}

/// A copy of the store that follows it a little later.
struct Replica {
    store: Store,
    due: VecDeque<(Duration, Mutation)>,
}

/// What belongs to the run under way.
#[derive(Default)]
struct Running {
    requests: u64,
    happenings: VecDeque<(u64, Happening)>,
    between_pages: Option<(&'static str, Change)>,
    troubles: Vec<Trouble>,
    stale_percent: u32,
    ending: Option<Ending>,
    fate: Fate,
    /// The record that comes without its id.
    nameless: Option<(Kind, u64)>,
    /// The last page of each list, where a fault brings it again.
    pages: Option<HashMap<String, Response>>,
    /// From when to when the tap knows how much is left of the quota: since the first answer that said so, until the window's end.
    knows: (Duration, Duration),
    overruns: u64,
    health: Health,
    /// When the answers of the requests under way arrive, unless they break.
    under_way: Vec<Duration>,
    most_under_way: usize,
    /// Requests for lists below an order.
    below_orders: u64,
}

/// What has become of the run under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fate {
    #[default]
    Alive,
    Stopped,
    Gone,
    Endless,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("shop", &self.shop).finish_non_exhaustive()
    }
}

impl Fate {
    /// Whether the process is as good as gone.
    pub(crate) fn is_over(self) -> bool {
        matches!(self, Fate::Gone | Fate::Endless)
    }
}

impl World {
    pub(crate) fn new(seed: u64, shop: &Shop, trace: Trace) -> World {
        let build = || {
            let mut store = Store::new(options(seed, shop.counts));
            store.quirks = shop.quirks.clone();
            shop.oddities.iter().for_each(|oddity| make_odd(&mut store, *oddity));
            store
        };
        let (mut store, mut replica) = (build(), build());
        store.set_quota(Some(shop.quota));
        replica.set_quota(None);
        World {
            first_ids: LISTS.map(|(_, kind)| store.ids(kind).collect()),
            journal: RefCell::new(Journal::new(&store)),
            trace,
            tally: RefCell::default(),
            shop: shop.clone(),
            store: RefCell::new(store),
            replica: RefCell::new(Replica { store: replica, due: VecDeque::new() }),
            rng: RefCell::new(Rng::with_seed(seed ^ 0x5157_u64.rotate_left(40))),
            run: RefCell::default(),
            versions: Cell::new(0),
            // A while after the store's oldest version, so that a replica which is behind has it too.
            elapsed: Cell::new(Duration::from_secs(60)),
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.elapsed.get()
    }

    pub(crate) fn count(&self, what: &'static str) {
        *self.tally.borrow_mut().entry(what).or_default() += 1;
    }

    /// Lets a run's pause pass with its changes, and gets ready for the run.
    pub(crate) fn prepare(&self, plan: &RunPlan) {
        let start = self.elapsed.get() + plan.pause;
        for (ago, change) in &plan.before {
            self.change(change, start.saturating_sub(*ago).max(self.elapsed.get()));
        }
        self.elapsed.set(start);
        self.break_things(&plan.broken);
        let repeats = plan.troubles.iter().any(|trouble| matches!(trouble.fault, Fault::Duplicate));
        let nameless = plan.nameless.and_then(|(kind, which)| Some((kind, self.first_id(kind, which)?)));
        *self.run.borrow_mut() = Running {
            nameless,
            pages: repeats.then(HashMap::new),
            happenings: plan.during.iter().cloned().collect(),
            between_pages: plan.between_pages.clone(),
            troubles: plan.troubles.clone(),
            stale_percent: plan.stale_percent,
            ending: Some(plan.ending),
            ..Running::default()
        };
    }

    /// A run has taken so long.
    pub(crate) fn pass(&self, time: Duration) {
        self.elapsed.set(self.elapsed.get() + time);
    }

    pub(crate) fn fate(&self) -> Fate {
        self.run.borrow().fate
    }

    /// Requests that this client sent although it knew that the quota was spent.
    pub(crate) fn overruns(&self) -> u64 {
        self.run.borrow().overruns
    }

    /// Notes a request that leaves now and is answered so much later.
    fn leave(&self, now: Duration, takes: Duration) {
        let mut run = self.run.borrow_mut();
        run.under_way.retain(|arrives| *arrives > now);
        run.under_way.push(now + takes);
        run.most_under_way = run.most_under_way.max(run.under_way.len());
    }

    /// The most requests that were under way at one time, if the run has sent enough of those that need not wait for each other.
    pub(crate) fn most_under_way(&self) -> Option<usize> {
        /// Fewer may end before the tap sends several at a time.
        const ENOUGH: u64 = 40;
        let run = self.run.borrow();
        (run.below_orders >= ENOUGH).then_some(run.most_under_way)
    }

    /// Whether endpoints of a stream failed in this run and did not answer again.
    pub(crate) fn is_outage(&self, stream: &str) -> bool {
        self.run.borrow().health.is_outage(stream)
    }

    /// The record that comes without its id in this run.
    pub(crate) fn nameless(&self) -> Option<(Kind, u64)> {
        self.run.borrow().nameless
    }

    /// The id of one of the records that the new shop had.
    fn first_id(&self, kind: Kind, which: u64) -> Option<u64> {
        let place = LISTS.iter().position(|(_, known)| *known == kind)?;
        let ids = &self.first_ids[place];
        ids.get((which % ids.len().max(1) as u64) as usize).copied()
    }

    /// Breaks what the plan wants broken, and nothing else.
    fn break_things(&self, broken: &[Broken]) {
        let store = &mut self.store.borrow_mut();
        store.quirks.broken_records.clear();
        store.quirks.broken_paths.clear();
        for Broken { what, which, fault } in broken {
            let Some(action) = action(*fault) else { continue };
            match what {
                Shown::Everywhere(kind) => {
                    store.quirks.broken_records.extend(self.first_id(*kind, *which).map(|id| ((*kind, id), action)));
                }
                Shown::Below(list) => {
                    let path = |id| format!("/v2/orders/{id}/{list}");
                    store.quirks.broken_paths.extend(self.first_id(Kind::ORDERS, *which).map(|id| (path(id), action)));
                }
            }
        }
    }

    fn change(&self, change: &Change, now: Duration) {
        let mut versions = std::iter::repeat_with(|| {
            self.versions.set(self.versions.get() + 1);
            self.versions.get()
        });
        let mutations = Mutation::plan(change, &self.store.borrow(), EPOCH + now, &mut versions);
        for mutation in mutations {
            self.trace.write(now, || format!("      · {mutation}"));
            self.count("changes");
            let mut store = self.store.borrow_mut();
            let id = mutation.apply(&mut store);
            self.journal.borrow_mut().note(&store, mutation.kind, id, now);
            if mutation.tears() {
                self.journal.borrow_mut().tear(mutation.kind, id, now);
            }
            self.replica.borrow_mut().due.push_back((now + self.shop.lag, mutation));
        }
    }

    /// The store's answer to a request of the run under way.
    fn answer(&self, request: &Request, now: Duration) -> Answer {
        let number = self.begin_request();
        let due = |run: &mut Running| run.happenings.pop_front_if(|(at, _)| *at <= number);
        while let Some((_, happening)) = due(&mut self.run.borrow_mut()) {
            match happening {
                Happening::Change(change) => self.change(&change, now),
                Happening::Spend(requests) => {
                    self.count("quota spent by others");
                    self.trace.write(now, || format!("      · another client spends {requests} requests"));
                    self.store.borrow_mut().spend_quota(requests, EPOCH + now);
                }
            }
        }
        let is_second = |(path, _): &mut (&str, Change)| request.path.ends_with(*path) && request.query.contains("page=2");
        let between_pages = self.run.borrow_mut().between_pages.take_if(is_second);
        if let Some((_, change)) = between_pages {
            self.count("changes between two pages");
            self.change(&change, now);
        }
        let fault = if self.fate().is_over() { Some(Fault::Deliver(Delivery::Stall)) } else { self.fault(request) };
        let (mut answer, broken) = self.hit(request, fault, now);
        let stale = fault.is_none() && self.is_stale(&answer);
        if stale {
            self.count("stale answers");
            answer.response = self.replica.borrow_mut().answer(request, now, answer.response);
        }
        if let Some((kind, id)) = self.nameless() {
            take_id(request, &mut answer.response, kind, id);
        }
        let mut run = self.run.borrow_mut();
        run.health.note(request, is_good(request, &answer));
        run.below_orders += u64::from(request.path.contains("/v2/orders/") && !request.path.ends_with("/count"));
        drop(run);
        let note = if stale {
            "  (from the replica)"
        } else if broken {
            "  (broken)"
        } else {
            ""
        };
        self.trace.request(now, number, request, fault, note, &answer);
        answer
    }

    fn begin_request(&self) -> u64 {
        let mut run = self.run.borrow_mut();
        run.requests += 1;
        let number = run.requests;
        run.fate = match run.ending {
            Some(Ending::Vanishes(at)) if number >= at => Fate::Gone,
            Some(Ending::Stopped(at)) if number == at => Fate::Stopped,
            _ if number > MOST_REQUESTS => Fate::Endless,
            _ => run.fate,
        };
        number
    }

    /// The fault that hits this request, if one does.
    fn fault(&self, request: &Request) -> Option<Fault> {
        let mut run = self.run.borrow_mut();
        let target = request.target();
        for trouble in run.troubles.iter_mut().filter(|trouble| trouble.times > 0) {
            if !target.contains(trouble.on) || !can_be_told(trouble.fault, request) {
                continue;
            }
            if trouble.skip > 0 {
                trouble.skip -= 1;
                continue;
            }
            trouble.times -= 1;
            return Some(trouble.fault);
        }
        None
    }

    /// The store's own answer, spoilt by the fault, and whether something in it is broken.
    fn hit(&self, request: &Request, fault: Option<Fault>, now: Duration) -> (Answer, bool) {
        let mut store = self.store.borrow_mut();
        if let Some(action) = fault.and_then(action) {
            store.add_fault(Hit::on("", action));
        }
        let refused = store.throttled();
        let mut answer = store.answer(request, EPOCH + now);
        self.watch_quota(&answer, store.throttled() > refused, now);
        let broken = fault.is_none() && store.faults_fired() > 0;
        store.clear_faults();
        if fault.is_some() {
            self.count("faults");
        }
        if broken {
            self.count("broken answers");
        }
        // Only remember true answers: where nothing counts the rows, two false empty ones in a row look like the truth.
        if matches!(answer.response.status, 200 | 204)
            && matches!(fault, None | Some(Fault::Duplicate | Fault::NoRateHeaders))
            && let Some(pages) = &mut self.run.borrow_mut().pages
        {
            let page = pages.insert(list_of(request), answer.response.clone());
            if let (Some(Fault::Duplicate), Some(page)) = (fault, page) {
                self.count("pages served twice");
                (answer.response.status, answer.response.body) = (page.status, page.body);
            }
        }
        (answer, broken)
    }

    fn is_stale(&self, answer: &Answer) -> bool {
        let percent = self.run.borrow().stale_percent;
        percent > 0 && matches!(answer.response.status, 200 | 204 | 404) && self.rng.borrow_mut().u32(..100) < percent
    }

    /// Counts the requests that the quota refuses although the tap could know, when it sent them, that its window is spent.
    fn watch_quota(&self, answer: &Answer, refused: bool, now: Duration) {
        let one_way = Duration::from_micros(self.shop.latency.0 + self.shop.latency.1);
        let mut run = self.run.borrow_mut();
        let (from, until) = run.knows;
        run.overruns += u64::from(refused && now < until && now.saturating_sub(one_way) >= from);
        let left = answer.response.header("x-rate-limit-time-reset-ms").and_then(|millis| millis.parse().ok());
        if let (Some(left), Delivery::Whole) = (left, answer.delivery) {
            let from = if now < until { from } else { now + one_way };
            run.knows = (from, now + Duration::from_millis(left));
        }
    }
}

impl Replica {
    /// What the replica would answer, with the store's own headers.
    fn answer(&mut self, request: &Request, now: Duration, from_store: Response) -> Response {
        while let Some((_, mutation)) = self.due.pop_front_if(|(at, _)| *at <= now) {
            mutation.apply(&mut self.store);
        }
        let answer = self.store.respond(request, EPOCH + now);
        Response { headers: from_store.headers, ..answer }
    }
}

/// The sandbox's own name for a fault; none for those that are made here.
fn action(fault: Fault) -> Option<Action> {
    Some(match fault {
        Fault::Status(code) => Action::status(code),
        Fault::Throttle { headers } => Action::Throttle { headers },
        Fault::Html => Action::Html200,
        Fault::Truncated => Action::TruncatedJson,
        Fault::NoRateHeaders => Action::NoRateHeaders,
        Fault::EmptyPage => Action::EmptyPage,
        Fault::NoBody => Action::NoBody,
        Fault::NotFound | Fault::NothingFound => Action::NotFound,
        Fault::Deliver(delivery) => Action::Deliver(delivery),
        Fault::Echo => {
            let body = format!(r#"{{"title": "the token {} is odd"}}"#, Options::default().access_token);
            Action::Status { code: 400, body: Some(body.into_bytes()), headers: Vec::new() }
        }
        Fault::Duplicate => return None,
    })
}

const POSITIONS: [&str; 4] = ["min_id=", "id:greater=", "after=", "page="];

/// Whether a client can recognise this fault. It cannot tell the first page of another list from the right one; an order's empty
/// or missing list from a correct one, if nothing in the order says that it has rows; or an order that is not found from one that
/// is deleted.
fn can_be_told(fault: Fault, request: &Request) -> bool {
    let may_be_empty = ["/coupons", "/transactions", "/fees", "/shipments", "/consignments"]
        .iter()
        .any(|list| request.path.contains("/orders/") && request.path.ends_with(list));
    match fault {
        Fault::Duplicate => is_later_page(request),
        Fault::EmptyPage | Fault::NoBody => is_later_page(request) || !may_be_empty,
        Fault::NotFound => !may_be_empty && !request.path.ends_with(|last: char| last.is_ascii_digit()),
        _ => true,
    }
}

fn is_later_page(request: &Request) -> bool {
    request.query.split('&').any(|part| POSITIONS.iter().any(|name| part.starts_with(name)))
}

/// The list that a request asks a page of: the request without its position.
fn list_of(request: &Request) -> String {
    let kept = |part: &&str| !POSITIONS.iter().chain(&["limit="]).any(|name| part.starts_with(name));
    let query: Vec<&str> = request.query.split('&').filter(kept).collect();
    format!("{}?{}", request.path, query.join("&"))
}

/// Takes the id from a record wherever its list shows it.
fn take_id(request: &Request, response: &mut Response, kind: Kind, id: u64) {
    let (path, name) = match kind {
        Kind::CUSTOMERS => ("/v3/customers", "id"),
        Kind::PRICE_LISTS => ("/v3/pricelists", "id"),
        Kind::REFUNDS => ("/payment_actions/refunds", "id"),
        Kind::BRANDS => ("/catalog/brands", "id"),
        Kind::CATEGORIES => ("/trees/categories", "category_id"),
        _ => return,
    };
    let Some(mut body) = serde_json::from_slice::<Value>(&response.body).ok().filter(|_| request.path.ends_with(path)) else {
        return;
    };
    for row in body["data"].as_array_mut().into_iter().flatten().filter(|row| row[name] == id) {
        row[name] = Value::Null;
        response.body.clear();
    }
    if response.body.is_empty() {
        response.body = body.to_string().into_bytes();
    }
}

/// The world as one run's requests reach it.
pub(crate) struct Passage {
    pub(crate) world: Rc<World>,
    pub(crate) clock: VirtualClock,
}

impl Way for Passage {
    fn latency(&self) -> (Duration, Duration) {
        let (least, spread) = self.world.shop.latency;
        let one = || Duration::from_micros(least + self.world.rng.borrow_mut().u64(0..=spread));
        let (there, back) = (one(), one());
        self.world.leave(self.clock.now(), there + back);
        (there, back)
    }

    fn answer(&self, request: &Request) -> Answer {
        self.world.answer(request, self.world.elapsed() + self.clock.now())
    }
}
