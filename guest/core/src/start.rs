//! Where the streams of a group start, and whether the walk of an earlier run resumes.

use crate::config::Config;
use crate::error::Result;
use crate::group::{Group, Member, Mode};
use crate::progress::{Progress, Refresh, Since, Starts};
use crate::singer::state::State;
use crate::streams::{Replication, Stream};
use chrono::{DateTime, TimeDelta, Utc};

/// How long after a refresh the next one is due: a day, minus the time by which a daily run may start early.
const REFRESH: TimeDelta = TimeDelta::hours(23);

/// The walk that an earlier run left for a stream, or why it cannot be read.
type Left = std::result::Result<Option<Progress>, &'static str>;

/// Where a group starts.
#[derive(Debug)]
pub(crate) enum Start {
    /// With a walk of its own.
    New(Progress),
    /// Where an earlier run's walk stopped, for the members that still have that walk.
    Resume(Progress),
    /// With a new walk, although an earlier run left one; the text says why.
    Over(Progress, &'static str),
}

/// Where a first run of a stream starts. None: at the beginning.
pub(crate) fn first(stream: &Stream, config: &Config) -> Option<DateTime<Utc>> {
    match stream.replication {
        Replication::Incremental { heeds_start_date: true, .. } => config.start_date,
        _ => None,
    }
}

/// Where a new walk would start for a member. None: at the beginning.
fn since(member: &Member, config: &Config, state: &State) -> Result<Option<DateTime<Utc>>> {
    match member.mode {
        Mode::Whole | Mode::Ids => Ok(None),
        Mode::Changes => Ok(bookmark(member.stream, config, state)?.or(first(member.stream, config))),
    }
}

/// A stream's bookmark, if it covers all channels that are read now.
fn bookmark(stream: &Stream, config: &Config, state: &State) -> Result<Option<DateTime<Utc>>> {
    // The bookmark does not cover channels that no earlier run has read.
    let has_read = is_known_in_all_channels(stream, config, state);
    Ok(state.bookmark(stream)?.filter(|_| has_read))
}

/// The date from which a member is refreshed, because its rows can change while the parent record keeps its date. None if no
/// refresh is due.
fn refresh(member: &Member, config: &Config, state: &State, now: DateTime<Utc>) -> Result<Option<Since>> {
    let (stream, days) = (member.stream, config.child_refresh);
    if !stream.changes_alone || member.mode != Mode::Changes || days.is_zero() {
        return Ok(None);
    }
    let first = first(stream, config);
    // A first run reads everything, so it counts as a refresh.
    let Some(bookmark) = bookmark(stream, config, state)? else { return Ok(Some(Since(first))) };
    // A time in the future comes from a wrong clock and must not delay the next refresh.
    let last = state.refreshed(stream).filter(|last| *last <= now);
    if last.is_some_and(|last| now - last < REFRESH) {
        return Ok(None);
    }
    // What lies before start_date was never read.
    Ok(Some(Since(bookmark.checked_sub_signed(days).max(first).min(Some(bookmark)))))
}

/// Whether what a state says of a stream holds for all channels that are read now.
pub(crate) fn is_known_in_all_channels(stream: &Stream, config: &Config, state: &State) -> bool {
    stream.list().channels.is_none() || config.channels.are_among(state.channels(stream))
}

impl Group {
    /// Where a new walk would start for each member.
    ///
    /// # Errors
    /// A bookmark cannot be read as a date.
    fn starts(&self, config: &Config, state: &State) -> Result<Starts> {
        let start = |member: &Member| Ok((member.stream.name.to_owned(), Since(since(member, config, state)?)));
        self.members.iter().map(start).collect()
    }

    /// A new walk that begins now, for the members that are not left out.
    ///
    /// # Errors
    /// A bookmark cannot be read as a date.
    pub(crate) fn new_walk(
        &self,
        (config, state): (&Config, &State),
        now: DateTime<Utc>,
        is_left_out: impl Fn(usize) -> bool,
    ) -> Result<Progress> {
        let (mut members, mut further) = (self.starts(config, state)?, Starts::new());
        for (place, member) in self.members.iter().enumerate() {
            if is_left_out(place) {
                members.remove(member.stream.name);
            } else if let Some(since) = refresh(member, config, state, now)? {
                further.insert(member.stream.name.to_owned(), since);
            }
        }
        let refresh = Some(Refresh { begun: Some(now), since: further }).filter(|refresh| !refresh.since.is_empty());
        Ok(Progress::refreshing(members, refresh, &self.selection))
    }

    /// Where the group starts, if the run begins now.
    ///
    /// # Errors
    /// A bookmark cannot be read as a date.
    pub(crate) fn start(&self, config: &Config, state: &State, now: DateTime<Utc>) -> Result<Start> {
        let new = self.new_walk((config, state), now, |_| false)?;
        let starts = &new.members;
        let walks: Vec<(&str, Left)> =
            self.members.iter().map(|member| (member.stream.name, state.walk(member.stream))).collect();
        let Some(known) = walks.iter().find_map(|(_, walk)| walk.clone().transpose()) else { return Ok(Start::New(new)) };
        let mut walk = match known {
            Ok(walk) => walk,
            Err(why) => return Ok(Start::Over(new, why)),
        };
        let is_other = |own: &Left| match own {
            Ok(None) => false,
            Ok(Some(other)) => *other != walk,
            Err(_) => true,
        };
        if walk.selection != self.selection || walks.iter().any(|(_, own)| is_other(own)) {
            return Ok(Start::Over(new, "the selection, end_date, lookback_seconds or channel_id has changed"));
        }
        let has_moved = match walk.members.is_empty() {
            // A walk of 0.1.0: all members had it, and took everything that it read.
            true => walk.since != new.since || walks.iter().any(|(_, walk)| *walk == Ok(None)),
            false => walks.iter().any(|(name, own)| *own != Ok(None) && walk.members.get(*name) != starts.get(*name)),
        };
        if walk.pass > self.list.hidden.len() {
            return Ok(Start::Over(new, "it reads a part of the list that this version of the tap does not know"));
        }
        if has_moved {
            return Ok(Start::Over(new, "the start_date or the bookmark has changed"));
        }
        match walk.members.is_empty() {
            true => walk.members = starts.clone(),
            false => walk.members.retain(|name, _| walks.iter().any(|(own, walk)| own == name && *walk != Ok(None))),
        }
        Ok(Start::Resume(walk))
    }
}
