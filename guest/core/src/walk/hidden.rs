//! Passes of a walk for records that the list may hide. It is not documented that a store knows the filter for them. A store that
//! ignores the filter sends other records, too; one that does not know it refuses it. In both cases the list has nothing more
//! than it shows without the filter, so the pass ends.

use super::Walk;
use super::step::Served;
use crate::api::answer::Refused;
use crate::api::list::Listing;
use crate::api::{Clock, SECOND_THOUGHTS, Slice, Transport};
use crate::aside::Aside;
use crate::error::{Failure, Kind, Result};
use crate::hash::fingerprint;
use crate::streams::Hidden;
use serde_json::value::RawValue;

impl<T: Transport, C: Clock> Walk<'_, T, C> {
    /// What this pass asks for. None: the list's own records.
    pub(super) fn hidden(&self) -> Option<&'static Hidden> {
        self.list.hidden_in(self.extent.pass)
    }

    /// Whether this pass asks for a record.
    pub(super) fn is_asked_for(&self, row: &RawValue) -> bool {
        self.hidden().is_none_or(|hidden| hidden.has(row))
    }

    /// Leaves out the first record that the pass has not asked for, and all that follow. Reports whether there is one: then the store ignores the filter.
    pub(super) fn leaves_out_what_is_shown(&self, page: &mut Listing) -> bool {
        let Some(hidden) = self.hidden() else { return false };
        let Some(others) = page.rows.iter().position(|row| !hidden.has(row)) else { return false };
        page.rows.truncate(others);
        page.repairs.retain(|repair| repair.row < others);
        self.say(hidden, "ignores");
        true
    }

    /// What happens if a page of the pass is not served. As long as the list serves its own records, the streams must not wait
    /// for the pass: it ends if the store does not know the filter, and is set aside otherwise. That holds the bookmark back, so
    /// that the next walk reads the pass again.
    pub(super) async fn without_hidden(&mut self, most: Option<u64>, mut refused: Refused) -> Result<Served> {
        let Some(hidden) = self.hidden() else { return Err(refused.failure) };
        let is_refusal = |refused: &Refused| matches!(refused.status, Some(400 | 403 | 404 | 422));
        // A single refusal may be a glitch, or one of the whole list.
        if is_refusal(&refused) && self.shown().await?.is_some() {
            self.gate.clock().sleep(SECOND_THOUGHTS).await;
            refused = match self.fetch(most).await {
                Ok(answer) => return Ok(Served::page(answer.body, None)),
                Err(refused) => refused,
            };
            // Once it has brought records, the store knows the filter.
            if is_refusal(&refused) && self.last_id.is_none() {
                self.say(hidden, "refuses");
                return Ok(Served { answer: Listing::default(), gap: None, is_last: true });
            }
        }
        let failure = match refused.spent {
            true => match self.around(refused).await {
                Ok(served) => return Ok(served),
                Err(failure) => failure,
            },
            false => refused.failure,
        };
        if !matches!(failure.kind, Kind::Api | Kind::Unreachable) || self.shown().await?.is_none() {
            return Err(failure);
        }
        let (name, value) = hidden.filter;
        let pass = Aside::Again { again: fingerprint(&[&self.path, name, value].map(str::to_owned)), date: None };
        let message = format!("the store does not serve {}: {}", hidden.name, failure.message);
        Ok(Served { answer: Listing::default(), gap: Some((pass, Failure { message, ..failure })), is_last: true })
    }

    /// The first of the list's own records, with one try. None: the store cannot serve it.
    pub(super) async fn shown(&self) -> Result<Option<Listing>> {
        let mut query = self.query(None);
        query.retain(|(name, _)| self.hidden().is_none_or(|hidden| *name != hidden.filter.0));
        let mut request = self.request(&self.path, query);
        (request.page, request.tries) = (Some(Slice::first(1)), Some(1));
        match self.gate.get(&mut request, |body| self.list.form.decode(body)).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(refused) if refused.may_be_of_one_record() => Ok(None),
            Err(refused) => Err(refused.failure),
        }
    }

    fn say(&self, hidden: &Hidden, does: &str) {
        let (name, value) = hidden.filter;
        let text = format!(
            "the store {does} the filter {name}={value}; only the {} that the list shows without it are read",
            hidden.name
        );
        self.log.info(Some(self.stream), &text);
    }
}
