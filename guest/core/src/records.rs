//! From a completed record to its RECORD messages: its own, and one for each of its rows that a stream wants.

use crate::error::{Failure, Kind, Result};
use crate::group::{Group, Member};
use crate::json::{peek, scalar};
use crate::log::Log;
use crate::page::Row;
use crate::rows::{self, Lists};
use crate::singer::message::Output;
use crate::streams::{Rows, Source};
use crate::takers::Takers;
use crate::transform::{self, Findings, NULL, Replacement, Unfit};
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
    /// The version that its records carry.
    pub(crate) version: Option<u64>,
    pub(crate) records: u64,
    /// Records that a filter has left out.
    pub(crate) filtered: u64,
    pub(crate) skipped: u64,
    findings: Findings,
    /// A buffer for a record before its map is applied.
    unmapped: Vec<u8>,
}

impl Tally {
    /// Values that became null.
    pub(crate) fn nulled(&self) -> u64 {
        self.findings.nulled
    }

    /// How many records have been read. Those that a filter leaves out count, too: they move positions and use up limits like
    /// written ones.
    pub(crate) fn read(&self) -> u64 {
        self.records + self.filtered
    }

    /// How many of them have been read together.
    pub(crate) fn read_of(tallies: &[Tally]) -> u64 {
        tallies.iter().map(Tally::read).sum()
    }

    /// Writes one record. `replaced` is what replaces its fields.
    fn write(
        &mut self,
        to: &mut Target<'_, '_>,
        member: &Member,
        raw: &str,
        replaced: &[(&str, Replacement)],
    ) -> Result<(), Unwritten> {
        let key = KeyOf { names: member.stream.key, raw };
        let findings = &mut self.findings;
        let before = findings.nulled;
        let mut fit = |out: &mut Vec<u8>| {
            transform::record(&member.shape, raw, replaced, &key, findings, out).map_err(|unfit| match unfit {
                Unfit::NoObject => "it is not a JSON object",
                Unfit::NoKey => "it has no key that can be read",
            })?;
            match findings.nulled > before && to.strict {
                true => Err(STRICT),
                false => Ok(()),
            }
        };
        let (name, mut filtered) = (&member.written.name, false);
        let done = match &member.written.map {
            None => to.output.record(name, self.version, to.extracted, fit),
            Some(map) => {
                self.unmapped.clear();
                fit(&mut self.unmapped).map(|()| {
                    let record = String::from_utf8_lossy(&self.unmapped);
                    filtered = to.output.record(name, self.version, to.extracted, |out| map.write(&record, out)).is_err();
                })
            }
        };
        for warning in findings.take_warnings() {
            to.log.warn(Some(member.stream.name), &warning);
        }
        self.records += u64::from(done.is_ok() && !filtered);
        self.filtered += u64::from(filtered);
        let because = if done == Err(STRICT) { Unwritten::Strict } else { Unwritten::Record };
        done.map_err(|why| because(Failure::new(Kind::Api, format!("record {key}: {why}")).of_stream(member.stream.name)))
    }
}

/// What messages call a record: the values of its key.
struct KeyOf<'k> {
    names: &'static [&'static str],
    raw: &'k str,
}

impl fmt::Display for KeyOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, name) in self.names.iter().enumerate() {
            let value = peek(self.raw, name).and_then(scalar);
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
pub(crate) struct Target<'t, 's> {
    pub(crate) output: &'t mut Output<'s>,
    pub(crate) log: &'t dyn Log,
    pub(crate) strict: bool,
    /// When the record was read, as messages say it.
    pub(crate) extracted: &'t str,
}

/// Writes one record of a walk, or its rows, for each member that takes it, in the members' order; `tallies` has the same order.
/// Returns the members that it could not be written for, and why.
///
/// # Errors
/// A value does not fit, and the config says "strict".
pub(crate) fn write(
    group: &Group,
    takers: &Takers,
    tallies: &mut [Tally],
    to: &mut Target<'_, '_>,
    row: &Row,
    lists: &Lists,
) -> Result<Vec<(usize, Failure)>> {
    let mut unwritten = Vec::new();
    let members = group.members.iter().zip(tallies).enumerate();
    for (place, (member, tally)) in members.filter(|(place, _)| takers.takes(*place, row)) {
        match write_for(group, member, tally, to, row, lists) {
            Ok(()) => {}
            Err(Unwritten::Record(failure)) => unwritten.push((place, failure)),
            Err(Unwritten::Strict(failure)) => return Err(failure),
        }
    }
    Ok(unwritten)
}

/// Writes what one member takes of a record: the record itself, or its rows.
fn write_for(
    group: &Group,
    member: &Member,
    tally: &mut Tally,
    to: &mut Target<'_, '_>,
    row: &Row,
    lists: &Lists,
) -> Result<(), Unwritten> {
    let Source::With { rows, .. } = member.stream.source else {
        let mut replaced: Vec<(&str, Replacement)> = Vec::with_capacity(lists.len());
        let is_there = |rows: &&&Rows| lists.iter().any(|(known, _)| *known == **rows) || rows::inside(rows, row).is_some();
        if let Some(rows) = group.rows.iter().filter(|rows| member.wants(rows)).find(|rows| !is_there(rows)) {
            return Err(Unwritten::Record(not_there(rows, row)));
        }
        for (rows, list) in lists.iter().filter(|(rows, _)| member.wants(rows)) {
            let list = list.as_ref().map_err(|why| Unwritten::Record(why.clone()))?;
            replaced.push((rows.name, Replacement::List(list)));
        }
        return tally.write(to, member, row.raw.get(), &replaced);
    };
    let added =
        |(field, of_parent): &(&'static str, &str)| (*field, Replacement::Value(peek(row.raw.get(), of_parent).unwrap_or(NULL)));
    let replaced: Vec<(&str, Replacement)> = rows.adds.iter().map(added).collect();
    let mut unwritten = None;
    for raw in list_of(rows, row, lists).map_err(Unwritten::Record)? {
        match tally.write(to, member, raw, &replaced) {
            // The rows after it are still written.
            Err(Unwritten::Record(failure)) => unwritten = unwritten.or(Some(failure)),
            written => written?,
        }
    }
    unwritten.map_or(Ok(()), |failure| {
        let text = format!("{} (in record {} of {})", failure.message, row.id, group.parent.name);
        Err(Unwritten::Record(Failure { message: text, ..failure }))
    })
}

/// The rows of a record: those that were fetched, else those that it holds itself.
fn list_of<'r>(rows: &Rows, row: &'r Row, lists: &'r Lists) -> Result<Vec<&'r str>> {
    if let Some((_, list)) = lists.iter().find(|(of, _)| *of == rows) {
        return list.as_ref().map(|list| list.iter().map(|raw| raw.get()).collect()).map_err(Clone::clone);
    }
    rows::inside(rows, row).ok_or_else(|| not_there(rows, row))
}

fn not_there(rows: &Rows, row: &Row) -> Failure {
    Failure::new(Kind::Api, format!("record {}: its list of {} is not there", row.id, rows.name))
}
