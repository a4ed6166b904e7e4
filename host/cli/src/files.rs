//! The files that are given on the command line.

use crate::dotenv;
use serde_json::Value;
use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use tap_bigcommerce::{Failure, Kind, Result};
use tap_bigcommerce_core::config::{ENV_PREFIX, SETTINGS, from_env, merge};

/// The word that stands for the environment in place of a config file.
pub(crate) const ENV: &str = "ENV";
/// The file in the working folder that adds to the environment.
pub(crate) const DOTENV: &str = ".env";
/// A larger file is not a config, a catalog or a state.
const MAX_BYTES: u64 = 64 << 20;

/// The environment's variables. If the config comes from the environment, those in [`DOTENV`] fill the gaps.
pub(crate) fn variables(files: &[PathBuf]) -> Result<Vec<(String, String)>> {
    let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    let mut variables: Vec<(String, String)> = std::env::vars_os().filter_map(text).collect();
    if files.iter().any(|file| file.as_os_str() == ENV) {
        let more = of_dotenv(Path::new(DOTENV))?;
        let unset = more.into_iter().filter(|(name, _)| std::env::var_os(name).is_none());
        variables.extend(unset.collect::<Vec<_>>());
    }
    Ok(variables)
}

/// The tap's variables in a file of lines `NAME=value`; none if there is no such file. What is wrong in it is not repeated: it may be a secret.
pub(crate) fn of_dotenv(file: &Path) -> Result<Vec<(String, String)>> {
    let failure = |why: String| Failure::new(Kind::Config, format!("the file {} {why}", file.display()));
    match bytes(file) {
        Err(fault) if fault.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(fault) => Err(failure(format!("cannot be read: {fault}"))),
        Ok(bytes) => dotenv::read(&bytes).map_err(failure),
    }
}

/// The config from its files and the environment, as a JSON object's text. A later file wins key by key.
pub(crate) fn config(files: &[PathBuf], variables: &[(String, String)]) -> Result<String> {
    let source = |file: &PathBuf| match file.as_os_str() == ENV {
        true => Ok(("the environment".to_owned(), Value::Object(from_env(variables.iter().cloned())).to_string())),
        false => read(file, Kind::Config),
    };
    merge(&files.iter().map(source).collect::<Result<Vec<_>>>()?)
}

/// What to say when a config is needed and none was named.
pub(crate) fn no_config(variables: &[(String, String)]) -> Failure {
    let present = from_env(variables.iter().cloned());
    if present.is_empty() {
        let text = "no config was given: name a file with --config FILE, write one with tap-bigcommerce init, or try --sandbox, which needs no config";
        return Failure::new(Kind::Config, text);
    }
    let name = |key: &str| format!("{ENV_PREFIX}{}", key.to_ascii_uppercase());
    let found: Vec<String> = present.keys().map(|key| name(key)).collect();
    let missing = SETTINGS.iter().filter(|setting| setting.required && !present.contains_key(setting.key));
    let missing: Vec<String> = missing.map(|setting| name(setting.key)).collect();
    let missing = if missing.is_empty() { String::new() } else { format!("; still missing: {}", missing.join(", ")) };
    let text = format!("no config was given: add --config ENV to use the environment (found: {}{missing})", found.join(", "));
    Failure::new(Kind::Config, text)
}

/// The text of a file that holds a JSON object; `kind` is what it is for.
pub(crate) fn text(file: &Path, kind: Kind) -> Result<String> {
    let source = read(file, kind)?;
    // With a single text, `merge` only checks it.
    merge(std::slice::from_ref(&source)).map_err(|failure| Failure { kind, ..failure })?;
    Ok(source.1)
}

/// A file's name for messages, and its text.
fn read(file: &Path, kind: Kind) -> Result<(String, String)> {
    let name = format!("the {kind} file {}", file.display());
    let failure = |why: String| Failure::new(kind, format!("{name} {why}"));
    let bytes = bytes(file).map_err(|fault| {
        failure(match fault.kind() {
            ErrorKind::NotFound => "does not exist".to_owned(),
            ErrorKind::IsADirectory => "is a folder".to_owned(),
            ErrorKind::PermissionDenied => "cannot be read by this user".to_owned(),
            ErrorKind::FileTooLarge => format!("is larger than {} MiB", MAX_BYTES >> 20),
            _ => format!("cannot be read: {fault}"),
        })
    })?;
    let text = String::from_utf8(bytes).map_err(|fault| {
        let (good, _) = fault.as_bytes().split_at(fault.utf8_error().valid_up_to());
        let line = good.iter().filter(|&&b| b == b'\n').count() + 1;
        let column = good.len() - good.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1) + 1;
        failure(format!("is not UTF-8 text: look at line {line}, column {column}"))
    })?;
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    Ok((name, text))
}

