//! Files that appear complete or not at all, readable only by their owner. Data is not written through links.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{Error, ErrorKind, Result, Write};
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// Who may read a file that is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Its owner, whoever it was before.
    Owner,
    /// As before.
    AsBefore,
}

/// Fails if the file could not be written now. It leaves nothing behind.
///
/// # Errors
/// Its folder is not there, or cannot be written.
pub fn probe(file: &Path) -> Result<()> {
    open(&target(file)?).map(drop)
}

/// Writes the file, and replaces an existing one. A link stays a link: the file that it points to is replaced.
///
/// # Errors
/// It cannot be written; the file is as it was.
pub fn replace(file: &Path, bytes: &[u8], readers: Readers) -> Result<()> {
    let target = target(file)?;
    let filled = filled(&target, bytes)?;
    if let (Readers::AsBefore, Ok(known)) = (readers, fs::metadata(&target)) {
        filled.as_file().set_permissions(known.permissions())?;
    }
    filled.persist(&target)?;
    sync_folder(folder(&target))
}

/// Writes the file; fails if there is one.
///
/// # Errors
/// It is there already, or cannot be written.
pub fn create(file: &Path, bytes: &[u8]) -> Result<()> {
    filled(file, bytes)?.persist_noclobber(file)?;
    sync_folder(folder(file))
}

/// Writes the file through a draft next to it, so that a killed run leaves at most the draft. If either path is a link, the link
/// itself is replaced, and is not followed.
///
/// # Errors
/// It cannot be written; the file is as it was.
pub fn replace_by_draft(file: &Path, draft: &Path, bytes: &[u8]) -> Result<()> {
    let mut new = begin_draft(draft)?;
    new.write_all(bytes)?;
    new.sync_all()?;
    drop(new);
    put_draft(draft, file)
}

// How many more file operations succeed, for a test that stops a run before each of them in turn.
#[cfg(test)]
thread_local! {
    pub(crate) static CHANGES_LEFT: std::cell::Cell<Option<u32>> = const { std::cell::Cell::new(None) };
}

#[cfg(test)]
fn change() -> Result<()> {
    CHANGES_LEFT.with(|left| match left.get() {
        Some(0) => Err(Error::other("the test ends the run here")),
        known => {
            left.set(known.map(|left| left - 1));
            Ok(())
        }
    })
}

#[cfg(not(test))]
const fn change() -> Result<()> {
    Ok(())
}

/// Makes a draft: a new file, for its owner alone. One that a killed run has left is removed.
pub(crate) fn begin_draft(draft: &Path) -> Result<File> {
    remove_draft(draft)?;
    own(OpenOptions::new().create_new(true).write(true)).open(draft)
}

/// Syncs a draft and its folder entry to disk, so that another file can refer to it.
#[cfg(feature = "folder")]
pub(crate) fn end_draft(new: &File, draft: &Path) -> Result<()> {
    change()?;
    new.sync_all()?;
    sync_folder(folder(draft))
}

/// Removes a draft, if there is one.
pub(crate) fn remove_draft(draft: &Path) -> Result<()> {
    change()?;
    match fs::remove_file(draft) {
        Err(fault) if fault.kind() != ErrorKind::NotFound => Err(fault),
        _ => Ok(()),
    }
}

/// Puts a draft in the place of the file.
pub(crate) fn put_draft(draft: &Path, file: &Path) -> Result<()> {
    change()?;
    fs::rename(draft, file)?;
    sync_folder(folder(file))
}

/// Opens a file for writing and reading as it is, making it if it is not there: for its owner alone.
///
/// # Errors
/// It is a link, or cannot be written.
pub fn open_own(file: &Path) -> Result<File> {
    refuse_link(file)?;
    own(OpenOptions::new().create(true).truncate(false).read(true).write(true)).open(file)
}

/// Creates a folder and missing parent folders, accessible only by their owner.
///
/// # Errors
/// It cannot be made.
pub fn make_folder(folder: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Refuses a link: anyone who can write to its folder could have planted it, to redirect the data.
///
/// # Errors
/// It is a link.
pub fn refuse_link(file: &Path) -> Result<()> {
    match fs::symlink_metadata(file) {
        Ok(about) if about.is_symlink() => Err(Error::other("it is a link, and links are not followed")),
        _ => Ok(()),
    }
}

/// Whether a file or folder is this user's, and nobody else can write to it.
///
/// # Errors
/// It is not there.
#[cfg(unix)]
pub fn is_own(path: &Path) -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let about = fs::metadata(path)?;
    Ok(about.uid() == rustix::process::geteuid().as_raw() && about.mode() & 0o022 == 0)
}

