//! A copy of the tap with a mutant in it, and what its tests say.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};
use std::{env, fs, io};

/// Seeds that a mutant may take until it is caught.
const SEEDS: &str = "2000";

/// One change to a source file: the text to find there, once, and the text in its place.
pub(crate) struct Edit {
    file: &'static str,
    find: &'static str,
    replace: &'static str,
}

pub(crate) const fn edit(file: &'static str, find: &'static str, replace: &'static str) -> Edit {
    Edit { file, find, replace }
}

/// Fails unless the simulation of a tap with these edits finds one of these rules broken.
pub(crate) fn caught(rules: &[&str], edits: &[Edit]) {
    let rules_of_env = rules.join(",");
    let told = failing("simulation", "no_seed_breaks_a_promise", &[("SEEDS", SEEDS), ("RULES", &rules_of_env)], edits);
    let found = told.lines().find(|line| line.starts_with("seed ")).unwrap_or_else(|| panic!("no seed is named:\n{told}"));
    println!("{found}");
    assert!(rules.iter().any(|rule| found.contains(&format!(": {rule} in run"))), "caught, but not by {rules:?}: {found}");
}

/// Fails unless this test in virtual time fails with these edits.
pub(crate) fn fails(test: &str, edits: &[Edit]) {
    let told = failing("simulated", test, &[], edits);
    assert!(told.contains(&format!("test {test} ... FAILED")), "it is not the test that fails:\n{told}");
}

/// What a test of a tap with these edits says when it fails.
fn failing(target: &str, test: &str, variables: &[(&str, &str)], edits: &[Edit]) -> String {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    // A mutant that survives poisons the lock, but the others can still be tested.
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants");
    write_workspace(&copy, edits);
    let built = cargo_test(&copy, target, &["--no-run"], variables);
    assert!(built.status.success(), "the mutant does not compile:\n{}", String::from_utf8_lossy(&built.stderr));
    let played = cargo_test(&copy, target, &[test], variables);
    let told = format!("{}{}", String::from_utf8_lossy(&played.stdout), String::from_utf8_lossy(&played.stderr));
    assert!(!played.status.success(), "the mutant lives: {test} shows nothing wrong with it");
    told
}

/// Builds or runs tests of the copy. Light on optimisation: a mutant is built to be played once.
fn cargo_test(copy: &Path, target: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut cargo = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    cargo.current_dir(copy).args(["test", "--offline", "--release", "--package", "tap-bigcommerce-core", "--test", target]);
    cargo.args(["--config", "profile.release.opt-level=1", "--config", "profile.release.incremental=true"]);
    cargo.arg("--target-dir").arg(copy.join("target")).args(arguments);
    cargo.env_remove("SEED").env("RUST_BACKTRACE", "0").envs(variables.iter().copied()).output().unwrap()
}

/// A workspace of the tap's core and the sandbox, with the edits. Files that are as they should be stay untouched, so that little is
/// built again.
fn write_workspace(copy: &Path, edits: &[Edit]) {
    let core = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = core.ancestors().nth(2).unwrap();
    let of_workspace = |line: &str| match line.split_once(" = ") {
        Some(("members", _)) => "members = [\"guest/core\", \"sandbox\"]".to_owned(),
        Some(("default-members", _)) => String::new(),
        _ => line.to_owned(),
    };
    let manifest: Vec<String> = fs::read_to_string(root.join("Cargo.toml")).unwrap().lines().map(of_workspace).collect();
    write(&copy.join("Cargo.toml"), manifest.join("\n"));
    if !copy.join("Cargo.lock").exists() {
        write(&copy.join("Cargo.lock"), fs::read_to_string(root.join("Cargo.lock")).unwrap());
    }
    let mut done = vec![false; edits.len()];
    for folder in ["guest/core/src", "guest/core/tests", "sandbox/src", "sandbox/tests", "sandbox/examples"] {
        for file in files(&root.join(folder)) {
            let mut text = fs::read_to_string(&file).unwrap();
            for (edit, done) in edits.iter().zip(&mut done) {
                if file == core.join("src").join(edit.file) {
                    assert_eq!(
                        text.matches(edit.find).count(),
                        1,
                        "{} no longer holds this once, so the mutant has to follow:\n{}",
                        edit.file,
                        edit.find
                    );
                    text = text.replacen(edit.find, edit.replace, 1);
                    *done = true;
                }
            }
            write(&copy.join(file.strip_prefix(root).unwrap()), text);
        }
    }
    for manifest in ["guest/core/Cargo.toml", "sandbox/Cargo.toml"] {
        write(&copy.join(manifest), fs::read_to_string(root.join(manifest)).unwrap());
    }
    assert!(done.iter().all(|done| *done), "a file of a mutant is no longer there");
}

fn write(file: &Path, text: String) {
    if fs::read_to_string(file).is_ok_and(|present| present == text) {
        return;
    }
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// Every file below a folder; none if there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = match fs::read_dir(folder) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Vec::new(),
        entries => entries.unwrap(),
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
