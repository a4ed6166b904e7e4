//! Log lines, to the embedder's stderr.

use tap_bigcommerce_core::log::{Level, Log};

/// Writes `LEVEL text` lines, as singer-python does.
#[derive(Debug)]
pub(crate) struct Stderr;

impl Log for Stderr {
    fn write(&self, level: Level, text: &str) {
        eprintln!("{level} {text}");
    }
}
