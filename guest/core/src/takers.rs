//! The streams of a group that a walk reads for, and which of its records each of them takes.

use crate::config::{Channels, Config};
use crate::error::Failure;
use crate::group::Group;
use crate::progress::Progress;
use crate::streams::Rows;
use crate::walk::{Row, SECOND};
use chrono::{DateTime, Utc};
use std::cell::RefCell;

/// The members of a group, in their order.
#[derive(Debug)]
pub(crate) struct Takers {
    standings: RefCell<Vec<Standing>>,
    /// The least date of the records that each of them takes. None: all.
    since: Vec<Option<DateTime<Utc>>>,
    /// The channels that all of them are restricted to, and the field that names a record's channel: the list's filter may not take them all,
    /// and what was aside is asked for without it.
    channels: Option<(Channels, &'static str)>,
}

/// How a member stands in a walk.
#[derive(Clone, Debug)]
enum Standing {
    Taking,
    /// The walk is an earlier run's, and continues without it: it waits for a new one.
    Waiting,
    Failed(Failure),
}

impl Takers {
    /// The members of a walk. One that starts later than others leaves out what lies before its own start: its bookmark vouches for that.
    pub(crate) fn new(group: &Group, walk: &Progress, config: &Config) -> Takers {
        let lookback = config.lookback;
        let own = |name: &str| walk.members.get(name).map(|since| since.0.and_then(|since| since.checked_sub_signed(lookback)));
        let names = || group.members.iter().map(|member| member.stream.name);
        // As in the filters, the second before is asked for, too.
        let since = names().map(|name| own(name).flatten().map(|since| since - SECOND)).collect();
        let standing = |name| if own(name).is_some() { Standing::Taking } else { Standing::Waiting };
        let field = group.list.channels.and_then(|of| of.field);
        let channels = field.map(|field| (config.channels.clone(), field));
        Takers { standings: RefCell::new(names().map(standing).collect()), since, channels }
    }

    /// The same members for a new walk. Those that have failed stay out of it.
    pub(crate) fn again(&self, group: &Group, walk: &Progress, config: &Config) -> Takers {
        let new = Takers::new(group, walk, config);
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

    /// Whether a member takes a record. One without a date that can be read is never left out, nor one that is aside: nobody has it yet.
    pub(crate) fn takes(&self, member: usize, row: &Row) -> bool {
        let since = self.since.get(member).copied().flatten();
        let is_before = matches!((row.date, since), (Some(date), Some(since)) if date < since);
        let is_elsewhere = self.channels.as_ref().is_some_and(|(channels, field)| !channels.hold(&row.raw, field));
        self.reads_for(member) && (row.is_aside || !is_before) && !is_elsewhere
    }

    /// Whether a member that takes a record wants its rows.
    pub(crate) fn want(&self, group: &Group, rows: &Rows, row: &Row) -> bool {
        group.members.iter().enumerate().any(|(place, member)| member.wants(rows) && self.takes(place, row))
    }

    /// Leaves out a member that has failed by itself.
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
