//! From a completed record to its RECORD messages: its own, and one for each of its rows that a stream wants.

use crate::error::{Failure, Kind, Result};
use crate::group::{Group, Member};
use crate::json::{peek, scalar};
use crate::log::{Level, Log};
use crate::rows::{self, Lists};
use crate::singer::message::{Output, Sink};
use crate::streams::{Rows, Source};
use crate::takers::Takers;
use crate::transform::{self, Findings, Replacement, Unfit};
use crate::walk::Row;
use serde_json::value::RawValue;
use std::fmt;

const STRICT: &str = "a value does not fit its schema, and the config says \"strict\"";

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

    /// How many records they count together.
    pub(crate) fn records_of(tallies: &[Tally]) -> u64 {
        tallies.iter().map(|tally| tally.records).sum()
    }

    /// Writes one record. `replaced` is what replaces its fields.
    fn write<S: Sink>(
        &mut self,
        to: &mut Target<'_, '_, S>,
        member: &Member,
        raw: &RawValue,
        replaced: &[(&str, Replacement)],
    ) -> Result<(), Unwritten> {
        let key = KeyOf { names: member.stream.key, raw };
        let findings = &mut self.findings;
        let before = findings.nulled;
        let done = to.output.record(member.stream.name, to.extracted, |out| {
            transform::record(&member.shape, raw, replaced, &key, findings, out).map_err(|unfit| match unfit {
                Unfit::NoObject => "it is not a JSON object",
                Unfit::NoKey => "it has no key that can be read",
            })?;
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

/// What messages call a record: the values of its key.
struct KeyOf<'k> {
    names: &'static [&'static str],
    raw: &'k RawValue,
}

impl fmt::Display for KeyOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, name) in self.names.iter().enumerate() {
            let value = peek(self.raw, name).and_then(|value| scalar(value.get()));
            let value = value.filter(|value| value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
            let value = value.as_deref().filter(|value| (1..=64).contains(&value.len())).unwrap_or("(none)");
            match self.names.len() {
                1 => f.write_str(value)?,
                _ => write!(f, "{}{name} {value}", if place > 0 { ", " } else { "" })?,
            }
        }
        Ok(())
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

/// Writes everything that one record of a walk brings to the members that take it, in their order. `tallies` are the members'.
pub(crate) fn write<S: Sink>(
    group: &Group,
    takers: &Takers,
    tallies: &mut [Tally],
    mut to: Target<'_, '_, S>,
    row: &Row,
    lists: &Lists,
) -> Result<(), Unwritten> {
    let members = group.members.iter().zip(tallies).enumerate();
    for (_, (member, tally)) in members.filter(|(place, _)| takers.takes(*place, row)) {
        let Source::With { rows, .. } = member.stream.source else {
            let replaced: Vec<(&str, Replacement)> =
                lists.iter().map(|(rows, list)| (rows.name, Replacement::List(list))).collect();
            tally.write(&mut to, member, &row.raw, &replaced)?;
            continue;
        };
        let added = |(field, of_parent): &(&'static str, &str)| {
            (*field, Replacement::Value(peek(&row.raw, of_parent).unwrap_or(RawValue::NULL)))
        };
        let replaced: Vec<(&str, Replacement)> = rows.adds.iter().map(added).collect();
        for raw in list_of(rows, row, lists).map_err(Unwritten::Record)? {
            tally.write(&mut to, member, raw, &replaced).map_err(|why| match why {
                Unwritten::Record(failure) => {
                    let text = format!("{} (in record {} of {})", failure.message, row.id, group.parent.name);
                    Unwritten::Record(Failure { message: text, ..failure })
                }
                strict => strict,
            })?;
        }
    }
    Ok(())
}

/// The rows of a record: those that were fetched, else those that it holds itself.
fn list_of<'r>(rows: &Rows, row: &'r Row, lists: &'r Lists) -> Result<Vec<&'r RawValue>> {
    let fetched = lists.iter().find(|(of, _)| *of == rows).map(|(_, list)| list.iter().map(|raw| &**raw).collect());
    let not_there = || Failure::new(Kind::Api, format!("record {}: its list of {} is not there", row.id, rows.name));
    fetched.or_else(|| rows::inside(rows, row)).ok_or_else(not_there)
}
