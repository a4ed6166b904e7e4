//! Files that appear whole or not at all.

use std::fs::Permissions;
use std::io::{Error, ErrorKind, Result, Write};
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    Owner,
    /// As the user's umask has it.
    Usual,
}

/// Fails if the file could not be written now. It leaves nothing behind.
pub(crate) fn probe(file: &Path) -> Result<()> {
    open(&target(file)?, Readers::Usual).map(drop)
}

/// Writes the file, in place of the one that is there.
pub(crate) fn replace(file: &Path, bytes: &[u8], readers: Readers) -> Result<()> {
    let target = target(file)?;
    filled(&target, bytes, readers)?.persist(target).map_err(Error::from).map(drop)
}

/// Writes the file; fails if there is one.
pub(crate) fn create(file: &Path, bytes: &[u8], readers: Readers) -> Result<()> {
    filled(file, bytes, readers)?.persist_noclobber(file).map_err(Error::from).map(drop)
}

/// What is to be written: the end of a symbolic link, or the file itself. Only files are put in place of.
fn target(file: &Path) -> Result<PathBuf> {
    match std::fs::metadata(file) {
        Ok(about) if about.is_dir() => Err(ErrorKind::IsADirectory.into()),
        Ok(about) if !about.is_file() => Err(Error::other("it is no file")),
        Ok(_) => file.canonicalize(),
        Err(_) => Ok(file.to_owned()),
    }
}

fn filled(target: &Path, bytes: &[u8], readers: Readers) -> Result<NamedTempFile> {
    let mut file = open(target, readers)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn open(target: &Path, readers: Readers) -> Result<NamedTempFile> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = Builder::new();
    builder.prefix(".tap-bigcommerce-");
    if let Some(permissions) = permissions(readers) {
        builder.permissions(permissions);
    }
    builder.tempfile_in(folder)
}

#[cfg(unix)]
fn permissions(readers: Readers) -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(Permissions::from_mode(if readers == Readers::Owner { 0o600 } else { 0o666 }))
}

/// Elsewhere a file has its folder's readers.
#[cfg(not(unix))]
fn permissions(_: Readers) -> Option<Permissions> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_put_in_place_whole_and_no_other_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("page.html");
        probe(&file).unwrap();
        assert!(!file.exists());
        create(&file, b"one", Readers::Owner).unwrap();
        assert_eq!(create(&file, b"two", Readers::Owner).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&file).unwrap(), b"one");
        replace(&file, b"three", Readers::Usual).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"three");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(probe(folder.path()).is_err() && probe(&folder.path().join("no/where.html")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_file_is_its_owners_alone_and_a_link_stays_one() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("config.json"), folder.path().join("link.json"));
        create(&file, b"one", Readers::Owner).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::os::unix::fs::symlink(&file, &link).unwrap();
        replace(&link, b"two", Readers::Owner).unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
        assert!(probe(Path::new("/dev/null")).is_err());
    }
}
