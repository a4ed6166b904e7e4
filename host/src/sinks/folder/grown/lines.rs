//! Which lines of a file are of which version.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Lines of one version, up to the next stretch or to the file's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Stretch {
    /// Where the first of them begins.
    from: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// The next STATE removes them.
    #[serde(skip)]
    is_gone: bool,
}

/// The stretches of a file behind its header, in their order. Empty: no line has a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct Lines(Vec<Stretch>);

impl Lines {
    pub(super) fn have_versions(&self) -> bool {
        self.0.iter().any(|stretch| stretch.version.is_some())
    }

    /// Whether they can be those of a file of this length.
    pub(super) fn fit(&self, length: u64) -> bool {
        let starts = self.0.iter().map(|stretch| stretch.from);
        starts.clone().next().is_none_or(|first| first == 0) && starts.chain([length]).is_sorted_by(|one, next| one < next)
    }

    /// A line of this version begins here.
    pub(super) fn add(&mut self, from: u64, version: Option<u64>) {
        self.begin(from);
        if self.0.last().is_none_or(|last| last.is_gone || last.version != version) {
            self.0.push(Stretch { from, version, is_gone: false });
        }
    }

    /// Marks all lines up to here as gone, except those of this version.
    pub(super) fn activate(&mut self, end: u64, version: u64) {
        self.begin(end);
        self.0.iter_mut().for_each(|stretch| stretch.is_gone |= stretch.version != Some(version));
    }

    /// Lines from a time without versions are a stretch, too.
    fn begin(&mut self, end: u64) {
        if self.0.is_empty() && end > 0 {
            self.0.push(Stretch { from: 0, version: None, is_gone: false });
        }
    }

    /// Whether the next STATE removes any.
    pub(super) fn some_are_gone(&self) -> bool {
        self.0.iter().any(|stretch| stretch.is_gone)
    }

    /// Where those that stay are in a file of this length, and their version.
    pub(super) fn rest(&mut self, length: u64) -> Vec<(Range<u64>, Option<u64>)> {
        self.begin(length);
        let ends = self.0.iter().skip(1).map(|next| next.from).chain([length]);
        let stretches = self.0.iter().zip(ends).filter(|(stretch, _)| !stretch.is_gone);
        stretches.map(|(stretch, end)| (stretch.from..end, stretch.version)).collect()
    }
}
