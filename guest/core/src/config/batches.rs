//! The setting `batch_config`: files of records, and BATCH messages that name them. Its keys are those of the Meltano SDK.

use super::Reader;
use serde::Deserialize;
use serde_json::Value;

const KEY: &str = "batch_config";
const SIZE: u64 = 10_000;
const MOST: u64 = 1_000_000;
const LONGEST_PREFIX: usize = 64;

/// Where the files go, and how large they become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batches {
    /// The folder: an absolute path, or one from the working directory.
    pub folder: String,
    /// What each file's name begins with.
    pub prefix: String,
    /// The records in one file, at most.
    pub size: u64,
}

/// The setting, as people write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    encoding: Encoding,
    storage: Storage,
    batch_size: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Encoding {
    format: String,
    compression: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Storage {
    root: String,
    prefix: Option<String>,
}

impl Reader<'_> {
    /// The setting, if it is given and can be used.
    pub(super) fn batches(&mut self) -> Option<Batches> {
        let given = self.object(KEY)?;
        if self.boolean("emit_activate_version_messages") {
            self.faults.push(format!(
                "{KEY} and emit_activate_version_messages exclude each other: a BATCH message has no version, so a target would \
                 remove the records that it brought"
            ));
        }
        match Given::deserialize(Value::Object(given)).map_err(|fault| fault.to_string()).and_then(Given::checked) {
            Ok(batches) => Some(batches),
            Err(why) => {
                self.faults.push(format!("{KEY} cannot be used: {why}"));
                None
            }
        }
    }
}

impl Given {
    fn checked(self) -> Result<Batches, String> {
        let (encoding, prefix, size) = (self.encoding, self.storage.prefix.unwrap_or_default(), self.batch_size.unwrap_or(SIZE));
        if (encoding.format.as_str(), encoding.compression.as_str()) != ("jsonl", "gzip") {
            return Err("this tap writes only the format jsonl with the compression gzip".to_owned());
        }
        if !is_prefix(&prefix) {
            return Err(format!(
                "storage.prefix may have up to {LONGEST_PREFIX} letters, digits, underscores, hyphens and points, and does not start with a point"
            ));
        }
        if !(1..=MOST).contains(&size) {
            return Err(format!("batch_size must be a whole number from 1 to {MOST}"));
        }
        match folder(&self.storage.root) {
            Some(folder) => Ok(Batches { folder: folder.to_owned(), prefix, size }),
            None => {
                Err("storage.root must be a folder on this machine, such as file:///tmp/batches, without ?, # and %".to_owned())
            }
        }
    }
}

fn is_prefix(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    text.len() <= LONGEST_PREFIX && text.bytes().all(fits) && !text.starts_with('.')
}

/// The path of a `file://…` URL, or a plain path. Targets split the URL of a file without decoding it, so characters with a
/// meaning in URLs are not allowed.
fn folder(root: &str) -> Option<&str> {
    let path = root.strip_prefix("file://").unwrap_or(root);
    let has_drive = path.strip_prefix('/').is_some_and(|path| path.as_bytes().get(1) == Some(&b':'));
    let path = if has_drive { path.trim_start_matches('/') } else { path };
    let is_path = !path.is_empty() && !path.contains("://") && !path.contains(['?', '#', '%', '\0']);
    is_path.then_some(path)
}
