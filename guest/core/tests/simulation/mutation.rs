//! Changes to the shop: from a planned one to what it does, to the store and, later, to its replica.

use crate::journal::stamp;
use crate::scenario::{Change, What};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde_json::Value;
use tap_bigcommerce_sandbox::{Kind, Store};

/// One record's change. Applied to two stores that are alike, it leaves them alike.
#[derive(Clone, Debug)]
pub(crate) struct Mutation {
    pub(crate) kind: Kind,
    /// None: the record is created.
    pub(crate) id: Option<u64>,
    what: What,
    /// The date of the change, in whole seconds as the API's dates are.
    at: DateTime<Utc>,
    /// Picks a row.
    which: u64,
    version: u64,
}

impl Mutation {
    /// What a planned change does to the store as it now is. Each one takes a version from `versions`.
    pub(crate) fn plan(
        change: &Change,
        store: &Store,
        now: DateTime<Utc>,
        versions: &mut impl Iterator<Item = u64>,
    ) -> Vec<Mutation> {
        let (kind, creates) = match change.what {
            What::Create(kind) => (kind, true),
            What::Edit(kind) | What::Delete(kind) => (kind, false),
            What::Archive | What::AddLines(_) | What::RemoveLine => (Kind::ORDERS, false),
        };
        let ids: Vec<u64> = store.ids(kind).collect();
        let many = if creates { change.records } else { change.records.min(ids.len() as u64) };
        let at = (now - TimeDelta::seconds(change.slow)).trunc_subsecs(0);
        let one = |(place, version): (u64, u64)| Mutation {
            kind,
            id: (!creates).then(|| ids[((change.which + place) % ids.len() as u64) as usize]),
            what: change.what,
            at,
            which: change.which,
            version,
        };
        (0..many).zip(versions).map(one).collect()
    }

    /// Changes the store; gives the record's id.
    pub(crate) fn apply(&self, store: &mut Store) -> u64 {
        let id = self.id.unwrap_or_else(|| store.create(self.kind, self.at));
        match self.what {
            What::Delete(_) => {
                store.delete(self.kind, id);
                return id;
            }
            What::AddLines(lines) => drop(store.add_lines(id, lines, self.at)),
            _ => {}
        }
        store.edit(self.kind, id, self.at, |record| {
            match self.what {
                What::Archive => drop(record.fields.insert("is_deleted".to_owned(), Value::from(true))),
                What::RemoveLine => {
                    if let Some(lines) = record.parts.get_mut("products").and_then(Value::as_array_mut).filter(|l| !l.is_empty())
                    {
                        lines.remove((self.which % lines.len() as u64) as usize);
                    }
                }
                _ => {}
            }
            stamp(self.kind, record, self.version);
        });
        id
    }

    /// Whether it takes rows out of the record.
    pub(crate) fn tears(&self) -> bool {
        matches!(self.what, What::RemoveLine)
    }
}

impl std::fmt::Display for Mutation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (what, kind) = (&self.what, self.kind);
        let id = self.id.map_or_else(|| "new".to_owned(), |id| id.to_string());
        write!(f, "{what:?}: {kind:?} {id} gets version {} dated {}", self.version, self.at.format("%F %T"))
    }
}
