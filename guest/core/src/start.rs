//! Where the streams of a group start, and whether the walk of an earlier run resumes.

use crate::config::Config;
use crate::error::Result;
use crate::group::{Group, Member, Mode};
use crate::progress::{Progress, Since, Starts};
use crate::singer::state::State;
use crate::streams::{Replication, Stream};
use chrono::{DateTime, Utc};

/// The walk that an earlier run left to a stream, or why what is left is none.
type Left = std::result::Result<Option<Progress>, &'static str>;

/// Where a group starts.
#[derive(Debug)]
pub(crate) enum Start {
    /// With a walk of its own.
    New(Progress),
    /// Where an earlier run has left its walk, for the members that still have it.
    Resume(Progress),
    /// With a walk of its own, although an earlier run has left one.
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
        Mode::Changes => {
            // Of channels that no earlier run has read, no bookmark says anything.
            let has_read = is_known_in_all_channels(member.stream, config, state);
            Ok(state.bookmark(member.stream)?.filter(|_| has_read).or(first(member.stream, config)))
        }
    }
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
    pub(crate) fn starts(&self, config: &Config, state: &State) -> Result<Starts> {
        let start = |member: &Member| Ok((member.stream.name.to_owned(), Since(since(member, config, state)?)));
        self.members.iter().map(start).collect()
    }

    /// Where the group starts.
    ///
    /// # Errors
    /// A bookmark cannot be read as a date.
    pub(crate) fn start(&self, config: &Config, state: &State) -> Result<Start> {
        let starts = self.starts(config, state)?;
        let new = Progress::new(starts.clone(), &self.selection);
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
            // Of 0.1.0: all of the members had it, and took all that it brought.
            true => walk.since != new.since || walks.iter().any(|(_, walk)| *walk == Ok(None)),
            false => walks.iter().any(|(name, own)| *own != Ok(None) && walk.members.get(*name) != starts.get(*name)),
        };
        if has_moved {
            return Ok(Start::Over(new, "the start_date or the bookmark has changed"));
        }
        match walk.members.is_empty() {
            true => walk.members = starts,
            false => walk.members.retain(|name, _| walks.iter().any(|(own, walk)| own == name && *walk != Ok(None))),
        }
        Ok(Start::Resume(walk))
    }
}
