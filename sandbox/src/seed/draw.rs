//! Chance: the same for the same seed.

use fastrand::Rng;

use crate::kind::Kind;

/// A generator of its own for each record and purpose, so that no record depends on another.
pub(crate) fn rng(seed: u64, kind: Kind, index: u64, purpose: u64) -> Rng {
    let key = [kind.place() as u64, index, purpose].into_iter().fold(mix(seed), |key, part| mix(key ^ part));
    Rng::with_seed(key)
}

/// The finishing step of splitmix64: neighbouring numbers give unrelated ones.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// One of the choices.
pub(super) fn pick<'a, T: ?Sized>(rng: &mut Rng, choices: &[&'a T]) -> &'a T {
    choices[rng.usize(..choices.len())]
}

/// True so many times in a hundred.
pub(super) fn percent(rng: &mut Rng, of_hundred: u32) -> bool {
    rng.u32(..100) < of_hundred
}

/// A UUID-shaped text.
pub(super) fn uuid(rng: &mut Rng) -> String {
    let (a, b) = (rng.u64(..), rng.u64(..));
    format!("{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}", a >> 32, (a >> 16) & 0xffff, a & 0xfff, b >> 52, b & 0xffff_ffff_ffff)
}

/// Letters and digits in capitals.
pub(super) fn code(rng: &mut Rng, length: usize) -> String {
    const SIGNS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    (0..length).map(|_| char::from(SIGNS[rng.usize(..SIGNS.len())])).collect()
}
