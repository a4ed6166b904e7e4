//! Config files that hold the access token, and who can read them.

use crate::files::{DOTENV, ENV, of_dotenv};
use std::path::{Path, PathBuf};

/// A warning for each config file that has the token and can be opened by other users.
pub(crate) fn warnings(files: &[PathBuf]) -> Vec<String> {
    let files = files.iter().map(|file| if file.as_os_str() == ENV { Path::new(DOTENV) } else { file });
    files.filter(|file| is_open(file) && holds_token(file)).map(warning).collect()
}

fn warning(file: &Path) -> String {
    let name = file.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%".contains(c);
    let quoted = if name.chars().all(plain) { name.clone() } else { format!("'{}'", name.replace('\'', r"'\''")) };
    format!("{name} holds the access token, and others on this machine may read it; keep it to yourself: chmod 600 {quoted}")
}

#[cfg(unix)]
fn is_open(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    // Not a pipe: its content can be read only once, and nobody else can read it.
    std::fs::metadata(file).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open(_: &Path) -> bool {
    false
}

/// Errors are ignored: the file was read before, and they were reported then.
fn holds_token(file: &Path) -> bool {
    if file.file_name().is_some_and(|name| name == DOTENV) {
        let token = |(name, value): &(String, String)| name.ends_with("_ACCESS_TOKEN") && !value.is_empty();
        return of_dotenv(file).is_ok_and(|variables| variables.iter().any(token));
    }
    let settings = std::fs::read(file).ok().and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    let token = settings.as_ref().and_then(|settings| settings.get("access_token")?.as_str());
    token.is_some_and(|token| !token.is_empty())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_an_open_file_with_the_token_is_worth_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str, mode: u32| {
            let path = folder.path().join(name);
            write(&path, text).unwrap();
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            path
        };
        let token = r#"{"access_token": "t0ken"}"#;
        let files = [
            file("open.json", token, 0o644),
            file("group's.json", token, 0o640),
            file("closed.json", token, 0o600),
            file("none.json", r#"{"store_hash": "abc"}"#, 0o644),
            ENV.into(),
            file(DOTENV, "OTHER=1\nTAP_BIGCOMMERCE_ACCESS_TOKEN=t0ken\n", 0o644),
        ];
        let told = warnings(&files);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].ends_with(&format!("chmod 600 {}", files[0].display())), "{told:?}");
        assert!(told[1].ends_with(r"group'\''s.json'"), "{told:?}");
        assert!(told[2].ends_with("/.env"), "{told:?}");
        assert!(!told.concat().contains("t0ken"));
    }
}
