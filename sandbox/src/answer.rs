//! From a request and a time to an answer: quota, faults, authorisation, routing, headers.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::context::Context;
use crate::dates;
use crate::faults::{Action, Delivery};
use crate::http::{Request, Response};
use crate::log::Seen;
use crate::query::Query;
use crate::refusal::{Refusal, Version};
use crate::store::Store;
use crate::{odd, serve};

/// An answer and the way it is to travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What a client gets if nothing breaks on the way.
    pub response: Response,
    /// What breaks on the way.
    pub delivery: Delivery,
}

impl Store {
    /// Answers a request at this moment. Every request costs one unit of the quota, faults and refusals too.
    pub fn respond(&mut self, request: &Request, now: DateTime<Utc>) -> Response {
        self.answer(request, now).response
    }

    /// As [`Store::respond`], with what a fault wants done to the delivery.
    pub fn answer(&mut self, request: &Request, now: DateTime<Utc>) -> Answer {
        self.work(now);
        self.run_hooks(request);
        let answer = if self.meter.take(now) {
            let action = self.faults.fire(request);
            self.act(request, action, now)
        } else {
            let refusal = self.too_many(request, !self.quirks.no_rate_headers, now);
            Answer { response: self.finish(refusal, true, now), delivery: Delivery::Whole }
        };
        self.note(Seen {
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

    fn act(&mut self, request: &Request, fault: Option<Action>, now: DateTime<Utc>) -> Answer {
        let (right, broken) = if self.options.keep_answers { (self.kept(request, now), None) } else { self.route(request, now) };
        let hit_by_quirk =
            if fault.is_some() { None } else { self.quirks.broken_paths.get(below_store(&request.path)).cloned().or(broken) };
        if hit_by_quirk.is_some() {
            self.faults.count();
        }
        let action = fault.or(hit_by_quirk);
        let rate_headers = !matches!(action, Some(Action::NoRateHeaders | Action::Throttle { headers: false }));
        let delivery = if let Some(Action::Deliver(delivery)) = action { delivery } else { Delivery::Whole };
        let response = match action {
            Some(Action::Status { code, body, headers }) => status(request, code, body, headers),
            Some(Action::NotFound) => Refusal::not_found().response(version(request)),
            Some(Action::Html200) => html(200),
            Some(Action::NoBody) => Response::without_body(),
            Some(Action::Redirect(to)) => Response::empty(302).with_header("Location", &to),
            Some(Action::Throttle { headers }) => self.too_many(request, headers, now),
            Some(Action::TruncatedJson) => {
                let mut response = right;
                response.body.truncate(response.body.len() / 2);
                response
            }
            Some(Action::EmptyPage) => without_rows(right, version(request)),
            Some(Action::DuplicatePage) => self.faults.previous(&request.path).unwrap_or(right),
            Some(Action::NoRateHeaders | Action::Deliver(_)) | None => right,
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

    /// The answer to the first request of this path and query.
    fn kept(&mut self, request: &Request, now: DateTime<Utc>) -> Response {
        let key = (request.target(), request.header("X-Auth-Token").map(str::to_owned));
        if let Some(answer) = self.answers.get(&key) {
            return answer.clone();
        }
        let (answer, _) = self.route(request, now);
        self.answers.insert(key, answer.clone());
        answer
    }

    /// The answer with the quirks applied, and the fault of a broken record in it, if it shows one.
    fn route(&self, request: &Request, now: DateTime<Utc>) -> (Response, Option<Action>) {
        let (response, broken) = match self.admit(request, now) {
            Ok(found) => found,
            Err(refusal) => (refusal.response(version(request)), None),
        };
        let answers =
            if self.quirks.odd_answers.is_empty() { None } else { self.quirks.odd_answers.get(&endpoint(&request.path)) };
        let mut response = if matches!(response.status, 200 | 204) && (answers.is_some() || !self.quirks.odd_fields.is_empty()) {
            odd::spoil(response, &self.options.store_hash, self.quirks.odd_fields.iter(), answers.into_iter().flatten())
        } else {
            response
        };
        odd::write_odd_bytes(&mut response.body);
        (response, broken)
    }

    fn admit(&self, request: &Request, now: DateTime<Utc>) -> Result<(Response, Option<Action>), Refusal> {
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
        let api = match *api {
            "v2" => Version::V2,
            "v3" => Version::V3,
            _ => return Err(Refusal::not_found()),
        };
        let endpoint = serve::find(api, &rest.join("/")).ok_or_else(Refusal::not_found)?;
        if self.options.missing_scopes.contains(&endpoint.scope()) {
            return Err(Refusal::new(403, "The token lacks the scope for this resource."));
        }
        let query = Query::parse(&request.query, &self.quirks.ignored_parameters);
        if let Some(refused) = self.quirks.refused_parameters.iter().find(|name| query.get(name).is_some()) {
            return Err(Refusal::parameter(refused, "it is not known here"));
        }
        let query = query.cut(self.quirks.most_values.unwrap_or(usize::MAX));
        let context = Context::new(&self.options, &self.quirks, query, now);
        let response = endpoint.answer(self, &context)?;
        Ok((response, context.broken().cloned()))
    }
}

fn version(request: &Request) -> Version {
    if request.path.split('/').any(|part| part == "v3") { Version::V3 } else { Version::V2 }
}

/// The part of the path after the store's hash.
fn below_store(path: &str) -> &str {
    path.splitn(4, '/').nth(3).map_or("", |rest| &path[path.len() - rest.len() - 1..])
}

/// The part of the path after the store's hash, with `{id}` for each number, as the quirks name endpoints.
fn endpoint(path: &str) -> String {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = below_store(path).split('/').map(|part| if is_number(part) { "{id}" } else { part }).collect();
    parts.join("/")
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
    let json = response.body.strip_prefix(odd::BYTE_ORDER_MARK).unwrap_or(&response.body);
    match (version, serde_json::from_slice(json)) {
        (Version::V3, Ok::<Value, _>(mut body)) => {
            body["data"] = Value::Array(Vec::new());
            Response::json(200, &body)
        }
        _ => Response::empty(204),
    }
}