/// Outside Unix the folder's own access rules decide that.
///
/// # Errors
/// It is not there.
#[cfg(not(unix))]
pub fn is_own(path: &Path) -> Result<bool> {
    fs::metadata(path).map(|_| true)
}

/// Options that make a file for its owner alone, and that open no link.
#[cfg(unix)]
fn own(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
}

/// Outside Unix a file inherits the access rules of its folder.
#[cfg(not(unix))]
fn own(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// The path to write: the file that a symbolic link points to, or the file itself. Anything but a regular file is refused.
fn target(file: &Path) -> Result<PathBuf> {
    match fs::metadata(file) {
        Ok(about) if about.is_dir() => Err(ErrorKind::IsADirectory.into()),
        Ok(about) if !about.is_file() => Err(Error::other("it is no file")),
        Ok(_) => file.canonicalize(),
        // A link to a file that is not there yet: the file is made, and the link stays.
        Err(_) => match fs::read_link(file) {
            Ok(end) => Ok(folder(file).join(end)),
            Err(_) => Ok(file.to_owned()),
        },
    }
}

fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn filled(target: &Path, bytes: &[u8]) -> Result<NamedTempFile> {
    let mut file = open(target)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn open(target: &Path) -> Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".tap-bigcommerce-");
    if let Some(permissions) = permissions() {
        builder.permissions(permissions);
    }
    builder.tempfile_in(folder(target))
}

#[cfg(unix)]
fn permissions() -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn permissions() -> Option<Permissions> {
    None
}

/// Syncs the folder itself, so that new and renamed entries survive a power failure.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<()> {
    match File::open(folder)?.sync_all() {
        // Some disks that are mounted over a network cannot do that, and have no need to.
        Err(fault) if fault.kind() == ErrorKind::InvalidInput => Ok(()),
        done => done,
    }
}

/// Folders cannot be opened as files here; the file system's own journal keeps their names.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<()> {
    Ok(())
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
        create(&file, b"one").unwrap();
        assert_eq!(create(&file, b"two").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&file).unwrap(), b"one");
        replace(&file, b"three", Readers::AsBefore).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"three");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(probe(folder.path()).is_err() && probe(&folder.path().join("no/where.html")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_file_is_readable_only_by_its_owner_and_a_link_stays_a_link() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("config.json"), folder.path().join("link.json"));
        create(&file, b"one").unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::os::unix::fs::symlink(&file, &link).unwrap();
        replace(&link, b"two", Readers::Owner).unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
        let early = folder.path().join("early.json");
        std::os::unix::fs::symlink("late.json", &early).unwrap();
        probe(&early).unwrap();
        replace(&early, b"three", Readers::Owner).unwrap();
        assert!(early.is_symlink());
        assert_eq!(std::fs::read(folder.path().join("late.json")).unwrap(), b"three");
        assert!(probe(Path::new("/dev/null")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_replaced_file_keeps_its_permissions_or_becomes_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("page.html");
        let mode = || std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        replace(&file, b"one", Readers::AsBefore).unwrap();
        assert_eq!(mode(), 0o600);
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        replace(&file, b"two", Readers::AsBefore).unwrap();
        assert_eq!(mode(), 0o644);
        replace(&file, b"three", Readers::Owner).unwrap();
        assert_eq!(mode(), 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn no_link_that_somebody_planted_is_written_through() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("victim"), "mine").unwrap();
        for name in ["data", "state.new", "state"] {
            symlink(at("victim"), at(name)).unwrap();
        }
        assert!(open_own(&at("data")).unwrap_err().to_string().contains("is a link"));
        replace_by_draft(&at("state"), &at("state.new"), b"state").unwrap();
        assert_eq!(std::fs::read(at("victim")).unwrap(), b"mine");
        assert_eq!(std::fs::read(at("state")).unwrap(), b"state");
        assert!(!at("state").is_symlink() && !at("state.new").exists());
        assert!(is_own(folder.path()).unwrap());
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o770)).unwrap();
        assert!(!is_own(folder.path()).unwrap());
        open_own(&at("new")).unwrap().write_all(b"x").unwrap();
        make_folder(&at("deep/down")).unwrap();
        let mode = |name: &str| std::fs::metadata(at(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("new"), mode("state"), mode("deep"), mode("deep/down")), (0o600, 0o600, 0o700, 0o700));
    }
}
