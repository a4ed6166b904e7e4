//! The settings, from the environment: secrets do not belong on a command line.

use crate::http::Target;
use crate::trouble;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const PREFIX: &str = "TAP_BIGCOMMERCE_DRIVER_";
/// Shorter tokens open neither the edge interface nor the collector.
const LEAST_TOKEN: usize = 16;
/// The longest time to open a connection.
const CONNECT: Duration = Duration::from_secs(30);

/// Each setting, its default, and what it is.
const ALL: [(&str, &str, &str); 12] = [
    ("EDGE_URL", "", "where the tap's edge interface is: https, or http on this machine; required"),
    ("EDGE_TOKEN", "", "the edge interface's token; required"),
    ("COLLECTOR_URL", "", "where the lines are sent, as it is; required"),
    ("COLLECTOR_TOKEN", "", "the collector's token; required"),
    ("FOLDER", "state", "the folder with the STATE and the lock: one for each store"),
    ("SELECT", "", "what to read: rules with commas between them, as --select has them"),
    ("CATALOG", "", "a file with a catalog, in place of SELECT"),
    ("MAX_RECORDS", "", "a slice ends after so many records"),
    ("MAX_SECONDS", "60", "a slice ends after so many seconds"),
    ("MAX_SLICES", "10000", "the run ends after so many slices, even if there is more"),
    ("TIMEOUT_SECONDS", "360", "an answer, or its next part, takes at most so long (1 to 3600)"),
    ("TRIES", "8", "a request is tried so often (1 to 100)"),
];

pub(crate) struct Settings {
    pub(crate) edge: Target,
    pub(crate) collector: Target,
    pub(crate) folder: PathBuf,
    pub(crate) select: Option<Vec<String>>,
    pub(crate) catalog: Option<PathBuf>,
    pub(crate) max_records: Option<u64>,
    pub(crate) max_seconds: u64,
    pub(crate) max_slices: u64,
    pub(crate) timeout: Duration,
    pub(crate) connect: Duration,
    pub(crate) tries: u32,
}

/// All settings, for a person.
pub(crate) fn help() -> String {
    let lines = ALL.iter().map(|(name, default, what)| {
        let default = if default.is_empty() { String::new() } else { format!(" [{default}]") };
        format!("  {PREFIX}{name}{default}\n      {what}")
    });
    let lines: Vec<String> = lines.collect();
    format!("The driver reads a store through the tap's edge interface. Its settings are variables:\n{}\n", lines.join("\n"))
}

impl Settings {
    pub(crate) fn new(variables: impl Iterator<Item = (String, String)>) -> Result<Settings> {
        let mut given = BTreeMap::new();
        for (variable, value) in variables {
            let Some(name) = variable.strip_prefix(PREFIX) else { continue };
            if !ALL.iter().any(|(known, ..)| *known == name) {
                bail!("{variable} is not a setting of the driver: remove it, or correct its name");
            }
            if !value.is_empty() {
                given.insert(name.to_owned(), value);
            }
        }
        let given = Given(given);
        let catalog = given.get("CATALOG").map(PathBuf::from);
        let select: Option<Vec<String>> =
            given.get("SELECT").map(|rules| rules.split(',').map(|rule| rule.trim().to_owned()).collect());
        if catalog.is_some() && select.is_some() {
            bail!("set {PREFIX}CATALOG or {PREFIX}SELECT, not both");
        }
        let timeout = Duration::from_secs(given.number("TIMEOUT_SECONDS", 1..=3600)?.unwrap_or_default());
        Ok(Settings {
            edge: given.target("EDGE", "/sync")?,
            collector: given.target("COLLECTOR", "")?,
            folder: given.get("FOLDER").unwrap_or_default().into(),
            select,
            catalog,
            max_records: given.number("MAX_RECORDS", 1..=u64::MAX)?,
            max_seconds: given.number("MAX_SECONDS", 1..=u64::MAX)?.unwrap_or_default(),
            max_slices: given.number("MAX_SLICES", 1..=u64::MAX)?.unwrap_or_default(),
            timeout,
            connect: timeout.min(CONNECT),
            tries: given.number("TRIES", 1..=100)?.and_then(|tries| tries.try_into().ok()).unwrap_or(1),
        })
    }

    /// How long the lock is held after each renewal. No request takes as long: connecting has two parts, and its time-out is for each.
    pub(crate) fn lease(&self) -> Duration {
        (self.timeout + self.connect * 2) * 3 / 2
    }

    /// How long the driver waits in all for the parts of a slice. After `max_seconds` the edge finishes what it has begun, and ends the slice.
    pub(crate) fn longest_slice(&self) -> Duration {
        Duration::from_secs(self.max_seconds).saturating_add(self.timeout * 2)
    }

