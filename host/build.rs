//! Builds the component that the host carries, with a cargo of its own: it is for another target and another profile than the host.
//!
//! `TAP_BIGCOMMERCE_COMPONENT` names a finished component to carry instead. A package that cargo made of this crate has one with it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const TARGET: &str = "wasm32-wasip2";
const PROFILE: &str = "component";
const PACKAGE: &str = "tap-bigcommerce-guest";
const FILE: &str = "tap_bigcommerce.wasm";
const GIVEN: &str = "TAP_BIGCOMMERCE_COMPONENT";
/// Variables that cargo sets for this build, and that a nested cargo must not inherit: flags for the host's target, clippy as
/// rustc.
const NOT_INHERITED: [&str; 8] = [
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "TARGET",
];

fn main() -> ExitCode {
    match carry_component() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("cargo::error={why}");
            ExitCode::FAILURE
        }
    }
}

fn carry_component() -> Result<(), String> {
    println!("cargo::rerun-if-env-changed={GIVEN}");
    let component = match env::var_os(GIVEN) {
        Some(given) if !given.is_empty() => {
            let given = PathBuf::from(given);
            println!("cargo::rerun-if-changed={}", given.display());
            given
        }
        _ if packaged()?.exists() => packaged()?,
        _ => build_component()?,
    };
    let (from, to) = (component.display(), folder("OUT_DIR")?.join(FILE));
    let bytes = std::fs::read(&component).map_err(|why| format!("the component {from} cannot be read: {why}"))?;
    // Writing the file would recompile everything that includes it.
    if std::fs::read(&to).is_ok_and(|known| known == bytes) {
        return Ok(());
    }
    std::fs::write(&to, bytes).map_err(|why| format!("the component {from} cannot be copied: {why}"))
}

/// Where a package has the component.
fn packaged() -> Result<PathBuf, String> {
    Ok(folder("CARGO_MANIFEST_DIR")?.join(FILE))
}

/// Builds the component in a target folder of its own; the outer one is locked while this runs.
fn build_component() -> Result<PathBuf, String> {
    let root = folder("CARGO_MANIFEST_DIR")?.join("..");
    if !root.join("guest").exists() {
        return Err(format!(
            "this package was made without its component: copy a build of it to {FILE} first, or name one with {GIVEN}"
        ));
    }
    // Not the tests of the core: they are no part of it.
    let core = ["guest/core/Cargo.toml", "guest/core/src"];
    for input in ["Cargo.lock", "Cargo.toml", "guest/component", "wit"].iter().chain(&core) {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }
    require_target(&root)?;
    let target = folder("OUT_DIR")?.join("component");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(&root)
        .args(["build", "--locked", "--package", PACKAGE, "--target", TARGET, "--profile", PROFILE, "--target-dir"])
        .arg(&target);
    for name in NOT_INHERITED {
        cargo.env_remove(name);
    }
    let status = cargo.status().map_err(|why| format!("cargo cannot be started to build the component: {why}"))?;
    if !status.success() {
        return Err(format!(
            "the component did not build; see it by itself: cargo build -p {PACKAGE} --target {TARGET} --profile {PROFILE}"
        ));
    }
    Ok(target.join(TARGET).join(PROFILE).join(FILE))
}

/// The target's standard library must be installed; without it the compiler's own message is a riddle.
fn require_target(root: &Path) -> Result<(), String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).current_dir(root).args(["--print", "target-libdir", "--target", TARGET]).output();
    let output = output.map_err(|why| format!("rustc cannot be started: {why}"))?;
    let library = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if output.status.success() && library.is_dir() {
        return Ok(());
    }
    Err(format!("the compiler's {TARGET} target is not installed, and the component needs it. Run: rustup target add {TARGET}"))
}

fn folder(variable: &str) -> Result<PathBuf, String> {
    env::var_os(variable).map(PathBuf::from).ok_or_else(|| format!("cargo has not set {variable}"))
}
