//! The versions of full tables. All records of a walk carry the same version. Once all rows have certainly come, ACTIVATE_VERSION
//! tells the target that rows of earlier versions are gone.

use super::{Run, Stage};
use crate::api::{Clock, Transport};
use crate::certainty::{Certainty, Uncertain};
use crate::error::Result;
use crate::group::{Group, Member};
use crate::records::Tally;
use crate::streams::{Paging, Replication, Rows};

/// What a walk continues. If it continues another walk, its records keep that version, so that the rows read before stay current.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Continues {
    /// Nothing: it reads every row, so that its version is a higher one.
    Nothing,
    /// The walk of an earlier run, from its position on.
    EarlierRun,
    /// The walk before it in this run, which was resumed.
    WalkBefore,
}

impl Stage<'_> {
    /// A new walk begins, or one that is resumed.
    pub(super) fn begin(&mut self) {
        self.read_before = self.tallies.iter().map(Tally::read).collect();
    }

    /// Something is uncertain for some members.
    pub(super) fn remark(&mut self, members: &[usize], uncertain: Uncertain) {
        for member in members.iter().filter_map(|place| self.group.members.get(*place)) {
            if let Some(known) = self.progress.certainty.get_mut(member.stream.name) {
                *known = Uncertain::now(*known, &[uncertain], false);
            }
        }
    }

    fn has_rows(&self, place: usize) -> bool {
        let counts = self.tallies.get(place).zip(self.read_before.get(place));
        counts.is_some_and(|(tally, before)| tally.read() > *before)
    }
}

impl<T: Transport, C: Clock> Run<'_, T, C> {
    /// Gives the records of each full table their version. `known` is what was certain of the walk that this one continues.
    pub(super) fn number_tables(&mut self, stage: &mut Stage<'_>, known: &Certainty, continues: Continues) -> Result<()> {
        let group = stage.group;
        stage.progress.certainty.clear();
        for (place, Member { stream, .. }) in group.members.iter().enumerate().filter(|(place, _)| stage.takers.reads_for(*place))
        {
            if !self.config.activates_versions || stream.replication != Replication::FullTable {
                continue;
            }
            let last = self.state.table_version(stream)?;
            // Without the version number a walk cannot be continued.
            let known = known.get(stream.name).copied().filter(|_| last.is_some());
            let (is_kept, uncertain) = match (continues, known) {
                (Continues::EarlierRun, Some(known)) if goes_by_page(group) => {
                    (true, Uncertain::now(known, &[Uncertain::InParts], false))
                }
                (Continues::EarlierRun, Some(known)) => (true, known),
                (Continues::EarlierRun, None) => (false, Some(Uncertain::Unversioned)),
                // It reads only a part of the table once more.
                (Continues::WalkBefore, Some(known)) if stage.progress.until_id.is_some() => (true, known),
                (Continues::WalkBefore, Some(_)) => (true, Some(Uncertain::NoRows)),
                (Continues::WalkBefore, None) | (Continues::Nothing, _) => (false, Some(Uncertain::NoRows)),
            };
            let now = u64::try_from(self.gate.clock().date().timestamp_millis()).unwrap_or(0);
            let last = last.unwrap_or(0);
            let version = if is_kept { last } else { now.max(last + 1) };
            if continues == Continues::Nothing {
                // A walk in the state belongs to the previous version.
                self.state.drop_walk(stream);
            }
            self.state.note_table_version(stream, version);
            if let Some(tally) = stage.tallies.get_mut(place) {
                tally.version = Some(version);
            }
            stage.progress.certainty.insert(stream.name.to_owned(), uncertain);
        }
        Ok(())
    }

    /// Updates what is certain or uncertain in the walk's progress.
    pub(super) fn weigh(&self, stage: &mut Stage<'_>) {
        let mut certainty = std::mem::take(&mut stage.progress.certainty);
        certainty.retain(|name, uncertain| {
            let of_name = |(place, member): &(usize, &Member)| member.stream.name == name && stage.takers.reads_for(*place);
            let Some((place, member)) = stage.group.members.iter().enumerate().find(of_name) else { return false };
            let is_wanted = |name: &str| stage.group.rows.iter().any(|rows| rows.name == name && member.wants(rows));
            let mut news = self.gate.remarks.of(is_wanted);
            news.extend(self.config.channels.of(stage.group.list.channels).map(|_| Uncertain::Channels));
            // A list inside a record does not prove how many rows there are.
            news.extend(member.stream.rows().is_some_and(Rows::is_inside).then_some(Uncertain::Uncounted));
            *uncertain = Uncertain::now(*uncertain, &news, stage.has_rows(place));
            true
        });
        stage.progress.certainty = certainty;
    }

    /// Tells the target which rows are current, for each full table of a walk that is complete and certain.
    pub(super) fn activate(&mut self, stage: &Stage<'_>) {
        for (place, (member, tally)) in stage.group.members.iter().zip(&stage.tallies).enumerate() {
            let (name, uncertain) = (member.stream.name, stage.progress.certainty.get(member.stream.name));
            let (Some(uncertain), &Tally { version: Some(version), .. }) = (uncertain, tally) else { continue };
            let is_aside = !stage.takers.aside_of(place).as_slice().is_empty();
            match uncertain.or(is_aside.then_some(Uncertain::Aside)) {
                // That the table is empty is certain if every answer says so.
                None | Some(Uncertain::NoRows) => self.output.activate_version(&member.written.name, version),
                Some(uncertain) => {
                    let text = format!(
                        "rows that are gone from the store stay in the target, because {}; the next run tries again",
                        uncertain.because()
                    );
                    self.log.info(Some(name), &text);
                }
            }
        }
    }
}

/// Whether the walk has positions that are page numbers: they mean nothing once rows have been deleted.
fn goes_by_page(group: &Group) -> bool {
    let parents = group.below.map(|above| above.parent.list());
    [Some(group.list), parents].into_iter().flatten().any(|list| list.paging == Paging::Page)
}
