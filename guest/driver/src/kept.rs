//! The last STATE, in a file of the folder. A new one replaces it as a whole.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

const FILE: &str = "state.json";
/// The prefix of the file that a new state is written to, before it replaces the old one. The lock's number follows, so that a
/// driver that has lost its lock does not write into another driver's file.
const UNFINISHED: &str = "state.json.";
/// The edge accepts no larger state.
const MOST: u64 = 8 << 20;

pub(crate) struct Kept {
    folder: PathBuf,
    unfinished: PathBuf,
    state: Option<Box<RawValue>>,
}

impl Kept {
    /// Reads what an earlier run has kept. `number` is that of the lock.
    pub(crate) fn open(folder: &Path, number: u64) -> Result<Kept> {
        remove_unfinished(folder).with_context(|| format!("the folder {} cannot be cleaned up", folder.display()))?;
        let path = folder.join(FILE);
        let named = path.display();
        let text = match File::open(&path) {
            Ok(file) => {
                let mut text = String::new();
                file.take(MOST + 1).read_to_string(&mut text).with_context(|| format!("{named} cannot be read"))?;
                Some(text)
            }
            Err(fault) if fault.kind() == ErrorKind::NotFound => None,
            Err(fault) => return Err(fault).context(format!("{named} cannot be opened")),
        };
        let kept = |state| Kept { folder: folder.to_owned(), unfinished: folder.join(format!("{UNFINISHED}{number}")), state };
        let Some(text) = text else { return Ok(kept(None)) };
        let advice = "put the last STATE there, or remove the file to read the store from its start";
        if text.len() as u64 > MOST {
            bail!("{named} has more than {MOST} bytes and is not a STATE: {advice}");
        }
        let state: Box<RawValue> = serde_json::from_str(&text).with_context(|| format!("{named} is not JSON: {advice}"))?;
        if !state.get().starts_with('{') {
            bail!("{named} is not a JSON object: {advice}");
        }
        Ok(kept(Some(state)))
    }

    pub(crate) fn state(&self) -> Option<&RawValue> {
        self.state.as_deref()
    }

    /// Replaces the kept state. If this is interrupted at any point, either the old or the new state is there, complete.
    pub(crate) fn keep(&mut self, state: &RawValue) -> Result<()> {
        if self.state().is_some_and(|kept| kept.get() == state.get()) {
            return Ok(());
        }
        let advice = "the STATE cannot be kept: see that the folder is granted and has room";
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&self.unfinished)?;
            file.write_all(state.get().as_bytes())?;
            file.sync_all()?;
            drop(file);
            fs::rename(&self.unfinished, self.folder.join(FILE))
        };
        write().context(advice)?;
        self.state = Some(state.to_owned());
        Ok(())
    }

    fn value(&self) -> Value {
        self.state().and_then(|state| serde_json::from_str(state.get()).ok()).unwrap_or_default()
    }

    /// Whether the run that wrote the state had read everything. If not, the state names the next stream.
    pub(crate) fn is_finished(&self) -> bool {
        self.state.is_some() && self.value()["currently_syncing"].is_null()
    }

    /// How many entries each stream has set aside.
    pub(crate) fn aside(&self) -> Vec<(String, usize)> {
        let value = self.value();
        let bookmarks = value["bookmarks"].as_object().into_iter().flatten();
        let counts = bookmarks.filter_map(|(stream, bookmark)| Some((stream.clone(), bookmark["aside"].as_array()?.len())));
        counts.filter(|(_, count)| *count > 0).collect()
    }
}

/// Removes the files of drivers that were killed while they wrote.
fn remove_unfinished(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(UNFINISHED)).map(str::parse::<u64>);
        if matches!(number, Some(Ok(_))) {
            fs::remove_file(folder.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_state_is_kept_as_it_came() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = Kept::open(folder.path(), 7).unwrap();
        assert!(kept.state().is_none() && !kept.is_finished());
        for text in [r#"{"bookmarks": {}, "currently_syncing": "orders"}"#, r#"{"bookmarks":{"orders":{"n":1.00}}}"#] {
            kept.keep(&raw(text)).unwrap();
            let again = Kept::open(folder.path(), 7).unwrap();
            assert_eq!(again.state().unwrap().get(), text);
            assert_eq!(again.is_finished(), !text.contains("currently"));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_driver_has_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["state.json.6", "state.json.old", "other"] {
            fs::write(folder.path().join(name), "{").unwrap();
        }
        assert!(Kept::open(folder.path(), 7).unwrap().state().is_none());
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["other", "state.json.old"]);
    }

    #[test]
    fn what_is_set_aside_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = Kept::open(folder.path(), 7).unwrap();
        kept.keep(&raw(r#"{"bookmarks":{"orders":{"aside":[7,{"above":1,"below":4}]},"coupons":{"aside":[]},"x":3}}"#)).unwrap();
        assert_eq!(kept.aside(), [("orders".to_owned(), 2)]);
    }

    #[test]
    fn what_is_no_state_is_refused() {
        for text in ["", "{", "[]", "3", "{} {}"] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(FILE), text).unwrap();
            let why = format!("{:#}", Kept::open(folder.path(), 7).err().unwrap());
            assert!(why.contains(FILE) && why.contains("remove the file"), "{why}");
        }
    }
}
