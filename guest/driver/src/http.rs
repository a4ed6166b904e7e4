//! POST requests, each with a time limit.
//!
//! `waki::Client` limits only the time to connect, not the wait for the answer and for its parts, and it gives no answer if the body could not
//! be sent to its end. So requests are sent here, over waki's bindings; the answer is waki's `Response`.

use crate::log;
use crate::trouble::Trouble;
use anyhow::{Error, anyhow};
use http::Uri;
use serde::Deserialize;
use std::net::IpAddr;
use std::time::{Duration, Instant};
use waki::bindings::wasi::http::outgoing_handler;
use waki::bindings::wasi::http::types::{Headers, OutgoingBody, OutgoingRequest, RequestOptions, Scheme};
use waki::bindings::wasi::io::streams::OutputStream;
use waki::{ErrorCode, Method, Response};

/// How much of an answer is read, and how much of a text in it is shown.
const MOST_ANSWER: usize = 64 << 10;
const MOST_SHOWN: usize = 300;
/// The kinds of problems that do not go away until somebody acts.
const LASTING: [&str; 6] = ["config", "catalog", "state", "unauthorized", "missing-scope", "closed"];

/// Where requests go, and the one token that goes there.
pub(crate) struct Target {
    /// The prefix of its settings.
    who: &'static str,
    https: bool,
    authority: String,
    path: String,
    token: String,
}

/// How long a request may take.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    /// For the answer, and for each part of it.
    pub(crate) answer: Duration,
}

impl Target {
    /// The place with this URL, and a path below it. The error is the reason, for a person.
    pub(crate) fn new(who: &'static str, url: &str, below: &str, token: &str) -> Result<Target, &'static str> {
        let url: Uri = url.parse().map_err(|_| "it is not a URL")?;
        let https = match url.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("it must start with https://"),
        };
        let authority = url.authority().ok_or("it names no host")?;
        if authority.as_str().contains('@') {
            return Err("it must not have a user or a password");
        }
        if !https && !is_loopback(authority.host()) {
            return Err("http is for loopback addresses only, since the token would travel unencrypted");
        }
        let path = url.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let path = if below.is_empty() { path.to_owned() } else { format!("{}{below}", path.trim_end_matches('/')) };
        Ok(Target { who, https, authority: authority.as_str().to_owned(), path, token: token.to_owned() })
    }

    /// What it is called in messages.
    fn name(&self) -> String {
        format!("the {}", self.who.to_lowercase())
    }

