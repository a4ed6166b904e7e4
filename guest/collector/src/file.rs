//! Appends a batch to a file, as a whole or not at all.
//!
//! A host may serve two requests at once, each in its own instance, and a batch is written in parts. So an instance holds the
//! file's lock while it appends. If an instance is killed in the middle of a line, the partial line is removed before the next
//! batch: its caller got no response and sends the batch again.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;
use tap_bigcommerce_lease::{Claim, Lease};

/// How long the lock of a killed instance blocks the others. It is renewed while a batch is being written.
const LEASE: Duration = Duration::from_secs(20);
/// Bytes per write.
const PART: usize = 1 << 20;
/// Bytes per read when looking for the last line end.
const STEP: u64 = 64 << 10;

#[derive(Debug)]
pub(crate) enum Fault {
    /// Another instance holds the lock.
    Busy,
    /// Most likely the disk is full.
    Full(io::Error),
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(fault: io::Error) -> Fault {
        let is_full = matches!(fault.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge);
        if is_full || is_failed_write(&fault) { Fault::Full(fault) } else { Fault::Io(fault) }
    }
}

/// Under WASI a write goes through a stream, which reports a full disk and a broken one alike: EIO.
fn is_failed_write(fault: &io::Error) -> bool {
    const EIO: i32 = 29;
    cfg!(target_os = "wasi") && fault.raw_os_error() == Some(EIO)
}

/// Whether this may be the name of a file: no path, nothing hidden, and the same on every file system.
pub(crate) fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| is_plain(byte) || byte == b'-' || byte == b'_')
        && name.bytes().next().is_some_and(is_plain)
}

/// Appends a batch of whole lines to `NAME.jsonl` in the folder.
pub(crate) fn append(folder: &Path, name: &str, batch: &[u8]) -> Result<(), Fault> {
    let mut lease = match Lease::take(&folder.join(".locks").join(name), LEASE)? {
        Claim::Taken(lease) => lease,
        Claim::Held { .. } => return Err(Fault::Busy),
    };
    let appended = open(folder, name).map_err(Fault::from).and_then(|(mut file, end)| {
        let written = write(&mut file, batch, &mut lease);
        // Truncate only while still holding the lock: if the write outlasted it, another instance may have appended since.
        if written.is_err() && lease.renew()? {
            file.set_len(end)?;
        }
        written
    });
    // A lock that is not released expires; the result of the append is the same.
    let _ = lease.release();
    appended
}

/// Opens the file, cut off after its last complete line, and returns where that line ends.
fn open(folder: &Path, name: &str) -> io::Result<(File, u64)> {
    let path = folder.join(format!("{name}.jsonl"));
    let mut file = File::options().read(true).append(true).create(true).open(path)?;
    let length = file.metadata()?.len();
    let end = last_end(&mut file, length)?;
    if end < length {
        file.set_len(end)?;
    }
    Ok((file, end))
}

/// Where the last line end in a file of this length is; 0 if there is none.
fn last_end(file: &mut File, length: u64) -> io::Result<u64> {
    let mut before = length;
    while before > 0 {
        let from = before.saturating_sub(STEP);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from))?;
        file.take(before - from).read_to_end(&mut bytes)?;
        if let Some(place) = bytes.iter().rposition(|byte| *byte == b'\n') {
            return Ok(from + place as u64 + 1);
        }
        before = from;
    }
    Ok(0)
}

fn write(file: &mut File, batch: &[u8], lease: &mut Lease) -> Result<(), Fault> {
    for part in batch.chunks(PART) {
        // This instance was suspended, its lock expired, and another one has taken it.
        if !lease.renew()? {
            return Err(Fault::Busy);
        }
        file.write_all(part)?;
    }
    file.sync_data()?;
    // If the last part took too long, another instance may have removed the start of it.
    if lease.renew()? { Ok(()) } else { Err(Fault::Busy) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(folder: &Path) -> String {
        std::fs::read_to_string(folder.join("shop.jsonl")).unwrap()
    }

    #[test]
    fn batches_follow_each_other() {
        let folder = tempfile::tempdir().unwrap();
        append(folder.path(), "shop", b"1\n2\n").unwrap();
        append(folder.path(), "shop", b"").unwrap();
        append(folder.path(), "shop", b"3\n").unwrap();
        assert_eq!(text(folder.path()), "1\n2\n3\n");
    }

    #[test]
    fn a_line_without_an_end_is_removed_before_the_next_batch() {
        let folder = tempfile::tempdir().unwrap();
        let torn = "x".repeat(3 * STEP as usize);
        for (left, kept) in [(format!("1\n2\n{torn}"), "1\n2\n"), (torn.clone(), "")] {
            std::fs::write(folder.path().join("shop.jsonl"), left).unwrap();
            append(folder.path(), "shop", b"3\n").unwrap();
            assert_eq!(text(folder.path()), format!("{kept}3\n"));
        }
    }

    #[test]
    fn two_at_once_do_not_mix() {
        let folder = tempfile::tempdir().unwrap();
        let batch = |letter: char| format!("{}\n", letter.to_string().repeat(1 << 16)).repeat(40);
        let taken: Vec<bool> = std::thread::scope(|scope| {
            let append = |letter| append(folder.path(), "shop", batch(letter).as_bytes());
            let writers: Vec<_> = ('a'..='h').map(|letter| scope.spawn(move || append(letter))).collect();
            let ended = writers.into_iter().map(|writer| writer.join().unwrap());
            ended.map(|ended| ended.map_or_else(|fault| !matches!(fault, Fault::Busy), |()| true)).collect()
        });
        let text = text(folder.path());
        assert_eq!(text.lines().count(), 40 * taken.iter().filter(|taken| **taken).count());
        let is_whole = |line: &str| line.len() == 1 << 16 && line.chars().all(|letter| line.starts_with(letter));
        assert!(taken.contains(&true) && text.lines().all(is_whole));
    }

    #[test]
    fn a_name_is_no_path() {
        for good in ["shop", "0", "a-b_c", &"a".repeat(64)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", ".", "..", ".locks", "a/b", "a.b", "A", "-a", "_a", "a\\b", "%2e%2e", "ä", "a b", &"a".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
