//! The one gate that every request passes through: credentials, quota, timeout, retries, and complete answers.

use super::answer::{Answer, Outcome, Refused, TOO_LARGE, ended, given_up, judge, quota_spent, unreachable};
use super::ending::Ending;
use super::limiter::{Limiter, Permit};
use super::timers::Timers;
use super::traffic::Traffic;
use super::{Call, Clock, NoBody, Quota, Request, Slice, Transport, TransportError};
use crate::certainty::{Remarks, Uncertain};
use crate::config::Config;
use crate::error::Kind;
use crate::log::Log;
use futures_util::future::{Either, select};
use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

/// Tries of one request before it is given up; fewer while no request of the run has ever been answered, since a wrong address or
/// a machine without network does not get better by waiting.
const TRIES: u32 = 6;
const FIRST_TRIES: u32 = 3;
/// Time for one request, waits for the quota aside.
const PATIENCE: Duration = Duration::from_secs(300);
/// The longest wait for the quota.
const QUOTA_PATIENCE: Duration = Duration::from_secs(3600);
/// The backoff between tries: it starts with this and triples up to the longest, minus a random part of up to half.
const BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
/// A page is not halved below this.
const LEAST_PAGE: u32 = 10;

/// What a run asked of the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests sent, retries included.
    pub requests: u64,
    /// Requests sent again.
    pub retries: u64,
    /// Time waited for the quota.
    pub waited: Duration,
}

/// Reads a body.
type Decode<'d, B> = dyn Fn(&[u8]) -> Result<B, String> + 'd;

/// Sends requests to one store.
#[derive(Debug)]
pub struct Gate<T, C> {
    transport: T,
    clock: Rc<C>,
    timers: Timers<C>,
    log: Rc<dyn Log>,
    config: Rc<Config>,
    limiter: Limiter,
    counts: RefCell<Counts>,
    traffic: RefCell<Traffic>,
    quota: Cell<Option<Quota>>,
    answered: Cell<bool>,
    /// Whether an answer has been read.
    good: Cell<bool>,
    ending: Ending,
    /// The time for which a slow sink has held the run.
    held: Cell<Duration>,
    chance: Cell<u64>,
    /// Why the answers of the current walk may be incomplete.
    pub(crate) remarks: Remarks,
}

impl<T: Transport, C: Clock> Gate<T, C> {
    /// A gate to the store that the config names.
    pub fn new(transport: T, clock: C, log: Rc<dyn Log>, config: Rc<Config>) -> Gate<T, C> {
        let limiter = Limiter::new(config.max_concurrency);
        let seed = clock.date().timestamp_subsec_nanos();
        let (answered, held, chance) = (Cell::new(false), Cell::default(), Cell::new(u64::from(seed)));
        let (counts, traffic) = (RefCell::default(), RefCell::default());
        let (quota, good, ending, remarks) = (Cell::new(None), Cell::new(false), Ending::default(), Remarks::default());
        let clock = Rc::new(clock);
        let timers = Timers::new(clock.clone());
        Gate {
            transport,
            clock,
            timers,
            log,
            config,
            limiter,
            counts,
            traffic,
            quota,
            answered,
            good,
            ending,
            held,
            chance,
            remarks,
        }
    }

    /// The clock that the gate waits by.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// What was asked of the store so far.
    pub fn counts(&self) -> Counts {
        *self.counts.borrow()
    }

    /// Notes that a slow sink blocked the run for this long: nobody polled the answers meanwhile, so it does not count against
    /// their timeout.
    pub(crate) fn sink_took(&self, time: Duration) {
        self.held.set(self.held.get() + time);
    }

    /// The run's time is over: from now on a request is sent only if it need not wait, neither for the quota nor between tries. One that
    /// would wait fails with kind cancelled.
    pub(crate) fn end(&self) {
        self.ending.begin();
    }

