//! Cuts a body that comes in parts into its lines, and gathers lines into batches.

use anyhow::{Result, bail};

/// A longer line is an error. The limit is the same as the program's.
pub(crate) const MOST_LINE: usize = 64 << 20;
/// A batch is sent when it has grown to this many bytes.
const BATCH: usize = 256 << 10;

/// The part of a body that has come and is not processed yet.
#[derive(Default)]
pub(crate) struct Lines {
    bytes: Vec<u8>,
    /// The first byte that is not used.
    start: usize,
    /// Up to here there is no line end.
    searched: usize,
}

impl Lines {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line, with its end.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>> {
        let end = self.bytes[self.searched..].iter().position(|byte| *byte == b'\n').map(|place| self.searched + place + 1);
        self.searched = end.unwrap_or(self.bytes.len());
        if self.searched - self.start > MOST_LINE {
            bail!("the edge sent a line of more than {MOST_LINE} bytes; check that EDGE_URL is the tap's edge interface");
        }
        Ok(end.map(|end| &self.bytes[std::mem::replace(&mut self.start, end)..end]))
    }

    /// Whether a part of a line is left.
    pub(crate) fn has_rest(&self) -> bool {
        self.start < self.bytes.len()
    }
}

/// Lines that are sent together.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) lines: u64,
}

impl Batch {
    pub(crate) fn add(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.lines += 1;
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= BATCH
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.lines = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_as_they_went_in_wherever_the_parts_are_cut() {
        let body = b"one\n\ntwo and more\nthree";
        for size in 1..=body.len() {
            let (mut lines, mut whole) = (Lines::default(), Vec::new());
            for part in body.chunks(size) {
                lines.push(part);
                while let Some(line) = lines.next().unwrap() {
                    whole.push(line.to_owned());
                }
            }
            assert_eq!(whole, [&b"one\n"[..], b"\n", b"two and more\n"], "parts of {size}");
            assert!(lines.has_rest());
        }
    }

    #[test]
    fn a_line_without_an_end_is_an_error_before_it_fills_the_memory() {
        let mut lines = Lines::default();
        let part = vec![b'x'; MOST_LINE / 4];
        for _ in 0..4 {
            lines.push(&part);
            assert!(lines.next().unwrap().is_none());
        }
        lines.push(b"x");
        assert!(lines.next().is_err());
    }
}