    /// The wait before the next try, if it is not too long to wait for.
    pub(crate) fn wait(&self, failed: u32, named: Option<Duration>) -> Option<Duration> {
        let wait = named.unwrap_or_default().max(trouble::wait(failed));
        (wait <= Duration::from_secs(900)).then_some(wait)
    }
}

/// What is set.
struct Given(BTreeMap<String, String>);

impl Given {
    /// A setting's value, or its default.
    fn get(&self, name: &str) -> Option<&str> {
        let default = || ALL.iter().find(|(known, ..)| *known == name).map(|(_, default, _)| *default);
        self.0.get(name).map(String::as_str).or_else(default).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &str) -> Result<&str> {
        self.get(name).with_context(|| format!("{PREFIX}{name} is missing: set it"))
    }

    fn number(&self, name: &str, range: std::ops::RangeInclusive<u64>) -> Result<Option<u64>> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        let most = if *range.end() == u64::MAX { "more".to_owned() } else { range.end().to_string() };
        number.map(Some).with_context(|| format!("{PREFIX}{name} must be a whole number, {} to {most}", range.start()))
    }

    fn target(&self, who: &'static str, path: &str) -> Result<Target> {
        let url = self.required(&format!("{who}_URL"))?;
        let token = self.required(&format!("{who}_TOKEN"))?;
        // Such a token cannot inject another header.
        if token.len() < LEAST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            bail!("{PREFIX}{who}_TOKEN must have {LEAST_TOKEN} bytes or more, all of them letters, digits or signs of ASCII");
        }
        Target::new(who, url, path, token).map_err(|why| anyhow::anyhow!("{PREFIX}{who}_URL: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 4] = [
        ("EDGE_URL", "http://127.0.0.1:8080/"),
        ("EDGE_TOKEN", "sixteen-bytes-ok"),
        ("COLLECTOR_URL", "https://lines.example/lines/shop?x=1"),
        ("COLLECTOR_TOKEN", "sixteen-bytes-too"),
    ];

    fn with(changes: &[(&str, &str)]) -> Result<Settings> {
        let mut set: BTreeMap<&str, &str> = GOOD.into();
        set.extend(changes.iter().copied());
        let set = set.into_iter().map(|(name, value)| (format!("{PREFIX}{name}"), value.to_owned()));
        Settings::new(set.chain([("PATH".to_owned(), "/bin".to_owned())]))
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        let settings = with(&[("MAX_RECORDS", ""), ("SELECT", "orders, !orders.coupons")]).unwrap();
        assert_eq!((settings.max_records, settings.max_seconds, settings.tries), (None, 60, 8));
        assert_eq!(settings.select.as_deref(), Some(&["orders".to_owned(), "!orders.coupons".to_owned()][..]));
        assert_eq!(settings.folder, PathBuf::from("state"));
        assert!(settings.lease() > settings.timeout + settings.connect * 2);
    }

    #[test]
    fn a_wrong_setting_is_named_without_showing_its_value() {
        for (name, value) in [
            ("EDGE_URL", ""),
            ("EDGE_URL", "http://edge.example"),
            ("EDGE_URL", "http://127.0.0.1.evil.example"),
            ("EDGE_URL", "ftp://edge.example"),
            ("EDGE_URL", "edge.example"),
            ("EDGE_URL", "https://s3cret@edge.example"),
            ("COLLECTOR_URL", "http://collector"),
            ("EDGE_TOKEN", "s3cret"),
            ("COLLECTOR_TOKEN", "s3cret-and-more\nAnd-More: 1"),
            ("TRIES", "0"),
            ("TIMEOUT_SECONDS", "3601"),
            ("MAX_RECORDS", "-1"),
            ("MAX_SECONDS", "soon"),
            ("TRY", "3"),
        ] {
            let why = format!("{:#}", with(&[(name, value)]).err().unwrap());
            assert!(why.contains(&format!("{PREFIX}{name}")) && !why.contains("s3cret"), "{why}");
        }
        assert!(with(&[("SELECT", "orders"), ("CATALOG", "c.json")]).is_err());
    }

    #[test]
    fn a_wait_that_an_answer_names_is_heeded_unless_it_is_too_long() {
        let settings = with(&[]).unwrap();
        let seconds = |named| settings.wait(2, Some(Duration::from_secs(named))).map(|wait| wait.as_secs());
        assert_eq!((settings.wait(2, None), seconds(1), seconds(30)), (Some(Duration::from_secs(2)), Some(2), Some(30)));
        assert_eq!(seconds(86_400), None);
    }
}
