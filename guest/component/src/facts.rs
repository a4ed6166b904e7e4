//! Facts about the component, in custom sections: `wasm-tools metadata show` and the host read them without running it.
// A section has a name that no other code may use; these are read by nobody at run time.
#![allow(unsafe_code)]

#[used]
#[unsafe(link_section = "version")]
static VERSION: [u8; env!("CARGO_PKG_VERSION").len()] = bytes(env!("CARGO_PKG_VERSION"));

#[used]
#[unsafe(link_section = "description")]
static DESCRIPTION: [u8; env!("CARGO_PKG_DESCRIPTION").len()] = bytes(env!("CARGO_PKG_DESCRIPTION"));

#[used]
#[unsafe(link_section = "licenses")]
static LICENSES: [u8; env!("CARGO_PKG_LICENSE").len()] = bytes(env!("CARGO_PKG_LICENSE"));

#[used]
#[unsafe(link_section = "built-with")]
static BUILT_WITH: [u8; env!("BUILT_WITH").len()] = bytes(env!("BUILT_WITH"));

/// A section holds raw bytes; a `&str` would be stored as a pointer.
const fn bytes<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    let (text, mut bytes, mut place) = (text.as_bytes(), [0; LENGTH], 0);
    while place < LENGTH {
        bytes[place] = text[place];
        place += 1;
    }
    bytes
}
