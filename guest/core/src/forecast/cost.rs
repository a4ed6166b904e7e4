//! What each stream adds to a run's requests. The first stream of a walk is charged for its pages, and the first one that wants a
//! nested list is charged for that list. A stream that reads more records than those before it is charged for the difference.

use super::requests::{of_chunks, of_shortest_walk, of_walk};
use super::{Figure, Forecast, Share};
use crate::streams::Rows;

/// The requests that a pass for hidden records takes where there are none: the highest id and an empty page.
const REQUESTS_OF_HIDDEN: u64 = 2;

/// What a stream adds to a run's requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The stream whose walk brings its records, too.
    pub with: Option<&'static str>,
    /// How many requests. None: the store does not count the records.
    pub requests: Option<Figure>,
    /// What it asks for next to the pages of a walk.
    pub rates: Vec<Rate>,
}

/// How many requests a number of a stream's records takes, or more if their lists are long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The requests.
    pub requests: u64,
    /// The records.
    pub records: u64,
    /// The stream.
    pub of: &'static str,
}

/// What the streams so far have been charged for.
#[derive(Default)]
struct Paid {
    /// The stream that pays for the walk.
    payer: Option<&'static str>,
    walk: u64,
    rows: Vec<(&'static Rows, u64)>,
}

impl Paid {
    /// Charges the requests for a nested list. Returns how many of them are new, and whether no stream has wanted the list
    /// before.
    fn add(&mut self, rows: &'static Rows, requests: u64) -> (u64, bool) {
        match self.rows.iter_mut().find(|(known, _)| *known == rows) {
            Some((_, known)) => {
                let added = requests.saturating_sub(*known);
                *known += added;
                (added, false)
            }
            None => {
                self.rows.push((rows, requests));
                (requests, true)
            }
        }
    }
}

impl Forecast {
    /// What each stream adds, in the order of the shares. `counted` is how many records the store counts for each; None if it
    /// does not say, or the stream cannot be read.
    pub(crate) fn costs(&self, counted: &[Option<Figure>]) -> Vec<Cost> {
        let shares = || self.shares.iter().zip(counted);
        // One that cannot be read has no part in the walk.
        let payer = shares().find(|(_, counted)| counted.is_some()).map(|(share, _)| share).or(self.shares.first());
        let mut paid = Paid { payer: payer.map(|share| share.stream.name), ..Paid::default() };
        shares().map(|(share, counted)| self.cost(share, *counted, &mut paid)).collect()
    }

    /// About how many requests it takes to read so many records for all streams.
    pub(super) fn requests(&self, records: u64) -> u64 {
        let counted: Vec<_> = self.shares.iter().map(|_| Some(Figure::exact(records))).collect();
        self.costs(&counted).iter().filter_map(|cost| cost.requests).fold(0, |sum, more| more.number.saturating_add(sum))
    }

    fn cost(&self, share: &Share, counted: Option<Figure>, paid: &mut Paid) -> Cost {
        let with = paid.payer.filter(|payer| *payer != share.stream.name);
        let (records, page) = (counted.map_or(0, |counted| self.left(counted).number), u64::from(self.page_size));
        let walk = counted.map_or(0, |counted| self.walk(share, Figure { number: records, ..counted }));
        let mut added = walk.saturating_sub(paid.walk);
        paid.walk += added;
        let (mut may_be_more, mut rates) = (false, Vec::new());
        let may_hide = added > 0 && self.passes_for_hidden() > 0;
        if added > 0 || with.is_none() {
            may_be_more = self.below.is_some();
            rates.extend(self.rate_below());
            rates.extend(self.by_ids.map(|most| self.rate(1, most)));
        }
        for wanted in &share.wants {
            let requests = match wanted.at_a_time {
                Some(most) if !self.counts_others => of_chunks(self.list, records, page, self.chunk, most),
                _ => 0,
            };
            let (of_rows, is_first) = paid.add(wanted.rows, requests);
            if of_rows == 0 && !is_first {
                continue;
            }
            added = added.saturating_add(of_rows);
            may_be_more |= wanted.may_be_longer;
            match (wanted.at_a_time, rates.iter_mut().find(|rate| rate.records == 1)) {
                (Some(1), Some(rate)) => rate.requests += 1,
                (Some(most), _) => rates.push(self.rate(1, most)),
                (None, _) => {}
            }
        }
        let is_uncertain = |counted: Figure| counted.at_least || self.is_more || may_hide || may_be_more && records > 0;
        let requests = counted.map(|counted| Figure { number: added, at_least: added > 0 && is_uncertain(counted) });
        Cost { with, requests, rates }
    }

    /// The requests for the walk alone.
    fn walk(&self, share: &Share, records: Figure) -> u64 {
        let (page, is_filtered) = (u64::from(self.page_size), !share.filters.is_empty());
        let pages = |records: u64| of_walk(self.list, records, page, is_filtered);
        let number = records.number;
        // One row more than a full page may take fewer requests: the short page ends the list.
        let of_pages = if records.at_least { pages(number).min(pages(number.saturating_add(1))) } else { pages(number) };
        let of_ids = self.by_ids.map_or(0, |most| of_chunks(self.list, number, page, self.chunk, most));
        let of_lists = self.rate_below().map_or(0, |rate| number.saturating_mul(rate.requests));
        // Hidden records are requested separately, and no endpoint counts them.
        let of_hidden = REQUESTS_OF_HIDDEN * self.passes_for_hidden();
        of_pages.saturating_add(of_ids).saturating_add(of_lists).saturating_add(of_hidden)
    }

    /// The passes to come for what the list may hide.
    fn passes_for_hidden(&self) -> u64 {
        self.list.hidden.len().saturating_sub(self.pass) as u64
    }

    /// The requests for the list below each record.
    fn rate_below(&self) -> Option<Rate> {
        let parent = self.below?;
        let requests = of_shortest_walk(self.parent.list(), u64::from(self.page_size));
        Some(Rate { requests, records: 1, of: parent.name })
    }

    fn rate(&self, requests: u64, records: u64) -> Rate {
        Rate { requests, records, of: self.parent.name }
    }
}
