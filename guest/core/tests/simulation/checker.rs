//! Whether what was emitted holds all that it should.

use crate::aside::Aside;
use crate::finding::{Finding, Rule};
use crate::journal::{Facts, History, Journal};
use crate::scenario::{PARTS, Selection, is_below, lists};
use crate::shelf::Shelf;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tap_bigcommerce_sandbox::Kind;

/// What a run that ended well has to hold.
pub(crate) struct Duty<'d> {
    pub(crate) selection: &'d Selection,
    /// Streams that need not be complete as of the start of this run.
    pub(crate) excused: &'d [String],
    /// The run must hold everything that could be read at this time, except what is gone since.
    pub(crate) as_of: Duration,
    /// The streams that need not hold records from before a date.
    pub(crate) starts: &'d BTreeMap<String, DateTime<Utc>>,
    /// Records that need not be there.
    pub(crate) aside: &'d Aside,
    /// The record that came without its id: it need not be there where the stream reads it again.
    pub(crate) nameless: Option<(Kind, u64)>,
    /// Lists whose rows need not be there.
    pub(crate) withheld: &'d BTreeSet<&'static str>,
    /// Records before this date, unless they changed during the run: a change takes them out of the range. Whether the date itself is
    /// in the range is the store's to say.
    pub(crate) end_date: Option<DateTime<Utc>>,
    /// The start of this run, if an earlier run had an `end_date`: a record that left the range by a change just before may still
    /// have its old date in a replica, and that date is before the bookmark. It comes with its new date.
    pub(crate) bounded: Option<Duration>,
}

impl Duty<'_> {
    /// Compares the truth with what was taken.
    pub(crate) fn check(&self, journal: &Journal, shelf: &Shelf) -> Result<(), Finding> {
        for (stream, kind) in lists() {
            for (id, history) in journal.present(kind) {
                let torn = history.torn_since(self.as_of);
                if let Some(facts) = self.due(stream, id, kind, history) {
                    self.record(shelf, stream, id, facts, torn)?;
                }
                for (stream, _, part) in PARTS.iter().filter(|(_, of, _)| *of == kind) {
                    if let Some(facts) = self.due(stream, id, kind, history) {
                        rows(shelf, (stream, part), id, facts, torn)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The version of a record that a stream has to hold; none if it need not hold it.
    fn due<'h>(&self, stream: &str, id: u64, kind: Kind, history: &'h History) -> Option<&'h Facts> {
        let is_nameless = self.nameless == Some((kind, id)) && self.aside.reads_again(stream);
        let facts = history.at(self.as_of)?;
        // The state does not say which of the lists below records did not come, or which archived orders.
        let is_again = (is_below(stream) || facts.is_archived) && self.aside.reads_again(stream);
        let is_excused = self.excused.iter().any(|excused| excused == stream);
        let excused = is_excused || self.aside.holds(stream, id) || is_nameless || is_again;
        if excused || !self.selection.has_stream(stream) {
            return None;
        }
        let dated = !matches!(kind, Kind::COUPONS | Kind::BRANDS | Kind::CATEGORIES | Kind::PROMOTIONS);
        let heeds_start = matches!(kind, Kind::ORDERS | Kind::CUSTOMERS | Kind::REFUNDS)
            && !matches!(stream, "customer_addresses" | "customer_form_field_values");
        let too_early = heeds_start && self.starts.get(stream).is_some_and(|start| facts.date < *start);
        let too_late = dated && self.end_date.is_some_and(|end| facts.date >= end || history.changed_since(self.as_of));
        let has_left = |started| history.at(started).is_none_or(|then| then.version != facts.version);
        let between = dated && self.bounded.is_some_and(has_left);
        (!too_early && !too_late && !between).then_some(facts)
    }

    fn record(&self, shelf: &Shelf, stream: &'static str, id: u64, facts: &Facts, torn: bool) -> Result<(), Finding> {
        let Some(held) = shelf.get(stream, id) else {
            let text = format!("{stream} {id} (version {}, modified {}) was never emitted", facts.version, facts.date);
            return Err(Finding::new(Rule::Lost, text));
        };
        if held.version < facts.version {
            let text = format!("{stream} {id} was emitted last as version {}, but is at {}", held.version, facts.version);
            return Err(Finding::new(Rule::Stale, text));
        }
        let is_due = |list: &&str| held.lists.contains(list) && !self.withheld.contains(list) && !torn;
        for ((list, row), version) in facts.rows.iter().filter(|((list, _), _)| is_due(list)) {
            match held.rows.get(&(*list, *row)) {
                Some(held) if held >= version => {}
                Some(held) => {
                    let text = format!("{stream} {id}: row {row} of {list} came as version {held}, but is at {version}");
                    return Err(Finding::new(Rule::Torn, text));
                }
                None => return Err(Finding::new(Rule::Torn, format!("{stream} {id}: row {row} of {list} is missing"))),
            }
        }
        Ok(())
    }
}

/// The rows of a record that are a stream of their own.
fn rows(shelf: &Shelf, (stream, part): (&'static str, &str), record: u64, facts: &Facts, torn: bool) -> Result<(), Finding> {
    for ((_, row), version) in facts.rows.iter().filter(|((list, _), _)| *list == part && !torn) {
        match shelf.get(stream, *row) {
            Some(held) if held.version >= *version => {}
            Some(held) => {
                let text = format!(
                    "{stream} {row} of record {record} was emitted last as version {}, but is at {version}",
                    held.version
                );
                return Err(Finding::new(Rule::Stale, text));
            }
            None => return Err(Finding::new(Rule::Lost, format!("{stream} {row} of record {record} was never emitted"))),
        }
    }
    Ok(())
}
