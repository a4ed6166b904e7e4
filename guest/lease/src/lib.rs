//! A lock in a folder, for components: WASI has neither file locks nor process ids.
//!
//! The folder has a numbered file for each holder, with the time until which it holds the lock. The file with the highest number
//! belongs to the holder. A taker creates the file with the next number, which only one of several takers can do. A holder that
//! is still alive writes a later time; one that ends writes that the lock is free; if one was killed, its time runs out.
//!
//! The two highest files are never removed, so no number is given out again: a taker that was slow finds the number taken, or a higher one.
//!
//! The times are those of this machine's clock. Two machines that share a folder need clocks that agree.
#![deny(unsafe_code)]

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The longest lease.
pub const LONGEST: Duration = Duration::from_secs(2 * 60 * 60);
/// How much later than its lease a time may be, because it is written in whole seconds. A later time comes from a wrong clock.
const ROUNDING: Duration = Duration::from_secs(2);
/// The time is written again after this fraction of the lease: an eighth.
const RENEWALS: u32 = 8;

/// The lock, held.
#[derive(Debug)]
pub struct Lease {
    folder: PathBuf,
    number: u64,
    length: Duration,
    written: SystemTime,
}

/// What came of an attempt to take the lock.
#[derive(Debug)]
pub enum Claim {
    /// It is taken.
    Taken(Lease),
    /// Someone else holds it.
    Held {
        /// For so long, if its holder does not renew it.
        left: Duration,
    },
}

impl Lease {
    /// Takes the lock for so long, if nobody holds it. The folder is created if it is missing.
    pub fn take(folder: &Path, length: Duration) -> io::Result<Claim> {
        let length = length.min(LONGEST);
        fs::create_dir_all(folder)?;
        let newest = newest(folder)?;
        if let Some(number) = newest {
            let left = left(&folder.join(number.to_string()), length)?;
            if !left.is_zero() {
                return Ok(Claim::Held { left });
            }
        }
        let number = newest.unwrap_or(0).checked_add(1).ok_or_else(|| io::Error::other("the lock's numbers are used up"))?;
        claim(folder, number, length)
    }

    /// Extends the lock to its whole length from now. False if it had expired, and someone else has taken it. Frequent calls cost
    /// almost nothing.
    pub fn renew(&mut self) -> io::Result<bool> {
        let now = SystemTime::now();
        // If the clock was set back there is no duration, and the time in the file is wrong, so it is written again.
        if now.duration_since(self.written).is_ok_and(|since| since < self.length / RENEWALS) {
            return Ok(true);
        }
        if newest(&self.folder)? != Some(self.number) {
            return Ok(false);
        }
        self.write(now)?;
        Ok(newest(&self.folder)? == Some(self.number))
    }

    /// The number of its file. No two holders have the same one.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Gives the lock back.
    pub fn release(self) -> io::Result<()> {
        match write(&self.folder, self.number, 0) {
            // Others have had the lock since, and removed the file.
            Err(fault) if fault.kind() == ErrorKind::NotFound => Ok(()),
            written => written,
        }
    }

    fn write(&mut self, now: SystemTime) -> io::Result<()> {
        self.written = now;
        write(&self.folder, self.number, seconds(now + self.length))
    }
}

/// Creates the file with this number, and holds the lock if it is the highest one.
fn claim(folder: &Path, number: u64, length: Duration) -> io::Result<Claim> {
    let path = folder.join(number.to_string());
    match File::create_new(&path) {
        Ok(_) => {}
        Err(fault) if fault.kind() == ErrorKind::AlreadyExists => return Ok(Claim::Held { left: left(&path, length)? }),
        Err(fault) => return Err(fault),
    }
    let mut lease = Lease { folder: folder.to_owned(), number, length, written: SystemTime::now() };
    if let Err(fault) = lease.write(SystemTime::now()) {
        // If the file cannot be removed either, it holds the lock until it expires, like that of a killed holder.
        let _ = fs::remove_file(&path);
        return Err(fault);
    }
    let other = match newest(folder)? {
        Some(newest) if newest != number => newest,
        // The previous holder may have renewed the lock since the taker looked. From now on it finds this file, and gives up.
        _ => number - 1,
    };
    let left = match left(&folder.join(other.to_string()), length) {
        Err(fault) if fault.kind() == ErrorKind::NotFound => Duration::ZERO,
        left => left?,
    };
    if other > number || !left.is_zero() {
        fs::remove_file(&path)?;
        return Ok(Claim::Held { left });
    }
    remove_older(folder, number)?;
    Ok(Claim::Taken(lease))
}

/// Writes a time over the one in a file. All times have the same length, so this works even on a full disk.
fn write(folder: &Path, number: u64, until: u64) -> io::Result<()> {
    let mut file = File::options().write(true).open(folder.join(number.to_string()))?;
    file.write_all(format!("{until:020}\n").as_bytes())
}

/// How much longer the holder with this file has the lock.
fn left(path: &Path, length: Duration) -> io::Result<Duration> {
    let now = seconds(SystemTime::now());
    let text = fs::read_to_string(path)?;
    let until = match text.trim().parse::<u64>() {
        Ok(until) => until,
        // It was created, and the time is not in it yet.
        Err(_) => seconds(fs::metadata(path)?.modified()? + length),
    };
    let left = Duration::from_secs(until.saturating_sub(now));
    Ok(if left > LONGEST + ROUNDING { Duration::ZERO } else { left })
}