fn bytes(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES { Err(ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn folder(files: &[(&str, &[u8])]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, bytes)| std::fs::write(folder.path().join(name), bytes).unwrap());
        folder
    }

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| (format!("{ENV_PREFIX}{name}"), (*value).to_owned())).collect()
    }

    #[test]
    fn later_configs_win_key_by_key_and_the_environment_is_one_of_them() {
        let folder = folder(&[
            ("a.json", br#"{"store_hash": "a", "page_size": 10, "access_token": "t"}"#),
            ("b.json", br#"{"page_size": 20}"#),
        ]);
        let files = [folder.path().join("a.json"), ENV.into(), folder.path().join("b.json")];
        let variables = variables(&[("STORE_HASH", "env"), ("PAGE_SIZE", "15"), ("UNKNOWN", "x")]);
        let merged = config(&files, &variables).unwrap();
        assert_eq!(merged, r#"{"store_hash":"env","page_size":20,"access_token":"t"}"#);
    }

    #[test]
    fn a_dotenv_file_holds_variables_and_its_faults_name_it() {
        let folder = folder(&[
            (DOTENV, b"TAP_BIGCOMMERCE_STORE_HASH='abc'\nOTHER=two words\n"),
            ("broken", b"TAP_BIGCOMMERCE_X s3cret\n"),
        ]);
        let read = |name: &str| of_dotenv(&folder.path().join(name));
        assert_eq!(read(DOTENV).unwrap(), variables(&[("STORE_HASH", "abc")]));
        assert_eq!(read("missing").unwrap(), []);
        for name in ["broken", "."] {
            let failure = read(name).unwrap_err();
            assert_eq!(failure.kind, Kind::Config);
            assert!(failure.message.contains(name) && !failure.message.contains("s3cret"), "{failure}");
        }
    }

    #[test]
    fn without_a_config_the_environment_is_named_if_it_could_be_one() {
        assert!(no_config(&[]).message.contains("--config FILE"));
        let message = no_config(&variables(&[("STORE_HASH", "abc")])).message;
        for part in ["--config ENV", "found: TAP_BIGCOMMERCE_STORE_HASH", "missing: TAP_BIGCOMMERCE_ACCESS_TOKEN)"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn files_that_cannot_be_used_say_what_is_wrong_and_where() {
        let bad: [(&str, &[u8]); 6] = [
            ("comma.json", b"{\n  \"a\": 1,\n}"),
            ("latin.json", b"{\n\"a\": \"\xe9\"}"),
            ("list.json", b"[1]"),
            ("empty.json", b""),
            ("bom.json", b"\xef\xbb\xbf\n"),
            ("cut.json", b"{\"a\": "),
        ];
        let folder = folder(&bad);
        for (name, words) in [
            ("comma.json", "look at line 3, column 1"),
            ("latin.json", "not UTF-8 text: look at line 2, column 7"),
            ("list.json", "not hold a JSON object"),
            ("empty.json", "is empty"),
            ("bom.json", "is empty"),
            ("cut.json", "ends too early"),
            ("missing.json", "does not exist"),
            (".", "is a folder"),
        ] {
            for kind in [Kind::Config, Kind::Catalog, Kind::State] {
                let failure = text(&folder.path().join(name), kind).unwrap_err();
                assert_eq!(failure.kind, kind);
                assert!(failure.message.contains(words), "{failure}");
                assert!(failure.message.contains(name) && failure.message.contains(kind.name()), "{failure}");
            }
            assert!(config(&[folder.path().join(name)], &[]).unwrap_err().message.contains(words), "{name}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_fault() {
        let folder = folder(&[("bom.json", b"\xef\xbb\xbf{\"a\": 1}")]);
        assert_eq!(text(&folder.path().join("bom.json"), Kind::Catalog).unwrap(), "{\"a\": 1}");
    }
}
