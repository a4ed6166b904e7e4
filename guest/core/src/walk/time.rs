//! The store's time when a walk began, which the bookmark must not pass.

use super::{TRIES, Walk};
use crate::api::answer::{Answer, Refused};
use crate::api::list::Listing;
use crate::api::{Clock, Slice, Transport};
use crate::dates;
use crate::error::{Failure, Kind, Result};
use crate::head::Head;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// A bookmark this far ahead of the store's time cannot be from this store.
const AHEAD: TimeDelta = TimeDelta::days(1);

impl<T: Transport, C: Clock> Walk<'_, T, C> {
    /// Whether the walk's start time is not later than this page. Without a Date header the first page has to be read again, so
    /// that no part of it is older than that time.
    pub(super) async fn knows_the_time_of(&mut self, answer: &Answer<Listing>) -> Result<bool, Refused> {
        let is_first = self.started.is_none();
        self.learn_the_time(answer.date, answer.took).await?;
        Ok(!is_first || answer.date.is_some() || self.started.is_none())
    }

    /// Sets the walk's start time. The store may have read its data as early as when the request was sent, so that moment counts.
    /// A time after the first page would be too late: what was read before may have changed by then.
    pub(super) async fn learn_the_time(&mut self, date: Option<DateTime<Utc>>, took: Duration) -> Result<(), Refused> {
        self.check_bookmark(date).map_err(Refused::from)?;
        let is_later_pass = self.extent.pass > 0 || self.pass.has_begun();
        let has_begun = self.started.is_some() || self.last_id.is_some() || self.cursor.is_some() || is_later_pass;
        if has_begun || self.list.dates.is_none() {
            return Ok(());
        }
        self.started = match date {
            Some(date) => Some(date - took),
            // A record with a date in the future must not take the bookmark there.
            None => self.newest().await?.map(|newest| newest.min(self.gate.clock().date())),
        };
        Ok(())
    }

    /// The date of the record that was modified last; none in an empty store, or if that record cannot be served.
    pub(super) async fn newest(&self) -> Result<Option<DateTime<Utc>>, Refused> {
        let newest_first = self.list.dates.map(|dates| dates.newest_first).unwrap_or_default();
        if newest_first.is_empty() {
            self.warn("the store's time is not known, so the bookmark stays where it is");
            return Ok(None);
        }
        let newest_first = newest_first.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let mut request = self.request(&self.path, newest_first.collect());
        (request.page, request.tries) = (Some(Slice::first(1)), Some(TRIES));
        match self.gate.get(&mut request, |body| self.list.form.decode(body)).await {
            Ok(answer) => Ok(answer.body.rows.first().and_then(|row| Head::read(row, self.list)?.date())),
            Err(Refused { spent: true, failure, .. }) => {
                self.warn(&format!("the store's time is not known, so the bookmark stays where it is ({})", failure.message));
                Ok(None)
            }
            Err(refused) => Err(refused),
        }
    }

    fn check_bookmark(&self, now: Option<DateTime<Utc>>) -> Result<()> {
        match (self.extent.latest_start, now) {
            (Some(start), Some(now)) if start > now + AHEAD => {
                let text = format!(
                    "its start ({}) lies more than a day after the store's own time ({}), so records would be skipped; correct the state or start_date",
                    dates::format(start),
                    dates::format(now)
                );
                Err(Failure::new(Kind::State, text).of_stream(self.stream))
            }
            _ => Ok(()),
        }
    }
}
