//! Short hashes of texts.

/// FNV-1a over the texts: the same in every build, which the standard library's hash does not promise.
pub(crate) fn fingerprint(texts: &[String]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The fingerprint of texts, as hexadecimal.
pub(crate) fn hash(texts: impl Iterator<Item = String>) -> String {
    format!("{:016x}", fingerprint(&texts.collect::<Vec<_>>()))
}