    /// Whether the run's time is over.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.has_begun()
    }

    /// Whether the store has ever answered, even with an error.
    pub(crate) fn has_been_answered(&self) -> bool {
        self.answered.get()
    }

    /// The store's quota, from the latest answer that reports it.
    pub fn quota(&self) -> Option<Quota> {
        self.quota.get()
    }

    /// Writes metrics of what was asked since the last report.
    pub fn report(&self) {
        self.traffic.borrow_mut().report(&*self.log);
    }

    /// Sends a request until `decode` can read the answer, or until another try makes no sense. For a 204 `decode` gets an empty
    /// body. Afterwards the request's page may be smaller, because the store could not serve the original size.
    pub async fn get<B>(&self, request: &mut Request, decode: impl Fn(&[u8]) -> Result<B, String>) -> Result<Answer<B>, Refused> {
        // Not generic over the decoder, which keeps the component small.
        self.get_by(request, &decode).await
    }

    async fn get_by<B>(&self, request: &mut Request, decode: &Decode<'_, B>) -> Result<Answer<B>, Refused> {
        let (mut tries, mut overloads, mut throttles, mut empties, mut refusals) = (0, 0, 0, 0, 0);
        let (mut spent, mut throttled_since) = (Duration::ZERO, None);
        loop {
            let permit = self.permit(request).await?;
            let begun = self.clock.now();
            let outcome = self.try_once(permit, request, decode).await;
            // A try counts for no longer than its timeout: beyond that, a slow sink has blocked the run, which is not the store's
            // fault.
            let took = (self.clock.now() - begun).min(self.config.request_timeout);
            spent += took;
            let (status, why, kind) = match outcome {
                Outcome::Done(answer) => {
                    self.good.set(true);
                    return Ok(answer);
                }
                // A single 401 among good answers may be a glitch.
                Outcome::Refused(refused) if refused.status == Some(401) && self.good.get() && refusals == 0 => {
                    refusals += 1;
                    (refused.status, "the store refused an access token that it accepted before".to_owned(), Kind::Unauthorized)
                }
                Outcome::Refused(refused) => return Err(refused),
                Outcome::NoBody(answer) => {
                    empties += 1;
                    self.remarks.note(request.rows, Uncertain::NoBody);
                    if empties == 1 && (request.tries.is_none() || request.no_body == NoBody::NoRows) {
                        self.count_retry();
                        continue;
                    }
                    match (request.no_body, decode(&[])) {
                        (NoBody::NoRows, Ok(body)) => {
                            return Ok(Answer { body, date: answer.date, took: answer.took, bytes: 0 });
                        }
                        _ => (Some(200), format!("the answer to {} has no body", request.path), Kind::Api),
                    }
                }
                Outcome::Again { status, why, kind } => (status, why, kind),
                Outcome::Throttled(reset) => {
                    throttles += 1;
                    let now = self.clock.now();
                    if now + reset - *throttled_since.get_or_insert(now) > QUOTA_PATIENCE {
                        return Err(quota_spent(request));
                    }
                    self.count_retry();
                    // Each further 429 in a row adds a longer backoff to the wait for the reset.
                    let growing = if throttles > 1 { self.backoff(throttles - 1) } else { Duration::ZERO };
                    self.limiter.close_until(self.clock.now() + reset + growing);
                    continue;
                }
            };
            tries += 1;
            throttles = 0;
            let backoff = self.backoff(tries);
            // The request's own limit counts only failures that it may have caused itself: a throttled store, or a single 401,
            // says nothing about it.
            let own = request.tries.filter(|_| matches!(kind, Kind::Api | Kind::Unreachable));
            let most = own.unwrap_or_else(|| self.tries());
            if tries >= most || spent + backoff > PATIENCE {
                return Err(given_up(request, status, kind, &why, tries));
            }
            if self.is_ending() {
                return Err(ended(request));
            }
            if status == Some(429) {
                self.limiter.close_until(self.clock.now() + backoff);
            }
            overloads += match status {
                Some(408 | 500 | 504) => 1,
                None if took == self.config.request_timeout => 1,
                // The same page would be too large again, so it is halved at once.
                Some(TOO_LARGE) => 2,
                _ => 0,
            };
            if overloads >= 2 {
                halve(&mut request.page);
            }
            self.count_retry();
            let text = format!("{why}; trying again in {:.1} s", backoff.as_secs_f64());
            self.log.warn(Some(request.stream), &text);
            spent += backoff;
            if self.ending.or(self.clock.sleep(backoff)).await.is_none() {
                return Err(ended(request));
            }
        }
    }

    async fn permit(&self, request: &Request) -> Result<Permit<'_>, Refused> {
        let announce = |pause: Duration| {
            if pause >= Duration::from_secs(1) {
                let text = format!("the store's quota is used up; waiting {:.1} s for its reset", pause.as_secs_f64());
                self.log.info(None, &text);
            }
        };
        let granted = match self.ending.or(self.limiter.acquire(&*self.clock, request.rank, QUOTA_PATIENCE, announce)).await {
            Some(granted) => granted.ok_or_else(|| quota_spent(request))?,
            // What need not wait for the quota may still be sent.
            None => {
                self.limiter.acquire(&*self.clock, request.rank, Duration::ZERO, announce).await.ok_or_else(|| ended(request))?
            }
        };
        let (permit, waited) = granted;
        self.counts.borrow_mut().waited += waited;
        Ok(permit)
    }

    async fn try_once<B>(&self, permit: Permit<'_>, request: &Request, decode: &Decode<'_, B>) -> Outcome<B> {
        let call = self.call(request);
        self.counts.borrow_mut().requests += 1;
        let endpoint = self.traffic.borrow_mut().sent(request);
        let begun = self.clock.now();
        // `select` polls the answer first: if both are ready, the answer counts.
        let result = match select(pin!(self.transport.get(&call)), pin!(self.patience(call.timeout))).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => Err(TransportError::Broken(format!("no answer within {} s", call.timeout.as_secs()))),
        };
        let status = result.as_ref().ok().map(|response| response.status);
        let took = self.clock.now() - begun;
        self.traffic.borrow_mut().ended(endpoint, status, took);
        match result {
            Ok(response) => {
                self.answered.set(true);
                self.quota.set(response.quota().or(self.quota.get()));
                self.limiter.learn(&permit, &response, self.clock.now());
                judge(&self.config, request, &response, took, decode)
            }
            Err(error) => {
                self.limiter.lost(&permit, self.clock.now());
                unreachable(&self.config, request, error)
            }
        }
    }

    /// Resolves after this much time, not counting the time in which the sink blocked the run.
    async fn patience(&self, time: Duration) {
        let (mut left, mut held) = (time, self.held.get());
        while !left.is_zero() {
            self.timers.wait(left).await;
            left = self.held.get() - std::mem::replace(&mut held, self.held.get());
        }
    }

    fn tries(&self) -> u32 {
        if self.answered.get() { TRIES } else { FIRST_TRIES }
    }

    fn count_retry(&self) {
        self.counts.borrow_mut().retries += 1;
    }

    fn backoff(&self, tries: u32) -> Duration {
        let longest = BACKOFF.saturating_mul(3_u32.saturating_pow(tries.saturating_sub(1))).min(LONGEST_BACKOFF);
        longest.mul_f64(0.5 + self.chance() / 2.0)
    }

    /// A random number from 0 to 1, by SplitMix64 (Steele, Lea, Flood 2014). It only has to keep clients that fail together from
    /// retrying together.
    fn chance(&self) -> f64 {
        self.chance.set(self.chance.get().wrapping_add(0x9E37_79B9_7F4A_7C15));
        let mut mixed = self.chance.get();
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn call(&self, request: &Request) -> Call {
        let config = &self.config;
        let mut path = format!("/stores/{}/{}", config.store_hash, request.path);
        let window = request.page.map(|page| [("limit", page.limit.to_string()), ("page", page.page.to_string())]);
        let window = window.into_iter().flatten().filter(|(name, value)| *name != "page" || value != "1");
        add_query(&mut path, request.query.iter().cloned().chain(window));
        let mut headers = vec![("accept", "application/json".to_owned()), ("user-agent", config.user_agent.clone())];
        if let Some(token) = &config.access_token {
            headers.push(("x-auth-token", token.reveal().to_owned()));
            headers.extend(config.client_id.clone().map(|id| ("x-auth-client", id)));
        }
        Call {
            https: config.origin.https,
            authority: config.origin.authority.clone(),
            path,
            headers,
            timeout: config.request_timeout,
        }
    }
}

fn halve(page: &mut Option<Slice>) {
    if let Some(window) = page {
        window.limit = (window.limit / 2).max(LEAST_PAGE.min(window.limit));
    }
}

/// Adds a query to a path that has none.
pub(crate) fn add_query(path: &mut String, query: impl Iterator<Item = (&'static str, String)>) {
    for (place, (name, value)) in query.enumerate() {
        path.push(if place == 0 { '?' } else { '&' });
        path.push_str(name);
        path.push('=');
        encode(&value, path);
    }
}

/// Percent-encodes a query value; what stands in dates, lists and cursors stays readable.
fn encode(value: &str, out: &mut String) {
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b',' => out.push(byte.into()),
            // Writing to a String cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
}
