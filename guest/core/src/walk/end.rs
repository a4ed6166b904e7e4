//! Where a list ends, and what could contradict that. A cross-check counts only if it has proved in this run that it can be
//! trusted, by a question whose answer is known. Otherwise the list is believed when it says the same twice.

use super::{BEYOND, Doubt, MARGIN, TRIES, Walk};
use crate::api::answer::Refused;
use crate::api::list;
use crate::api::{Clock, Query, Slice, Transport};
use crate::dates;
use crate::dates::SECOND;
use crate::error::Result;
use crate::head::Head;
use crate::page::Row;
use crate::streams::{Dates, End, Paging};
use chrono::{DateTime, TimeDelta, Utc};

/// Dates before and after every modification.
const LONG_AGO: &str = "1971-01-01T00:00:00Z";
const FAR_AHEAD: &str = "2100-01-01T00:00:00Z";
/// How long after a change a record may still be counted by its older date.
const INDEX_LAG: TimeDelta = TimeDelta::seconds(60);

/// The row with the highest id, by the list itself.
enum Highest {
    Row(u64, Option<DateTime<Utc>>),
    /// The list has no rows.
    None,
    /// The store cannot serve it, or it is not one that was asked for.
    Unknown,
}

impl<T: Transport, C: Clock> Walk<'_, T, C> {
    /// The highest id that a new walk has to reach; 0 for an empty list. None if the store does not say.
    pub(super) async fn claim(&mut self) -> Result<Option<u64>> {
        Ok(match self.highest(None).await? {
            Highest::Row(id, _) => Some(id),
            Highest::None => Some(0),
            Highest::Unknown => None,
        })
    }

    /// The row with the highest id under the walk's filters, up to an id where one is given.
    async fn highest(&mut self, up_to: Option<u64>) -> Result<Highest> {
        let End::Highest(downward) = self.list.end else { return Ok(Highest::Unknown) };
        let downward = downward.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let up_to = up_to.and_then(|id| Some((self.list.range?.1, id.to_string())));
        let query = self.filters.iter().cloned().chain(downward).chain(up_to).collect();
        let mut request = self.request(&self.path, query);
        (request.page, request.tries) = (Some(Slice::first(1)), Some(TRIES));
        let answer = match self.gate.get(&mut request, |body| self.list.form.decode(body)).await {
            Ok(answer) => answer,
            Err(refused) if !self.is_there().await? => return Err(refused.failure),
            Err(Refused { spent: true, failure, .. } | Refused { status: Some(400 | 404 | 422), failure, .. }) => {
                self.warn(&format!(
                    "the highest id is not known, so the end of the list cannot be checked ({})",
                    failure.message
                ));
                return Ok(Highest::Unknown);
            }
            Err(refused) => return Err(refused.failure),
        };
        self.learn_the_time(answer.date, answer.took).await?;
        let Some(row) = answer.body.rows.first() else { return Ok(Highest::None) };
        let head = Head::read(row, self.list);
        let (id, date) = (head.as_ref().and_then(Head::id), head.as_ref().and_then(Head::date));
        Ok(match id {
            Some(id) if self.is_inside(date) && self.is_asked_for(row) => Highest::Row(id, date),
            _ => Highest::Unknown,
        })
    }

    /// Whether the list had a row above this id before the walk began. False if it does not say so.
    async fn had_row_above(&mut self, id: u64) -> Result<bool> {
        let (Some(settled), Some(Dates { until, .. })) = (self.settled(), self.list.dates) else { return Ok(false) };
        let filters = self.filters.clone();
        self.filters.retain(|(name, _)| *name != until);
        self.filters.push((until, dates::filter(settled)));
        let highest = self.highest(None).await;
        self.filters = filters;
        Ok(matches!(highest?, Highest::Row(highest, date) if highest > id && self.must_have_come(date)))
    }

    /// Whether the walk's filters include a record of this date, whether their bounds are inclusive or exclusive.
    fn is_inside(&self, date: Option<DateTime<Utc>>) -> bool {
        let Some(date) = date else { return true };
        self.extent.since.is_none_or(|since| date >= since - SECOND) && self.extent.until.is_none_or(|until| date <= until)
    }

    /// Whether a record of this date was there when the walk began.
    fn is_settled(&self, date: Option<DateTime<Utc>>) -> bool {
        matches!((date, self.started), (Some(date), Some(started)) if date <= started - MARGIN)
    }

    /// Whether the walk must have read a record of this date: it existed when the walk began, and is inside the filters even if
    /// their bounds are exclusive.
    fn must_have_come(&self, date: Option<DateTime<Utc>>) -> bool {
        let is_on_a_bound = date.is_some_and(|date| {
            let since = self.extent.since.map(|since| since - SECOND);
            [since, self.extent.until].into_iter().flatten().any(|bound| (date - bound).abs() < SECOND)
        });
        self.is_settled(date) && !is_on_a_bound
    }

    /// Whether the walk has seen all that it has to: there is nothing new after the claimed end, or only what was added since the
    /// walk began. The claim is dropped if something above it existed before the walk, or is above what the list now reports as
    /// its highest id. `unserved_to` is the last id of what could not be served after the position.
    pub(super) async fn has_reached_its_end(&mut self, rows: &[Row], unserved_to: Option<u64>) -> Result<bool> {
        let Some(end) = self.end else { return Ok(false) };
        let Some(last) = rows.last() else {
            let is_empty = end == 0 && self.last_id.is_none();
            if is_empty {
                self.warn_if_counted().await?;
            }
            return Ok(is_empty || self.last_id.max(unserved_to).unwrap_or(0) >= end);
        };
        if last.id <= end {
            return Ok(false);
        }
        // A claim of 0 may come from a glitch, so rows that come now count as having been there before. Without dates nobody can
        // tell.
        let was_there = end == 0 || self.list.dates.is_none() || rows.iter().any(|row| row.id > end && self.is_settled(row.date));
        let (last, end) = (last.id, end);
        if !was_there
            && matches!(self.highest(None).await?, Highest::Row(id, _) if id >= last)
            && !self.had_row_above(end).await?
        {
            return Ok(true);
        }
        self.end = None;
        Ok(false)
    }

    /// Whether the store may count a record of this date when the list ends: one without a date that can be read, and one that has just
    /// changed, may be counted by another date.
    pub(super) fn may_be_counted(&self, date: Option<DateTime<Utc>>) -> bool {
        let Some(date) = date.filter(|_| self.list.end == End::CoveredSeen) else { return true };
        let has_just_changed = self.read_at.is_none_or(|read_at| date >= read_at - INDEX_LAG);
        has_just_changed || self.settled().is_some_and(|settled| date <= settled)
    }

    /// Records that were last modified before this time were in the list when the walk began; none of them can have been added
    /// since.
    fn settled(&self) -> Option<DateTime<Utc>> {
        let before = self.started? - MARGIN;
        Some(self.extent.until.map_or(before, |until| before.min(until)))
    }

    /// How many records are aside at most.
    fn aside_at_most(&self) -> u64 {
        self.extent.aside.most_hidden()
    }

    /// What contradicts that the list has ended with a page of `came` rows and nothing to continue with. `seen` is how many
    /// records the walk has seen, and `unserved_to` the last id of what could not be served.
    pub(super) async fn doubt_of_end(
        &mut self,
        came: u64,
        total: Option<u64>,
        (seen, unserved_to): (u64, Option<u64>),
    ) -> Result<Option<Doubt>> {
        // With a cursor, the total is that of the whole list, so only the first page can be compared with it.
        let of_page = total.filter(|total| *total > came && self.cursor.is_none());
        if let End::Highest(_) = self.list.end {
            let doubt = self.doubt_by_the_highest(unserved_to).await?;
            return Ok(match of_page.filter(|_| doubt.is_none()) {
                Some(total) => {
                    let why = format!("a page with no new records says that {total} records match");
                    Some(Doubt { why, proven: self.counts_are_proven().await? })
                }
                None => doubt,
            });
        }
        let (counted, expected) = match (of_page, self.list.end) {
            (Some(total), _) => (Some(total), came),
            (None, End::CoveredSeen) => (self.covered().await?, seen),
            (None, _) => (self.count(Vec::new()).await?, seen.saturating_add(self.aside_at_most())),
        };
        let why = match counted {
            Some(counted) if counted > expected => {
                format!("the list ends after {expected} records, but the store counts {counted}")
            }
            Some(_) if came >= u64::from(self.page_size) && self.cursor_is_lost() => {
                return Ok(Some(Doubt { why: "a full page does not say how to continue".into(), proven: false }));
            }
            Some(_) => return Ok(None),
            None if came >= u64::from(self.page_size) && self.cursor_is_lost() => {
                return Ok(Some(Doubt {
                    why: "a full page says neither how to continue nor how many there are".into(),
                    proven: true,
                }));
            }
            None => return Ok(Some(Doubt { why: "the store does not say how many records match".into(), proven: false })),
        };
        // A full page and its own total agree that there is more.
        let is_lost = of_page.is_some() && came >= u64::from(self.page_size) && self.cursor_is_lost();
        Ok(Some(Doubt { why, proven: is_lost || self.counts_are_proven().await? }))
    }

    fn cursor_is_lost(&self) -> bool {
        matches!(self.list.paging, Paging::Cursor { .. })
    }

    async fn doubt_by_the_highest(&mut self, unserved_to: Option<u64>) -> Result<Option<Doubt>> {
        let top = self.last_id.max(unserved_to);
        let unproven = |why: String| Ok(Some(Doubt { why, proven: false }));
        // Ask only up to the claimed end: rows added since the walk began say nothing about it. One more, because the filter may
        // be exclusive.
        match self.highest(self.end.map(|end| end.saturating_add(1))).await? {
            Highest::None if top.is_none() => self.warn_if_counted().await.map(|()| None),
            Highest::Row(id, _) if Some(id) == top => Ok(None),
            Highest::Row(id, date) if top < Some(id) => {
                let why = match top {
                    Some(top) => format!("the list ends with id {top}, but its row with the highest id is {id}"),
                    None => format!("the list is empty, but its row with the highest id is {id}"),
                };
                // A row that has just changed may have entered the filters after the last page, or be in one index and not yet in
                // another. For a row without a date, nobody knows whether the filters include it.
                let was_there = self.must_have_come(date) || self.had_row_above(top.unwrap_or(0)).await?;
                Ok(Some(Doubt { why, proven: was_there }))
            }
            // What was above has been deleted or changed since: the list did sort as it should.
            Highest::Row(id, _) if self.end.is_some() && Some(id) < top => Ok(None),
            Highest::None if self.end.is_some() => Ok(None),
            _ => unproven("the list does not show its row with the highest id".into()),
        }
    }

    /// Warns if an empty list has a count above zero. This is only a hint, because the count may include hidden records.
    async fn warn_if_counted(&self) -> Result<()> {
        if !self.filters.is_empty() || self.list.count.is_none() {
            return Ok(());
        }
        if let Some(counted) = self.count(Vec::new()).await?.filter(|counted| *counted > 0) {
            self.warn(&format!(
                "the list is empty, but the store counts {counted} records; check the token's scopes and the store"
            ));
        }
        Ok(())
    }

    /// How many records the store counts: by an endpoint for it, or by the list's total. None: it does not say.
    async fn count(&self, query: Query) -> Result<Option<u64>> {
        let Some(path) = self.list.count else { return self.total(query).await };
        match self.gate.get(&mut self.request(path, query), list::count).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(Refused { spent: true, .. } | Refused { status: Some(400 | 404 | 422), .. }) => Ok(None),
            Err(refused) => Err(refused.failure),
        }
    }

    /// How many records the store counts in the time that this walk covers completely: from its lower bound to a little before
    /// its start. Each of them has been in the list since then, so the walk has seen it. None if the store does not say.
    async fn covered(&self) -> Result<Option<u64>> {
        // Only an empty store tells no time at all.
        let (Some(until), Some(dates)) = (self.settled(), self.list.dates) else { return Ok(Some(0)) };
        if self.extent.since.is_some_and(|since| since > until) {
            return Ok(Some(0));
        }
        let others = self.filters.iter().filter(|(name, _)| *name != dates.until).cloned();
        self.total(others.chain([(dates.until, dates::filter(until))]).collect()).await
    }

    /// The total that a page of the list has under these filters.
    async fn total(&self, query: Query) -> Result<Option<u64>> {
        let mut request = self.request(&self.path, query);
        request.page = Some(Slice::first(1));
        match self.gate.get(&mut request, |body| self.list.form.decode(body)).await {
            Ok(answer) => Ok(answer.body.total),
            Err(Refused { spent: true, .. } | Refused { status: Some(400 | 404 | 422), .. }) => Ok(None),
            Err(refused) => Err(refused.failure),
        }
    }

    /// Whether filters that match nothing give a count of zero: then the store's counts heed its filters.
    async fn counts_are_proven(&self) -> Result<bool> {
        if self.list.end == End::AllSeen {
            let Paging::Id { after } = self.list.paging else { return Ok(false) };
            return Ok(self.count(vec![(after, BEYOND.to_string())]).await? == Some(0));
        }
        let after = match self.list.paging {
            Paging::Id { after } => Some(after),
            Paging::Cursor { .. } | Paging::Page | Paging::Once => None,
        };
        let beyond = BEYOND.to_string();
        let (since, until) = (self.list.dates.map(|dates| dates.since), self.list.dates.map(|dates| dates.until));
        for (name, value) in [(since, FAR_AHEAD), (until, LONG_AGO), (after, &beyond)] {
            if let Some(name) = name
                && self.total(vec![(name, value.to_owned())]).await? != Some(0)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
