//! GET requests through wasi:http, as many side by side as are asked for.

use tap_bigcommerce_core::api::{Call, MAX_BODY, Response, Transport, TransportError};
use wasi::http::outgoing_handler;
use wasi::http::types::{DnsErrorPayload, ErrorCode, Fields, IncomingBody, IncomingResponse, OutgoingRequest, Scheme};
use wasi::io::streams::{InputStream, StreamError};
use wstd::runtime::AsyncPollable;

/// Bytes per read of a body.
const CHUNK: u64 = 256 << 10;

/// The embedder's HTTP client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WasiHttp;

/// The future can be dropped at any point: it drops the embedder's resources from the inside out, a pollable before what it
/// watches, a stream before its body. So nothing leaks, and the embedder cancels the request.
impl Transport for WasiHttp {
    async fn get(&self, call: &Call) -> Result<Response, TransportError> {
        let request = outgoing(call).ok_or_else(|| TransportError::Denied("it is not a valid request".into()))?;
        let response = answer(request).await?;
        let headers = response.headers().entries().into_iter();
        let headers = headers.map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned())).collect();
        Ok(Response { status: response.status(), headers, body: body(&response).await? })
    }
}

/// Converts a request for wasi:http. Its body is never opened, because a GET has none.
fn outgoing(call: &Call) -> Option<OutgoingRequest> {
    let headers: Vec<(String, Vec<u8>)> =
        call.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into_bytes())).collect();
    let request = OutgoingRequest::new(Fields::from_list(&headers).ok()?);
    request.set_scheme(Some(if call.https { &Scheme::Https } else { &Scheme::Http })).ok()?;
    request.set_authority(Some(&call.authority)).ok()?;
    request.set_path_with_query(Some(&call.path)).ok()?;
    Some(request)
}

/// Sends a request and waits for the head of its answer. It passes no request-options, because wasmtime-wasi-http 48 keeps them
/// for as long as the component runs. The gate limits the time of the whole exchange and drops it when the time is over.
async fn answer(request: OutgoingRequest) -> Result<IncomingResponse, TransportError> {
    let pending = outgoing_handler::handle(request, None).map_err(why)?;
    loop {
        match pending.get() {
            Some(Ok(response)) => return response.map_err(why),
            // The answer was already taken, which this loop never does.
            Some(Err(())) => return Err(TransportError::Broken("the answer is gone".into())),
            None => AsyncPollable::new(pending.subscribe()).wait_for().await,
        }
    }
}

async fn body(response: &IncomingResponse) -> Result<Vec<u8>, TransportError> {
    let gone = |()| TransportError::Broken("the answer's body is gone".into());
    let body = response.consume().map_err(gone)?;
    let read = read(&body.stream().map_err(gone)?).await;
    drop(IncomingBody::finish(body));
    read
}

async fn read(stream: &InputStream) -> Result<Vec<u8>, TransportError> {
    let ready = AsyncPollable::new(stream.subscribe());
    let mut read = Vec::new();
    loop {
        match stream.read(CHUNK) {
            Ok(bytes) if bytes.is_empty() => ready.wait_for().await,
            Ok(bytes) if read.len() + bytes.len() > MAX_BODY => return Err(TransportError::TooLarge),
            Ok(bytes) => read.extend_from_slice(&bytes),
            Err(StreamError::Closed) => return Ok(read),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(match wasi::http::types::http_error_code(&error) {
                    Some(code) => why(code),
                    None => TransportError::Broken("the connection broke while the answer came".into()),
                });
            }
        }
    }
}

fn why(code: ErrorCode) -> TransportError {
    match code {
        ErrorCode::HttpRequestDenied => TransportError::Denied("the embedder does not allow it".into()),
        ErrorCode::DestinationIpProhibited => TransportError::Denied("the embedder does not allow its address".into()),
        ErrorCode::InternalError(Some(text)) => TransportError::Broken(text.chars().take(200).collect()),
        ErrorCode::DnsError(DnsErrorPayload { rcode: Some(text), .. }) => {
            TransportError::Broken(text.chars().take(200).collect())
        }
        code => TransportError::Broken(words(&format!("{code:?}"))),
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
