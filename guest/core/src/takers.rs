//! The streams of a group that a walk reads for: which of its records each of them takes, and what each has set aside.

use crate::aside::{Aside, Entries};
use crate::config::{Channels, Config};
use crate::dates::SECOND;
use crate::error::Failure;
use crate::group::Group;
use crate::page::Row;
use crate::progress::Progress;
use crate::streams::Rows;
use chrono::{DateTime, Utc};
use std::cell::RefCell;

/// The members of a group, in their order.
#[derive(Debug)]
pub(crate) struct Takers {
    standings: RefCell<Vec<Standing>>,
    /// The least date of the records that each of them takes. None: all.
    since: Vec<Option<DateTime<Utc>>>,
    /// The channels that the run is restricted to, and the field that names a record's channel. Each record is checked, because the list's filter may take
    /// only one channel, and single records that were set aside are asked for without it.
    channels: Option<(Channels, &'static str)>,
    aside: RefCell<Vec<Entries>>,
}

/// How a member stands in a walk.
#[derive(Clone, Debug)]
enum Standing {
    Taking,
    /// An earlier run started the walk without this member, which waits for a new walk.
    Waiting,
    Failed(Failure),
}

impl Takers {
    /// The members of a walk. A member that starts later than others skips records before its own start, which its bookmark
    /// already covers.
    pub(crate) fn new(group: &Group, walk: &Progress, config: &Config, aside: Vec<Entries>) -> Takers {
        let lookback = config.lookback;
        let own = |name: &str| walk.start_of(name).map(|since| since.0.and_then(|since| since.checked_sub_signed(lookback)));
        let names = || group.members.iter().map(|member| member.stream.name);
        // One second earlier, as in the filters.
        let since = names().map(|name| own(name).flatten().map(|since| since - SECOND)).collect();
        let standing = |name| if own(name).is_some() { Standing::Taking } else { Standing::Waiting };
        let field = group.list.channels.and_then(|of| of.field);
        let channels = field.map(|field| (config.channels.clone(), field));
        Takers { standings: RefCell::new(names().map(standing).collect()), since, channels, aside: RefCell::new(aside) }
    }

    /// The same members for a new walk. Those that have failed stay out of it.
    pub(crate) fn renewed(&self, group: &Group, walk: &Progress, config: &Config, aside: Vec<Entries>) -> Takers {
        let new = Takers::new(group, walk, config, aside);
        let failed = self.standings.borrow();
        for (known, standing) in failed.iter().zip(new.standings.borrow_mut().iter_mut()) {
            if let Standing::Failed(_) = known {
                standing.clone_from(known);
            }
        }
        new
    }

    /// Whether the walk reads for a member.
    pub(crate) fn reads_for(&self, member: usize) -> bool {
        matches!(self.standings.borrow().get(member), Some(Standing::Taking))
    }

    /// Whether one of them waits for a new walk.
    pub(crate) fn are_waiting(&self) -> bool {
        self.standings.borrow().iter().any(|standing| matches!(standing, Standing::Waiting))
    }

    /// The members that the walk reads for.
    pub(crate) fn reading(&self) -> Vec<usize> {
        (0..self.since.len()).filter(|member| self.reads_for(*member)).collect()
    }

    /// Whether a member takes a record. A record without a readable date is never left out, nor is one that the member has set aside. A record that was
    /// asked for because it was set aside goes only to the members that had set it aside.
    pub(crate) fn takes(&self, member: usize, row: &Row) -> bool {
        let since = self.since.get(member).copied().flatten();
        let is_after = !matches!((row.date, since), (Some(date), Some(since)) if date < since);
        let is_aside = self.aside.borrow().get(member).is_some_and(|aside| aside.hold(row.id));
        let is_elsewhere = self.channels.as_ref().is_some_and(|(channels, field)| !channels.include(&row.raw, field));
        self.reads_for(member) && (is_aside || is_after && row.was_aside.is_none()) && !is_elsewhere
    }

    /// What the members that the walk reads for have set aside, each entry once.
    pub(crate) fn aside(&self) -> Vec<Aside> {
        let mut all: Vec<Aside> = Vec::new();
        for (_, entries) in self.aside.borrow().iter().enumerate().filter(|(member, _)| self.reads_for(*member)) {
            all.extend(entries.as_slice().iter().filter(|entry| !all.contains(entry)).copied().collect::<Vec<_>>());
        }
        all
    }

    /// What one member has set aside.
    pub(crate) fn aside_of(&self, member: usize) -> Entries {
        self.aside.borrow().get(member).cloned().unwrap_or_default()
    }

    /// Whether one of the members that the walk reads for has set this record aside, or the record was asked for because one had.
    pub(crate) fn is_aside(&self, row: &Row) -> bool {
        let is_own = |(member, own): (usize, &Entries)| self.reads_for(member) && own.as_slice().contains(&row.aside());
        row.was_aside.is_some() || self.aside.borrow().iter().enumerate().any(is_own)
    }

    /// Sets something aside for some members. Reports whether it is new to one of them.
    pub(crate) fn add_aside(&self, members: &[usize], new: Aside) -> bool {
        let mut aside = self.aside.borrow_mut();
        members.iter().filter(|member| aside.get_mut(**member).is_some_and(|entries| entries.join(new))).count() > 0
    }

    /// Changes what some members have set aside.
    pub(crate) fn change_aside(&self, members: &[usize], change: impl Fn(&mut Entries)) {
        let mut aside = self.aside.borrow_mut();
        members.iter().for_each(|member| aside.get_mut(*member).into_iter().for_each(&change));
    }

    /// Whether a member that takes a record wants its rows.
    pub(crate) fn want(&self, group: &Group, rows: &Rows, row: &Row) -> bool {
        group.members.iter().enumerate().any(|(place, member)| member.wants(rows) && self.takes(place, row))
    }

    /// Marks a member as failed: the walk no longer reads for it.
    pub(crate) fn fail(&self, member: usize, failure: Failure) {
        if let Some(standing) = self.standings.borrow_mut().get_mut(member) {
            *standing = Standing::Failed(failure);
        }
    }

    /// Why a member was left out.
    pub(crate) fn failure(&self, member: usize) -> Option<Failure> {
        match self.standings.borrow().get(member) {
            Some(Standing::Failed(failure)) => Some(failure.clone()),
            _ => None,
        }
    }
}
