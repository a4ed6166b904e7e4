//! Reads whole records by their ids, several at a time, if the walk brings only ids and dates. Each record is accounted for.

use super::{Completed, Fetcher, is_surely_gone};
use crate::api::answer::Refused;
use crate::api::list::Listing;
use crate::api::{Clock, Request, Slice, Transport};
use crate::error::{Failure, Kind, Result};
use crate::head::{Head, id_of};
use crate::page::Row;
use std::collections::HashMap;

/// Tries for the halves of a batch that failed, since one of its records may be the cause.
const TRIES: u32 = 2;

impl<T: Transport, C: Clock> Fetcher<'_, T, C> {
    /// Replaces each record's id with the whole record. Returns what became of those that did not come, by place.
    pub(super) async fn read_by_ids(&self, records: &mut [Row], filter: &'static str) -> Result<Vec<(usize, Completed)>> {
        let (mut lost, mut parts) = (Vec::new(), vec![((0..records.len()).collect::<Vec<usize>>(), self.tries)]);
        while let Some((mut places, tries)) = parts.pop() {
            let ids: Vec<u64> = places.iter().filter_map(|place| records.get(*place)).map(|record| record.id).collect();
            match self.of_ids(filter, &ids, tries).await {
                Ok(page) => {
                    for place in self.put(page, records, &places) {
                        lost.extend(self.missing(filter, records, place).await?.map(|became| (place, became)));
                    }
                }
                Err(refused) if refused.may_be_of_one_record() && places.len() > 1 => {
                    let second = places.split_off(places.len() / 2);
                    parts.extend([second, places].map(|half| (half, self.tries.or(Some(TRIES)))));
                }
                Err(refused) if refused.may_be_of_one_record() => {
                    let Some(record) = places.first().and_then(|place| records.get(*place)) else { continue };
                    let became = self.unserved(filter, record, refused.failure).await?;
                    lost.extend(places.first().map(|place| (*place, became)));
                }
                Err(refused) => return Err(refused.failure),
            }
        }
        Ok(lost)
    }

    async fn of_ids(&self, filter: &'static str, ids: &[u64], tries: Option<u32>) -> Result<Listing, Refused> {
        let list = self.group.list;
        let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
        let query = [(filter, ids.join(","))].into_iter().chain(self.group.includes()).collect();
        let request = Request::new(self.group.name(), list.scope, list.path.to_owned());
        let mut request = Request { query, tries, page: Some(Slice::first(ids.len() as u32)), ..request };
        Ok(self.gate.get(&mut request, |body| list.form.decode(body)).await?.body)
    }

    /// Puts rows in place of records. Returns the places of those that have not come.
    fn put(&self, page: Listing, records: &mut [Row], places: &[usize]) -> Vec<usize> {
        let list = self.group.list;
        self.note_repairs_of(&page);
        let known = |row: &_| Head::read(row, list).and_then(|head| Some((head.id()?, head.date())));
        let mut rows: HashMap<u64, _> =
            page.rows.into_iter().filter_map(|row| known(&row).map(|(id, date)| (id, (row, date)))).collect();
        let mut missing = Vec::new();
        for place in places.iter().copied() {
            let Some(record) = records.get_mut(place) else { continue };
            match rows.remove(&record.id) {
                Some((raw, date)) => (record.raw, record.date) = (raw, date.or(record.date)),
                None => missing.push(place),
            }
        }
        missing
    }

    fn note_repairs_of(&self, page: &Listing) {
        let mut notes = self.notes.borrow_mut();
        for repair in &page.repairs {
            let id = page.rows.get(repair.row).and_then(|row| id_of(row, self.group.list));
            id.iter().for_each(|id| notes.findings.repaired(id, &repair.field));
        }
        notes.findings.take_warnings().iter().for_each(|warning| self.warn(warning));
    }

    /// Requests a missing record alone. None if it has come now.
    async fn missing(&self, filter: &'static str, records: &mut [Row], place: usize) -> Result<Option<Completed>> {
        let Some(id) = records.get(place).map(|record| record.id) else { return Ok(None) };
        match self.of_ids(filter, &[id], self.tries).await {
            Ok(page) if page.is_empty_as_it_says() => {
                if is_surely_gone(self.gate, self.group.name(), self.group.list, id).await? {
                    return Ok(Some(Completed::Gone));
                }
            }
            Ok(page) => {
                if self.put(page, records, &[place]).is_empty() {
                    return Ok(None);
                }
            }
            Err(refused) if refused.may_be_of_one_record() => {
                let Some(record) = records.get(place) else { return Ok(None) };
                return self.unserved(filter, record, refused.failure).await.map(Some);
            }
            Err(refused) => return Err(refused.failure),
        }
        let text = format!("record {id}: the list shows it, but does not bring it by its id");
        Ok(Some(Completed::Aside(Failure::new(Kind::Api, text).of_stream(self.group.name()))))
    }

    /// What to do about a record that is not served alone: set it aside if others are served.
    async fn unserved(&self, filter: &'static str, record: &Row, failure: Failure) -> Result<Completed> {
        // `tries` is set only for records that are already set aside.
        match self.tries.is_some() || self.others_are_served(filter, record).await? {
            true => Ok(Completed::Aside(failure)),
            false => Err(failure),
        }
    }

    async fn others_are_served(&self, filter: &'static str, record: &Row) -> Result<bool> {
        let mut others: Vec<u64> = record.others.into_iter().flatten().collect();
        if others.is_empty() {
            others = self.first_ids().await?;
        }
        for other in others.into_iter().filter(|id| *id != record.id) {
            match self.of_ids(filter, &[other], Some(1)).await {
                Ok(_) => return Ok(true),
                Err(refused) if refused.may_be_of_one_record() => {}
                Err(refused) => return Err(refused.failure),
            }
        }
        Ok(false)
    }
}
