//! A component that is not to be trusted: `sync` sends the requests that stand in its state, and tells in the summary's state what came of
//! each. It may also claim what it likes of its streams.
//!
//! The state `spin` keeps it busy for ever, `shout` makes it fill its log, and `flood COUNT AUTHORITY PATH` sends so many requests at one time.
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

use bindings::exports::bigcommerce::tap::connector::{
    Failure, Guest, RunPlan, Selection, StreamSummary, Summary, SyncRequest, WalkOutlook,
};
use wasi::http::outgoing_handler;
use wasi::http::types::{Fields, Method, OutgoingBody, OutgoingRequest, Scheme};
use wasi::io::poll::{Pollable, poll};
use wasi::io::streams::OutputStream;

struct Foreign;

impl Guest for Foreign {
    fn about() -> String {
        "{}".into()
    }

    fn discover(_: String, _: Selection) -> Result<String, Failure> {
        Ok("{}".into())
    }

    fn plan(request: SyncRequest) -> Result<RunPlan, Failure> {
        obey(&request);
        Ok(RunPlan { streams: Vec::new(), schemas: Vec::new(), warnings: Vec::new() })
    }

    fn outlook(request: SyncRequest) -> Result<Option<Vec<WalkOutlook>>, Failure> {
        obey(&request);
        Ok(None)
    }

    fn check(_: String, _: Selection) -> Result<String, Failure> {
        Ok("{}".into())
    }

    fn test(request: SyncRequest, _: OutputStream, _: Option<Pollable>) -> Result<(), Failure> {
        obey(&request);
        Ok(())
    }

    fn sync(request: SyncRequest, _: OutputStream, _: Option<Pollable>) -> Result<Summary, Failure> {
        obey(&request);
        let script = request.state.unwrap_or_default();
        if let Some(flood) = script.strip_prefix("flood ") {
            let state = format!("{} answers", flooded(flood).unwrap_or_default());
            return Ok(Summary { streams: Vec::new(), requests: 0, retries: 0, waited_ms: 0, complete: true, state });
        }
        let streams: Vec<StreamSummary> = script.lines().filter_map(claim).collect();
        let requests = script.lines().filter(|line| claim(line).is_none());
        let told: Vec<String> = requests.map(|line| send(line).unwrap_or_else(|why| why)).collect();
        let state = told.join("\n");
        Ok(Summary { streams, requests: 0, retries: 0, waited_ms: 0, complete: true, state })
    }
}

/// Does what the state says, if it is one of the words that keep the host busy.
fn obey(request: &SyncRequest) {
    match request.state.as_deref() {
        // Heeds no stop.
        Some("spin") => loop {
            std::hint::spin_loop();
        },
        Some("shout") => (0..2_000_000).for_each(|_| eprintln!("INFO as much as it can, line after line after line")),
        _ => {}
    }
}

/// Sends so many requests at one time: `COUNT AUTHORITY PATH`. Gives how many were answered.
fn flooded(flood: &str) -> Option<usize> {
    let mut words = flood.split(' ');
    let (count, authority, path) = (words.next()?.parse::<usize>().ok()?, words.next()?, words.next()?);
    let sent: Vec<_> = (0..count)
        .map_while(|_| {
            let request = OutgoingRequest::new(Fields::new());
            request.set_scheme(Some(&Scheme::Http)).ok()?;
            request.set_authority(Some(authority)).ok()?;
            request.set_path_with_query(Some(path)).ok()?;
            outgoing_handler::handle(request, None).ok()
        })
        .collect();
    let mut waiting: Vec<_> = sent.into_iter().map(|pending| (pending.subscribe(), pending)).collect();
    let mut answered = 0;
    while !waiting.is_empty() {
        let mut ready = poll(&waiting.iter().map(|(ready, _)| ready).collect::<Vec<_>>());
        // From the end, so that places stay what they are.
        ready.sort_unstable();
        for place in ready.into_iter().rev() {
            let (_, pending) = waiting.swap_remove(place as usize);
            answered += usize::from(matches!(pending.get(), Some(Ok(Ok(_)))));
        }
    }
    Some(answered)
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
