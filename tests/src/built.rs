//! The program and the components, as cargo builds them.

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
/// cargo builds a package's programs only for that package's own tests, so they are built here, once. The libraries are already
/// compiled by then, and no outdated program is tested by mistake.
pub fn built() -> &'static Built {
    static BUILT: LazyLock<Built> = LazyLock::new(build);
    &BUILT
}

/// The component's bytes.
pub fn component() -> Vec<u8> {
    std::fs::read(&built().component).expect("the component can be read")
}

/// The bytes of a component that asks for whatever it is told to (`tests/foreign`).
pub fn foreign() -> Vec<u8> {
    static FOREIGN: LazyLock<[PathBuf; 1]> = LazyLock::new(|| guests(["tap-bigcommerce-foreign"]));
    std::fs::read(&FOREIGN[0]).expect("the component can be read")
}

/// The component that calls the edge interface.
pub fn driver() -> &'static Path {
    &around_the_edge()[0]
}

/// The component that takes lines.
pub fn collector() -> &'static Path {
    &around_the_edge()[1]
}

fn around_the_edge() -> &'static [PathBuf; 2] {
    static BOTH: LazyLock<[PathBuf; 2]> = LazyLock::new(|| guests(["tap-bigcommerce-driver", "tap-bigcommerce-collector"]));
    &BOTH
}

/// The components of some packages.
fn guests<const N: usize>(packages: [&str; N]) -> [PathBuf; N] {
    let named = packages.iter().flat_map(|package| ["--package", package]);
    let what: Vec<&str> = named.chain(["--target", "wasm32-wasip2", "--profile", "component"]).collect();
    let told = cargo_builds(&what, &target_folder());
    let files: Vec<&str> =
        told.iter().flat_map(|message| message["filenames"].as_array().into_iter().flatten()).filter_map(Value::as_str).collect();
    packages.map(|package| {
        let ends = format!("{}.wasm", package.replace('-', "_"));
        let file = files.iter().find(|file| file.ends_with(&ends)).expect("cargo names the component");
        PathBuf::from(file)
    })
}

/// An example's program, by its name.
pub fn example(name: &str) -> PathBuf {
    static EXAMPLES: LazyLock<Vec<Value>> = LazyLock::new(|| {
        let profile = profile();
        // Not selected by package: they and their dependencies would be built again, with other features than these tests have.
        let examples = ["--bin", "embed", "--bin", "many_stores", "--bin", "wasmtime_only"];
        cargo_builds(&[&examples[..], &["--profile", &profile]].concat(), &target_folder())
    });
    let is_it = |message: &&Value| message["executable"].is_string() && message["target"]["name"] == name;
    let message = EXAMPLES.iter().find(is_it).unwrap_or_else(|| panic!("there is no example {name}"));
    message["executable"].as_str().map(PathBuf::from).unwrap_or_default()
}

/// Variables that cargo sets for this test alone. Left in place they make build scripts run again.
const NOT_INHERITED: [&str; 5] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_EXE_", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"];

/// TARGET/PROFILE, where TARGET/PROFILE/deps holds this test.
fn profile_folder() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    test.parent().and_then(Path::parent).expect("the test lies in a target folder").to_owned()
}

fn target_folder() -> PathBuf {
    profile_folder().parent().expect("the profile's folder lies in the target folder").to_owned()
}

/// The profile that this test was built with.
fn profile() -> String {
    match profile_folder().file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev".to_owned(),
        Some(name) => name.to_owned(),
    }
}

fn build() -> Built {
    let profile = profile();
    let told = cargo_builds(&["--bin", "tap-bigcommerce", "--profile", &profile], &target_folder());
    let program = told.iter().find(|message| message["executable"].is_string()).expect("cargo names the program");
    let is_it = |id: &str| id.contains("#tap-bigcommerce@");
    let of_library = |message: &&Value| message["out_dir"].is_string() && message["package_id"].as_str().is_some_and(is_it);
    let script = told.iter().find(of_library).expect("cargo names the folder of the library's build script");
    let path = |value: &Value| PathBuf::from(value.as_str().unwrap_or_default());
    Built { program: path(&program["executable"]), component: path(&script["out_dir"]).join("tap_bigcommerce.wasm") }
}

/// Runs `cargo build`, and returns its JSON messages.
fn cargo_builds(what: &[&str], target: &Path) -> Vec<Value> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .arg("build")
        .args(what)
        .args(["--locked", "--message-format", "json-render-diagnostics"])
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
    assert!(output.status.success(), "cargo could not build {}", what.join(" "));
    let told = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    told.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
