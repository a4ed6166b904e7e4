//! Records that the store cannot serve: named in the STATE, and asked for again before each new walk.

use super::{Ended, Run, Stage};
use crate::api::{Clock, Transport};
use crate::aside::{Aside, Entries, MOST_ASIDE};
use crate::certainty::Uncertain;
use crate::error::{Failure, Kind, Result};
use crate::group::Group;
use crate::leftovers::{Asker, Leftovers};
use crate::page::Row;
use crate::progress::{Progress, Starts};
use std::rc::Rc;

impl<T: Transport, C: Clock> Run<'_, T, C> {
    /// What each of the group's streams has set aside.
    pub(super) fn aside(&self, group: &Group) -> Result<Vec<Entries>> {
        group.members.iter().map(|member| self.state.aside(member.stream).map(Entries::new)).collect()
    }

    /// Requests once what is set aside. Returns whether the run continues: a limit that is reached meanwhile ends it, unless the
    /// run has made no progress yet.
    pub(super) async fn leftovers(&mut self, stage: &mut Stage<'_>) -> Result<bool> {
        let before = stage.takers.aside();
        if before.is_empty() {
            return Ok(true);
        }
        let (group, config) = (stage.group, self.config.clone());
        let includes = group.includes();
        let asker = Asker {
            gate: self.gate,
            stream: group.name(),
            list: group.list,
            includes: &includes,
            channels: group.channels.as_ref(),
            page_size: config.page_size,
        };
        let asked = Rc::default();
        let source = Leftovers::new(asker, self.log.clone(), self.fan_out(true, 1), &before, Rc::clone(&asked));
        let walk = std::mem::replace(&mut stage.progress, Progress::new(Starts::new(), &group.selection));
        stage.is_leftover = true;
        let ended = self.read(stage, source).await;
        stage.progress = walk;
        let ended = ended?;
        stage.drop_failed();
        let has_come = stage.takers.aside() != before;
        // What has not had its turn because of a limit is first in the next run.
        let had_its_turn: Vec<Aside> = before.into_iter().take(asked.get()).collect();
        stage.takers.change_aside(&stage.takers.reading(), |entries| entries.put_last(&had_its_turn));
        self.note_aside(stage, &stage.takers.reading());
        for entry in stage.takers.aside() {
            let text = format!("still set aside, because the store could not serve it again: {entry}");
            self.log.warn(Some(group.name()), &text);
        }
        // An entry that stays although its record was written must not keep the walk from starting.
        Ok(ended != Ended::AtLimit || !self.has_records_enough() || !has_come)
    }

    /// Sets something aside for some members, so that the walk can pass it. A member with too many entries is left out.
    pub(super) fn set_aside(&mut self, stage: &mut Stage<'_>, aside: Aside, members: &[usize], why: &Failure) -> Result<Ended> {
        let is_new = stage.takers.add_aside(members, aside);
        stage.remark(members, Uncertain::Aside);
        let full = |member: &usize| stage.takers.aside_of(*member).as_slice().len() > MOST_ASIDE;
        let (full, members): (Vec<usize>, Vec<usize>) = members.iter().copied().partition(full);
        if is_new && !members.is_empty() {
            let text = format!("set aside until the next run: {aside} ({})", why.message);
            self.log.warn(Some(&names(stage, &members)), &text);
        }
        self.note_aside(stage, &members);
        if !full.is_empty() {
            let text = format!(
                "more than {MOST_ASIDE} records or ranges of records could not be served by the store; the last is {aside}: {}. Check the store, then run again",
                why.message
            );
            return self.leave_out(stage, &full, &Failure::new(Kind::Api, text).of_stream(&names(stage, &full)));
        }
        Ok(Ended::Complete)
    }

    /// Removes the entry of what is gone from the store.
    pub(super) fn gone(&mut self, stage: &mut Stage<'_>, gone: Aside) {
        let what = match gone {
            Aside::Id(id) => format!("record {id} was set aside, and has since been deleted from the store"),
            Aside::Gap { above, below, .. } => format!("no more records are set aside between {above} and {below}"),
            Aside::Again { .. } => return,
        };
        self.log.info(Some(stage.group.name()), &what);
        stage.takers.change_aside(&stage.takers.reading(), |entries| entries.remove(gone));
        self.note_aside(stage, &stage.takers.reading());
    }

    /// Removes the entry of a record that has come, except for the members for which it could not be written. If it comes from a gap, the part of the gap
    /// before it has come, too.
    pub(super) fn came(&mut self, stage: &Stage<'_>, row: &Row, unwritten: &[(usize, Failure)]) {
        if !stage.takers.is_aside(row) {
            return;
        }
        let all = stage.takers.reading();
        let written: Vec<usize> =
            all.iter().copied().filter(|member| unwritten.iter().all(|(place, _)| place != member)).collect();
        stage.takers.change_aside(&written, |entries| entries.remove(row.aside()));
        // Where it could not be written, an entry of its own stands for it.
        stage.takers.change_aside(&all, |entries| row.was_aside.into_iter().for_each(|gap| entries.shorten(gap, row.id)));
        self.note_aside(stage, &all);
    }

    /// Notes in the state what is aside for some members.
    pub(super) fn note_aside(&mut self, stage: &Stage<'_>, members: &[usize]) {
        for place in members {
            if let Some(member) = stage.group.members.get(*place) {
                self.state.note_aside(member.stream, stage.takers.aside_of(*place).as_slice());
            }
        }
    }
}

/// What messages call some members: the group's name if they are all.
fn names(stage: &Stage<'_>, members: &[usize]) -> String {
    if members == stage.takers.reading() {
        return stage.group.name().to_owned();
    }
    let names = members.iter().filter_map(|member| stage.group.members.get(*member)).map(|member| member.stream.name);
    names.collect::<Vec<_>>().join(", ")
}
