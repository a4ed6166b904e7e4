//! How targets treat the disk, and how they cope with a full one.

use super::*;
use fastrand::Rng;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// In the process that fills a disk: the target and its place.
const FILLED: [&str; 2] = ["TAP_BIGCOMMERCE_FILLED_TARGET", "TAP_BIGCOMMERCE_FILLED_PLACE"];
/// Enough for some of the records, in blocks of 512 bytes.
const BLOCKS: &str = "1000";
const RECORDS: u32 = 40;

/// The files below a folder, by their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    files.sort();
    files
}

/// The files and folders below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { [below(&path), vec![path]].concat() } else { vec![path] }).collect()
}

/// Those places whose disk is this machine's, with their folder.
fn on_disk() -> impl Iterator<Item = (Place, PathBuf)> {
    places().into_iter().filter_map(|place| {
        let folder = place.stage.folder().map(Path::to_owned);
        folder.map(|folder| (place, folder))
    })
}

fn fill(place: &Place) {
    place.run(&[plain(), record(json!({"id": 1})), state(1)]);
}

#[test]
fn what_is_new_is_for_its_owner_alone() {
    for (place, folder) in on_disk() {
        fill(&place);
        let paths = below(&folder);
        assert!(!paths.is_empty());
        for path in paths {
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}: {} has the mode {mode:o}", place.target.scheme(), path.display());
        }
    }
}

#[test]
fn a_place_that_is_a_link_to_a_file_is_refused() {
    for (place, folder) in on_disk() {
        let victim = folder.join("victim");
        std::fs::write(&victim, "mine").unwrap();
        symlink(&victim, place.stage.place()).unwrap();
        assert!(place.try_open(STORE, &[]).is_err(), "{}", place.target.scheme());
        assert_eq!(std::fs::read(&victim).unwrap(), b"mine", "{}", place.target.scheme());
    }
}

/// Whether the place is refused or not: what a link leads to is not written to.
#[test]
fn no_file_that_has_become_a_link_is_written_through() {
    for (scheme, count) in on_disk().map(|(place, folder)| {
        fill(&place);
        (place.target.scheme(), files(&folder).len())
    }) {
        for number in 0..count {
            let (place, folder) = on_disk().find(|(place, _)| place.target.scheme() == scheme).unwrap();
            fill(&place);
            let (file, elsewhere) = (files(&folder).swap_remove(number), tempfile::tempdir().unwrap());
            let victim = elsewhere.path().join("victim");
            std::fs::rename(&file, &victim).unwrap();
            symlink(&victim, &file).unwrap();
            let before = std::fs::read(&victim).unwrap();
            if let Ok(mut opened) = place.try_open(STORE, &[]) {
                let messages = [plain(), record(json!({"id": 2})), state(2)];
                let taken = messages.iter().try_for_each(|message| put(&mut opened, message));
                let _ = taken.and_then(|()| opened.sink.finish());
            }
            assert!(std::fs::read(&victim).unwrap() == before, "{scheme}: {} led elsewhere", file.display());
        }
    }
}

/// The run that fills the disk: records that nothing makes smaller, a state after each.
fn overfill(target: &str, place: &Path) {
    let target = TARGETS.iter().copied().find(|known| known.scheme() == target).unwrap();
    let target = target.without_waiting().unwrap_or(target);
    let mut opened = target.open(&Opening { place, store: STORE, read_whole: &[] }).unwrap();
    let messages =
        std::iter::once(plain()).chain((1..=RECORDS).flat_map(|id| [record(json!({"id": id, "note": noise(id)})), state(id)]));
    let filled = messages.map(|message| put(&mut opened, &message)).collect::<Result<Vec<_>, _>>();
    let why = filled.and_then(|_| opened.sink.finish()).expect_err("the disk was not full").to_string();
    assert!(why.contains(&*place.to_string_lossy()), "{why}");
    assert!(why.contains("run again") || why.contains("free some space"), "{why}");
}

/// Incompressible text. The last one alone exceeds the limit, for a target that writes each state to its own file.
fn noise(seed: u32) -> String {
    let mut digits = Rng::with_seed(seed.into());
    let length = if seed == RECORDS { 900_000 } else { 50_000 };
    (0..length).map(|_| char::from(digits.u8(b'!'..b'{'))).collect()
}

/// A limit on the file size stands in for a full disk. It applies to a whole process, so the test runs itself as a child process.
#[test]
fn a_disk_that_fills_up_is_told_and_loses_nothing() {
    if let [Ok(target), Ok(place)] = FILLED.map(std::env::var) {
        return overfill(&target, Path::new(&place));
    }
    let (_, module) = module_path!().split_once("::").unwrap();
    let own_name = format!("{module}::a_disk_that_fills_up_is_told_and_loses_nothing");
    for (place, _) in on_disk() {
        let scheme = place.target.scheme();
        let mut child = Command::new("sh");
        child.args(["-c", &format!(r#"trap "" XFSZ; ulimit -f {BLOCKS} && exec "$0" "$@""#)]);
        child.arg(std::env::current_exe().unwrap()).args(["--exact", &own_name]);
        child.env(FILLED[0], scheme).env(FILLED[1], place.stage.place());
        let ended = child.output().unwrap();
        let told = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success() && told.contains("1 passed"), "{scheme}: {told}");
        let state_of =
            |opened: Opened| opened.state.map(|state| serde_json::from_str::<Value>(&state).unwrap()["n"].as_u64().unwrap());
        let covered = state_of(place.open()).unwrap_or(0);
        assert!(0 < covered && covered < u64::from(RECORDS), "{scheme}: {covered} records are covered");
        let records = place.records("orders");
        assert_eq!(records.len() as u64, covered, "{scheme}: as many as the state covers");
        let rest = (u32::try_from(covered).unwrap() + 1..=RECORDS).map(|id| record(json!({"id": id, "note": noise(id)})));
        place.run(&std::iter::once(plain()).chain(rest).chain([state(RECORDS)]).collect::<Vec<_>>());
        let records = place.records("orders");
        assert!((1..=RECORDS).all(|id| records[&id.to_string()]["note"] == noise(id)), "{scheme}");
    }
}