    /// A text that came from there, for a person: without control characters, not long, and without the tokens.
    fn shown(&self, text: &str) -> String {
        let text = log::without_tokens(text).replace(&self.token, "***");
        text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(MOST_SHOWN).collect()
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Sends a body, and gives the answer if it is a 200. Redirects are not followed.
pub(crate) fn post(target: &Target, media: &str, body: &[u8], limits: Limits) -> Result<Response, Trouble> {
    let response = send(target, media, body, limits)?;
    if response.status_code() == 200 { Ok(response) } else { Err(refused(target, &response, limits)) }
}

/// The rest of an answer that is neither long nor slow.
pub(crate) fn rest(response: &Response, limits: Limits) -> Option<Vec<u8>> {
    let (began, mut rest) = (Instant::now(), Vec::new());
    while let Some(bytes) = response.chunk(MOST_ANSWER as u64).ok()? {
        rest.extend_from_slice(&bytes);
        if rest.len() > MOST_ANSWER || began.elapsed() > limits.answer {
            return None;
        }
    }
    Some(rest)
}

fn send(target: &Target, media: &str, body: &[u8], limits: Limits) -> Result<Response, Trouble> {
    let request = request(target, media, body.len()).ok_or_else(|| {
        Trouble::Lasting(anyhow!("this host takes no such request to {}; check {}_URL", target.name(), target.who))
    })?;
    let outgoing = request.body().map_err(|()| Trouble::Lasting(anyhow!("this host takes no bodies in requests")))?;
    let options = options(limits).ok_or_else(|| {
        Trouble::Lasting(anyhow!(
            "this host sets no time limits for requests, so a run could wait for ever; run the driver in another one"
        ))
    })?;
    let pending = outgoing_handler::handle(request, Some(options)).map_err(|code| failed(target, &code))?;
    // The server may answer before everything is sent. Its answer says why.
    let sent = outgoing.write().is_ok_and(|stream| write(&stream, body));
    let unsent = if sent {
        OutgoingBody::finish(outgoing, None).map_err(|code| failed(target, &code))?;
        None
    } else {
        Some(outgoing)
    };
    pending.subscribe().block();
    let answer = pending.get().and_then(Result::ok);
    drop(unsent);
    let answer = answer.ok_or_else(|| Trouble::passing(anyhow!("there was no answer from {}", target.name())))?;
    let answer = answer.map_err(|code| failed(target, &code))?;
    Response::try_from(answer).map_err(|_| Trouble::passing(anyhow!("{} sent an answer that is not HTTP", target.name())))
}

fn request(target: &Target, media: &str, length: usize) -> Option<OutgoingRequest> {
    let headers = [
        ("authorization", format!("Bearer {}", target.token)),
        ("content-type", media.to_owned()),
        ("content-length", length.to_string()),
    ];
    let headers: Vec<(String, Vec<u8>)> = headers.map(|(name, value)| (name.to_owned(), value.into_bytes())).into();
    let request = OutgoingRequest::new(Headers::from_list(&headers).ok()?);
    request.set_method(&Method::Post).ok()?;
    request.set_scheme(Some(if target.https { &Scheme::Https } else { &Scheme::Http })).ok()?;
    request.set_authority(Some(&target.authority)).ok()?;
    request.set_path_with_query(Some(&target.path)).ok()?;
    Some(request)
}

fn options(limits: Limits) -> Option<RequestOptions> {
    let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).ok();
    let options = RequestOptions::new();
    options.set_connect_timeout(nanos(limits.connect)).ok()?;
    options.set_first_byte_timeout(nanos(limits.answer)).ok()?;
    options.set_between_bytes_timeout(nanos(limits.answer)).ok()?;
    Some(options)
}

/// Whether everything could be written.
fn write(stream: &OutputStream, mut rest: &[u8]) -> bool {
    let ready = stream.subscribe();
    while !rest.is_empty() {
        match stream.check_write() {
            Ok(0) => ready.block(),
            Ok(room) => {
                let (now, later) = rest.split_at(rest.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
                if stream.write(now).is_err() {
                    return false;
                }
                rest = later;
            }
            Err(_) => return false,
        }
    }
    stream.blocking_flush().is_ok()
}

/// An answer that is not a 200.
fn refused(target: &Target, response: &Response, limits: Limits) -> Trouble {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Problem {
        kind: String,
        detail: String,
    }
    let (who, status) = (target.who, response.status_code());
    let wait = response.header("retry-after").and_then(|seconds| seconds.to_str().ok()?.trim().parse().ok());
    let problem: Problem = rest(response, limits).and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default();
    let advice = match status {
        300..=399 => format!("; redirects are not followed: set {who}_URL to the place itself"),
        401 | 403 => format!("; check {who}_TOKEN"),
        404 | 405 => format!("; check {who}_URL"),
        _ => String::new(),
    };
    let detail = if problem.detail.is_empty() { String::new() } else { format!(": {}", target.shown(&problem.detail)) };
    let why = anyhow!("{} answered {status}{detail}{advice}", target.name());
    let may_pass = matches!(status, 408 | 425 | 429 | 500..=599) && !LASTING.contains(&problem.kind.as_str());
    if may_pass { Trouble::Passing(why, wait.map(Duration::from_secs)) } else { Trouble::Lasting(why) }
}

/// A request without an answer.
fn failed(target: &Target, code: &ErrorCode) -> Trouble {
    let name = target.name();
    let why = |text: &str| -> Error { anyhow!("{name} cannot be reached ({text}); check {}_URL and that it runs", target.who) };
    match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => {
            Trouble::Lasting(anyhow!("this host does not allow requests to {name}: allow them"))
        }
        ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => {
            Trouble::passing(anyhow!("{name} sent no answer in time; if it needs more time, raise TIMEOUT_SECONDS"))
        }
        ErrorCode::DnsError(_) | ErrorCode::DnsTimeout => Trouble::passing(why("its name was not found")),
        ErrorCode::InternalError(Some(text)) => Trouble::passing(why(&target.shown(text))),
        code => Trouble::passing(why(&words(&format!("{code:?}")))),
    }
}

/// A code's name as words: `ErrorCode::ConnectionRefused` becomes `connection refused`. Its payload is left out.
fn words(code: &str) -> String {
    let name = code.split(['(', '{', ' ']).next().unwrap_or_default();
    let name = name.rsplit("::").next().unwrap_or_default();
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_url_with_a_path_below_it() {
        let place = |url, below| Target::new("EDGE", url, below, "t").map(|target| (target.authority, target.path));
        assert_eq!(place("http://127.0.0.1:8080", "/sync"), Ok(("127.0.0.1:8080".into(), "/sync".into())));
        assert_eq!(place("https://a.example/edge/", "/sync"), Ok(("a.example".into(), "/edge/sync".into())));
        assert_eq!(place("http://[::1]:1/lines/a?b=c", ""), Ok(("[::1]:1".into(), "/lines/a?b=c".into())));
        assert_eq!(place("https://a.example", ""), Ok(("a.example".into(), "/".into())));
    }

    #[test]
    fn what_is_shown_of_an_answer_holds_no_token() {
        let target = Target::new("EDGE", "http://localhost", "", "sixteen-bytes-ok").ok().unwrap();
        assert_eq!(target.shown("Bearer sixteen-bytes-ok\nis\u{1b}[1m wrong"), "Bearer *** is [1m wrong");
        assert_eq!(target.shown(&"x".repeat(1000)).len(), MOST_SHOWN);
    }
}
