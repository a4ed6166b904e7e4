//! `--state-file`: the last STATE that a target has kept, together with the name of its store.

use crate::files;
use serde_json::{Map, Value};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tap_bigcommerce::files::{Readers, probe, replace};
use tap_bigcommerce::{Failure, Kind, Result, SinkError};

/// The key of the store's name, next to `bookmarks`: the file stays a state that every Singer tap reads.
const STORE: &str = "tap_bigcommerce_store";

/// A state from a file, and the store that it is bound to, if it is bound to one.
#[derive(Debug, PartialEq)]
pub(crate) struct Given {
    pub(crate) state: String,
    store: Option<Value>,
}

impl Given {
    /// Reads a file that must be there.
    pub(crate) fn read(file: &Path) -> Result<Given> {
        let text = files::text(file, Kind::State)?;
        let Ok(mut state) = serde_json::from_str::<Map<String, Value>>(&text) else {
            return Ok(Given { state: text, store: None });
        };
        Ok(match state.shift_remove(STORE) {
            // Not written by this program, so its text is left as it is.
            None => Given { state: text, store: None },
            store => Given { state: Value::Object(state).to_string(), store },
        })
    }

    /// Reads a file that is not there before the first run, and makes sure that it can be replaced.
    pub(crate) fn resume(file: &Path) -> Result<Option<Given>> {
        let name = file.display();
        let unwritable = |fault| {
            let text = format!("the state file {name} cannot be written ({fault}); check its folder, or name another file");
            Failure::new(Kind::State, text)
        };
        if std::fs::metadata(file).is_err_and(|fault| fault.kind() == ErrorKind::NotFound) {
            return probe(file).map(|()| None).map_err(unwritable);
        }
        let given = Given::read(file).map_err(|failure| {
            let text = format!("{}; restore it, or remove it to read everything again", failure.message);
            Failure { message: text, ..failure }
        })?;
        probe(file).map(|()| Some(given)).map_err(unwritable)
    }

    /// Fails if the state is another store's.
    pub(crate) fn check(&self, file: &Path, store: &str) -> Result<()> {
        match &self.store {
            Some(bound) if bound != store => {
                let bound = bound.as_str().unwrap_or("another store");
                let text =
                    format!("{} holds the state of {bound}, and this run is for {store}; name another file", file.display());
                Err(Failure::new(Kind::State, text))
            }
            _ => Ok(()),
        }
    }
}

/// The file that a target's states go to.
#[derive(Clone, Debug)]
pub(crate) struct StateFile {
    pub(crate) file: PathBuf,
    pub(crate) store: String,
}

impl StateFile {
    /// Puts a state in the place of the one before.
    pub(crate) fn keep(&self, state: &Map<String, Value>) -> Result<(), SinkError> {
        let mut state = state.clone();
        state.insert(STORE.into(), self.store.clone().into());
        let text = format!("{}\n", Value::Object(state));
        replace(&self.file, text.as_bytes(), Readers::AsBefore).map_err(|fault| {
            let name = self.file.display();
            SinkError::new(format!(
                "the state file {name} cannot be written: {fault}; it is unchanged, so run again to resume from it"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_state_that_is_kept_comes_back_without_its_stores_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.json");
        assert_eq!(Given::resume(&file).unwrap(), None);
        let kept = StateFile { file: file.clone(), store: "https://a/stores/b".into() };
        kept.keep(json!({"bookmarks": {"orders": {}}, "more": 1}).as_object().unwrap()).unwrap();
        let given = Given::resume(&file).unwrap().unwrap();
        assert_eq!(given.state, r#"{"bookmarks":{"orders":{}},"more":1}"#);
        given.check(&file, "https://a/stores/b").unwrap();
        let failure = given.check(&file, "https://a/stores/c").unwrap_err();
        assert!(failure.kind == Kind::State && failure.message.contains("stores/b"), "{failure}");
        assert_eq!(Given::read(&file).unwrap(), given);
    }

    #[test]
    fn a_state_without_a_store_is_left_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.json");
        let text = "{\"bookmarks\": {\"orders\": {\"x\": 1.50}}}";
        std::fs::write(&file, text).unwrap();
        let given = Given::resume(&file).unwrap().unwrap();
        assert_eq!(given.state, text);
        given.check(&file, "any").unwrap();
    }
}
