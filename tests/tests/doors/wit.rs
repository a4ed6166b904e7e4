//! Versions of the interface: a folder of `wit/` never changes once it is released.

use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;

const WIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit");
/// The versions that are frozen, with the SHA-256 of their `tap.wit`. A release adds its own.
const FROZEN: [(&str, &str); 1] = [("0.2.0", "519f58023963b96fd38ceb5e2417b9ec36df59846c38836efc50441c32480ede")];

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

#[test]
fn the_interface_of_a_version_that_is_frozen_does_not_change() {
    for (version, checksum) in FROZEN {
        let wit = text(&Path::new(WIT).join(version).join("tap.wit"));
        let found: String = Sha256::digest(wit.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, checksum, "wit/{version} has changed; a change needs a version of its own");
        assert!(wit.contains(&format!("package bigcommerce:tap@{version};")));
    }
}

#[test]
fn the_interface_that_is_built_has_a_folder_of_its_version_with_the_same_text() {
    let wit = text(&Path::new(WIT).join("tap.wit"));
    let version = wit.split("package bigcommerce:tap@").nth(1).unwrap().split(';').next().unwrap();
    assert_eq!(text(&Path::new(WIT).join(version).join("tap.wit")), wit, "copy wit/tap.wit to wit/{version}/");
    let folders = fs::read_dir(WIT).unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let versions: Vec<String> = folders.filter(|name| name.starts_with(|c: char| c.is_ascii_digit())).collect();
    for folder in &versions {
        assert!(folder == version || FROZEN.iter().any(|(frozen, _)| frozen == folder), "wit/{folder} is not frozen");
    }
}
