//! Finds the rows of a page that are new to the walk, in the order of their ids if the walk goes by id.

use super::Walk;
use super::step::Sifted;
use crate::api::list::{Listing, Repair};
use crate::api::{Clock, Transport};
use crate::aside::Aside;
use crate::dates;
use crate::dates::SECOND;
use crate::error::Result;
use crate::hash::fingerprint;
use crate::head::{Head, id_of, stand_in};
use crate::page::Row;
use crate::streams::Paging;
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use std::rc::Rc;

const NAMELESS: &str = "nothing but records without an id that is a number";

impl<T: Transport, C: Clock> Walk<'_, T, C> {
    /// The new rows. By id, a row without a readable id is placed between the ids of its neighbors; at the end of a page it comes
    /// again with the next page, if there is one.
    pub(super) fn sift(&mut self, raws: Vec<Box<RawValue>>, repairs: &[Repair]) -> Result<Sifted> {
        let by_id = matches!(self.list.paging, Paging::Id { .. });
        let has_number = self.list.id().is_some() && self.list.paging != Paging::Once;
        let is_full = raws.len() >= self.page_size as usize;
        let extracted: Rc<str> = dates::stamp(self.gate.clock().date()).into();
        let mut sifted = Sifted { rows: Vec::with_capacity(raws.len()), seen: self.seen, ..Sifted::default() };
        let (mut above, mut nameless): (Option<u64>, Vec<Aside>) = (None, Vec::new());
        for (place, raw) in raws.into_iter().enumerate() {
            let head = Head::read(&raw, self.list);
            let (own, date) = (head.as_ref().and_then(Head::id).filter(|_| has_number), head.and_then(|head| head.date()));
            let stand_in = || fingerprint(&[self.path.clone(), stand_in(&raw, self.list.key)]);
            if by_id && own.is_none() {
                nameless.push(Aside::Again { again: stand_in(), date });
                continue;
            }
            let id = own.unwrap_or_else(stand_in);
            if by_id && above.is_some_and(|above| id < above) {
                return Err(self.fault("records that are not in the order of their ids"));
            }
            let before = self.last_id.max(above);
            let known = if by_id { before.is_some_and(|last| id <= last) } else { self.previous.contains(&id) };
            above = Some(id);
            sifted.reached = sifted.reached || self.until_id.is_some_and(|until| id >= until);
            if known || self.until_id.is_some_and(|until| id > until) {
                sifted.known += 1;
                continue;
            }
            let nameless = std::mem::take(&mut nameless);
            // Without a filter for a range of ids, nobody could request a gap.
            match self.list.range {
                Some(_) => sifted.place_nameless(nameless, (before.unwrap_or(0), id), self.extent.pass),
                None => sifted.add_nameless(nameless),
            }
            self.warn_of_old(id, date);
            repairs.iter().filter(|repair| repair.row == place).for_each(|repair| self.findings.repaired(&id, &repair.field));
            sifted.seen += u64::from(self.may_be_counted(date));
            let (seen, extracted) = (sifted.seen, extracted.clone());
            let (others, was_aside, is_stand_in) = ([None; 2], None, own.is_none());
            sifted.rows.push(Row { id, date, raw, seen, extracted, others, is_stand_in, was_aside });
        }
        let is_due = !nameless.is_empty() && !sifted.reached && self.end.is_none_or(|end| self.last_id.unwrap_or(0) < end);
        if sifted.rows.is_empty() && is_due {
            // After such a page there is no id to continue from.
            if is_full {
                return Err(self.fault(NAMELESS));
            }
            sifted.add_nameless(nameless);
        }
        self.name_others(&mut sifted.rows);
        self.findings.take_warnings().iter().for_each(|warning| self.warn(warning));
        Ok(sifted)
    }

    /// Whether a page has only rows without readable ids after the position. A larger page may show what follows.
    pub(super) fn hides_the_next(&self, page: &Listing) -> bool {
        let ids = || page.rows.iter().map(|row| id_of(row, self.list));
        let by_id = matches!(self.list.paging, Paging::Id { .. });
        by_id && ids().any(|id| id.is_none()) && !ids().flatten().any(|id| Some(id) > self.last_id)
    }

    /// Names for each row two others of the list: the next one, and the one that is farthest from it on the page.
    fn name_others(&self, rows: &mut [Row]) {
        let ids: Vec<u64> = rows.iter().filter(|row| !row.is_stand_in).map(|row| row.id).collect();
        for (place, row) in rows.iter_mut().enumerate() {
            let farthest = if place < ids.len() / 2 { ids.last() } else { ids.first() };
            let next = ids.get(place + 1).copied().or(self.last_id);
            row.others = [next, farthest.copied().filter(|id| *id != row.id && Some(*id) != next)];
        }
    }

    fn warn_of_old(&mut self, id: u64, date: Option<DateTime<Utc>>) {
        let old = matches!((date, self.extent.since), (Some(date), Some(since)) if date < since - SECOND);
        if old && !std::mem::replace(&mut self.warned_of_old, true) {
            let text = "was modified before the requested time; such records are still written, and only the first is named";
            self.warn(&format!("record {id} {text}"));
        }
    }
}
