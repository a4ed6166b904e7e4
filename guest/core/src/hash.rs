//! Short hashes of texts.

/// Every JSON reader keeps whole numbers of up to this many bits. JavaScript and jq round longer ones, and a STATE passes through
/// such tools.
const BITS: u32 = 53;
/// The first number that may be rounded.
pub(crate) const LEAST_ROUNDED: u64 = 1 << BITS;

/// FNV-1a over the texts: the same in every build, which the standard library's hash does not promise.
fn fnv(texts: &[String]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// A number that stands for texts.
pub(crate) fn fingerprint(texts: &[String]) -> u64 {
    fnv(texts) >> (u64::BITS - BITS)
}

/// A hash of texts, as hexadecimal.
pub(crate) fn hash(texts: impl Iterator<Item = String>) -> String {
    format!("{:016x}", fnv(&texts.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_a_whole_number_in_every_reader_of_json() {
        for text in 0..1000 {
            let mark = fingerprint(&[text.to_string()]);
            assert_eq!(mark as f64 as u64, mark);
            assert!(mark < LEAST_ROUNDED);
        }
    }
}
