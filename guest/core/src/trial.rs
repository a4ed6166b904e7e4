//! A trial of each selected stream: it is read to its first record, with all that belongs to that, and nothing is kept of it.

use crate::config::merge;
use crate::error::Result;
use crate::plan::{Inputs, Plan};
use crate::select;
use crate::singer::message::{MessageType, Sink, type_of};
use serde_json::json;

/// Records asked for at once: the fewest that the settings permit.
const PAGE: u32 = 10;

/// What the failures of a trial amount to.
pub const FAILED: &str = "the test failed";

/// A run for each selected stream, with its name: of this stream alone, from its start, to the end of the page that has its first record.
///
/// # Errors
/// The inputs cannot be used.
pub fn runs(inputs: &Inputs) -> Result<Vec<(&'static str, Inputs)>> {
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

/// What a trial's stream came to, for a person; `records` is how many its run wrote.
pub fn outcome(records: u64) -> &'static str {
    if records > 0 { "good, a record was read" } else { "good, it can be read, and has no record yet" }
}

/// Tells which messages of a trial leave: SCHEMA and the first RECORD, and no STATE.
#[derive(Debug, Default)]
pub struct Sample {
    taken: bool,
}

impl Sample {
    /// Whether this message leaves.
    pub fn takes(&mut self, line: &[u8]) -> bool {
        match type_of(line) {
            Some(MessageType::Schema) => true,
            Some(MessageType::Record) => !std::mem::replace(&mut self.taken, true),
            Some(MessageType::State) | None => false,
        }
    }
}

/// A sink for one trial, in front of the one for all.
#[derive(Debug)]
pub struct SampleSink<'s, S> {
    sink: &'s mut S,
    sample: Sample,
}

impl<'s, S> SampleSink<'s, S> {
    /// A sink that passes what it takes to another one.
    pub fn new(sink: &'s mut S) -> SampleSink<'s, S> {
        SampleSink { sink, sample: Sample::default() }
    }
}

impl<S: Sink> Sink for SampleSink<'_, S> {
    async fn write(&mut self, lines: &[u8]) -> Result<(), String> {
        let taken: Vec<&[u8]> = lines.split_inclusive(|&b| b == b'\n').filter(|line| self.sample.takes(line)).collect();
        if taken.is_empty() { Ok(()) } else { self.sink.write(&taken.concat()).await }
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
        let wrong = Inputs { select: Some(vec!["wishlists".into()]), ..inputs() };
        assert_eq!(runs(&wrong).unwrap_err().kind, Kind::Catalog);
    }

    #[test]
    fn schemas_and_the_first_record_leave_and_no_state() {
        let mut sample = Sample::default();
        let lines = ["SCHEMA", "RECORD", "RECORD", "STATE", "SCHEMA"].map(|kind| format!("{{\"type\":\"{kind}\",\"x\":1}}"));
        assert_eq!(lines.map(|line| sample.takes(line.as_bytes())), [true, true, false, false, true]);
    }
}
