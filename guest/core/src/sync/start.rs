//! Where a group of streams starts, and whether the walk of an earlier run resumes.

use super::Run;
use crate::api::{Clock, Transport};
use crate::error::Result;
use crate::log::Level;
use crate::plan::{Group, Member};
use crate::singer::message::Sink;
use crate::singer::state::Progress;
use crate::streams::Replication;
use chrono::{DateTime, Utc};

impl<T: Transport, C: Clock, S: Sink> Run<'_, T, C, S> {
    /// The walk that an earlier run left, if all of the group's streams still want the same of it.
    pub(super) fn left_off(&self, group: &Group, since: Option<DateTime<Utc>>) -> Option<Progress> {
        let mut walks = group.members.iter().map(|member| self.state.walk(member.stream));
        let first = walks.next()?;
        let why = match &first {
            Err(why) => *why,
            Ok(None) if walks.all(|walk| walk == Ok(None)) => {
                self.warn_of_new_fields(group);
                return None;
            }
            Ok(Some(walk)) if walk.since != since => "the start_date or the bookmark has changed",
            Ok(Some(walk)) if walk.selection == group.selection && walks.all(|other| other == first) => {
                self.log.write(Level::Info, &format!("{}: resuming where the last run ended", group.parent.name));
                return first.ok().flatten();
            }
            Ok(_) => "the selection, end_date or lookback_seconds has changed",
        };
        self.log
            .write(Level::Warning, &format!("{}: the last run's walk cannot resume ({why}); it starts over", group.parent.name));
        None
    }

    fn warn_of_new_fields(&self, group: &Group) {
        for member in &group.members {
            let name = member.stream.name;
            let changed = self.state.selection(member.stream).is_some_and(|known| known != member.fields);
            if changed && matches!(self.state.bookmark(member.stream), Ok(Some(_))) {
                let text = "the selected fields have changed since the last run; older records do not get the new ones unless they change, or are read again with --full-refresh";
                self.log.write(Level::Warning, &format!("{name}: {text} {name}"));
            }
        }
    }

    /// Where a new walk of the group starts: at the least of its streams' bookmarks. None: from the beginning.
    pub(super) fn since(&self, group: &Group) -> Result<Option<DateTime<Utc>>> {
        let since = group.members.iter().map(|member| self.since_of(member)).collect::<Result<Vec<_>>>()?;
        // None is less than every date.
        Ok(since.into_iter().min().flatten())
    }

    pub(super) fn since_of(&self, member: &Member) -> Result<Option<DateTime<Utc>>> {
        let stream = member.stream;
        if member.full_table {
            return Ok(None);
        }
        let first = match stream.replication {
            Replication::Incremental { heeds_start_date: true, .. } => self.config.start_date,
            _ => None,
        };
        Ok(self.state.bookmark(stream)?.or(first))
    }
}
