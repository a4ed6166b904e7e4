//! From a completed record to its RECORD messages: its own, and one for each row of a part that is a stream of its own.

use crate::error::{Failure, Kind, Result};
use crate::head::id_of;
use crate::log::{Level, Log};
use crate::plan::{Group, Member};
use crate::singer::message::{Output, Sink};
use crate::streams::Source;
use crate::transform::{self, Findings, Part, peek};
use crate::walk::Row;
use serde_json::value::RawValue;

const STRICT: &str = "a value does not fit its schema, and the config says \"strict\"";

/// A record's fetched lists, by their fields.
pub(crate) type Lists = Vec<(&'static str, Vec<Box<RawValue>>)>;

/// Why a record was not written.
#[derive(Debug)]
pub(crate) enum Unwritten {
    /// Something about this record.
    Record(Failure),
    /// The config says "strict".
    Strict(Failure),
}

/// Writes the records of one stream, and counts.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) records: u64,
    pub(crate) skipped: u64,
    findings: Findings,
}

impl Tally {
    /// Values that became null.
    pub(crate) fn nulled(&self) -> u64 {
        self.findings.nulled
    }

    /// Writes one record; `key` is its id.
    fn write<S: Sink>(
        &mut self,
        to: &mut Target<'_, '_, S>,
        member: &Member,
        raw: &RawValue,
        parts: &[(&str, Part)],
        key: u64,
    ) -> Result<(), Unwritten> {
        let findings = &mut self.findings;
        let before = findings.nulled;
        let done = to.output.record(member.stream.name, to.extracted, |out| {
            transform::record(&member.shape, raw, parts, key, findings, out).map_err(|_| "it is not a JSON object")?;
            match findings.nulled > before && to.strict {
                true => Err(STRICT),
                false => Ok(()),
            }
        });
        for warning in findings.take_warnings() {
            to.log.write(Level::Warning, &format!("{}: {warning}", member.stream.name));
        }
        self.records += u64::from(done.is_ok());
        let because = if done == Err(STRICT) { Unwritten::Strict } else { Unwritten::Record };
        done.map_err(|why| because(Failure::new(Kind::Api, format!("record {key}: {why}")).of_stream(member.stream.name)))
    }
}

/// Where records are written to, and how.
pub(crate) struct Target<'t, 's, S> {
    pub(crate) output: &'t mut Output<'s, S>,
    pub(crate) log: &'t dyn Log,
    pub(crate) strict: bool,
    /// When the record was read, as messages say it.
    pub(crate) extracted: &'t str,
}

/// Writes everything that one record of a walk brings: the members' records, in their order. `tallies` are the members'.
pub(crate) fn write<S: Sink>(
    group: &Group,
    tallies: &mut [Tally],
    mut to: Target<'_, '_, S>,
    row: &Row,
    lists: &Lists,
) -> Result<(), Unwritten> {
    for (member, tally) in group.members.iter().zip(tallies) {
        match member.stream.source {
            Source::List(_) => {
                let parts: Vec<(&str, Part)> = lists.iter().map(|(field, rows)| (*field, Part::List(rows))).collect();
                tally.write(&mut to, member, &row.raw, &parts, row.id)?;
            }
            Source::Part { field, .. } => {
                let date = group.parent.replication_key().and_then(|key| peek(&row.raw, key)).unwrap_or(RawValue::NULL);
                let key = member.stream.replication_key().unwrap_or_default();
                for raw in lists.iter().filter(|(name, _)| *name == field).flat_map(|(_, rows)| rows) {
                    let id = id_of(raw).ok_or_else(|| {
                        let text = format!("record {} of {} holds one without an id that is a number", row.id, group.parent.name);
                        Unwritten::Record(Failure::new(Kind::Api, text).of_stream(member.stream.name))
                    })?;
                    tally.write(&mut to, member, raw, &[(key, Part::Value(date))], id)?;
                }
            }
        }
    }
    Ok(())
}
