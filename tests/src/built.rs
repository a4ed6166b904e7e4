//! The program and the component, as cargo builds them.

use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// Where the things under test lie.
#[derive(Debug)]
pub struct Built {
    /// The `tap-bigcommerce` program.
    pub program: PathBuf,
    /// The component that the program carries.
    pub component: PathBuf,
}

/// The program and its component, built as the tests are.
///
/// cargo builds the programs of a package for that package's own tests only. So it is asked here, once: it has the libraries already, and
/// an old program is never tested by mistake.
pub fn built() -> &'static Built {
    static BUILT: LazyLock<Built> = LazyLock::new(build);
    &BUILT
}

/// The component's bytes.
pub fn component() -> Vec<u8> {
    std::fs::read(&built().component).expect("the component can be read")
}

/// Variables that cargo sets for this test alone. Left in place they make build scripts run again.
const NOT_INHERITED: [&str; 5] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_EXE_", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"];

fn build() -> Built {
    // The test lies in TARGET/PROFILE/deps.
    let test = std::env::current_exe().expect("the test has a path");
    let folder = test.parent().and_then(Path::parent).expect("the test lies in a target folder");
    let profile = match folder.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let target = folder.parent().expect("the profile's folder lies in the target folder");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .args(["build", "--bin", "tap-bigcommerce", "--profile", profile, "--message-format", "json-render-diagnostics"])
        .arg("--target-dir")
        .arg(target)
        .stderr(Stdio::inherit());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if NOT_INHERITED.iter().any(|prefix| text.starts_with(prefix)) {
            cargo.env_remove(&name);
        }
    }
    let output = cargo.output().expect("cargo can be started");
    assert!(output.status.success(), "cargo could not build the program");
    let told = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    let told: Vec<Value> = told.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let program = told.iter().find(|message| message["executable"].is_string()).expect("cargo names the program");
    let of_program = |message: &&Value| message["package_id"] == program["package_id"] && message["out_dir"].is_string();
    let script = told.iter().find(of_program).expect("cargo names the build script's folder");
    let path = |value: &Value| PathBuf::from(value.as_str().unwrap_or_default());
    Built { program: path(&program["executable"]), component: path(&script["out_dir"]).join("tap_bigcommerce.wasm") }
}