/// The highest number in the folder.
fn newest(folder: &Path) -> io::Result<Option<u64>> {
    Ok(numbers(folder)?.into_iter().max())
}

fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        numbers.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u64>().ok()));
    }
    Ok(numbers)
}

/// Removes all files but those of this holder and the one before it.
fn remove_older(folder: &Path, number: u64) -> io::Result<()> {
    for older in numbers(folder)?.into_iter().filter(|older| older.saturating_add(1) < number) {
        match fs::remove_file(folder.join(older.to_string())) {
            Err(fault) if fault.kind() != ErrorKind::NotFound => return Err(fault),
            _ => {}
        }
    }
    Ok(())
}

/// Since 1970, rounded up: a time that has just been written is not over.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    const LENGTH: Duration = Duration::from_secs(600);

    fn taken(folder: &Path) -> Option<Lease> {
        match Lease::take(folder, LENGTH).unwrap() {
            Claim::Taken(lease) => Some(lease),
            Claim::Held { left } => {
                assert!(!left.is_zero() && left <= LENGTH + Duration::from_secs(1), "{left:?}");
                None
            }
        }
    }

    fn let_it_run_out(folder: &Path, number: u64) {
        write(folder, number, seconds(SystemTime::now()) - 1).unwrap();
    }

    #[test]
    fn one_holds_the_lock_until_it_gives_it_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = taken(folder.path()).unwrap();
        assert!(taken(folder.path()).is_none() && first.renew().unwrap());
        first.release().unwrap();
        assert!(taken(folder.path()).is_some());
        assert!(taken(folder.path()).is_none());
    }

    #[test]
    fn a_holder_that_renews_while_it_is_taken_over_keeps_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let mut holder = taken(folder.path()).unwrap();
        let_it_run_out(folder.path(), holder.number);
        // A taker has found that the time is over. Before it creates its file, the holder wakes up.
        holder.write(SystemTime::now()).unwrap();
        assert!(matches!(claim(folder.path(), holder.number + 1, LENGTH).unwrap(), Claim::Held { .. }));
        assert!(holder.renew().unwrap() && newest(folder.path()).unwrap() == Some(holder.number));
    }

    #[test]
    fn a_lock_whose_time_has_run_out_is_taken_over_and_its_holder_finds_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut killed = taken(folder.path()).unwrap();
        let_it_run_out(folder.path(), killed.number);
        let mut next = taken(folder.path()).unwrap();
        killed.written = SystemTime::UNIX_EPOCH;
        assert!(!killed.renew().unwrap() && next.renew().unwrap());
        killed.release().unwrap();
        assert!(taken(folder.path()).is_none(), "what the first one gives back is not the lock");
    }

    #[test]
    fn a_holder_that_is_slow_keeps_a_lock_that_nobody_has_taken() {
        let folder = tempfile::tempdir().unwrap();
        let mut slow = taken(folder.path()).unwrap();
        let_it_run_out(folder.path(), slow.number);
        slow.written = SystemTime::UNIX_EPOCH;
        assert!(slow.renew().unwrap() && taken(folder.path()).is_none());
    }

    #[test]
    fn of_many_takers_at_once_one_gets_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        for round in 1..=50 {
            let start = Barrier::new(8);
            let winners: Vec<Lease> = std::thread::scope(|scope| {
                let takers: Vec<_> = (0..8)
                    .map(|_| {
                        scope.spawn(|| {
                            start.wait();
                            taken(folder.path())
                        })
                    })
                    .collect();
                takers.into_iter().filter_map(|taker| taker.join().unwrap()).collect()
            });
            assert_eq!(winners.iter().map(|lease| lease.number).collect::<Vec<_>>(), [round]);
            let_it_run_out(folder.path(), round);
        }
        assert!(fs::read_dir(folder.path()).unwrap().count() <= 2, "old files are removed");
    }

    #[test]
    fn a_taker_that_decided_long_ago_does_not_get_a_lock_that_others_have_had_since() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..5 {
            taken(folder.path()).unwrap().release().unwrap();
        }
        let holder = taken(folder.path()).unwrap();
        for number in 1..=holder.number {
            let claim = claim(folder.path(), number, LENGTH).unwrap();
            assert!(matches!(claim, Claim::Held { .. }), "{number}");
        }
        assert!(taken(folder.path()).is_none());
    }

    #[test]
    fn a_file_without_a_time_holds_the_lock_for_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("7");
        File::create(&path).unwrap();
        assert!(taken(folder.path()).is_none());
        File::options().write(true).open(&path).unwrap().set_modified(SystemTime::now() - LENGTH * 2).unwrap();
        assert_eq!(taken(folder.path()).unwrap().number, 8);
    }

    #[test]
    fn a_time_from_a_wrong_clock_does_not_block_the_lock_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        taken(folder.path()).unwrap();
        for (number, ahead) in [(1, LONGEST + ROUNDING + LENGTH), (2, Duration::from_secs(1 << 40))] {
            write(folder.path(), number, seconds(SystemTime::now() + ahead)).unwrap();
            assert!(taken(folder.path()).is_some());
        }
    }
}
