//! Records that the store cannot serve: named in the STATE, and asked for again before each new walk.

use super::{Ended, Run, Stage};
use crate::api::{Clock, Transport};
use crate::aside::{Aside, MOST_ASIDE};
use crate::error::{Failure, Kind, Result};
use crate::group::Group;
use crate::leftovers::{Asker, Leftovers};
use crate::log::Level;
use crate::progress::{Progress, Starts};
use crate::singer::message::Sink;
use crate::walk::Row;
use std::rc::Rc;

impl<T: Transport, C: Clock, S: Sink> Run<'_, T, C, S> {
    /// What any of the group's streams has set aside.
    pub(super) fn aside(&self, group: &Group) -> Result<Vec<Aside>> {
        let mut aside: Vec<Aside> = Vec::new();
        for member in &group.members {
            for entry in self.state.aside(member.stream)? {
                if !aside.contains(&entry) {
                    aside.push(entry);
                }
            }
        }
        Ok(aside)
    }

    /// Asks once for what is set aside. A limit of the run that is reached meanwhile ends it, unless the run has not advanced yet.
    pub(super) async fn leftovers(&mut self, stage: &mut Stage<'_>) -> Result<Ended> {
        if stage.aside.is_empty() {
            return Ok(Ended::Complete);
        }
        let (group, config) = (stage.group, self.config.clone());
        let asker = Asker {
            gate: self.gate,
            stream: group.name(),
            list: group.list,
            includes: &group.includes,
            channels: group.channels.as_ref(),
            page_size: config.page_size,
        };
        let asked = Rc::default();
        let source = Leftovers::new(asker, self.log.clone(), self.fan_out(true), &stage.aside, Rc::clone(&asked));
        let before = stage.aside.clone();
        let walk = std::mem::replace(&mut stage.progress, Progress::new(Starts::new(), &group.selection));
        stage.is_leftover = true;
        let ended = self.read(stage, source).await;
        stage.progress = walk;
        let ended = ended?;
        let has_come = stage.aside != before;
        // What has not had its turn because of a limit is first in the next run.
        let had_its_turn = |entry: &&Aside| before.iter().take(asked.get()).any(|asked| asked == *entry);
        let stayed = stage.aside.iter().take_while(had_its_turn).count();
        if 0 < stayed && stayed < stage.aside.len() {
            stage.aside.rotate_left(stayed);
            self.note_aside(stage);
        }
        for entry in &stage.aside {
            let text = format!("{}: still set aside, because the store could not serve it again: {entry}", group.name());
            self.log.write(Level::Warning, &text);
        }
        match ended {
            // What stays aside although it was written must not keep the walk from its turn.
            Ended::AtLimit if self.has_records_enough() && has_come => Ok(Ended::AtLimit),
            _ => Ok(Ended::Complete),
        }
    }

    /// Sets something aside, so that the walk can pass it.
    pub(super) fn set_aside(&mut self, stage: &mut Stage<'_>, aside: Aside, why: &Failure) -> Result<()> {
        let name = stage.group.name();
        if !aside.join(&mut stage.aside) {
            // A stream that is new in the group may not have it yet.
            self.note_aside(stage);
            return Ok(());
        }
        if stage.aside.len() > MOST_ASIDE {
            let text = format!(
                "the store cannot serve more than {MOST_ASIDE} records or ranges of them; the last is {aside}: {}. Look at the store, then run again",
                why.message
            );
            return Err(Failure::new(Kind::Api, text).of_stream(name));
        }
        let text = format!("{name}: set aside until the next run: {aside} ({})", why.message);
        self.log.write(Level::Warning, &text);
        self.note_aside(stage);
        Ok(())
    }

    /// Takes back what is gone from the store.
    pub(super) fn gone(&mut self, stage: &mut Stage<'_>, gone: Aside) {
        let what = match gone {
            Aside::Id(id) => format!("record {id} was set aside, and has since been deleted from the store"),
            Aside::Gap { above, below } => format!("nothing more is aside between {above} and {below}"),
        };
        self.log.write(Level::Info, &format!("{}: {what}", stage.group.name()));
        self.settle(stage, gone);
    }

    fn settle(&mut self, stage: &mut Stage<'_>, settled: Aside) {
        let before = stage.aside.len();
        stage.aside.retain(|entry| match (entry, settled) {
            // A gap that begins higher up lies in the one that was asked for.
            (Aside::Gap { above, below }, Aside::Gap { above: from, below: to }) => *below != to || *above < from,
            (entry, settled) => *entry != settled,
        });
        if stage.aside.len() < before {
            self.note_aside(stage);
        }
    }

    /// Takes back a record that has come. Of the gap that it comes from, what lies before it has come, too.
    pub(super) fn came(&mut self, stage: &mut Stage<'_>, row: &Row) {
        self.settle(stage, Aside::Id(row.id));
        let Some(Aside::Gap { above: from, below: to }) = row.was_aside else { return };
        for entry in &mut stage.aside {
            if let Aside::Gap { above, below } = entry
                && (*below == to && from <= *above && *above < row.id)
            {
                *above = row.id;
            }
        }
        stage
            .aside
            .retain(|entry| !matches!(entry, Aside::Gap { above, below } if *below == to && *below <= above.saturating_add(1)));
        self.note_aside(stage);
    }

    /// Notes in the state what is aside, for the streams that the walk reads for: what another has not taken stays aside for it.
    fn note_aside(&mut self, stage: &Stage<'_>) {
        let members = stage.group.members.iter().enumerate();
        for (_, member) in members.filter(|(place, _)| stage.takers.reads_for(*place)) {
            self.state.set_aside(member.stream, &stage.aside);
        }
    }
}
