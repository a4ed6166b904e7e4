//! Nested lists of several records, requested together. Each record is accounted for: a batch that does not fit one page is split
//! in half, and a record without rows is requested again.

use super::inside::least;
use super::{Brought, Fetcher, Lost, no_body};
use crate::api::list::{Form, Listing, is_last};
use crate::api::{Clock, Request, Slice, Transport};
use crate::certainty::Uncertain;
use crate::head::mark;
use crate::json;
use crate::page::Row;
use crate::streams::Rows;
use serde_json::value::RawValue;
use std::collections::{HashMap, HashSet};

/// How often the halves of a failed batch are tried: one record may be the cause.
const TRIES: u32 = 2;

/// Rows by the ids of the records that they name.
type ByRecord = HashMap<u64, Vec<Box<RawValue>>>;

/// Records to be asked for together, by their places in the chunk.
struct Part {
    places: Vec<usize>,
    tries: Option<u32>,
    /// No rows of these records have come so far.
    are_missing: bool,
}

impl<T: Transport, C: Clock> Fetcher<'_, T, C> {
    pub(super) async fn batch(
        &self,
        rows: &'static Rows,
        by: (&'static str, &str),
        records: &[Row],
        wanted: Vec<usize>,
    ) -> Brought {
        let mut brought = Vec::new();
        // Not more ids than a page has rows, since nearly every record has at least one row.
        let many = wanted.chunks(self.page_size.max(2) as usize).rev();
        let mut parts: Vec<Part> =
            many.map(|places| Part { places: places.to_vec(), tries: self.tries, are_missing: false }).collect();
        while let Some(part) = parts.pop() {
            if let [place] = part.places[..] {
                let Some(record) = records.get(place) else { continue };
                let list = self.alone(rows, record).await;
                let is_over = matches!(list, Err(Lost::Down(_) | Lost::Refused(_)));
                brought.push((place, list));
                if is_over {
                    break;
                }
                continue;
            }
            match self.together(rows, by, records, &part).await {
                Ok(Some(mut lists)) => {
                    if part.are_missing && lists.is_empty() {
                        self.learn_whether_unused(rows).await;
                    }
                    let (came, missing) = self.account(rows, records, &part, &mut lists);
                    brought.extend(came);
                    parts.extend(missing);
                }
                Ok(None) => {
                    let tries = Some(TRIES).filter(|_| part.tries.is_none()).or(part.tries);
                    parts.extend(halves(part.places).map(|places| Part { places, tries, are_missing: part.are_missing }));
                }
                Err(lost) => {
                    brought.extend(part.places.first().map(|place| (*place, Err(lost))));
                    break;
                }
            }
        }
        brought
    }

    /// The lists of some records, by the records' ids, from one page. None: they do not fit on one page, or one record may have made the request fail.
    async fn together(
        &self,
        rows: &'static Rows,
        (filter, owner): (&'static str, &str),
        records: &[Row],
        part: &Part,
    ) -> Result<Option<ByRecord>, Lost> {
        let asked: Vec<&Row> = part.places.iter().filter_map(|place| records.get(*place)).collect();
        let Some(ask) = rows.ask() else { return Ok(None) };
        let ids: Vec<String> = asked.iter().map(|record| record.id.to_string()).collect();
        let mut request = self.request(rows, ask, None, Some((filter, ids.join(","))));
        request.page = Some(Slice::first(self.page_size));
        (request.no_body, request.rank, request.tries) =
            (no_body(rows), asked.iter().map(|record| record.seen).min().unwrap_or(0), part.tries);
        let page = match self.gate.get(&mut request, |body| ask.decode(body)).await {
            Ok(answer) => answer.body,
            Err(refused) if refused.may_be_of_one_record() => return Ok(None),
            Err(refused) => return Err(Lost::from(refused)),
        };
        let (came, limit) = (page.rows.len(), request.page.map_or(self.page_size, |slice| slice.limit));
        if came == 0 && page.total != Some(0) {
            self.gate.remarks.note(Some(rows.name), Uncertain::Uncounted);
        }
        if !is_last(came, limit as usize, page.total.map(|total| came as u64 >= total)) {
            let is_full = came >= limit as usize || page.total.is_some_and(|total| total > came as u64) || came == 0;
            // A store may have capped a page with a round number of rows; if so, there is a second page.
            request.page = Some(Slice { limit, page: 2 });
            if is_full || !self.is_empty(&mut request, ask.form).await? {
                return Ok(None);
            }
        }
        Ok(self.by_record(rows, owner, &asked, page))
    }

    async fn is_empty(&self, request: &mut Request, form: Form) -> Result<bool, Lost> {
        match self.gate.get(request, |body| form.decode(body)).await {
            Ok(answer) => Ok(answer.body.rows.is_empty()),
            // Not known: treated as more rows, so that the batch is split.
            Err(refused) if refused.may_be_of_one_record() => Ok(false),
            Err(refused) => Err(Lost::from(refused)),
        }
    }

    /// The rows by the record that they name. None if a row does not name a requested record.
    fn by_record(&self, rows: &'static Rows, owner: &str, asked: &[&Row], page: Listing) -> Option<ByRecord> {
        let (mut lists, mut marks) = (ByRecord::new(), HashSet::new());
        for (place, raw) in page.rows.into_iter().enumerate() {
            let named = json::at(raw.get(), owner);
            let record = asked.iter().find(|record| named.is_some_and(|named| named == record.id.to_string()))?;
            let repairs: Vec<_> = page.repairs.iter().filter(|repair| repair.row == place).cloned().collect();
            self.note_repairs(rows, record, &repairs);
            if mark(&raw, rows.key).is_none_or(|mark| marks.insert((record.id, mark))) {
                lists.entry(record.id).or_default().push(raw);
            }
        }
        let last = asked.iter().rposition(|record| lists.contains_key(&record.id));
        if let Some(last) = last {
            let mut notes = self.notes.borrow_mut();
            let heeded = notes.heeded.entry(rows.name).or_default();
            *heeded = last.max(*heeded);
        }
        Some(lists)
    }

    /// Asks, once, whether the list has any rows without its filter. If it has none, there are none for any record.
    async fn learn_whether_unused(&self, rows: &'static Rows) {
        let is_known = self.notes.borrow().heeded.contains_key(rows.name) || self.notes.borrow().unused.contains_key(rows.name);
        let Some(ask) = rows.ask().filter(|_| !is_known) else { return };
        let mut request = self.request(rows, ask, None, None);
        (request.page, request.tries) = (Some(Slice::first(1)), Some(1));
        let mut is_unused = true;
        // An empty answer that does not say how many rows there are is believed when it comes twice.
        for _ in 0..2 {
            let first = self.gate.get(&mut request, |body| ask.decode(body)).await.map(|answer| answer.body);
            is_unused = is_unused && first.as_ref().is_ok_and(Listing::is_empty_as_it_says);
            if !is_unused || first.is_ok_and(|page| page.total == Some(0)) {
                break;
            }
        }
        self.notes.borrow_mut().unused.insert(rows.name, is_unused);
    }

    /// Which records' lists have come, and which records to request again. An empty list is accepted only if it comes twice and
    /// the store is known to respect that many ids; otherwise the record is requested alone.
    fn account(&self, rows: &'static Rows, records: &[Row], part: &Part, lists: &mut ByRecord) -> (Brought, Vec<Part>) {
        let heeded = self.notes.borrow().heeded.get(rows.name).copied();
        let is_unused = self.notes.borrow().unused.get(rows.name).copied().unwrap_or(false);
        let (mut brought, mut missing, mut again) = (Vec::new(), Vec::new(), Vec::new());
        for (at, place) in part.places.iter().copied().enumerate() {
            let Some(record) = records.get(place) else { continue };
            let list = lists.remove(&record.id).unwrap_or_default();
            let least = least(rows, record).1;
            if !list.is_empty() && list.len() >= least {
                self.notes.borrow_mut().served(rows, record.id, true);
                brought.push((place, Ok(list)));
            } else if least > 0 || part.are_missing && !is_unused && heeded.is_none_or(|heeded| at > heeded) {
                again.push(Part { places: vec![place], tries: self.tries, are_missing: true });
            } else if part.are_missing {
                brought.push((place, Ok(list)));
            } else {
                missing.push(place);
            }
        }
        again.extend((!missing.is_empty()).then_some(Part { places: missing, tries: self.tries, are_missing: true }));
        (brought, again)
    }
}

/// Both halves of a part, so that the first one is taken next.
fn halves(mut places: Vec<usize>) -> impl Iterator<Item = Vec<usize>> {
    let second = places.split_off(places.len() / 2);
    [second, places].into_iter()
}
