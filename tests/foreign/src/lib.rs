//! A component that is not to be trusted: `sync` sends the requests that stand in its state, and tells in the summary's state what came of
//! each. It may also claim what it likes of its streams.
//!
//! The state `spin` keeps it busy for ever, and `shout` makes it fill its log.
//!
//! A request is a line of words: method, scheme, authority, path with query, then headers as `name:value`. A claim is the word `aside`, a
//! stream's name, and how many of its records are set aside.
#![deny(unsafe_code)]

mod bindings {
    //! Generated: the connector interface.
    #![allow(unsafe_code, missing_docs, unreachable_pub)]

    wit_bindgen::generate!({
        path: "../../wit",
        world: "plugin",
        with: {
            "wasi:io/error@0.2.12": wasi::io::error,
            "wasi:io/poll@0.2.12": wasi::io::poll,
            "wasi:io/streams@0.2.12": wasi::io::streams,
        },
    });

    use super::Foreign;

    export!(Foreign);
}

use bindings::exports::bigcommerce::tap::connector::{Failure, Guest, StreamSummary, Summary, SyncRequest};
use wasi::http::outgoing_handler;
use wasi::http::types::{Fields, Method, OutgoingBody, OutgoingRequest, Scheme};
use wasi::io::poll::Pollable;
use wasi::io::streams::OutputStream;

struct Foreign;

impl Guest for Foreign {
    fn about() -> String {
        "{}".into()
    }

    fn discover(_: String) -> Result<String, Failure> {
        Ok("{}".into())
    }

    fn check(_: String) -> Result<String, Failure> {
        Ok("{}".into())
    }

    fn sync(request: SyncRequest, _: OutputStream, _: Option<Pollable>) -> Result<Summary, Failure> {
        let script = request.state.unwrap_or_default();
        match script.as_str() {
            // Heeds no stop.
            "spin" => loop {
                std::hint::spin_loop();
            },
            "shout" => (0..2_000_000).for_each(|_| eprintln!("INFO as much as it can, line after line after line")),
            _ => {}
        }
        let streams: Vec<StreamSummary> = script.lines().filter_map(claim).collect();
        let requests = script.lines().filter(|line| claim(line).is_none());
        let told: Vec<String> = requests.map(|line| send(line).unwrap_or_else(|why| why)).collect();
        let state = told.join("\n");
        Ok(Summary { streams, requests: 0, retries: 0, waited_ms: 0, complete: true, state })
    }
}

/// A stream that is claimed to have been read but for so many records.
fn claim(line: &str) -> Option<StreamSummary> {
    let (name, aside) = line.strip_prefix("aside ")?.split_once(' ')?;
    let aside = aside.parse().ok()?;
    Some(StreamSummary { name: name.to_owned(), records: 1, skipped: 0, nulled: 0, aside, complete: true, failure: None })
}

/// What came of a request: its status, or why there is none.
fn send(line: &str) -> Result<String, String> {
    let words: Vec<&str> = line.split(' ').collect();
    let [method, scheme, authority, path, headers @ ..] = words.as_slice() else { return Err("no request".into()) };
    let headers: Option<Vec<(String, Vec<u8>)>> =
        headers.iter().map(|header| header.split_once(':').map(|(name, value)| (name.to_owned(), value.into()))).collect();
    let headers = Fields::from_list(&headers.ok_or("no header")?).map_err(|why| format!("header: {why:?}"))?;
    let request = OutgoingRequest::new(headers);
    let scheme = if *scheme == "https" { Scheme::Https } else { Scheme::Http };
    let made = request.set_method(&named(method)).and_then(|()| request.set_scheme(Some(&scheme)));
    let made = made.and_then(|()| request.set_authority(Some(authority))).and_then(|()| request.set_path_with_query(Some(path)));
    made.map_err(|()| "no request")?;
    let body = request.body().map_err(|()| "no body")?;
    if *method != "GET" {
        let stream = body.write().map_err(|()| "no body")?;
        stream.blocking_write_and_flush(b"{}").map_err(|why| format!("body: {why:?}"))?;
    }
    let pending = outgoing_handler::handle(request, None).map_err(|why| format!("{why:?}"))?;
    // What is written is lost on a request that is not sent.
    let _ = OutgoingBody::finish(body, None);
    pending.subscribe().block();
    match pending.get() {
        Some(Ok(Ok(response))) => Ok(format!("status {}", response.status())),
        Some(Ok(Err(why))) => Err(format!("{why:?}")),
        _ => Err("no answer".into()),
    }
}

fn named(method: &str) -> Method {
    match method {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        other => Method::Other(other.to_owned()),
    }
}
