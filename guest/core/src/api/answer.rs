//! The result of one try of a request: an answer, a refusal, or another try.

use super::refusal::reason;
use super::{MAX_BODY, Request, Response, TransportError};
use crate::config::Config;
use crate::dates;
use crate::error::{Failure, Kind};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Stands for an answer larger than [`MAX_BODY`]: the page size is halved, as after a 413.
pub(super) const TOO_LARGE: u16 = 413;

/// An answer that has been read.
#[derive(Debug)]
pub struct Answer<B> {
    /// What the body holds.
    pub body: B,
    /// The store's time, by its `Date` header.
    pub date: Option<DateTime<Utc>>,
    /// How long the answer took: the store may have read its data this much earlier than `date`.
    pub took: Duration,
    /// The body's length in bytes.
    pub bytes: usize,
}

/// Why a request brought nothing.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The status of the store's last answer, where it answered.
    pub status: Option<u16>,
    /// Whether every try failed because of the store or the network. The cause may be this one record, or the whole store.
    pub spent: bool,
    /// The failure to report.
    pub failure: Failure,
}

impl Refused {
    /// Whether one of the requested records may be the cause: either no try brought a readable answer, or the store rejects this
    /// request for a reason other than the token or the quota.
    pub(crate) fn may_be_of_one_record(&self) -> bool {
        let is_against_it = matches!(self.status, Some(400..=499)) && !matches!(self.status, Some(401 | 403 | 429));
        self.spent || is_against_it
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Refused {
        Refused { status: None, spent: false, failure }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Failure {
        refused.failure
    }
}

/// What one try came to.
pub(super) enum Outcome<B> {
    Done(Answer<B>),
    Refused(Refused),
    Again {
        status: Option<u16>,
        why: String,
        kind: Kind,
    },
    /// A good status without a byte of body.
    NoBody(Answer<()>),
    /// The quota is spent; the store said how long until it resets.
    Throttled(Duration),
}

/// What an answer means: see the table of status codes in bigcommerce-api.
pub(super) fn judge<B>(
    config: &Config,
    request: &Request,
    response: &Response,
    took: Duration,
    decode: &dyn Fn(&[u8]) -> Result<B, String>,
) -> Outcome<B> {
    let (status, bytes) = (response.status, response.body.len());
    let date = response.header("date").and_then(dates::parse);
    let again = |why: String, kind| Outcome::Again { status: Some(status), why, kind };
    match status {
        200 if bytes == 0 => Outcome::NoBody(Answer { body: (), date, took, bytes }),
        200 | 204 => match decode(&response.body) {
            Ok(body) => Outcome::Done(Answer { body, date, took, bytes }),
            Err(why) => again(format!("the answer to {} cannot be read: {why}", request.path), Kind::Api),
        },
        429 => match response.reset() {
            Some(reset) => Outcome::Throttled(reset),
            None => again("the store is throttling requests (status 429)".into(), Kind::RateLimited),
        },
        // 408: the store gave up waiting for the request.
        408 | 423 | 500.. => again(format!("the store answered {} with status {status}", request.path), Kind::Api),
        _ => Outcome::Refused(Refused { status: Some(status), spent: false, failure: refusal(config, request, response) }),
    }
}

/// The store's reason for rejecting a request, as a message for a person.
fn refusal(config: &Config, request: &Request, response: &Response) -> Failure {
    let secret = config.access_token.as_ref().map(|token| token.reveal());
    let reason = reason(&response.body, secret);
    let said = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    let failure = match response.status {
        401 => Failure::new(
            Kind::Unauthorized,
            format!(
                "the store refuses the access token{said}; check access_token, client_id and store_hash, or create a new API account"
            ),
        ),
        403 => Failure::new(
            Kind::MissingScope,
            format!(
                "the access token is not allowed to read this: give its API account the scope {}; if it has that scope already, the store's plan may not include this{said}",
                request.scope
            ),
        ),
        404 => Failure::new(
            Kind::Api,
            format!(
                "the store does not know this list (status 404): check store_hash and api_url, and that the store's plan includes it{said}"
            ),
        ),
        300..=399 => Failure::new(
            Kind::Api,
            format!("the store redirects {} to another address, which is not followed; check api_url", request.path),
        ),
        status => Failure::new(Kind::Api, format!("the store answered {} with status {status}{said}", request.path)),
    };
    failure.of_stream(request.stream)
}

/// What it means that no answer came.
pub(super) fn unreachable<B>(config: &Config, request: &Request, error: TransportError) -> Outcome<B> {
    match error {
        TransportError::Broken(why) => Outcome::Again {
            status: None,
            why: format!("the request to {} failed: {why}", config.origin),
            kind: Kind::Unreachable,
        },
        TransportError::Denied(why) => Outcome::Refused(Refused {
            status: None,
            spent: false,
            failure: Failure::new(Kind::Unreachable, format!("the request to {} was blocked: {why}", config.origin))
                .of_stream(request.stream),
        }),
        TransportError::TooLarge => Outcome::Again {
            status: Some(TOO_LARGE),
            why: format!("the answer to {} is larger than {} MiB", request.path, MAX_BODY >> 20),
            kind: Kind::Api,
        },
    }
}

/// A request whose tries are spent.
pub(super) fn given_up(request: &Request, status: Option<u16>, kind: Kind, why: &str, tries: u32) -> Refused {
    let advice = match kind {
        Kind::Unreachable => "check the network, the proxy and api_url",
        Kind::Unauthorized => "check access_token and store_hash, or create a new API account",
        _ => "run again later; the STATE says where to resume",
    };
    let times = if tries == 1 { String::new() } else { format!(", {tries} times in a row") };
    let failure = Failure::new(kind, format!("{why}{times}; {advice}")).of_stream(request.stream);
    Refused { status, spent: matches!(kind, Kind::Api | Kind::Unreachable), failure }
}

/// The quota has been used up for longer than the tap waits.
pub(super) fn quota_spent(request: &Request) -> Refused {
    let text = "the store's quota was used up for an hour; run again later to resume from the last STATE";
    Refused { status: Some(429), spent: false, failure: Failure::new(Kind::RateLimited, text).of_stream(request.stream) }
}

/// The run's time is over, and the request would have had to wait.
pub(super) fn ended(request: &Request) -> Refused {
    let failure = Failure::new(Kind::Cancelled, "the run's time is over").of_stream(request.stream);
    Refused { status: None, spent: false, failure }
}
