//! The tap's logic as a native program over a plain HTTP client, without WebAssembly: what `benches/sync.py` compares the component with.
//!
//! `cargo run --release -p tap-bigcommerce-tests --example native -- config.json "orders.*,customers.*"` reads a store over http and writes messages to
//! standard output.

use std::error::Error;
use std::io::{Read, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use flate2::read::GzDecoder;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tap_bigcommerce_core::api::{Call, Clock, MAX_BODY, Response, Transport, TransportError};
use tap_bigcommerce_core::dates::{DateTime, Utc};
use tap_bigcommerce_core::log::{Line, Log, Warnings};
use tap_bigcommerce_core::plan::{Inputs, Plan};
use tap_bigcommerce_core::singer::message::Sink;
use tap_bigcommerce_core::sync::sync;

struct Http(Client<HttpConnector, Empty<Bytes>>);

impl Transport for Http {
    async fn get(&self, call: &Call) -> Result<Response, TransportError> {
        let broken = |fault: &dyn Error| TransportError::Broken(fault.to_string());
        let mut request = Request::get(format!("http://{}{}", call.authority, call.path)).header("accept-encoding", "gzip");
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Empty::new()).map_err(|fault| TransportError::Denied(fault.to_string()))?;
        let (head, body) = self.0.request(request).await.map_err(|fault| broken(&fault))?.into_parts();
        let bytes = body.collect().await.map_err(|fault| broken(&fault))?.aggregate();
        let mut body = Vec::new();
        let read = match head.headers.contains_key("content-encoding") {
            true => GzDecoder::new(bytes.reader()).take(MAX_BODY as u64 + 1).read_to_end(&mut body),
            false => bytes.reader().take(MAX_BODY as u64 + 1).read_to_end(&mut body),
        };
        if read.map_err(|fault| broken(&fault))? > MAX_BODY {
            return Err(TransportError::TooLarge);
        }
        let headers =
            head.headers.iter().map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()));
        Ok(Response { status: head.status.as_u16(), headers: headers.collect(), body })
    }
}

struct Machine(Instant);

impl Clock for Machine {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn date(&self) -> DateTime<Utc> {
        DateTime::from(std::time::SystemTime::now())
    }
}

struct Stdout(std::io::Stdout);

impl Sink for Stdout {
    async fn write(&mut self, lines: &[u8]) -> Result<(), String> {
        self.0.write_all(lines).and_then(|()| self.0.flush()).map_err(|fault| fault.to_string())
    }
}

#[derive(Debug)]
struct Stderr;

impl Log for Stderr {
    fn write(&self, line: &Line<'_>) {
        eprintln!("{line}");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let config = std::fs::read_to_string(arguments.next().ok_or("give a config file, and rules for what to read")?)?;
    let select = arguments.next().map(|rules| vec![rules]);
    let plan = Plan::new(&Inputs { config, select, ..Inputs::default() })?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let http = Http(Client::builder(TokioExecutor::new()).build(connector));
    let mut sink = Stdout(std::io::stdout());
    let log = Rc::new(Warnings(Rc::new(Stderr)));
    let summary = sync(plan, http, Machine(Instant::now()), log, &mut sink, std::future::pending()).await?;
    summary.verdict().map_or(Ok(()), |failure| Err(failure.into()))
}
