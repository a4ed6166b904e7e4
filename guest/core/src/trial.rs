//! A test of each selected stream: it is read up to its first record, with that record's nested lists, and nothing is kept.

use crate::api::{Clock, Transport};
use crate::config::merge;
use crate::error::{Failure, Result, summarize};
use crate::log::{Log, Warnings};
use crate::plan::{Inputs, Plan};
use crate::select;
use crate::singer::message::{MessageType, Sink, type_of};
use crate::sync::sync;
use serde_json::json;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;

/// Records asked for at once: the fewest that the settings permit.
const PAGE: u32 = 10;

/// What the failures of a trial amount to.
const FAILED: &str = "the test failed";

/// Reads each selected stream to its first record, and writes nothing but SCHEMA messages and that record.
///
/// # Errors
/// The inputs cannot be used, the run was stopped, or a stream failed: the others are tried all the same.
pub async fn trial<T: Transport + Clone, C: Clock + Clone>(
    inputs: &Inputs,
    transport: T,
    clock: C,
    log: Rc<dyn Log>,
    sink: &mut impl Sink,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    let (mut stop, mut failed): (_, Vec<(&str, Failure)>) = (pin!(stop), Vec::new());
    for (stream, inputs) in runs(inputs)? {
        let mut sample = SampleSink { sink: &mut *sink, taken: false };
        // The metrics of a run that ends at its first record mean nothing.
        let quiet = Rc::new(Warnings(log.clone()));
        let run = sync(Plan::new(&inputs)?, transport.clone(), clock.clone(), quiet, &mut sample, stop.as_mut()).await?;
        let records = run.streams.iter().map(|stream| stream.records + stream.filtered).sum();
        match run.streams.into_iter().find_map(|stream| stream.failure) {
            None => log.info(Some(stream), outcome(records)),
            Some(failure) => failed.push((stream, failure)),
        }
    }
    summarize(FAILED, failed.iter().map(|(stream, failure)| (*stream, failure))).map_or(Ok(()), Err)
}

/// A run for each selected stream, with its name: of this stream alone, from its start, to the end of the page that has its first record.
///
/// # Errors
/// The inputs cannot be used.
fn runs(inputs: &Inputs) -> Result<Vec<(&'static str, Inputs)>> {
    let plan = Plan::new(inputs)?;
    let catalog = select::apply(inputs.catalog.clone(), inputs.select.as_deref(), &inputs.exclude)?;
    let small = ("the trial".to_owned(), json!({ "page_size": PAGE, "max_concurrency": PAGE }).to_string());
    let config = merge(&[("the config".to_owned(), inputs.config.clone()), small])?;
    let alone = |stream: &'static str| {
        let catalog = select::apply(catalog.clone(), Some(&[stream.to_owned()]), &[])?;
        let embedder_has_credentials = inputs.embedder_has_credentials;
        let config = config.clone();
        Ok((stream, Inputs { config, embedder_has_credentials, catalog, max_records: Some(1), ..Inputs::default() }))
    };
    plan.streams().map(alone).collect()
}

/// What a trial's stream came to, for a person; `records` is how many its run read.
fn outcome(records: u64) -> &'static str {
    if records > 0 { "good, a record was read" } else { "good, it can be read, and has no record yet" }
}

/// Passes SCHEMA messages and the first RECORD on, and no STATE.
struct SampleSink<'s, S> {
    sink: &'s mut S,
    taken: bool,
}

impl<S> SampleSink<'_, S> {
    fn takes(&mut self, line: &[u8]) -> bool {
        match type_of(line) {
            Some(MessageType::Schema) => true,
            Some(MessageType::Record) => !std::mem::replace(&mut self.taken, true),
            Some(MessageType::ActivateVersion | MessageType::State) | None => false,
        }
    }
}

impl<S: Sink> Sink for SampleSink<'_, S> {
    async fn write(&mut self, lines: &[u8]) -> Result<(), String> {
        let taken: Vec<&[u8]> = lines.split_inclusive(|&b| b == b'\n').filter(|line| self.takes(line)).collect();
        if taken.is_empty() { Ok(()) } else { self.sink.write(&taken.concat()).await }
    }

    fn flush(&mut self) -> Result<(), String> {
        self.sink.flush()
    }

    async fn settle(&mut self) -> Result<(), String> {
        self.sink.settle().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn inputs() -> Inputs {
        let config = r#"{"client_id": "c", "access_token": "t", "store_hash": "abc", "page_size": 250}"#;
        Inputs { config: config.into(), state: Some("{}".into()), exclude: vec!["coupons".into()], ..Inputs::default() }
    }

    #[test]
    fn each_selected_stream_has_a_run_of_its_own() {
        let of_each = runs(&inputs()).unwrap();
        assert_eq!(
            of_each.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["orders", "order_products", "customers", "products"]
        );
        for (name, run) in of_each {
            assert_eq!(Plan::new(&run).unwrap().streams().collect::<Vec<_>>(), [name]);
            assert!(run.state.is_none() && run.config.contains("\"page_size\":10"));
        }
        let wrong = Inputs { select: Some(vec!["gift_registries".into()]), ..inputs() };
        assert_eq!(runs(&wrong).unwrap_err().kind, Kind::Catalog);
    }

    #[test]
    fn schemas_and_the_first_record_leave_and_no_state() {
        let mut sink = Vec::<u8>::new();
        let mut sample = SampleSink { sink: &mut sink, taken: false };
        let lines = ["SCHEMA", "RECORD", "RECORD", "STATE", "SCHEMA"].map(|kind| format!("{{\"type\":\"{kind}\",\"x\":1}}"));
        assert_eq!(lines.map(|line| sample.takes(line.as_bytes())), [true, true, false, false, true]);
    }
}
