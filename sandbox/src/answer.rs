//! From a request and a time to an answer: quota, faults, authorisation, routing, headers.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::dates;
use crate::faults::{Action, Delivery};
use crate::http::{Request, Response};
use crate::log::Seen;
use crate::options::Scope;
use crate::query::Query;
use crate::refusal::{Refusal, Version};
use crate::store::Store;
use crate::{v2, v3};

/// An answer and the way it is to travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What a client gets if nothing breaks on the way.
    pub response: Response,
    /// What breaks on the way.
    pub delivery: Delivery,
}

/// What a handler works on.
pub(crate) struct Context<'a> {
    pub(crate) store: &'a Store,
    pub(crate) query: Query,
    pub(crate) now: DateTime<Utc>,
}

/// The path below `/v2` or `/v3`, in pieces.
pub(crate) type Segments<'a> = [&'a str];

impl Store {
    /// Answers a request at this moment. Every request costs one unit of the quota, faults and refusals too.
    pub fn respond(&mut self, request: &Request, now: DateTime<Utc>) -> Response {
        self.answer(request, now).response
    }

    /// As [`Store::respond`], with what a fault wants done to the delivery.
    pub fn answer(&mut self, request: &Request, now: DateTime<Utc>) -> Answer {
        self.run_hooks(request);
        let answer = if self.meter.take(now) {
            let action = self.faults.fire(request);
            self.act(request, action, now)
        } else {
            let refusal = self.too_many(request, !self.quirks.no_rate_headers, now);
            Answer { response: self.finish(refusal, true, now), delivery: Delivery::Whole }
        };
        self.log.push(Seen {
            at: now,
            method: request.method.clone(),
            target: request.target(),
            status: answer.response.status,
            has_token: request.header("X-Auth-Token").is_some(),
            has_client: request.header("X-Auth-Client").is_some(),
        });
        answer
    }

    /// How many faults have hit a request so far.
    #[must_use]
    pub fn faults_fired(&self) -> u64 {
        self.faults.fired()
    }

    fn act(&mut self, request: &Request, action: Option<Action>, now: DateTime<Utc>) -> Answer {
        let rate_headers = !matches!(action, Some(Action::NoRateHeaders | Action::Throttle { headers: false }));
        let delivery = if let Some(Action::Deliver(delivery)) = action { delivery } else { Delivery::Whole };
        let response = match action {
            Some(Action::Status { code, body, headers }) => status(request, code, body, headers),
            Some(Action::NotFound) => Refusal::not_found().response(version(request)),
            Some(Action::Html200) => html(200),
            Some(Action::Redirect(to)) => Response::empty(302).with_header("Location", &to),
            Some(Action::Throttle { headers }) => self.too_many(request, headers, now),
            Some(Action::TruncatedJson) => {
                let mut response = self.route(request, now);
                response.body.truncate(response.body.len() / 2);
                response
            }
            Some(Action::EmptyPage) => without_rows(self.route(request, now), version(request)),
            Some(Action::DuplicatePage) => self.faults.previous(&request.path).unwrap_or_else(|| self.route(request, now)),
            Some(Action::NoRateHeaders | Action::Deliver(_)) | None => self.route(request, now),
        };
        self.faults.remember(request, &response);
        Answer { response: self.finish(response, rate_headers, now), delivery }
    }

    fn too_many(&self, request: &Request, retry_after: bool, now: DateTime<Utc>) -> Response {
        let refusal = Refusal::new(429, "Too many requests: wait for the next window.").response(version(request));
        if retry_after { refusal.with_header("X-Retry-After", &self.meter.retry_after(now).to_string()) } else { refusal }
    }

    /// Adds what every answer carries.
    fn finish(&self, mut response: Response, rate_headers: bool, now: DateTime<Utc>) -> Response {
        if !self.quirks.no_date_header {
            response.headers.push(("Date".to_owned(), dates::http(now)));
        }
        if rate_headers && !self.quirks.no_rate_headers {
            response.headers.extend(self.meter.headers(now, self.quirks.rate_headers));
        }
        response
    }

    fn route(&self, request: &Request, now: DateTime<Utc>) -> Response {
        let version = version(request);
        self.admit(request, now).unwrap_or_else(|refusal| refusal.response(version))
    }

    fn admit(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Refusal> {
        let segments: Vec<&str> = request.path.split('/').filter(|part| !part.is_empty()).collect();
        let ["stores", hash, api, rest @ ..] = segments.as_slice() else { return Err(Refusal::not_found()) };
        if *hash != self.options.store_hash {
            return Err(Refusal::new(403, "This store is not known here."));
        }
        if request.header("X-Auth-Token") != Some(self.options.access_token.as_str()) {
            return Err(Refusal::new(401, "X-Auth-Token is missing or wrong."));
        }
        if request.method != "GET" {
            return Err(Refusal::new(405, "This method is not supported here."));
        }
        if scope(api, rest).is_some_and(|scope| self.options.missing_scopes.contains(&scope)) {
            return Err(Refusal::new(403, "The token lacks the scope for this resource."));
        }
        let context = Context { store: self, query: Query::parse(&request.query, &self.quirks.ignored_parameters), now };
        match *api {
            "v2" => v2::route(&context, rest),
            "v3" => v3::route(&context, rest),
            _ => Err(Refusal::not_found()),
        }
    }
}

fn version(request: &Request) -> Version {
    if request.path.split('/').any(|part| part == "v3") { Version::V3 } else { Version::V2 }
}

fn scope(api: &str, rest: &Segments<'_>) -> Option<Scope> {
    match (api, rest.first().copied()?) {
        ("v2", "orders") => Some(Scope::Orders),
        ("v2", "coupons") => Some(Scope::Marketing),
        ("v2", "time" | "store") => Some(Scope::Information),
        ("v3", "customers") => Some(Scope::Customers),
        ("v3", "catalog") => Some(Scope::Products),
        _ => None,
    }
}

fn html(code: u16) -> Response {
    let body = b"<!DOCTYPE html><html><head><title>One moment</title></head><body>We will be right back.</body></html>".to_vec();
    Response { status: code, headers: vec![("Content-Type".to_owned(), "text/html; charset=utf-8".to_owned())], body }
}

fn status(request: &Request, code: u16, body: Option<Vec<u8>>, headers: Vec<(String, String)>) -> Response {
    let mut response = Refusal::new(code, "The server could not answer.").response(version(request));
    if let Some(body) = body {
        response.body = body;
    }
    if headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Content-Type")) {
        response.headers.clear();
    }
    response.headers.extend(headers);
    response
}

fn without_rows(response: Response, version: Version) -> Response {
    match (version, response.value()) {
        (Version::V3, Some(mut body)) => {
            body["data"] = Value::Array(Vec::new());
            Response::json(200, &body)
        }
        _ => Response::empty(204),
    }
}
