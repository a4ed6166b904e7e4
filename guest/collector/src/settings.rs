//! The settings, from the environment.

use crate::refusal::Refusal;
use std::path::PathBuf;

const TOKEN: &str = "TAP_BIGCOMMERCE_COLLECTOR_TOKEN";
const FOLDER: &str = "TAP_BIGCOMMERCE_COLLECTOR_FOLDER";
/// A shorter token counts as not set.
const LEAST_TOKEN: usize = 16;

pub(crate) struct Settings {
    token: String,
    /// Where the files are, as the host has granted it.
    pub(crate) folder: PathBuf,
}

impl Settings {
    pub(crate) fn from_env() -> Result<Settings, Refusal> {
        Settings::new(std::env::var(TOKEN).ok(), std::env::var(FOLDER).ok())
    }

    fn new(token: Option<String>, folder: Option<String>) -> Result<Settings, Refusal> {
        let token = token.filter(|token| token.len() >= LEAST_TOKEN).ok_or_else(|| {
            Refusal::new(503, "closed", format!("set {TOKEN} to {LEAST_TOKEN} bytes or more; until then the collector is closed"))
        })?;
        Ok(Settings { token, folder: folder.filter(|folder| !folder.is_empty()).unwrap_or_else(|| "lines".into()).into() })
    }

    /// Whether a request with these Authorization headers bears the token.
    pub(crate) fn authorize<'h>(&self, headers: impl Iterator<Item = &'h [u8]>) -> Result<(), Refusal> {
        let headers: Vec<&[u8]> = headers.collect();
        let bearer = match headers.as_slice() {
            [header] if header.len() > 7 && header[..7].eq_ignore_ascii_case(b"bearer ") => &header[7..],
            _ => &[],
        };
        // Compares every byte, so that the time does not reveal how much of a token is right.
        let token = self.token.as_bytes();
        let same = bearer.len() == token.len() && bearer.iter().zip(token).fold(0, |unlike, (a, b)| unlike | (a ^ b)) == 0;
        let text = "this needs the header Authorization: Bearer, with the collector's token";
        same.then_some(()).ok_or_else(|| Refusal::new(401, "unauthorized", text).with("www-authenticate", "Bearer"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_token_of_its_own_the_collector_is_closed() {
        for token in [None, Some(""), Some("fifteen-bytes-x")] {
            assert_eq!(Settings::new(token.map(str::to_owned), None).err().map(|refusal| refusal.status), Some(503));
        }
    }

    #[test]
    fn the_right_bearer_opens_and_nothing_else_does() {
        let settings = Settings::new(Some("sixteen-bytes-ok".into()), None).ok().unwrap();
        let opens = |headers: &[&str]| settings.authorize(headers.iter().map(|header| header.as_bytes())).is_ok();
        assert!(opens(&["Bearer sixteen-bytes-ok"]) && opens(&["bearer sixteen-bytes-ok"]));
        for wrong in ["", "Bearer", "Bearer ", "sixteen-bytes-ok", "Bearer sixteen-bytes-oK", "Bearer sixteen-bytes-ok0"] {
            assert!(!opens(&[wrong]), "{wrong}");
        }
        assert!(!opens(&[]) && !opens(&["Bearer sixteen-bytes-ok", "Bearer sixteen-bytes-ok"]));
    }
}
