//! A build of the component: which one it is, and whether this program can run it.

use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt;
use tap_bigcommerce_core::error::{Failure, Kind, Result};
use wasmparser::{Parser, Payload};

const CARRIED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tap_bigcommerce.wasm"));
/// A larger file is no build of this tap; compiling it could take the machine's memory.
const MAX_BYTES: usize = 64 << 20;
/// What a component of this tap exports, without the version.
const INTERFACE: &str = "bigcommerce:tap/connector@";
/// The interface version that this program needs. Later versions of the same series work too.
const VERSION: &str = "0.3.0";

/// A build of the component: the one that this library carries, or another one. Whichever it is, it is confined in the same way.
#[derive(Clone)]
pub struct Component {
    bytes: Cow<'static, [u8]>,
    pinned: Option<String>,
}

/// What a component's file says about itself. Do not trust it: whoever made the file could write anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// Its version.
    pub version: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// The compiler and the tools that made it: `rustc 1.95.0`.
    pub built_with: Option<String>,
    /// The version of its interface `bigcommerce:tap/connector`.
    pub interface: Option<String>,
}

impl Component {
    /// The component that this library carries.
    pub fn carried() -> Component {
        Component { bytes: Cow::Borrowed(CARRIED), pinned: None }
    }

    /// The bytes of another one.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Component {
        Component { bytes: Cow::Owned(bytes.into()), pinned: None }
    }

    /// The same component, to be run only if its [checksum](Component::checksum) is this one.
    pub fn pinned(mut self, sha256: impl Into<String>) -> Component {
        self.pinned = Some(sha256.into());
        self
    }

    /// The SHA-256 of its bytes, in lower-case hexadecimal digits.
    pub fn checksum(&self) -> String {
        Sha256::digest(&self.bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What its file says of it.
    ///
    /// # Errors
    /// It is no component.
    pub fn facts(&self) -> Result<Facts> {
        read(&self.bytes)
    }

    /// The bytes, if they are those that are wanted and have the interface that this program speaks.
    pub(crate) fn checked(&self) -> Result<&[u8]> {
        let checksum = self.checksum();
        if let Some(pinned) = self.pinned.as_deref().filter(|pinned| !pinned.trim().eq_ignore_ascii_case(&checksum)) {
            return Err(unusable(format!("its SHA-256 is {checksum}, but {} was expected", pinned.trim())));
        }
        if self.bytes.len() > MAX_BYTES {
            return Err(unusable(format!("it has more than {} MiB", MAX_BYTES >> 20)));
        }
        match self.facts()?.interface {
            Some(version) if series(&version) == series(VERSION) && patch(&version) >= patch(VERSION) => Ok(&self.bytes),
            Some(version) => Err(unusable(format!(
                "it has version {version} of the interface bigcommerce:tap, and this program has {VERSION}; use a component and a program of the \
                 same release"
            ))),
            None => Err(unusable("it does not export bigcommerce:tap/connector, so it is not a tap for BigCommerce")),
        }
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component").field("sha256", &self.checksum()).field("pinned", &self.pinned).finish()
    }
}

/// The part of a version that all compatible versions share: `0.3`, or the major version from 1.0 on.
fn series(version: &str) -> &str {
    let parts = if version.starts_with("0.") { 2 } else { 1 };
    version.match_indices('.').nth(parts - 1).map_or(version, |(end, _)| &version[..end])
}

/// The number after the series, which orders the versions of one series.
fn patch(version: &str) -> Option<u64> {
    version[series(version).len()..].trim_start_matches('.').split('.').next()?.parse().ok()
}

/// Reads the component's own sections, and those that the compiler leaves in the core modules inside it.
fn read(bytes: &[u8]) -> Result<Facts> {
    let mut facts = Facts::default();
    let (mut is_component, mut modules) = (false, 0_usize);
    // How deep the parser is in nested components: their exports do not count.
    let mut inner = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|fault| {
            unusable(format!("it is not a WebAssembly component, or it is damaged at byte {}", fault.offset()))
        })?;
        match payload {
            Payload::ComponentSection { .. } => inner += 1,
            Payload::ModuleSection { .. } => modules += 1,
            Payload::End(_) if modules > 0 => modules -= 1,
            Payload::End(_) => inner = inner.saturating_sub(1),
            _ if inner > 0 => {}
            Payload::Version { encoding, .. } if !is_component => {
                is_component = encoding == wasmparser::Encoding::Component;
                if !is_component {
                    break;
                }
            }
            Payload::ComponentExportSection(exports) => {
                let names = exports
                    .into_iter()
                    .flatten()
                    .filter_map(|export| export.name.name.strip_prefix(INTERFACE).map(str::to_owned));
                facts.interface = names.last().or(facts.interface.take());
            }
            Payload::CustomSection(section) => {
                let text = || std::str::from_utf8(section.data()).ok().map(crate::log::printable);
                match section.name() {
                    "version" => facts.version = text(),
                    "description" => facts.description = text(),
                    "built-with" => facts.built_with = text(),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    if is_component { Ok(facts) } else { Err(unusable("it is not a WebAssembly component")) }
}

pub(crate) fn unusable(why: impl fmt::Display) -> Failure {
    Failure::new(Kind::Component, format!("the component cannot be used by this program: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_carried_component_says_what_it_is() {
        let facts = Component::carried().facts().unwrap();
        assert_eq!(facts.version.as_deref(), Some(env!("CARGO_PKG_VERSION")));
        assert_eq!(facts.interface.as_deref(), Some(VERSION));
        assert!(facts.built_with.unwrap().starts_with("rustc "));
        assert!(facts.description.unwrap().contains("BigCommerce"));
    }

    #[test]
    fn only_the_component_that_is_pinned_is_taken() {
        let carried = Component::carried();
        let checksum = carried.checksum();
        assert!(carried.clone().pinned(checksum.to_ascii_uppercase()).checked().is_ok());
        let failure = carried.pinned("0000").checked().unwrap_err();
        assert!(failure.kind == Kind::Component && failure.message.contains(&checksum), "{failure}");
    }

    #[test]
    fn bytes_that_are_not_a_component_are_refused() {
        for bytes in [b"".as_slice(), b"\0asm\x01\0\0\0", b"text", b"\0asm\x0d\0\x01\0"] {
            let failure = Component::from_bytes(bytes).checked().unwrap_err();
            assert!(failure.message.contains("component cannot be used") && !failure.message.contains('\n'), "{failure}");
        }
        assert!(Component::from_bytes(b"\0asm\x0d\0\x01\0").checked().unwrap_err().message.contains("not a tap for BigCommerce"));
    }

    #[test]
    fn another_series_of_the_interface_is_refused_by_name() {
        let carried = Component::carried();
        let other = |version: &str| {
            let (from, to) = (format!("{INTERFACE}{VERSION}"), format!("{INTERFACE}{version}"));
            let mut bytes = carried.bytes.to_vec();
            while let Some(at) = bytes.windows(from.len()).position(|window| window == from.as_bytes()) {
                bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            }
            Component::from_bytes(bytes)
        };
        let failure = other("0.9.0").checked().unwrap_err();
        assert!(failure.message.contains("0.9.0") && failure.message.contains(VERSION), "{failure}");
        // A later one of the series has all that this program calls.
        assert!(crate::Host::builder().build().unwrap().component(other("0.3.7")).is_ok());
        assert_eq!(["0.3.0", "0.3.12", "1.4.2", "x"].map(patch), [Some(0), Some(12), Some(4), None]);
        assert_eq!(["0.3.0", "0.3.12", "1.4.2", "12.0.0"].map(series), ["0.3", "0.3", "1", "12"]);
    }
}
