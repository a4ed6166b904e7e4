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

/// The stretches of a file, in their order. Empty: no line has a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct Lines(Vec<Stretch>);

/// What stays of a file once the next STATE has removed what is gone.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// Where it is in the file as it is now.
    pub(super) places: Vec<Range<u64>>,
    /// How long it is.
    pub(super) length: u64,
    pub(super) lines: Lines,
}

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

    /// The lines that end here are gone, except those of this version.
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

    /// What stays of a file of this length; none if nothing is gone.
    pub(super) fn rest(&self, length: u64) -> Option<Rest> {
        if !self.0.iter().any(|stretch| stretch.is_gone) {
            return None;
        }
        let mut rest = Rest::default();
        let ends = self.0.iter().skip(1).map(|next| next.from).chain([length]);
        for (stretch, end) in self.0.iter().zip(ends).filter(|(stretch, _)| !stretch.is_gone) {
            rest.lines.add(rest.length, stretch.version);
            rest.places.push(stretch.from..end);
            rest.length += end - stretch.from;
        }
        Some(rest)
    }
}
