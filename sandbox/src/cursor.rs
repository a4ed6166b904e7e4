//! The cursor of `/v3/customers`: base64 of `{"id":204}` (customers v3 reference, example decoded).

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(crate) fn encode(id: u64) -> String {
    BASE64.encode(format!("{{\"id\":{id}}}"))
}

/// The id in a cursor; `None` for anything that is not a cursor.
pub(crate) fn decode(cursor: &str) -> Option<u64> {
    let json = BASE64.decode(cursor).ok()?;
    serde_json::from_slice::<Value>(&json).ok()?.get("id")?.as_u64()
}

#[cfg(test)]
mod tests {
    #[test]
    fn is_the_published_example() {
        assert_eq!(super::encode(204), "eyJpZCI6MjA0fQ");
        assert_eq!(super::decode("eyJpZCI6MjA0fQ"), Some(204));
        assert_eq!(super::decode("eyJpZCI6MjA0fQ=="), Some(204));
        assert_eq!(super::decode("aWQ6Nw=="), None);
        assert_eq!(super::decode("%%%"), None);
    }
}
