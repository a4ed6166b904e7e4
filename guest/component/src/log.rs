//! Log lines, to the embedder's stderr.

use std::io::Write;
use tap_bigcommerce_core::log::{Level, Log};

/// Writes `LEVEL text` lines, as singer-python does.
#[derive(Debug)]
pub(crate) struct Stderr;

impl Log for Stderr {
    fn write(&self, level: Level, text: &str) {
        // Where there is no place for the log, the messages go on.
        let _ = writeln!(std::io::stderr(), "{level} {text}");
    }
}
